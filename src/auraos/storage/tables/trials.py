"""What is kept of trials of workflows, so that one that is held before a step goes on whatever becomes of the process."""

from typing import Literal, TypeAlias

import msgspec

from auraos.core.audit import Actor
from auraos.storage.tables.rows import RowTables, Shape
from auraos.storage.tables.statement import Tables

State: TypeAlias = Literal["open", "stopped"]


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A trial: it goes in stretches, each a run of its own that takes over what those before it did."""

    id: str
    workspace: str
    workflow: str
    text: str
    actor: Actor
    state: State
    wanted: tuple[str, ...]
    """The steps that it is about."""
    released: tuple[str, ...]
    """Those that its stretches so far were to carry out."""
    breakpoints: tuple[str, ...]
    runs: tuple[str, ...]
    """Its stretches, in order."""
    created_at: int
    ends_at: int


def trial_tables(tables: Tables) -> RowTables:
    """Return what keeps trials in the tables of a store."""
    return RowTables(tables, {Trial: Shape(Trial, "trials", ("id",))})
