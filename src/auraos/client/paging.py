"""All items of a list that comes in pages."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Page(Protocol[T_co]):
    """Some items, and where those after them begin; nothing where there are no more."""

    @property
    def items(self) -> Sequence[T_co]:
        """Return the items of this page."""
        ...

    @property
    def next(self) -> Any:
        """Return what asks for the next page."""
        ...


async def every(page: Callable[[Any], Awaitable[Page[T]]], first: Any) -> AsyncIterator[T]:
    """Yield the items of all pages, each asked for when it is wanted."""
    cursor = first
    while True:
        found = await page(cursor)
        for item in found.items:
            yield item
        if not found.next:
            return
        cursor = found.next
