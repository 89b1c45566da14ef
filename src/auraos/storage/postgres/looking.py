"""What a database server says of itself to whoever examines an installation."""

import msgspec

from auraos.storage.postgres.address import FAILURES, Address, close_quietly, role

TIMEOUT = 10.0
_LOOK = (
    "select split_part(current_setting('server_version'), ' ', 1) as release, current_setting('fsync') = 'on' as syncs,"
    " (select coalesce(sum(pg_total_relation_size(oid)), 0)::bigint from pg_class"
    " where relnamespace = current_schema()::regnamespace and relkind = 'r') as size"
)


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """A database server: its release, whether it syncs, and how many bytes our tables have."""

    release: str
    syncs: bool
    size: int


async def look_at(url: str) -> Looked:
    """Ask a database how it stands."""
    address = Address(url)
    connection = await address.connect(role("look"), statement_timeout=TIMEOUT)
    try:
        found = await connection.fetchrow(_LOOK)
        assert found is not None
        return Looked(release=found["release"], syncs=found["syncs"], size=found["size"])
    except FAILURES as error:
        raise address.unavailable(error) from error
    finally:
        await close_quietly(connection)
