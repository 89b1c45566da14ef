"""Reviews: where a workspace wants four eyes, a draft is published only as somebody saw it who did not write it.

A yes is for one text at one revision: whatever is changed afterwards, by whomever and in whatever way, was approved by nobody.
Whoever wrote any of it since it was published last, or made the key by which a program did, cannot be the one who says yes.
Where nobody here is known to have written it, as with what comes out of a repository, two people must say yes.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from auraos.core.audit import Actor, Entry
from auraos.core.errors import UserError
from auraos.documents.definitions.changes import entry_of
from auraos.documents.definitions.errors import StaleDefinitionError
from auraos.documents.definitions.gate import digest_of
from auraos.documents.definitions.rows import Approval, Definition, Part, Ref, Review, ReviewState
from auraos.documents.definitions.service import Definitions

LARGEST_PAGE = 1000


class NoReviewError(UserError):
    """Nobody asked for this draft to be approved."""

    code = "no-review"


class ReviewVoidError(UserError):
    """The draft was changed since it was asked for, or something else is approved than what is asked for."""

    code = "review-void"


class ReviewEndedError(UserError):
    """The review was answered already."""

    code = "review-ended"


class OwnReviewError(UserError):
    """Whoever wrote a change, or approved it once already, cannot approve it."""

    code = "own-review"


class Reviews:
    """Asks for approvals of drafts, and gives them. Whoever calls it has asked whether the actor may."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._store = definitions.store.reviews

    async def open(
        self, workspace: str, state: ReviewState, *, within: tuple[Part, ...] | None = None, limit: int = 100
    ) -> Sequence[Review]:
        """Return the reviews of drafts that are still as they were asked for, the oldest first."""
        return await self._store.open(workspace, state, within, max(1, min(limit, LARGEST_PAGE)))

    async def find(self, ref: Ref, revision: int) -> Review:
        """Return the review of a draft at a revision."""
        found = await self._store.review(ref, revision)
        if found is None:
            raise NoReviewError(
                f"Nobody asked to approve the {ref} at revision {revision}.", hint="Ask for it first."
            )
        return found

    async def ask(self, actor: Actor, ref: Ref, *, revision: int, note: str = "") -> Review:
        """Ask for an approval of the draft as it is at a revision."""
        row = await self._definitions.find(ref)
        if row.revision != revision:
            raise StaleDefinitionError(row)
        before = await self._store.review(ref, revision)
        if before is not None and before.state in ("waiting", "approved"):
            return before
        when = self._definitions.when(actor)
        review = Review(
            workspace=ref.workspace, kind=ref.kind, name=ref.name, revision=revision, digest=digest_of(row.text),
            needed=2 if "" in row.authors else 1, note=note, asked_at=when.at, asked_by=actor.name,
        )  # fmt: skip
        entry = entry_of(when, ref, "request-review", why=note, after=_told(review))
        if not await self._store.ask(review, entry):
            raise StaleDefinitionError(await self._definitions.find(ref))
        return review

    async def approve(
        self, actor: Actor, ref: Ref, *, revision: int, digest: str, comment: str = ""
    ) -> Review:
        """Say yes to a draft; `digest` is of the text that was looked at."""
        review, row = await self._waiting(ref, revision)
        if digest != review.digest:
            raise ReviewVoidError(
                f"What was looked at is not the draft of the {ref} at revision {revision}.",
                hint="Read the draft again, and send the digest of its review.",
            )
        try:
            _refuse_own(actor, row, review)
        except OwnReviewError as error:
            entry = entry_of(
                self._definitions.when(actor), ref, "approve", outcome="refused", why=error.message
            )
            await self._definitions.store.save((), [entry])
            raise
        when = self._definitions.when(actor)
        approvals = (*review.approvals, Approval(id=actor.id, name=actor.name, at=when.at, comment=comment))
        is_done = len(approvals) >= review.needed
        after = msgspec.structs.replace(
            review, approvals=approvals, state="approved" if is_done else "waiting", ended_at=when.at if is_done else 0,
            ended_by=actor.name if is_done else "",
        )  # fmt: skip
        entry = entry_of(when, ref, "approve", why=comment, after=_told(after))
        return await self._answered(review, after, entry)

    async def refuse(self, actor: Actor, ref: Ref, *, revision: int, comment: str) -> Review:
        """Say no to a draft; a yes that was given is worth nothing any more."""
        review, _ = await self._waiting(ref, revision, "waiting", "approved")
        when = self._definitions.when(actor)
        after = msgspec.structs.replace(
            review, state="refused", ended_at=when.at, ended_by=actor.name, comment=comment
        )
        entry = entry_of(when, ref, "refuse-review", why=comment, after=_told(after))
        return await self._answered(review, after, entry)

    async def _waiting(self, ref: Ref, revision: int, *states: ReviewState) -> tuple[Review, Definition]:
        review, row = await self.find(ref, revision), await self._definitions.find(ref)
        if row.revision != revision or digest_of(row.text) != review.digest:
            raise ReviewVoidError(
                f"The {ref} was changed since it was asked for: it is at revision {row.revision} now.",
                hint="Ask for an approval of what it is now.",
            )
        if review.state not in (states or ("waiting",)):
            raise ReviewEndedError(
                f"The {ref} at revision {revision} is {review.state} already.",
                hint="Nothing is left to answer.",
            )
        return review, row

    async def _answered(self, before: Review, after: Review, entry: Entry) -> Review:
        if not await self._store.answer(before, after, entry):
            raise ReviewVoidError(
                f"The {before.ref}, or what was said of it, changed in the same moment.", hint="Look again."
            )
        return after


def _refuse_own(actor: Actor, row: Definition, review: Review) -> None:
    """Raise `OwnReviewError` for whoever may not say yes to this."""
    if actor.kind != "person" or actor.key:
        raise OwnReviewError("Only a person who is signed in approves.", hint="Sign in by name.")
    if actor.id in row.authors:
        raise OwnReviewError(
            f"{actor.name} wrote some of this change, and so cannot approve it.",
            hint="Somebody who did not write it can.",
        )
    if any(each.id == actor.id for each in review.approvals):
        raise OwnReviewError(f"{actor.name} approved this already.", hint="It takes somebody else, too.")


def _told(review: Review) -> dict[str, Any]:
    return {
        "revision": review.revision, "digest": review.digest, "state": review.state,
        "approvals": [each.name for each in review.approvals],
    }  # fmt: skip
