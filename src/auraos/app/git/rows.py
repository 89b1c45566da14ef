"""What is kept of the link between a workspace and a git repository."""

from typing import Literal, TypeAlias

import msgspec

Side: TypeAlias = Literal["live", "draft"]
"""What is live, or a draft beside it."""
Direction: TypeAlias = Literal["both", "pull", "push"]
Became: TypeAlias = Literal[
    "pushed", "pulled", "merged", "removed", "archived", "ahead", "behind", "conflict", "refused"
]


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """The repository of a workspace, and how its last synchronisation went."""

    workspace: str
    remote: str
    branch: str = "main"
    folder: str = ""
    """Of the repository; empty for all of it."""
    secret: str = ""
    """The name of the secret that opens the repository."""
    revision: int = 1
    changed_at: int
    changed_by: str
    synced_at: int = 0
    synced_by: str = ""
    outcome: str = ""
    """Why the last synchronisation failed; empty when it did not."""
    open: int = 0
    """How many definitions it left that somebody must decide about."""
    busy_until: int = 0
    """Until then somebody synchronises."""


class Agreed(msgspec.Struct, frozen=True, kw_only=True):
    """The text of a definition that both sides had last."""

    workspace: str
    side: Side
    kind: str
    name: str
    text: str


class Synced(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one definition in one branch. `ahead` waits to be pushed, `behind` to be pulled; of a conflict stands
    here what both sides last had, what each has now, and both joined as far as that goes.
    """

    kind: str
    name: str
    branch: str
    what: Became
    words: tuple[str, ...] = ()
    base: str | None = None
    ours: str | None = None
    theirs: str | None = None
    merged: str | None = None
