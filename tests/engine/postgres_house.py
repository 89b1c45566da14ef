"""An engine on PostgreSQL, for tests."""

from pathlib import Path

from engine_house import House

from auraos.storage.postgres import PostgresStore
from stores import own_all


class PostgresHouse(House):
    """A house whose runs are kept in PostgreSQL; each opening is another owner, and takes over all shards."""

    def __init__(self, path: Path, url: str) -> None:
        super().__init__(path)
        self.url = url

    async def open_store(self) -> PostgresStore:
        store = await PostgresStore.open(self.url)
        await own_all(store, lease=0)
        return store
