"""What is kept of secrets and of the keys that seal them."""

from typing import Literal, TypeAlias

import msgspec

KeyState: TypeAlias = Literal["live", "retired"]
VersionState: TypeAlias = Literal["kept", "revoked"]


class DataKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key of a workspace, sealed by the master key. The live one seals; retired ones still open."""

    id: str
    workspace: str
    """Empty for what belongs to the installation."""
    version: int
    state: KeyState = "live"
    master: str
    """The id of the master key that seals it."""
    wrapped: bytes
    created_at: int
    retired_at: int = 0


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """A secret without its value. Where it may go stands here to be read; what counts stands under the seal of the version."""

    id: str
    workspace: str
    name: str
    title: str = ""
    kind: str
    hosts: tuple[str, ...]
    workflows: tuple[str, ...] = ()
    """The workflows that may use it; none stands for all."""
    labels: dict[str, str] = {}
    source: str = ""
    """Where the value is kept, if not here."""
    version: int = 1
    """The version that is used; 0 when that was revoked."""
    latest: int = 1
    """The number of the newest version."""
    revision: int = 1
    ends_at: int = 0
    """When it expires, 0 for never."""
    warned: int = 0
    """For which term before its expiry it was told already, in days."""
    created_at: int
    created_by: str
    changed_at: int
    changed_by: str


class SecretVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a value under seal; once it is revoked nothing is left of it."""

    secret: str
    version: int
    workspace: str
    state: VersionState = "kept"
    key_id: str
    sealed: bytes
    at: int
    author: str
    revoked_at: int = 0
    token: bytes = b""
    """What was got in exchange for it, under seal."""
    token_ends_at: int = 0
    refreshing_until: int = 0
    """Until then somebody is about to get a new token."""


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """That somebody is elsewhere to consent to a secret being made of it; it is good once."""

    digest: str
    """Of the state that comes back."""
    workspace: str
    secret: str
    """The name of the secret."""
    person: str
    session: str
    """The id of the session in which it was begun: it ends in that one."""
    sealed: bytes
    ends_at: int


class SecretUse(msgspec.Struct, frozen=True, kw_only=True):
    """When a workflow used a secret last, and how often."""

    secret: str
    workflow: str
    workspace: str
    version: str
    """The hash of the version of the workflow."""
    run: str
    at: int
    count: int
