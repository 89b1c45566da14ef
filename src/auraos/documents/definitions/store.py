"""The port of what keeps definitions."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from auraos.core.audit import Entry
from auraos.documents.definitions.rows import (
    Binding,
    Definition,
    Edit,
    Listed,
    Live,
    Part,
    Published,
    Query,
    Ref,
    Release,
    Review,
    ReviewState,
    Revision,
    Saving,
    Use,
    UsedBy,
)


class BindingStore(Protocol):
    """Keeps bindings."""

    async def bindings(self, workspace: str) -> Sequence[Binding]:
        """Return all bindings of a workspace by definition and name."""
        ...

    async def bind(self, binding: Binding, entry: Entry) -> None:
        """Keep a binding, in place of the one of before."""
        ...

    async def unbind(self, binding: Binding, entry: Entry) -> bool:
        """Forget a binding; return whether it was there."""
        ...


class ReviewStore(Protocol):
    """Keeps reviews of drafts."""

    async def review(self, ref: Ref, revision: int) -> Review | None:
        """Return the review of a draft as it was at a revision."""
        ...

    async def open(
        self, workspace: str, state: ReviewState, within: tuple[Part, ...] | None, limit: int
    ) -> Sequence[Review]:
        """Return the reviews in this state of drafts that are as they were asked for, the oldest first."""
        ...

    async def ask(self, review: Review, entry: Entry) -> bool:
        """Keep a new review; return whether the draft was still as it is asked for."""
        ...

    async def answer(self, before: Review, after: Review, entry: Entry) -> bool:
        """Change a review; return whether it, and the draft, were still as they were."""
        ...


class DefinitionStore(Protocol):
    """Keeps definitions, their revisions and versions, and who names whom."""

    @property
    def saved(self) -> Mapping[str, int]:
        """Return how often this process changed definitions, by kind."""
        ...

    @property
    def reviews(self) -> ReviewStore:
        """Return what keeps reviews beside them."""
        ...

    @property
    def bindings(self) -> BindingStore:
        """Return what keeps bindings beside them."""
        ...

    async def find(self, ref: Ref) -> Definition | None: ...

    async def live(self, ref: Ref) -> Live | None:
        """Return which version is live; None for a definition that is not there."""
        ...

    async def page(self, query: Query) -> Sequence[Listed]:
        """Return a page of definitions by kind and name."""
        ...

    async def whole(self, query: Query) -> Sequence[Definition]:
        """Return a page of definitions with their texts by kind and name."""
        ...

    async def save(self, savings: Sequence[Saving], entries: Sequence[Entry]) -> bool:
        """Write changes, all or none, with what the audit trail says of them; return whether all was still as it was."""
        ...

    async def versions(self, ref: Ref, *, before: int = 0, limit: int = 50) -> Sequence[Release]:
        """Return the published versions, the newest first, below a number if one is given."""
        ...

    async def version(self, ref: Ref, number: int) -> Published | None: ...

    async def revisions(self, ref: Ref, *, before: int = 0, limit: int = 50) -> Sequence[Edit]:
        """Return the drafts as they were saved, the newest first, below a number if one is given; the oldest are forgotten."""
        ...

    async def revision(self, ref: Ref, number: int) -> Revision | None: ...

    async def uses(self, ref: Ref, *, is_live: bool) -> Sequence[Use]:
        """Return which definitions the live version of this one names, or its draft."""
        ...

    async def used_by(self, ref: Ref) -> Sequence[UsedBy]: ...
