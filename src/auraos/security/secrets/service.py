"""`Secrets`: what a workspace does with its secrets. They are used and never seen: nothing here answers a value.

Whoever calls it has asked whether the actor may. Where a secret may go cannot be widened without its value in hand: else
whoever may change it could have it sent to themselves.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from auraos.core.audit import Actor, Entry, Object
from auraos.core.errors import OperationalError
from auraos.security.access.errors import ChangedMeanwhileError
from auraos.security.access.quotas import Most, QuotaFullError
from auraos.security.binding import are_within
from auraos.security.row_store import Add, AtMost, Replace, Write
from auraos.security.secrets.checking import Value, end_of, read_value, refuse_name
from auraos.security.secrets.errors import (
    NoSecretError,
    NoSecretVersionError,
    SecretChangedError,
    SecretExistsError,
    SecretRefusedError,
    SecretUsedError,
)
from auraos.security.secrets.keys import KeyFacts, Keys, MasterRotation
from auraos.security.secrets.rows import Secret, SecretUse, SecretVersion, VersionState
from auraos.security.secrets.sealed import Sealed, seal_version, unseal_version
from auraos.security.secrets.store import SecretStore
from auraos.security.secrets.stored import StoredSecrets
from auraos.security.secrets.tokens import place_of_token
from auraos.security.secrets.users import Ending, FindInFlight, FindUsers, InFlight, Named

PAGE: Final = 100
DAY: Final = 24 * 3600 * 1_000_000
MOST_ENDING: Final = 1000


class VersionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of a version."""

    version: int
    state: VersionState
    at: int
    author: str
    revoked_at: int
    token_ends_at: int
    """When the token that was got in exchange expires; 0 where there is none."""


class UseFacts(msgspec.Struct, frozen=True, kw_only=True):
    """When a workflow used it last."""

    workflow: str
    run: str
    at: int
    count: int


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """All that is told of a secret."""

    secret: Secret
    versions: tuple[VersionFacts, ...]
    named_by: tuple[Named, ...]
    uses: tuple[UseFacts, ...]
    in_flight: tuple[InFlight, ...]


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What may be said of a secret without its value."""

    title: str = ""
    labels: dict[str, str] = {}
    ends_at: int = 0


class KeyRotation(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a rotation of a workspace's key."""

    version: int
    sealed_anew: int


class Secrets:
    """The secrets of all workspaces."""

    def __init__(  # noqa: PLR0913 (what secrets are kept by, and whom they ask)
        self,
        store: SecretStore,
        keys: Keys,
        stored: StoredSecrets,
        *,
        named_by: FindUsers,
        in_flight: FindInFlight | None = None,
        now: Callable[[], int],
        new_id: Callable[[], str],
        most: Most | None = None,
    ) -> None:
        self._most = most
        self._store = store
        self._keys = keys
        self._stored = stored
        self._named_by = named_by
        self._in_flight = in_flight
        self._now = now
        self._new_id = new_id

    # --- reading ---

    async def page(self, workspace: str, *, after: str = "", limit: int = PAGE) -> Sequence[Secret]:
        """Return a page of secrets by name."""
        return await self._store.all(Secret, workspace=workspace, order="name", after=after, limit=limit)

    async def find(self, workspace: str, name: str) -> Secret:
        """Return what is told of a secret in a list; raise `NoSecretError` if there is none."""
        found = await self._store.one(Secret, workspace=workspace, name=name)
        if found is None:
            raise NoSecretError.of(name)
        return found

    async def show(self, workspace: str, name: str) -> Shown:
        """Return all that is told of a secret: its versions, who names it, and who used it."""
        secret = await self.find(workspace, name)
        await self._stored.uses.flush()
        versions = await self._store.all(SecretVersion, secret=secret.id)
        uses = await self._store.all(SecretUse, secret=secret.id)
        return Shown(
            secret=secret,
            versions=tuple(_version_facts(row) for row in sorted(versions, key=lambda row: -row.version)),
            named_by=tuple(await self._named_by(workspace, name)),
            uses=tuple(
                UseFacts(workflow=use.workflow, run=use.run, at=use.at, count=use.count)
                for use in sorted(uses, key=lambda use: -use.at)
            ),
            in_flight=tuple(await self._in_flight(workspace, name)) if self._in_flight is not None else (),
        )

    async def ending(self, workspace: str, days: int) -> Sequence[Ending]:
        """Return the secrets that expire within so many days, or are over, the first to expire first."""
        now = self._now()
        found = await self._store.expiring(now + days * DAY, MOST_ENDING, workspace)
        return [
            Ending(
                secret=secret, is_over=secret.ends_at <= now,
                named_by=tuple(await self._named_by(workspace, secret.name)),
            )
            for secret in found
        ]  # fmt: skip

    # --- changing ---

    async def create(self, actor: Actor, workspace: str, name: str, about: About, value: Value) -> Secret:
        """Keep a new secret."""
        refuse_name(name)
        sealed = read_value(value)
        now = self._now()
        secret = Secret(
            id=self._new_id(), workspace=workspace, name=name, title=about.title, labels=about.labels,
            ends_at=about.ends_at or end_of(sealed), **_visible(sealed), created_at=now, created_by=actor.name, changed_at=now,
            changed_by=actor.name,
        )  # fmt: skip
        row = await self._new_version(secret, 1, sealed, actor)
        entry = self._entry(actor, "create", secret, after=_told(secret))
        writes: list[Write] = [Add(secret), Add(row)]
        most = self._most(workspace, "secrets") if self._most is not None else 0
        if most:
            writes.append(AtMost(Secret, workspace, most))
        failed = await self._store.save(writes, [entry])
        if isinstance(failed, AtMost):
            raise QuotaFullError.of("secrets", workspace, most)
        if failed is not None:
            raise SecretExistsError(
                f"There is a secret {name!r} already.", hint="Replace its value, or choose another name."
            )
        self._stored.forget(secret)
        return secret

    async def replace(
        self, actor: Actor, workspace: str, name: str, value: Value, *, revision: int
    ) -> Secret:
        """Store a new version of a secret, which counts from now on; the former ones are kept until they are revoked."""
        before = await self._unchanged(workspace, name, revision)
        sealed = read_value(value)
        after = self._changed(
            before, actor, version=before.latest + 1, latest=before.latest + 1, warned=0,
            ends_at=end_of(sealed) or (before.ends_at if before.ends_at > self._now() else 0), **_visible(sealed),
        )  # fmt: skip
        row = await self._new_version(after, after.version, sealed, actor)
        entry = self._entry(actor, "replace", after, before=_told(before), after=_told(after))
        return await self._save(before, after, [Add(row)], entry)

    async def describe(
        self, actor: Actor, workspace: str, name: str, about: About, *, revision: int
    ) -> Secret:
        """Change what is said of a secret, which its value does not depend on."""
        before = await self._unchanged(workspace, name, revision)
        after = self._changed(
            before, actor, title=about.title, labels=about.labels, ends_at=about.ends_at, warned=0
        )
        entry = self._entry(actor, "describe", after, before=_told(before), after=_told(after))
        return await self._save(before, after, [], entry)

    async def narrow(
        self,
        actor: Actor,
        workspace: str,
        name: str,
        hosts: tuple[str, ...],
        workflows: tuple[str, ...],
        *,
        revision: int,
    ) -> Secret:
        """Let a secret go to fewer hosts, or be used by fewer workflows; for more of them its value must be brought."""
        before = await self._unchanged(workspace, name, revision)
        row = await self._kept(before, before.version)
        sealed = await unseal_version(self._keys, before, row)
        is_narrower = bool(hosts) and are_within(hosts, sealed.hosts)
        if not is_narrower or (
            sealed.workflows and not (workflows and set(workflows) <= set(sealed.workflows))
        ):
            raise SecretRefusedError(
                "Where a secret may go is not widened without its value.",
                hint="Replace the secret: bring its value, with all hosts and workflows that it is to be for.",
            )
        changed = msgspec.structs.replace(sealed, hosts=hosts, workflows=workflows)
        after = self._changed(
            before,
            actor,
            version=before.latest + 1,
            latest=before.latest + 1,
            hosts=hosts,
            workflows=workflows,
        )
        new = await self._new_version(after, after.version, changed, actor)
        entry = self._entry(actor, "narrow", after, before=_told(before), after=_told(after))
        gone = self._revoked(row)
        return await self._save(before, after, [Add(new), Replace(row, gone)], entry)

    async def revoke(self, actor: Actor, workspace: str, name: str, version: int, why: str = "") -> Secret:
        """Destroy a version of a secret: it never opens again. Where it was the one that counts, none does."""
        before = await self.find(workspace, name)
        row = await self._store.one(SecretVersion, secret=before.id, version=version)
        if row is None:
            raise NoSecretVersionError(
                f"The secret {name!r} has no version {version}.", hint="Show the secret."
            )
        if row.state == "revoked":
            return before
        after = self._changed(before, actor, version=0 if before.version == version else before.version)
        entry = self._entry(actor, "revoke", after, after={"version": version}, why=why)
        return await self._save(before, after, [Replace(row, self._revoked(row))], entry)

    async def delete(self, actor: Actor, workspace: str, name: str) -> None:
        """Delete a secret with all of its versions; refused while a live definition names it."""
        secret = await self.find(workspace, name)
        users = [each for each in await self._named_by(workspace, name) if each.is_live]
        entry = self._entry(actor, "delete", secret, before=_told(secret))
        if users or not await self._store.delete_secret(secret, [entry]):
            users = users or [each for each in await self._named_by(workspace, name) if each.is_live]
            if not users:
                raise SecretChangedError.of(name)
            named = ", ".join(sorted({f"{each.kind} {each.name}" for each in users})[:10])
            raise SecretUsedError(
                f"The secret {name!r} is used: {named}.",
                hint="Publish these without it first, or archive them.",
            )
        self._stored.forget(secret)

    # --- keys ---

    async def keys(self, workspace: str) -> Sequence[KeyFacts]:
        """Return what is told of the keys that seal the secrets of a workspace."""
        return await self._keys.list(workspace)

    async def rotate_key(self, actor: Actor, workspace: str) -> KeyRotation:
        """Have a new key seal the secrets of a workspace, and seal all of them anew."""
        key = await self._keys.rotate(actor, workspace)
        return KeyRotation(version=key.version, sealed_anew=await self.reseal(workspace))

    async def reseal(self, workspace: str) -> int:
        """Seal by the live key what former keys sealed, while all is used; go on where this was broken off."""
        live = await self._keys.live(workspace)
        count, after = 0, ""
        while secrets := await self._store.all(
            Secret, workspace=workspace, order="id", after=after, limit=PAGE
        ):
            after = secrets[-1].id
            for secret in secrets:
                for row in await self._store.all(SecretVersion, secret=secret.id):
                    count += row.key_id != live.id and await self._seal_anew(secret, row, live.id)
        return count

    async def rotate_master(self, actor: Actor) -> MasterRotation:
        """Have a new master key seal the keys of all workspaces."""
        return await self._keys.rotate_master(actor)

    async def _seal_anew(self, secret: Secret, row: SecretVersion, key: str) -> bool:
        """Return whether a version was sealed by the live key now."""
        if row.state == "revoked":
            return await self._store.save([Replace(row, msgspec.structs.replace(row, key_id=key))]) is None
        try:
            content = await unseal_version(self._keys, secret, row)
        except OperationalError:
            return False  # it does not open by any key; nothing makes it better or worse
        token = row.token
        if token:
            place = place_of_token(secret, row)
            opened = await self._keys.unseal(row.workspace, place, token)
            token = await self._keys.seal(row.workspace, place, opened)
        sealed = await seal_version(self._keys, secret, row.version, content)
        after = msgspec.structs.replace(row, key_id=key, sealed=sealed, token=token)
        return await self._store.save([Replace(row, after)]) is None

    # --- how ---

    async def _unchanged(self, workspace: str, name: str, revision: int) -> Secret:
        found = await self.find(workspace, name)
        if found.revision != revision:
            raise SecretChangedError.of(name)
        return found

    async def _kept(self, secret: Secret, version: int) -> SecretVersion:
        row = await self._store.one(SecretVersion, secret=secret.id, version=version)
        if row is None or row.state != "kept":
            raise NoSecretVersionError(
                f"The secret {secret.name!r} was revoked.", hint="Store a new version of it."
            )
        return row

    async def _new_version(self, secret: Secret, version: int, sealed: Sealed, actor: Actor) -> SecretVersion:
        key = await self._keys.live(secret.workspace)
        return SecretVersion(
            secret=secret.id, version=version, workspace=secret.workspace, key_id=key.id,
            sealed=await seal_version(self._keys, secret, version, sealed), at=self._now(), author=actor.name,
        )  # fmt: skip

    def _revoked(self, row: SecretVersion) -> SecretVersion:
        return msgspec.structs.replace(
            row, state="revoked", sealed=b"", token=b"", revoked_at=self._now(), refreshing_until=-1
        )

    def _changed(self, before: Secret, actor: Actor, **given: Any) -> Secret:
        return msgspec.structs.replace(
            before, revision=before.revision + 1, changed_at=self._now(), changed_by=actor.name, **given
        )

    async def _save(
        self, before: Secret, after: Secret, more: Sequence[Add | Replace], entry: Entry
    ) -> Secret:
        failed = await self._store.save([Replace(before, after), *more], [entry])
        self._stored.forget(after)
        if isinstance(failed, Replace) and isinstance(failed.after, SecretVersion):
            raise ChangedMeanwhileError.of("secret", before.name)
        if failed is not None:
            raise SecretChangedError.of(before.name)
        return after

    def _entry(self, actor: Actor, action: str, secret: Secret, **told: Any) -> Entry:
        return Entry(
            at=self._now(), workspace=secret.workspace, actor=actor, action=f"secrets.{action}",
            object=Object(kind="secret", name=secret.name), **told,
        )  # fmt: skip


def _visible(sealed: Sealed) -> dict[str, Any]:
    """Return what is told of a version in the row of its secret."""
    source = str(sealed.source.__struct_config__.tag) if sealed.source is not None else ""
    return {"kind": sealed.kind, "hosts": sealed.hosts, "workflows": sealed.workflows, "source": source}


def _told(secret: Secret) -> dict[str, Any]:
    """Return what the audit trail says of a secret."""
    shown = ("title", "kind", "hosts", "workflows", "labels", "source", "version", "ends_at")
    return {name: getattr(secret, name) for name in shown}


def _version_facts(row: SecretVersion) -> VersionFacts:
    return VersionFacts(
        version=row.version, state=row.state, at=row.at, author=row.author, revoked_at=row.revoked_at,
        token_ends_at=row.token_ends_at,
    )  # fmt: skip
