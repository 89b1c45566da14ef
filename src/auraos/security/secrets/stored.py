"""`StoredSecrets`: what Reveal gets at of the store. It opens a secret for a run and a host, and notes that it did.

What was opened is remembered, and looked after once a second: whoever revokes a secret waits no longer than that, in other
processes too; in this one, not at all.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from auraos.core.asker import Asker
from auraos.core.errors import AuraError, OperationalError, UserError
from auraos.core.failures import StepFailed
from auraos.security.access.walls import within
from auraos.security.binding import is_bound
from auraos.security.opened import Opened
from auraos.security.redaction import SHORTEST
from auraos.security.secrets.credentials import OAuth2Client, OAuth2Refresh, from_elsewhere
from auraos.security.secrets.errors import NoSecretError
from auraos.security.secrets.keys import Keys
from auraos.security.secrets.refusals import Refusals
from auraos.security.secrets.rows import Secret, SecretVersion
from auraos.security.secrets.sealed import Sealed, unseal_version
from auraos.security.secrets.sources import Sources
from auraos.security.secrets.store import SecretStore
from auraos.security.secrets.tokens import Tokens, opened_token
from auraos.security.secrets.uses import Uses

log = logging.getLogger("auraos.secrets")
BELIEVED: Final = 1_000_000
"""For so many microseconds a secret is taken to be as it was read."""
FETCHED: Final = 60_000_000
"""For so long a value from elsewhere is."""


class _Known:
    """A secret as it was read, or that there is none."""

    __slots__ = ("fetched", "fetched_at", "read_at", "row", "sealed", "secret")

    def __init__(
        self, read_at: int, secret: Secret | None, row: SecretVersion | None, sealed: Sealed | None
    ) -> None:
        self.read_at = read_at
        self.secret = secret
        self.row = row
        self.sealed = sealed
        self.fetched: Opened | None = None
        self.fetched_at = 0

    def kept(self) -> tuple[Secret, SecretVersion, Sealed]:
        """Return the version that counts; fail where there is none."""
        assert self.secret is not None
        if self.row is None or self.sealed is None:
            raise _refused(
                "secret-revoked",
                f"The secret {self.secret.name!r} was revoked.",
                "Store a new version of it.",
            )
        return self.secret, self.row, self.sealed


class StoredSecrets:
    """Opens secrets of a store."""

    def __init__(
        self,
        store: SecretStore,
        keys: Keys,
        sources: Sources,
        tokens: Tokens,
        *,
        now: Callable[[], int],
    ) -> None:
        self._store = store
        self._keys = keys
        self._sources = sources
        self._tokens = tokens
        self._now = now
        self._known: dict[tuple[str, str], _Known] = {}
        self._reading: dict[tuple[str, str], asyncio.Future[_Known]] = {}
        self.uses = Uses(store, now)
        self._refusals = Refusals(store, now)

    async def open(self, asker: Asker, name: str, host: str) -> Opened | None:
        """Return a secret for a run and a host; None where there is none of this name, `StepFailed` where it may not go."""
        known = await self._find(asker.workspace, name)
        if known.secret is None:
            return None
        secret, row, sealed = known.kept()
        _refuse_others(secret, sealed, asker)
        _refuse_elsewhere(secret, sealed, host, self._now())
        opened = await self._opened(known, secret, row, sealed)
        self.uses.note(secret, asker)
        return opened

    async def may_open(self, asker: Asker, name: str, host: str = "") -> bool:
        """Return whether there is a secret of this name; fail as it would be opened for a workflow, at a host if one is known."""
        known = await self._find(asker.workspace, name)
        if known.secret is None:
            return False
        secret, _, sealed = known.kept()
        _refuse_others(secret, sealed, asker)
        _refuse_expired(secret, self._now())
        if host:
            _refuse_elsewhere(secret, sealed, host, self._now())
        return True

    def refused(self, asker: Asker, name: str, host: str, failure: StepFailed) -> None:
        """Have the audit trail tell that a run asked for a secret which it does not get."""
        self._refusals.note(asker, name, host, failure)

    async def open_to_try(self, workspace: str, name: str, host: str | None) -> Opened:
        """Return a secret for a trial at a host that it is bound to, or, without one, where its own kind says."""
        known = await self._existing(workspace, name)
        secret, row, sealed = known.kept()
        _refuse_expired(secret, self._now())
        if host is not None:
            _refuse_elsewhere(secret, sealed, host, self._now())
        return await self._opened(known, secret, row, sealed)

    async def sealed(self, workspace: str, name: str) -> Sealed:
        """Return what stands under the seal of a secret; raise `NoSecretError` if there is none."""
        return (await self._existing(workspace, name)).kept()[2]

    def forget(self, secret: Secret) -> None:
        """Read a secret anew when it is wanted next."""
        self._known.pop((secret.workspace, secret.name), None)
        self._tokens.forget(secret.id)

    async def close(self) -> None:
        """Write down what was used."""
        await self.uses.close()
        await self._refusals.close()

    # --- reading ---

    async def _existing(self, workspace: str, name: str) -> _Known:
        known = await self._find(workspace, name)
        if known.secret is None:
            raise NoSecretError.of(name)
        return known

    async def _find(self, workspace: str, name: str) -> _Known:
        mark = (workspace, name)
        known = self._known.get(mark)
        if known is not None and 0 <= self._now() - known.read_at < BELIEVED:
            return known
        reading = self._reading.get(mark)
        if reading is None:
            reading = self._reading[mark] = asyncio.ensure_future(self._read(workspace, name, known))
            reading.add_done_callback(lambda _: self._reading.pop(mark, None))
        return await asyncio.shield(reading)

    async def _read(self, workspace: str, name: str, before: _Known | None) -> _Known:
        now = self._now()
        try:
            with within(workspace):
                secret = await self._store.one(Secret, workspace=workspace, name=name)
                if before is not None and secret == before.secret:
                    before.read_at = now
                    known = before
                else:
                    known = await self._unsealed(now, secret)
        except OperationalError as error:
            log.warning("secrets.unreadable", extra={"secret": name, "why": error.message})
            raise StepFailed(
                f"The secret {name!r} cannot be opened: {error.message}", error_class="transient", code=error.code,
                hint=error.hint,
            ) from None  # fmt: skip
        self._known[workspace, name] = known
        return known

    async def _unsealed(self, now: int, secret: Secret | None) -> _Known:
        if secret is None or not secret.version:
            return _Known(now, secret, None, None)
        row = await self._store.one(SecretVersion, secret=secret.id, version=secret.version)
        if row is None or row.state != "kept":
            return _Known(now, secret, None, None)
        return _Known(now, secret, row, await unseal_version(self._keys, secret, row))

    # --- opening ---

    async def _opened(self, known: _Known, secret: Secret, row: SecretVersion, sealed: Sealed) -> Opened:
        if known.fetched is not None and 0 <= self._now() - known.fetched_at < FETCHED:
            return known.fetched
        credential = sealed.credential
        if sealed.source is not None:
            credential = await self._fetched(secret, sealed)
        assert credential is not None
        if isinstance(credential, OAuth2Client | OAuth2Refresh):
            return opened_token(credential, await self._tokens.token(secret, row, credential))
        opened = credential.opened()
        if min(map(len, opened.hidden)) < SHORTEST:
            raise _refused(
                "secret-too-short",
                f"The secret {secret.name!r} has fewer than {SHORTEST} characters and could not be masked.",
                "Use a longer one.",
            )
        if opened.home:  # it may be kept elsewhere and have changed there, or be bound to fewer hosts by now
            _refuse_elsewhere(secret, sealed, opened.home, self._now())
        known.fetched, known.fetched_at = opened, self._now()
        return opened

    async def _fetched(self, secret: Secret, sealed: Sealed) -> Any:
        assert sealed.source is not None
        try:
            return from_elsewhere(sealed.kind, await self._sources.fetch(secret.workspace, sealed.source))
        except AuraError as error:
            is_lasting = isinstance(error, UserError)
            raise StepFailed(
                f"The secret {secret.name!r} is kept elsewhere, and cannot be had: {error.message}",
                error_class="credential" if is_lasting else "transient",
                code=error.code,
                hint=error.hint,
            ) from None


def _refuse_others(secret: Secret, sealed: Sealed, asker: Asker) -> None:
    """Refuse a secret to a workflow that it is not for."""
    if sealed.workflows and asker.workflow not in sealed.workflows:
        raise _refused(
            "secret-not-for-workflow",
            f"The secret {secret.name!r} is not for the workflow {asker.workflow!r}.",
            "Whoever keeps it says which workflows may use it.",
        )


def _refuse_expired(secret: Secret, now: int) -> None:
    if secret.ends_at and now >= secret.ends_at:
        raise _refused(
            "secret-expired",
            f"The secret {secret.name!r} is expired.",
            "Store a new version of it, or a later date.",
        )


def _refuse_elsewhere(secret: Secret, sealed: Sealed, host: str, now: int) -> None:
    """Refuse a secret that expired, and any host that it is not bound to."""
    _refuse_expired(secret, now)
    if not is_bound(sealed.hosts, host):
        raise _refused(
            "host-not-allowed",
            f"Host not allowed: the secret {secret.name!r} may not be sent to {host!r}.",
            f"It may go to {', '.join(sealed.hosts)}.",
        )


def _refused(code: str, message: str, hint: str) -> StepFailed:
    return StepFailed(message, error_class="credential", code=code, hint=hint)
