"""Both stores, and what a test must say of each in its own words."""

import asyncio
from typing import TypeAlias

from auraos.engine.owning import Owner
from auraos.engine.ports import ALL_SHARDS
from auraos.storage.postgres import PostgresStore
from auraos.storage.sqlite import SqliteStore

AnyStore: TypeAlias = SqliteStore | PostgresStore


async def own_all(store: PostgresStore, lease: float = 5) -> None:
    """Let the owner of a store's token join, and take all shards of owners that were silent for a lease."""
    ownership = store.ownership()
    await ownership.join(Owner(token=store.token))
    await ownership.take(store.token, ALL_SHARDS, lease=lease)
    await ownership.close()


async def take_over(store: AnyStore) -> None:
    """Let another process take over what this store's process owned."""
    if isinstance(store, SqliteStore):
        connection = store._writer._connection
        assert connection is not None
        await asyncio.to_thread(connection.execute, "update meta set value='another' where name='owner'")
        return
    ownership = store.ownership()
    await ownership.join(Owner(token="another"))
    taken = await ownership.take("another", ALL_SHARDS, lease=60, void=[store.token])
    assert len(taken) == len(ALL_SHARDS)
    await ownership.close()
