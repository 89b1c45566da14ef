"""What is kept of private runs: whose keys seal which run, what was erased, and what must be kept."""

from typing import Literal, TypeAlias

import msgspec

RequestKind: TypeAlias = Literal["find", "export", "erase"]
HoldKind: TypeAlias = Literal["subject", "run", "workflow", "workspace"]


class SubjectIndex(msgspec.Struct, frozen=True, kw_only=True):
    """The key of a workspace under which persons are found. What a person is called stands nowhere."""

    workspace: str
    wrapped: bytes


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """The key of a person. `token` is made of what the person is called and of the key of the workspace."""

    workspace: str
    token: str
    wrapped: bytes
    created_at: int


class RunKey(msgspec.Struct, frozen=True, kw_only=True):
    """The key of a run for one of the persons whom it is about; it opens only with the keys of all of them.

    Runs that hand data on to each other are a family, and have one key. A run that names nobody has one row without a person.
    """

    run: str
    subject: str
    workspace: str
    family: str
    wrapped: bytes
    """Empty once it was erased."""
    created_at: int
    erased_at: int = 0


class PrivacyRequest(msgspec.Struct, frozen=True, kw_only=True):
    """That somebody's data was looked for, handed out or erased. It holds nothing of the person, and stays."""

    id: str
    workspace: str
    kind: RequestKind
    token: str
    at: int
    author: str
    """The id of whoever did it."""
    reason: str
    runs: tuple[str, ...]
    accounts: tuple[str, ...] = ()
    """The ids of accounts; the audit trail keeps them, and nothing else of the person."""


class LegalHold(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is neither deleted nor erased before somebody lifts the hold."""

    id: str
    workspace: str
    kind: HoldKind
    thing: str
    """The token of a person, the id of a run, the name of a workflow; empty for the whole workspace."""
    reason: str
    at: int
    author: str
