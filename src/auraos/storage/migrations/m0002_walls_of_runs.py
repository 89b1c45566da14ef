"""Walls between workspaces in the tables of runs, on PostgreSQL.

Each table gets its wall in a step of its own: a lock on one of them is held for a moment, and never on two at once, for writers
lock several.
"""

from auraos.storage.migrations.migration import Migration, Step
from auraos.storage.migrations.walls import wall_around

TABLES = (
    "runs", "journal", "results", "timers", "subscriptions", "requests", "gates", "cache", "logs", "snapshots", "counters",
)  # fmt: skip

WALLS_OF_RUNS = Migration(
    number=2,
    name="walls of runs",
    afterwards=tuple(
        Step(name=f"wall of {table}", statement=wall_around(table), undo="select 1") for table in TABLES
    ),
)
