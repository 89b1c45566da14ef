"""The store in a PostgreSQL database: for several processes, on one machine or on many."""

from auraos.storage.postgres.store import PostgresStore, migrate

__all__ = ["PostgresStore", "migrate"]
