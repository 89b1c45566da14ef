"""What becomes of one definition that both sides may have changed since they last agreed."""

import msgspec

from auraos.documents.merge import merge
from auraos.documents.parts import EditRefusedError


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """The text that both sides are to have, None for none, who has to be given it, and why nothing can be agreed upon."""

    text: str | None = None
    to_us: bool = False
    to_them: bool = False
    conflict: tuple[str, ...] = ()


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
        return Settled(conflict=tuple(conflict.words for conflict in joined.conflicts))
    return Settled(text=joined.text, to_us=True, to_them=True)
