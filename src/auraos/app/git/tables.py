"""The tables of links to git repositories."""

from typing import Any, Final

import msgspec

from auraos.app.git.rows import Agreed, Link
from auraos.storage.tables.rows import RowTables, Shape
from auraos.storage.tables.statement import Tables

_SHAPES: Final[dict[type[msgspec.Struct], Shape[Any]]] = {
    Link: Shape(Link, "git_links", ("workspace",)),
    Agreed: Shape(Agreed, "git_agreed", ("workspace", "side", "kind", "name")),
}


def git_rows(tables: Tables) -> RowTables:
    """Return what keeps links, and what both sides of each agreed on, in the tables of a store."""
    return RowTables(tables, _SHAPES)
