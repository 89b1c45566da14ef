"""For how long what people come in by is good."""

from typing import Protocol

SECOND = 1_000_000


class Terms(Protocol):
    """Says for how long, in microseconds; whoever runs an installation may set it while it is used."""

    def session(self) -> int:
        """Return after how long a session is over, whatever is asked in it."""
        ...

    def idle(self, person: str) -> int:
        """Return after how long a session of this person is over in which nothing is asked."""
        ...

    def fresh(self) -> int:
        """Return for how long it is fresh that a person proved who they are."""
        ...

    def invitation(self) -> int:
        """Return for how long an invitation is good."""
        ...


class UsualTerms:
    """What holds where nobody set anything else."""

    def session(self) -> int:
        return 7 * 24 * 3600 * SECOND

    def idle(self, person: str) -> int:  # noqa: ARG002 (the same for all)
        return 12 * 3600 * SECOND

    def fresh(self) -> int:
        return 600 * SECOND

    def invitation(self) -> int:
        return 7 * 24 * 3600 * SECOND
