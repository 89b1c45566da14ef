"""An audit trail on a store of a test, and hands that change it behind the back of the server."""

import asyncio
import itertools
import os
import sqlite3
from pathlib import Path
from typing import Any

import asyncpg

from auraos.core.audit import Actor, Entry, Object
from auraos.security.audit.checkpoints import Checkpoints
from auraos.storage.audit_folder import AuditFolder
from auraos.storage.tables.audit import AuditTables
from stores import AnyStore

INSTALLATION = "test"
ANN = Actor(kind="person", id="0aa", name="ann", address="192.0.2.7", request="r1")


class Trail:
    """A trail with its signed heads."""

    def __init__(self, store: AnyStore, folder: Path) -> None:
        self.store = store
        self.tables = AuditTables(store.tables)
        self.folder = AuditFolder(folder / "keys")
        self.time = itertools.count(1_800_000_000_000_000, 1_000_000)
        self.checkpoints = self.another_process()

    def another_process(self) -> Checkpoints:
        """Return what signs heads, as another process on the same store and folder has it."""
        return Checkpoints(
            self.tables,
            self.folder,
            INSTALLATION,
            now=lambda: next(self.time),
            new_seed=lambda: os.urandom(32),
        )

    async def write(self, count: int, **more: Any) -> None:
        """Add entries, each in a change of its own."""
        for _ in range(count):
            await self.store.tables.change((), [an_entry(next(self.time), **more)])


def an_entry(at: int = 1, **more: Any) -> Entry:
    """Return an entry."""
    told: dict[str, Any] = {
        "workspace": "default", "actor": ANN, "action": "secrets.replace",
        "object": Object(kind="secret", name="mailer"), "why": "it was old", "before": {"version": at},
        "after": {"version": at + 1}, **more,
    }  # fmt: skip
    return Entry(at=at, **told)


async def tamper(place: str, *statements: str) -> None:
    """Change a database as whoever administers its machine can, past all guards."""
    if "://" in place:
        connection = await asyncpg.connect(place)
        for table in ("audit", "audit_head", "audit_checkpoints"):
            await connection.execute(f"alter table {table} disable trigger all")
        for statement in statements:
            await connection.execute(statement)
        await connection.close()
        return
    await asyncio.to_thread(_tamper_with_file, Path(place) / "auraos.db", statements)


def _tamper_with_file(file: Path, statements: tuple[str, ...]) -> None:
    connection = sqlite3.connect(file, isolation_level=None)
    guards = connection.execute(
        "select name from sqlite_master where type='trigger' and tbl_name like 'audit%'"
    )
    for (name,) in guards.fetchall():
        connection.execute(f"drop trigger {name}")
    for statement in statements:
        connection.execute(statement)
    connection.close()
