"""What the audit trail is to tell of a write."""

from collections.abc import Callable

import msgspec


class Note(msgspec.Struct, frozen=True):
    """A line that is there if and only if the write is that it came with; the audit trail takes it over afterwards."""

    id: str
    at: int
    workspace: str
    body: str


class Noting:
    """Makes the note of a start from the id of its run, and knows whether it became durable."""

    def __init__(self, make: Callable[[str], Note]) -> None:
        self._make = make
        self.noted: Note | None = None

    def of(self, run: str) -> Note:
        """Return the note of a run that is about to begin."""
        self.noted = self._make(run)
        return self.noted

    def began(self, *, is_new: bool) -> None:
        """Hear whether the run was begun; where it was there before, nothing was noted."""
        if not is_new:
            self.noted = None
