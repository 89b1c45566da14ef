"""Walls between workspaces in PostgreSQL: a row of another workspace is not there, whatever a query says.

A connection says in `auraos.workspace` which workspace it works within, and `*` for the whole installation. One that says
nothing sees nothing. Rows of the installation itself, whose workspace is empty or `*`, are seen from each workspace.

The walls hold for the owner of the tables. A superuser looks over any wall, so whoever connects as one becomes `WALLED` first,
a role that may read and change rows and nothing else.
"""

import re
from collections.abc import Iterator, Sequence

import asyncpg

WALLED = "auraos_walled"
SAYS = "auraos.workspace"
INSTALLATION = {SAYS: "*"}
"""What a connection says that works for the whole installation."""
_SAID = f"(select current_setting('{SAYS}', true))"
_SEEN = f"case coalesce({_SAID}, '') when '*' then true when '' then false else workspace in ({_SAID}, '', '*') end"
_TABLE = re.compile(r"create table (\w+)\(.*\bworkspace\b", re.DOTALL)
_BYPASSES = "select rolsuper or rolbypassrls from pg_roles where rolname = current_user"
_HAS_WALL = "select relforcerowsecurity from pg_class where relnamespace = current_schema()::regnamespace and relname = $1"
_NOT_LET_IN = (
    "select quote_ident(relname) from pg_class where relnamespace = current_schema()::regnamespace"
    " and relkind in ('r', 'p') and not relispartition"
    " and not (has_table_privilege($1, oid, 'select') and has_table_privilege($1, oid, 'delete'))"
)
_MAKE = f"""do $$ begin
    if not exists (select from pg_roles where rolname = '{WALLED}') then
        create role {WALLED} nologin nosuperuser nobypassrls nocreatedb nocreaterole;
    end if;
exception when duplicate_object or unique_violation then null;
end $$"""


def walls_of(statements: Sequence[str]) -> Iterator[str]:
    """Yield what builds the walls of each table that is made here and has a workspace."""
    for statement in statements:
        found = _TABLE.match(statement)
        if found is not None:
            yield from wall(found[1])


def wall(table: str) -> tuple[str, ...]:
    """Return what builds the wall of a table, which holds for its owner, too."""
    return (
        f"alter table {table} enable row level security",
        f"alter table {table} force row level security",
        f"create policy of_workspace on {table} using ({_SEEN})",
    )


async def let_walled_in(connection: asyncpg.Connection) -> None:
    """Make the role that a superuser becomes, and let it read and change all rows of ours. Others need none."""
    if not await connection.fetchval(_BYPASSES):
        return
    schema = await connection.fetchval("select quote_ident(current_schema())")
    await connection.execute(_MAKE)
    tables = [str(row[0]) for row in await connection.fetch(_NOT_LET_IN, WALLED)]
    if tables:
        await connection.execute(f"grant usage on schema {schema} to {WALLED}")
        await connection.execute(f"grant select, insert, update, delete on {', '.join(tables)} to {WALLED}")


async def lift_wall(connection: asyncpg.Connection, table: str) -> bool:
    """Let the owner of a table over its wall, until `put_wall_back`; return whether there is one."""
    has_wall = bool(await connection.fetchval(_HAS_WALL, table))
    if has_wall:
        await connection.execute(f'alter table "{table}" no force row level security')
    return has_wall


async def put_wall_back(connection: asyncpg.Connection, table: str) -> None:
    """Hold the owner of a table to its wall again."""
    await connection.execute(f'alter table "{table}" force row level security')


async def go_behind_walls(connection: asyncpg.Connection) -> None:
    """Give up, for the life of a connection, to look over the walls."""
    if await connection.fetchval(_BYPASSES):
        await connection.execute(f"set role {WALLED}")
