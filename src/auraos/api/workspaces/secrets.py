"""Secrets over HTTP. They are kept, bound, tried, used and revoked here; no route answers a value."""

from typing import Annotated

import msgspec

from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import END, Limit, Title
from auraos.api.protocol.routes import SELF, About, Routes
from auraos.core.kind import OF_SECRETS
from auraos.security.access.authorize import Thing
from auraos.security.secrets.checking import Host, Value
from auraos.security.secrets.credentials import KindFacts, kinds
from auraos.security.secrets.errors import NoSecretError
from auraos.security.secrets.keys import KeyFacts, MasterRotation
from auraos.security.secrets.rows import Secret
from auraos.security.secrets.service import About as Description
from auraos.security.secrets.service import KeyRotation, UseFacts, VersionFacts
from auraos.security.secrets.trying import Trial, Tried
from auraos.security.secrets.users import InFlight, Named

routes = Routes()

KIND = OF_SECRETS
"""Of the things that grants are over."""
TELLS = ("no-secret",)
CHANGES = (*TELLS, "secret-changed", "changed-meanwhile")
SEALED = ("master-key", "seal-broken")

SecretName = Annotated[str, msgspec.Meta(pattern=f"^[a-z][a-z0-9]*(-[a-z0-9]+)*{END}", max_length=100)]
Word = Annotated[str, msgspec.Meta(pattern=rf"^[^\x00=]*{END}", max_length=200)]
Labels = Annotated[dict[Word, Word], msgspec.Meta(max_length=50)]
Time = Annotated[int, msgspec.Meta(ge=0, le=10**17, description="In microseconds since 1970; 0 for never.")]
Workflows = Annotated[
    tuple[Annotated[str, msgspec.Meta(pattern=f"^[a-z][a-z0-9-]*{END}", max_length=100)], ...],
    msgspec.Meta(max_length=500, description="Which workflows may use it; none stands for all."),
]


class OneSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A secret, by name."""

    name: SecretName


class OneVersion(OneSecret, frozen=True, kw_only=True):
    """A version of a secret."""

    version: Annotated[int, msgspec.Meta(ge=1, le=10**9)]


class SecretList(msgspec.Struct, frozen=True, kw_only=True):
    """Which secrets to list."""

    after: Annotated[
        str,
        msgspec.Meta(
            pattern=f"^([a-z][a-z0-9-]*)?{END}", max_length=100, description="`next` of the page before."
        ),
    ] = ""
    limit: Limit = 50


class AboutSecret(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said of a secret beside its value."""

    title: Title = ""
    labels: Labels = msgspec.field(default_factory=dict)
    ends_at: Time = 0

    def described(self) -> Description:
        """Return it as the service takes it."""
        return Description(title=self.title, labels=self.labels, ends_at=self.ends_at)


class NewSecret(AboutSecret, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new secret: its value, and where that may go."""

    name: SecretName
    value: Value


class NewValue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another value of a secret, and where that may go."""

    value: Value


class Narrower(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fewer hosts and workflows than so far."""

    hosts: Annotated[tuple[Host, ...], msgspec.Meta(min_length=1, max_length=50)]
    workflows: Workflows = ()


class Revoking(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a version is revoked."""

    why: Annotated[str, msgspec.Meta(max_length=1000)] = ""


class GivenTrial(Trial, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value to try, which is kept nowhere."""

    value: Value


class SecretFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of a secret."""

    name: str
    title: str
    kind: str
    hosts: tuple[str, ...]
    workflows: tuple[str, ...]
    labels: dict[str, str]
    source: str
    version: int
    revision: int
    ends_at: int
    created_at: int
    created_by: str
    changed_at: int
    changed_by: str

    @classmethod
    def of(cls, secret: Secret) -> "SecretFacts":
        """Return what is told of a secret."""
        return cls(**{field: getattr(secret, field) for field in cls.__struct_fields__})


class SecretPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of secrets; `next` asks for the one after it."""

    items: tuple[SecretFacts, ...]
    next: str = ""


class SecretDetail(msgspec.Struct, frozen=True, kw_only=True):
    """All that is told of a secret."""

    secret: SecretFacts
    versions: tuple[VersionFacts, ...]
    named_by: tuple[Named, ...]
    uses: tuple[UseFacts, ...]
    in_flight: tuple[InFlight, ...]
    revision: int


class ExpiryList(msgspec.Struct, frozen=True, kw_only=True):
    """Within how many days a secret expires that is listed."""

    days: Annotated[int, msgspec.Meta(ge=0, le=3660)] = 30


class EndingSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A secret that expires, or is over, and what names it."""

    name: str
    title: str
    kind: str
    ends_at: int
    is_over: bool
    named_by: tuple[Named, ...]


async def _thing(ask: Ask, at: OneSecret) -> Thing | None:
    """Return what a secret is to those who may do something to some of them only."""
    try:
        return thing_of(await ask.desk.secrets.find(ask.workspace, at.name))
    except NoSecretError:
        return None


def _missing(_: Ask, at: OneSecret) -> NoSecretError:
    return NoSecretError.of(at.name)


def thing_of(secret: Secret) -> Thing:
    """Return what a secret is to those who may do something to some of them only."""
    return Thing(kind=KIND, name=secret.name, labels=secret.labels)


ABOUT = About(find=_thing, missing=_missing)


async def require_use_of(ask: Ask, name: str) -> None:
    """Raise `NotAllowedError` unless whoever asks may use a secret."""
    ask.require("secrets.use", await secret_at(ask, name))


async def secret_at(ask: Ask, name: str) -> Thing:
    """Return what a secret is to those who may do something to some of them only, also one that is not there."""
    try:
        return thing_of(await ask.desk.secrets.find(ask.workspace, name))
    except NoSecretError:
        return Thing(kind=KIND, name=name)


@routes.get("/api/v1/secret-kinds", may=SELF)
async def list_secret_kinds(ask: Ask) -> tuple[KindFacts, ...]:  # noqa: ARG001 (it is the same for all)
    """List the kinds of credentials, with the JSON Schema of each and where its parts go."""
    return kinds()


@routes.get("/api/v1/secrets", may="secrets.list", narrows=True)
async def list_secrets(ask: Ask, at: SecretList) -> SecretPage:
    """List secrets by name."""
    scope = ask.scope("secrets.list")
    items: list[SecretFacts] = []
    after = at.after
    while True:
        found = await ask.desk.secrets.page(ask.workspace, after=after, limit=at.limit + 1)
        for secret in found:
            if scope.reaches(thing_of(secret)):
                if len(items) == at.limit:
                    return SecretPage(items=tuple(items), next=items[-1].name)
                items.append(SecretFacts.of(secret))
        if len(found) <= at.limit:
            return SecretPage(items=tuple(items))
        after = found[-1].name


@routes.post(
    "/api/v1/secrets",
    may="secrets.create",
    status=201,
    tells=("secret-exists", "secret-refused", *SEALED),
    narrows=True,
)
async def create_secret(ask: Ask, body: NewSecret) -> SecretFacts:
    """Keep a new secret, bound to the hosts that it may go to."""
    ask.require("secrets.create", Thing(kind=KIND, name=body.name, labels=body.labels))
    made = await ask.desk.secrets.create(ask.actor, ask.workspace, body.name, body.described(), body.value)
    return SecretFacts.of(made)


@routes.get("/api/v1/secrets/{name}", may="secrets.list", tells=TELLS, about=ABOUT)
async def show_secret(ask: Ask, at: OneSecret) -> SecretDetail:
    """Show a secret: its versions, which definitions name it, which workflows used it, and which runs still may."""
    shown = await ask.desk.secrets.show(ask.workspace, at.name)
    more = {name: getattr(shown, name) for name in ("versions", "named_by", "uses", "in_flight")}
    return SecretDetail(secret=SecretFacts.of(shown.secret), revision=shown.secret.revision, **more)


@routes.get("/api/v1/secret-expiry", may="secrets.list", narrows=True)
async def list_expiring_secrets(ask: Ask, at: ExpiryList) -> tuple[EndingSecret, ...]:
    """List the secrets that expire soon, or are over, with the definitions that name them."""
    return tuple(
        EndingSecret(
            name=one.secret.name, title=one.secret.title, kind=one.secret.kind, ends_at=one.secret.ends_at,
            is_over=one.is_over, named_by=one.named_by,
        )
        for one in await ask.desk.secrets.ending(ask.workspace, at.days)
        if ask.scope("secrets.list").reaches(thing_of(one.secret))
    )  # fmt: skip


@routes.put(
    "/api/v1/secrets/{name}/value",
    may="secrets.replace",
    tells=(*CHANGES, "secret-refused", *SEALED),
    over=True,
    about=ABOUT,
)
async def replace_secret(ask: Ask, at: OneSecret, body: NewValue) -> SecretFacts:
    """Store another value, which counts from now on; the former is kept until it is revoked."""
    changed = await ask.desk.secrets.replace(
        ask.actor, ask.workspace, at.name, body.value, revision=ask.revision
    )
    return SecretFacts.of(changed)


@routes.put("/api/v1/secrets/{name}/about", may="secrets.replace", tells=CHANGES, over=True, about=ABOUT)
async def describe_secret(ask: Ask, at: OneSecret, body: AboutSecret) -> SecretFacts:
    """Change the title, the labels and the date of expiry."""
    ask.require("secrets.replace", Thing(kind=KIND, name=at.name, labels=body.labels))
    changed = await ask.desk.secrets.describe(
        ask.actor, ask.workspace, at.name, body.described(), revision=ask.revision
    )
    return SecretFacts.of(changed)


@routes.put(
    "/api/v1/secrets/{name}/binding",
    may="secrets.replace",
    tells=(*CHANGES, "secret-refused", "no-secret-version", *SEALED),
    over=True,
    about=ABOUT,
)
async def narrow_secret(ask: Ask, at: OneSecret, body: Narrower) -> SecretFacts:
    """Bind a secret to fewer hosts and workflows; for more of them its value is stored anew."""
    changed = await ask.desk.secrets.narrow(
        ask.actor, ask.workspace, at.name, body.hosts, body.workflows, revision=ask.revision
    )
    return SecretFacts.of(changed)


@routes.post(
    "/api/v1/secrets/{name}/test",
    may="secrets.use",
    tells=(*TELLS, "secret-test-refused", *SEALED),
    about=ABOUT,
)
async def try_secret(ask: Ask, at: OneSecret, body: Trial) -> Tried:
    """Try a secret at a host that it is bound to."""
    ask.rest()
    return await ask.desk.secret_trials.try_stored(ask.actor, ask.workspace, at.name, body)


@routes.post("/api/v1/secret-tests", may="secrets.create", tells=("secret-refused", "secret-test-refused"))
async def try_value(ask: Ask, body: GivenTrial) -> Tried:
    """Try a value that is sent along and kept nowhere."""
    ask.rest()
    trial = Trial(url=body.url, secret_in=body.secret_in)
    return await ask.desk.secret_trials.try_given(ask.actor, ask.workspace, body.value, trial)


@routes.post(
    "/api/v1/secrets/{name}/versions/{version}/revoke",
    may="secrets.revoke",
    tells=(*CHANGES, "no-secret-version"),
    about=ABOUT,
)
async def revoke_version(ask: Ask, at: OneVersion, body: Revoking) -> SecretFacts:
    """Destroy a version: it never opens again."""
    revoked = await ask.desk.secrets.revoke(ask.actor, ask.workspace, at.name, at.version, body.why)
    return SecretFacts.of(revoked)


@routes.delete(
    "/api/v1/secrets/{name}",
    may="secrets.delete",
    tells=(*TELLS, "secret-changed", "secret-used"),
    about=ABOUT,
)
async def delete_secret(ask: Ask, at: OneSecret) -> None:
    """Delete a secret with all of its versions; refused while a live definition names it."""
    await ask.desk.secrets.delete(ask.actor, ask.workspace, at.name)


@routes.get("/api/v1/encryption-keys", may="secrets.list")
async def list_encryption_keys(ask: Ask) -> tuple[KeyFacts, ...]:
    """List the keys that seal the secrets of the workspace; nobody is given a key."""
    return tuple(await ask.desk.secrets.keys(ask.workspace))


@routes.post("/api/v1/encryption-keys/rotate", may="secrets.rotate", tells=SEALED)
async def rotate_encryption_key(ask: Ask) -> KeyRotation:
    """Seal all secrets of the workspace by a new key, while they are used."""
    return await ask.desk.secrets.rotate_key(ask.actor, ask.workspace)


@routes.post(
    "/api/v1/encryption-keys/rotate-master",
    may="installation.rotate",
    tells=SEALED,
    everywhere=True,
    fresh=True,
)
async def rotate_master_key(ask: Ask) -> MasterRotation:
    """Seal the keys of all workspaces by a new master key."""
    return await ask.desk.secrets.rotate_master(ask.actor)
