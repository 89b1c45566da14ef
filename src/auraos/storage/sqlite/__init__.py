"""The store in one SQLite file: for a laptop and for a small server, one process at a time."""

from auraos.storage.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
