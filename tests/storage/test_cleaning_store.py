"""Cleaning up beside the owners of a database: what is over goes, nothing else is written, and nobody's place is taken."""

import pytest

from auraos.engine.ports import FencedError
from auraos.storage.postgres import PostgresStore
from auraos.storage.postgres.cleaning import CleaningStore
from rows_for_tests import row, started, write
from stores import own_all


async def test_whoever_cleans_up_takes_away_what_is_over_without_owning_anything(postgres_url: str) -> None:
    owner, cleaning = await PostgresStore.open(postgres_url), await CleaningStore.open(postgres_url)
    await own_all(owner)
    await owner.commit(started("over", 1, state="failed", finished_at=20))
    await owner.commit(started("open", 2))
    await cleaning.commit(write("", 0, pruned=["over", "open"]))
    assert (await owner.find("over"), await owner.journal("over")) == (None, [])
    assert await owner.find("open") == row("open", 2)
    await owner.commit(write("open", 2, count=1, facts=b"{}"))
    with pytest.raises(ValueError, match="writes nothing of its own"):
        cleaning.commit(write("open", 3, count=1, facts=b"{}"))
    stranger = await PostgresStore.open(postgres_url)
    with pytest.raises(FencedError):
        await stranger.commit(write("", 0, pruned=["over"]))
    for store in (owner, cleaning, stranger):
        await store.close()
