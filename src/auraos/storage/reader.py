"""What carries out the queries of a store."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Reader(Protocol):
    """Carries out queries, a few at once."""

    async def all(
        self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], T]
    ) -> list[T]: ...
