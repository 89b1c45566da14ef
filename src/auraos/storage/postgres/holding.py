"""What a database says of itself in its table `meta`: its key, and whether nothing may move in it since it was restored."""

from auraos.core.errors import UserError
from auraos.storage.postgres.address import FAILURES, Address, close_quietly, role

TIMEOUT = 10.0
HELD = "held"
_OF_META = "select value from meta where name = $1"


class DatabaseHold:
    """The hold of a database, which all processes on it share."""

    def __init__(self, url: str) -> None:
        self._address = Address(url)

    async def words(self) -> str:
        """Return why nothing may move; nothing when all may."""
        return await _value(self._address, _OF_META, HELD)

    async def release(self) -> None:
        """Let all move from now on."""
        connection = await self._address.connect(role("release"), statement_timeout=TIMEOUT)
        try:
            await connection.execute("delete from meta where name = $1", HELD)
        except FAILURES as error:
            raise self._address.unavailable(error) from error
        finally:
            await close_quietly(connection)


async def count_living(url: str, lease: float) -> int:
    """Return how many processes said within a lease that they live."""
    sql = "select count(*) from heartbeats where beat_at > clock_timestamp() - make_interval(secs => $1)"
    return int(await _value(Address(url), sql, lease))


class DatabaseKeyError(UserError):
    """The database has tables of ours and no key."""

    code = "database-foreign"


async def key_of(url: str) -> str:
    """Return the key of a database."""
    found = await _value(Address(url), _OF_META, "key")
    if not found:
        raise DatabaseKeyError("The database has no key.", hint="Restore it from a backup.")
    return found


async def _value(address: Address, sql: str, *values: object) -> str:
    connection = await address.connect(role("look"), statement_timeout=TIMEOUT)
    try:
        found = await connection.fetchval(sql, *values)
    except FAILURES as error:
        raise address.unavailable(error) from error
    finally:
        await close_quietly(connection)
    return "" if found is None else str(found)
