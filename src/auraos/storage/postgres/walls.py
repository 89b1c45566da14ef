"""Connections and the walls between workspaces: who goes behind them, and who gets over one."""

from weakref import WeakKeyDictionary

import asyncpg

from auraos.security.access.walls import workspace_within
from auraos.storage.migrations.walls import SAYS, WALLED

LOCK = 0x41757261_6F730002
"""The advisory lock of whoever lets that role in; another one waits and then finds nothing left to do."""
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


async def let_walled_in(connection: asyncpg.Connection) -> None:
    """Make the role that a superuser becomes, and let it read and change all rows of ours. Others need none."""
    if not await connection.fetchval(_BYPASSES):
        return
    schema = await connection.fetchval("select quote_ident(current_schema())")
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", LOCK)
        await connection.execute(_MAKE)
        tables = [str(row[0]) for row in await connection.fetch(_NOT_LET_IN, WALLED)]
        if tables:
            await connection.execute(f"grant usage on schema {schema} to {WALLED}")
            await connection.execute(
                f"grant select, insert, update, delete on {', '.join(tables)} to {WALLED}"
            )


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


class Entrance:
    """Lets each task that uses a connection see what it may, and nothing of other workspaces."""

    def __init__(self) -> None:
        self._within: WeakKeyDictionary[asyncpg.Connection, str] = WeakKeyDictionary()

    async def __call__(self, connection: asyncpg.Connection) -> None:
        """Say to the database in which workspace this task works."""
        wanted, before = workspace_within(), self._within.get(connection)
        if before is None:
            await go_behind_walls(connection)
        if before != wanted:
            await connection.execute("select set_config($1, $2, false)", SAYS, wanted)
            self._within[connection] = wanted
