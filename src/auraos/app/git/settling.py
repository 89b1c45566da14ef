"""What becomes of one definition that both sides may have changed since they last agreed."""

from typing import Literal

import msgspec

from auraos.app.git.rows import Became, Direction
from auraos.documents.merge import merge
from auraos.documents.parts import EditRefusedError


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """The text that both sides are to have, None for none, who has to be given it, and why nothing can be agreed upon."""

    text: str | None = None
    to_us: bool = False
    to_them: bool = False
    conflict: tuple[str, ...] = ()
    merged: str | None = None
    """Both changes joined, as far as that goes."""
    waits: Literal["", "ahead", "behind"] = ""
    """What is not done now, for it goes the other way."""
    is_half: bool = False
    """Whether only we are given it now; they still have what they had."""

    @property
    def became(self) -> Became | None:
        """Return what this makes of the definition; None where nothing is to be done."""
        if self.conflict:
            return "conflict"
        if self.waits:
            return self.waits
        if self.to_us and (self.to_them or self.is_half):
            return "merged"
        if self.to_us:
            return "pulled" if self.text is not None else "archived"
        if self.to_them:
            return "pushed" if self.text is not None else "removed"
        return None


def settle(base: str | None, ours: str | None, theirs: str | None) -> Settled:
    """Return what both sides are to have: what one of them changed, or both changes joined; None stands for what is not there."""
    if ours == theirs:
        return Settled(text=ours)
    if theirs == base:
        return Settled(text=ours, to_them=True)
    if ours == base:
        return Settled(text=theirs, to_us=True)
    if ours is None or theirs is None:
        where = "here" if ours is None else "in the repository"
        return Settled(conflict=(f"It was removed {where} and changed on the other side",))
    if base is None:
        return Settled(conflict=("It was added on both sides, with different content",))
    try:
        joined = merge(base, ours, theirs)
    except EditRefusedError as error:
        return Settled(conflict=(f"Both sides changed it, and one text cannot be read: {error.message}",))
    if joined.conflicts:
        return Settled(conflict=tuple(conflict.words for conflict in joined.conflicts), merged=joined.text)
    return Settled(text=joined.text, to_us=True, to_them=True)


def one_way(one: Settled, direction: Direction) -> Settled:
    """Return as much of it as goes this way."""
    if direction == "pull" and one.to_them:
        return Settled(text=one.text, to_us=True, is_half=True) if one.to_us else Settled(waits="ahead")
    if direction == "push" and one.to_us:
        return Settled(waits="behind")
    return one
