"""Walls between workspaces in PostgreSQL: a row of another workspace is not there, whatever a query says.

A connection says in `auraos.workspace` which workspace it works within, and `*` for the whole installation. One that says
nothing sees nothing. Rows of the installation itself, whose workspace is empty or `*`, are seen from each workspace.

The walls hold for the owner of the tables. A superuser looks over any wall, so whoever connects as one becomes `WALLED` first,
a role that may read and change rows and nothing else.
"""

import re
from collections.abc import Iterator, Sequence

WALLED = "auraos_walled"
SAYS = "auraos.workspace"
INSTALLATION = {SAYS: "*"}
"""What a connection says that works for the whole installation."""
_SAID = f"current_setting('{SAYS}', true)"
_ALLOWED = f"(select case coalesce({_SAID}, '') when '*' then null when '' then '{{}}' else array[{_SAID}, '', '*'] end)::text[]"
"""The workspaces whose rows are seen, found out once for each statement: null for all of them, which costs a row the least."""
_SEEN = f"coalesce(workspace = any({_ALLOWED}), true)"
_TABLE = re.compile(r"create table (\w+)\(.*\bworkspace\b", re.DOTALL)


def tables_of_workspaces(statements: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the tables that are made here and have a workspace."""
    found = (_TABLE.match(statement) for statement in statements)
    return tuple(each[1] for each in found if each is not None)


def walls_of(statements: Sequence[str]) -> Iterator[str]:
    """Yield what builds the walls of each table that is made here and has a workspace."""
    for table in tables_of_workspaces(statements):
        yield from wall(table)


def wall(table: str) -> tuple[str, ...]:
    """Return what builds the wall of a table, which holds for its owner, too."""
    return (
        f"alter table {table} enable row level security",
        f"alter table {table} force row level security",
        f"create policy of_workspace on {table} using ({_SEEN})",
    )


def wall_around(table: str) -> str:
    """Return what builds the walls of a table and of the parts that it is divided into, at once; one that stands goes first."""
    built = "".join(
        f" execute format($wall${statement}$wall$, each);"
        for statement in ("drop policy if exists of_workspace on %s", *wall("%s"))
    )
    return (
        f"do $$ declare each regclass; begin for each in select '{table}'::regclass union all"  # noqa: S608 (a table of ours)
        f" select inhrelid::regclass from pg_inherits where inhparent = '{table}'::regclass loop{built} end loop; end $$"
    )
