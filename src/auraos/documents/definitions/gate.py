"""`Gate`: what a workspace that wants four eyes lets be published."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from auraos.core.errors import UserError
from auraos.documents.definitions.rows import Definition, Ref, Review
from auraos.documents.definitions.store import ReviewStore

Wants: TypeAlias = Callable[[str], Awaitable[bool]]
"""Says of a workspace whether it wants four eyes."""


class ReviewNeededError(UserError):
    """The workspace wants somebody to approve what is published, who did not write it, and nobody has."""

    code = "review-needed"


class Gate:
    """Lets drafts through to be published."""

    def __init__(self, store: ReviewStore, wants: Wants | None = None) -> None:
        self._store = store
        self._wants = wants

    async def is_wanted(self, workspace: str) -> bool:
        """Return whether a workspace wants four eyes."""
        return self._wants is not None and await self._wants(workspace)

    async def admit(self, ref: Ref, before: Definition | None, text: str) -> Review | None:
        """Return the approval of a text, None where none is wanted; raise `ReviewNeededError` where there is none."""
        if not await self.is_wanted(ref.workspace):
            return None
        review = await self.approval(before, text)
        if review is None:
            raise ReviewNeededError(
                f"Nobody has approved the {ref} as it would be published, and this workspace wants that.",
                hint="Keep it as a draft, ask for an approval of it, and publish it then.",
            )
        return review

    async def approval(self, draft: Definition | None, text: str) -> Review | None:
        """Return the approval of a text that is the draft of a definition; None where nobody has given one."""
        if draft is None or draft.text != text:
            return None
        review = await self._store.review(draft.ref, draft.revision)
        is_given = review is not None and review.state == "approved" and review.digest == digest_of(text)
        return review if is_given else None


def digest_of(text: str) -> str:
    """Return the digest of a text, which an approval is for."""
    return hashlib.sha256(text.encode()).hexdigest()
