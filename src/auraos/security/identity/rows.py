"""What is kept of those who may come in. No row holds a password, a key or a session's token, only what they are held against."""

from typing import Any, Literal, TypeAlias

import msgspec

State: TypeAlias = Literal["active", "disabled"]
PersonState: TypeAlias = Literal["active", "disabled", "let-go"]
"""Somebody comes in, was disabled by a person here, or was let go by a directory, which alone may bring them back."""
Proof: TypeAlias = Literal["password", "totp", "passkey", "recovery", "token", "oidc"]


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody with a name to sign in by."""

    id: str
    name: str
    """In small letters; no two people have the same."""
    title: str = ""
    """The name that others see."""
    state: PersonState = "active"
    password: str = ""
    """Argon2id; empty for nobody can sign in by one."""
    epoch: int = 1
    """Counts what ends all sessions of before: another password, a reset of the second proof, being disabled."""
    totp: str = ""
    """The secret of the one-time codes, encrypted; empty without."""
    totp_used: int = 0
    """The last interval whose code was used: none is good twice."""
    recovery: tuple[str, ...] = ()
    """Digests of the recovery codes that are left."""
    created_at: int
    changed_at: int

    @property
    def shown(self) -> str:
        """Return the name that others see."""
        return self.title or self.name


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A browser or a command line in which a person is signed in."""

    digest: str
    id: str
    person: str
    epoch: int
    created_at: int
    seen_at: int
    ends_at: int
    proved_at: int
    """When the person last proved who they are."""
    proved_by: tuple[Proof, ...] = ()
    address: str = ""
    agent: str = ""


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key for programs, of a person or of a service account."""

    id: str
    digest: str
    owner_kind: Literal["person", "service"]
    owner: str
    title: str
    workspace: str
    """The only one that it opens; `*` for all that its owner may."""
    scopes: tuple[str, ...] | None = None
    created_at: int
    created_by: str
    ends_at: int = 0
    used_at: int = 0
    revoked_at: int = 0
    per_second: int = 0
    """So many requests a second may be made with it; 0 for as many as can be."""
    maker: str = ""
    """The id of whoever made it."""

    def opens(self, now: int) -> bool:
        """Return whether it is neither revoked nor over."""
        return not self.revoked_at and not 0 < self.ends_at <= now


class Passkey(msgspec.Struct, frozen=True, kw_only=True):
    """A key in a device of a person, which proves itself by signing a challenge."""

    id: str
    person: str
    title: str
    public_key: bytes
    counter: int
    """How often it signed, as it says itself; 0 where it does not count."""
    created_at: int
    used_at: int = 0


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody else who knows people and vouches for them (OpenID Connect)."""

    name: str
    title: str = ""
    issuer: str
    client_id: str
    client_secret: str = ""
    """Sealed; empty for a client without one."""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    groups_claim: str = "groups"
    """Where it says in which groups somebody is."""
    creates_people: int = 0
    """1 where whoever it vouches for becomes a person here; else only people who linked themselves come in."""
    state: State = "active"
    created_at: int
    changed_at: int


class Vouched(msgspec.Struct, frozen=True, kw_only=True):
    """Who a person is elsewhere: the issuer, and its own name for them, which it gives to nobody else."""

    issuer: str
    subject: str
    person: str
    at: int


class Directory(msgspec.Struct, frozen=True, kw_only=True):
    """A directory elsewhere that says who there is here (SCIM), by a token of its own."""

    id: str
    title: str
    digest: str
    provider: str = ""
    """Who vouches for those whom it brings; empty where they come in otherwise."""
    created_at: int
    created_by: str
    used_at: int = 0


class Provisioned(msgspec.Struct, frozen=True, kw_only=True):
    """What a directory says of a person."""

    person: str
    directory: str
    external: str = ""
    """What it calls them by itself."""
    attributes: dict[str, Any] = {}


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """An account for programs, of one workspace."""

    id: str
    workspace: str
    name: str
    title: str = ""
    state: State = "active"
    created_at: int
    created_by: str


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """What lets a person choose a password, once."""

    digest: str
    person: str
    created_at: int
    created_by: str
    ends_at: int


class FirstOwner(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the installation ever had an owner, and until then what makes one."""

    one: int = 1
    digest: str = ""
    """Of the token that makes the first owner; empty where none was given, or it was used."""
    owned_at: int = 0


class Failures(msgspec.Struct, frozen=True, kw_only=True):
    """How often in a row signing in failed, for an account or from an address."""

    who: str
    count: int = 0
    last_at: int = 0
