"""Reviews of drafts in tables."""

from collections.abc import Sequence
from typing import Any

from auraos.core.audit import Entry
from auraos.documents.definitions.rows import Part, Ref, Review, ReviewState
from auraos.storage.tables.parts import part_tests
from auraos.storage.tables.rows import Shape
from auraos.storage.tables.statement import NotAsExpectedError, Statement, Tables

_SHAPE = Shape(Review, "reviews", ("workspace", "kind", "name", "revision"))
_OF = " and ".join(f"{column}=?" for column in _SHAPE.key)
_REST = [column for column in _SHAPE.columns if column not in _SHAPE.key]
_PUT = (
    f"insert into reviews({', '.join(_SHAPE.columns)}) values({','.join('?' * len(_SHAPE.columns))})"
    f" on conflict({', '.join(_SHAPE.key)}) do update set {', '.join(f'{each}=excluded.{each}' for each in _REST)}"
)
_END = f"update reviews set {', '.join(f'{column}=?' for column in _REST)} where {_OF} and state=? and approvals=?"
_USE_UP = f"update reviews set state='used' where {_OF} and state='approved' and digest=?"
_STILL = "update definitions set revision=revision where workspace=? and kind=? and name=? and revision=? and archived_at=0"
_OPEN = (
    f"select {', '.join(f'r.{column}' for column in _SHAPE.columns)} from reviews r"
    " join definitions on definitions.workspace=r.workspace and definitions.kind=r.kind and definitions.name=r.name"
    " where r.workspace=? and r.state=? and definitions.revision=r.revision and definitions.archived_at=0"
)


class ReviewTables:
    """Keeps reviews in the tables of a store."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def review(self, ref: Ref, revision: int) -> Review | None:
        """Return the review of a draft as it was at a revision."""
        values = (ref.workspace, ref.kind, ref.name, revision)
        return await self._tables.one(f"{_SHAPE.select} where {_OF}", values, _SHAPE.make)

    async def open(
        self, workspace: str, state: ReviewState, within: tuple[Part, ...] | None, limit: int
    ) -> Sequence[Review]:
        """Return the reviews in this state of drafts that are as they were asked for, the oldest first."""
        values: list[Any] = [workspace, state]
        sql = _OPEN
        if within is not None:
            parts = [part_tests(workspace, part, values, "definitions.") for part in within]
            sql = f"{sql} and ({' or '.join(parts) or '1=0'})"
        sql = f"{sql} order by r.asked_at, r.kind, r.name limit ?"
        return await self._tables.all(sql, (*values, limit), _SHAPE.make)

    async def ask(self, review: Review, entry: Entry) -> bool:
        """Keep a new review; return whether the draft was still as it is asked for."""
        values = tuple(_SHAPE.value(review, column) for column in _SHAPE.columns)
        return await self._change([_still(review), Statement(_PUT, values)], [entry])

    async def answer(self, before: Review, after: Review, entry: Entry) -> bool:
        """Change a review; return whether it, and the draft, were still as they were."""
        values = (
            *(_SHAPE.value(after, column) for column in _REST), *(_SHAPE.value(after, column) for column in _SHAPE.key),
            before.state, _SHAPE.value(before, "approvals"),
        )  # fmt: skip
        return await self._change([_still(before), Statement(_END, values, expect=1)], [entry])

    async def _change(self, statements: Sequence[Statement], entries: Sequence[Entry]) -> bool:
        try:
            await self._tables.change(statements, entries)
        except NotAsExpectedError:
            return False
        return True


def use_up(review: Review) -> Statement:
    """Return what lets an approval be used, which is good once."""
    key = tuple(_SHAPE.value(review, column) for column in _SHAPE.key)
    return Statement(_USE_UP, (*key, review.digest), expect=1, name="review")


def _still(review: Review) -> Statement:
    return Statement(
        _STILL, (review.workspace, review.kind, review.name, review.revision), expect=1, name="draft"
    )
