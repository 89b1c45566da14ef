"""How the tables of both databases change from release to release.

A change is a numbered module here, with its statements for SQLite and for PostgreSQL. The rules:

- A number is given once, and a migration that was released is never edited; a mistake is mended by the next one.
- Expand first: a release only adds tables, columns with a default, and indexes, so that processes of the release before
  go on writing while the new ones start. Contract later: what nothing writes or reads any more goes with the release
  after that, when no process of the older kind can run.
- A column never changes its meaning. The new meaning gets a new column.
- A statement that would hold a lock on a large table for long is a `Step`: in no transaction, and resumable.
- A process that starts on tables newer than it knows refuses; one that runs already may end its work.
"""

from auraos.storage.migrations.m0001_first import FIRST
from auraos.storage.migrations.m0002_walls_of_runs import WALLS_OF_RUNS
from auraos.storage.migrations.migration import DatabaseNewerError, DatabaseOlderError, Migration, Step

MIGRATIONS: tuple[Migration, ...] = (FIRST, WALLS_OF_RUNS)
SCHEMA_VERSION = MIGRATIONS[-1].number

__all__ = ["MIGRATIONS", "SCHEMA_VERSION", "DatabaseNewerError", "DatabaseOlderError", "Migration", "Step"]
