"""A change as data: a few statements that hold together, each with what it must find."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

import msgspec

from auraos.core.errors import UserError
from auraos.security.audit.parts import AnyEntry

T = TypeVar("T")
Dialect: TypeAlias = Literal["sqlite", "postgres"]


class Statement(msgspec.Struct, frozen=True):
    """One statement, with `?` for its values. Where it must touch a certain number of rows, `name` says what was expected."""

    sql: str
    values: tuple[Any, ...] = ()
    expect: int | None = None
    name: str = ""


class NotAsExpectedError(UserError):
    """A statement did not find what it must find, or found what must not be there; nothing of the change was made."""

    code = "not-as-expected"

    @classmethod
    def of(cls, statement: Statement, what: str) -> "NotAsExpectedError":
        """Return what is told when a statement did not find what it must."""
        return cls(
            f"What was to be changed is not as it was: {what}.",
            hint="Read it again and repeat the change.",
            name=statement.name,
        )

    @property
    def name(self) -> str:
        """Return the name of the statement."""
        return str(self.data["name"])


class Tables(Protocol):
    """The tables of one store: read a few rows, change a few rows."""

    @property
    def dialect(self) -> Dialect:
        """Return which of the two databases it is; only what they have no common words for depends on it."""
        ...

    async def all(
        self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], T], *, page: int = 0
    ) -> list[T]:
        """Return what a query finds, each row as data. `page` says that it finds so many at most, by an index, and in each row no
        more than some short texts and whole numbers.
        """
        ...

    async def one(
        self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], T]
    ) -> T | None: ...

    async def glance(
        self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], T]
    ) -> T | None:
        """Return the one small row of a key, or None; in the shortest way there is, so nothing else may be asked for so."""
        ...

    async def change(self, statements: Sequence[Statement], entries: Sequence[AnyEntry] = ()) -> None:
        """Make a change durable, with what the audit trail says of it: all or nothing.

        Raise `NotAsExpectedError` when a statement touched another number of rows than it must, or met a row that is there
        already; `StoreUnavailableError` when nothing is known of its fate.
        """
        ...

    async def scrub(self, tables: Sequence[str]) -> None:
        """Take what was deleted from these tables out of the files of the database, as far as it lets us."""
        ...
