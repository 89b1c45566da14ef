"""What is kept of flags beside their definitions: whether they are switched off, and what they gave whom."""

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from auraos.core.audit import Entry


class LiveFlag(msgspec.Struct, frozen=True, kw_only=True):
    """A flag whose version is live."""

    name: str
    title: str = ""
    labels: dict[str, str] = {}
    version: int
    published_at: int


class FlagSwitch(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a flag was switched off, whatever it says."""

    workspace: str
    name: str
    is_off: int
    at: int
    author: str
    why: str = ""


class FlagUse(msgspec.Struct, frozen=True, kw_only=True):
    """How often a flag gave a variant, and when it last did."""

    workspace: str
    name: str
    variant: str
    count: int
    at: int


class FlagSource(Protocol):
    """Knows which flags are published."""

    @property
    def changes(self) -> int:
        """Return how often this process changed some."""
        ...

    async def live(self, workspace: str) -> Sequence[LiveFlag]:
        """Return the flags of a workspace that are live and not archived."""
        ...

    async def text(self, workspace: str, name: str, version: int) -> str:
        """Return the text of a version, nothing where there is none."""
        ...


class FlagStore(Protocol):
    """Keeps switches and uses."""

    async def switches(self, workspace: str) -> Sequence[FlagSwitch]: ...

    async def switch(self, switch: FlagSwitch, entry: Entry) -> None:
        """Keep a switch in place of the one of before, with what the audit trail says of it."""
        ...

    async def switch_over(self, before: FlagSwitch | None, switch: FlagSwitch, entry: Entry) -> bool:
        """Keep a switch in place of this one, None where there was none; return whether it was still there."""
        ...

    async def published(self, beginning: str) -> Sequence[tuple[str, str]]:
        """Return workspace and name of all flags that are live and whose names begin so."""
        ...

    async def uses(self, workspace: str) -> Sequence[FlagUse]: ...

    async def note_uses(self, uses: Collection[FlagUse]) -> None:
        """Add to what is known of uses: counts are summed, the latest time stands."""
        ...
