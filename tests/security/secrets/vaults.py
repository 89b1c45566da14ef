"""A store of secrets in a folder of a test, with a clock that the test sets."""

import itertools
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from auraos.app.outside.network import LateEgress
from auraos.app.secrets.secrets import SecretServices, open_keys, secret_services
from auraos.core.asker import Asker
from auraos.core.audit import Actor, Entry
from auraos.security.reveal import Reveal
from auraos.security.secrets.checking import Value
from auraos.security.secrets.rows import Secret
from auraos.security.secrets.service import About
from auraos.security.secrets.users import Named
from auraos.storage.folder import DataFolder
from auraos.storage.sqlite import SqliteStore
from auraos.storage.tables.secrets import SecretTables
from auraos.storage.tables.statement import Tables
from houses import entries_in

ANN = Actor(kind="person", id="1", name="ann")
RUN = Asker("default", "orders", "v1", "run-1")


class Vault:
    """The services of one process on a store."""

    def __init__(
        self,
        tables: Tables,
        folder: Path,
        environment: Mapping[str, str],
        allowed: Sequence[str],
        installation: str,
    ) -> None:
        self.time = 1_800_000_000_000_000
        self.tables = tables
        self.folder = folder
        self.users: list[Named] = []
        self.reveal = Reveal(environment)
        self.http = LateEgress(allowed, self.reveal)
        ids = itertools.count()
        mark = os.urandom(3).hex()

        def now() -> int:
            return self.time

        def new_id() -> str:
            return f"id-{mark}-{next(ids):04}"

        self.keys = open_keys(environment, folder, installation, tables, now=now, new_id=new_id)
        self.services: SecretServices = secret_services(
            environment, self.keys, tables, self.http, named_by=self._named_by, now=now, new_id=new_id
        )
        self.secrets = self.services.secrets
        self.rows = SecretTables(tables)
        self.reveal.use(self.services.stored)

    async def _named_by(self, workspace: str, name: str) -> Sequence[Named]:
        return self.users

    async def keep(
        self, name: str, credential: object, *hosts: str, workspace: str = "default", **more: object
    ) -> Secret:
        """Keep a secret, bound to these hosts."""
        about = About(**{key: more.pop(key) for key in ("ends_at", "title", "labels") if key in more})
        value = Value(credential=credential, hosts=hosts or ("x.com",), **more)
        return await self.secrets.create(ANN, workspace, name, about, value)

    async def entries(self) -> list[Entry]:
        """Return what the audit trail tells."""
        return await entries_in(self.tables)

    async def close(self) -> None:
        await self.services.close()
        await self.http.close()


@asynccontextmanager
async def a_vault(
    path: Path,
    environment: Mapping[str, str] | None = None,
    *,
    allowed: Sequence[str] = (),
    installation: str = "here",
) -> AsyncIterator[Vault]:
    """Yield a store of secrets on SQLite; what the folder holds already stays."""
    folder = DataFolder.claim(path)
    store = SqliteStore.open(folder)
    vault = Vault(store.tables, path, environment or {}, allowed, installation)
    yield vault
    await vault.close()
    await store.close()
    folder.release()
