"""What a migration is, and what both databases say when they cannot be used with this release."""

import msgspec

from auraos.core.errors import UserError


class DatabaseNewerError(UserError):
    """The database was written by a newer release."""

    code = "database-newer"


class DatabaseOlderError(UserError):
    """The database was written by an older release, and nobody has brought it up to this one."""

    code = "database-older"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that PostgreSQL runs in no transaction, such as making an index beside running work.

    When it breaks off it may leave half of its work; `undo` takes that away, and then it is done again.
    """

    name: str
    statement: str
    undo: str


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """One change of the tables, in the words of both databases. Its statements and its number are one transaction."""

    number: int
    name: str
    sqlite: tuple[str, ...] = ()
    postgres: tuple[str, ...] = ()
    afterwards: tuple[Step, ...] = ()
    """On PostgreSQL, outside of the transaction and after it."""
