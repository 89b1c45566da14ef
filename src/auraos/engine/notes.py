"""What the audit trail is to tell of a write."""

import msgspec


class Note(msgspec.Struct, frozen=True):
    """A line that is there if and only if the write is that it came with; the audit trail takes it over afterwards."""

    id: str
    at: int
    workspace: str
    body: str
