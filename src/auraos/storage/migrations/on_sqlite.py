"""Bring a SQLite file to the tables of this release: each migration with its number in one transaction."""

import sqlite3
from collections.abc import Sequence

from auraos.storage.migrations import MIGRATIONS, Migration


def upgrade(connection: sqlite3.Connection, migrations: Sequence[Migration] = MIGRATIONS) -> list[int]:
    """Apply what is missing, and return the numbers of it. Another process that does the same waits, and finds
    nothing left to do.
    """
    applied: list[int] = []
    for migration in migrations:
        if version_of(connection) >= migration.number:
            continue
        connection.execute("begin exclusive")
        try:
            if version_of(connection) < migration.number:
                for statement in migration.sqlite:
                    connection.execute(statement)
                connection.execute(f"pragma user_version={migration.number}")
                applied.append(migration.number)
            connection.execute("commit")
        except BaseException:
            connection.execute("rollback")
            raise
    return applied


def version_of(connection: sqlite3.Connection) -> int:
    """Return the number of the last migration that was applied."""
    return int(connection.execute("pragma user_version").fetchone()[0])
