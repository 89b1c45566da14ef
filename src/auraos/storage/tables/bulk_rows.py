"""What is kept of a wish for many runs, so that it goes on where a process that died left it."""

from typing import Any, Final, Literal, TypeAlias

import msgspec

from auraos.core.audit import Actor

Action: TypeAlias = Literal["cancel", "pause", "resume", "retry", "fork", "prioritize", "signal"]
State: TypeAlias = Literal["running", "waiting", "stopped", "over"]
Became: TypeAlias = Literal["pending", "begun", "done", "refused", "unknown"]
FOR_EVER: Final = 2**62


class Deed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is to be done to each run; the fields are those of the same wish for one run."""

    action: Action
    reason: str = ""
    undo: bool = False
    force: bool = False
    variables: dict[str, Any] = {}
    start_at: str = ""
    changes: dict[str, Any] = {}
    again: bool = False
    version: str = ""
    priority: int = 5
    name: str = ""
    key: str = ""
    data: Any = None


class Bulk(msgspec.Struct, frozen=True, kw_only=True):
    """A wish for many runs."""

    id: str
    workspace: str
    deed: Deed
    actor: Actor
    state: State
    first: int
    """After so many it waits to be told to go on; 0: it does not."""
    total: int
    done: int = 0
    refused: int = 0
    unknown: int = 0
    created_at: int
    over_at: int = 0
    ends_at: int = FOR_EVER
    """When its record may go."""
    held_until: int = 0
    """Until then a process is at it."""

    @property
    def handled(self) -> int:
        """Return of how many runs it is known what became of it."""
        return self.done + self.refused + self.unknown


class BulkRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run that is meant, and what became of it: `begun` and then no more by a process that died is `unknown` where the run
    refuses it now."""

    bulk: str
    workspace: str
    position: int
    run: str
    """Its id; where there was none, the name that was given."""
    number: int = 0
    became: Became = "pending"
    code: str = ""
    message: str = ""
    made: str = ""
    """The run that was made of it."""
