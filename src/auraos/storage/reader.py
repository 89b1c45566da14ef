"""What carries out the queries of a store."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Reader(Protocol):
    """Carries out queries, a few at once."""

    async def all(
        self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], T], *, page: int = 0
    ) -> list[T]:
        """Return what a query finds, each row as data. `page` says that it finds so many at most, by an index, and in each row no
        more than some short texts and whole numbers.
        """
        ...
