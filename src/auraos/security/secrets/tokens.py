"""Tokens that are got in exchange for a credential (OAuth 2.0): refreshed ahead of their expiry, by one at a time.

Whoever comes while another one refreshes is given the token that there is, as long as that one holds. What the exchange
brings, a new refresh token too, is kept under seal before it is used, so no process and no crash loses it.
"""

import asyncio
import base64
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

import msgspec

from auraos.core.errors import OperationalError
from auraos.core.failures import StepFailed
from auraos.security.opened import Hidden, Opened
from auraos.security.row_store import Replace
from auraos.security.secrets.credentials import Exchanged, OAuth2Client, OAuth2Refresh, hidden_parts
from auraos.security.secrets.keys import Keys
from auraos.security.secrets.rows import Secret, SecretVersion
from auraos.security.secrets.sources import Sender
from auraos.security.secrets.store import SecretStore

log = logging.getLogger("auraos.secrets")
SECOND: Final = 1_000_000
WITHIN: Final = timedelta(seconds=30)
LEASE: Final = 45 * SECOND
"""For so long whoever refreshes has others wait, if it dies of it."""
LOOK: Final = 0.2
"""So many seconds pass between looks at what another process is about to get."""
UNSAID: Final = 3600
"""For so many seconds a token is taken to hold that says nothing of it."""
LARGEST: Final = 256 * 1024


class Token(Hidden, frozen=True, kw_only=True):
    """What was got in exchange."""

    access: str
    refresh: str = ""
    refresh_at: int
    """From then on a new one is got."""
    ends_at: int


class _Granted(msgspec.Struct):
    """What the place that gives tokens answers."""

    access_token: str
    expires_in: float | str | None = None
    refresh_token: str = ""


class Tokens:
    """Gets tokens, keeps them, and gets new ones in time."""

    def __init__(self, store: SecretStore, keys: Keys, http: Sender, *, now: Callable[[], int]) -> None:
        self._store = store
        self._keys = keys
        self._http = http
        self._now = now
        self._known: dict[tuple[str, int], Token] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self.refreshes = {"got": 0, "failed": 0}
        """How often a token was asked for, by what came of it."""

    async def token(self, secret: Secret, version: SecretVersion, credential: Exchanged) -> Token:
        """Return a token that holds; raise `StepFailed` where none can be got."""
        mark = (version.secret, version.version)
        known = self._known.get(mark)
        now = self._now()
        if known is not None and now < known.refresh_at:
            return known
        lock = self._locks.setdefault(version.secret, asyncio.Lock())
        if lock.locked() and known is not None and now < known.ends_at:
            return known
        async with lock:
            known = self._known.get(mark)
            if known is None or self._now() >= known.refresh_at:
                known = self._known[mark] = await self._refreshed(secret, version, credential)
            return known

    async def try_out(self, credential: OAuth2Client) -> str:
        """Return a token that is kept nowhere; raise `StepFailed` where none can be got."""
        return (await self._exchange(credential, "")).access

    def forget(self, secret: str) -> None:
        """Forget what is remembered of a secret."""
        for mark in [mark for mark in self._known if mark[0] == secret]:
            del self._known[mark]

    async def _refreshed(self, secret: Secret, version: SecretVersion, credential: Exchanged) -> Token:
        """Return a new token, unless another process got one, or the one that there is still holds and no new one can be got."""
        while True:
            row = await self._store.one(SecretVersion, secret=version.secret, version=version.version)
            if row is None or row.state != "kept":
                raise _refused(secret, "was revoked", "Store a new version of it.")
            kept = await self._kept(secret, row)
            if kept is not None and self._now() < kept.refresh_at:
                return kept
            if row.refreshing_until <= self._now():
                claimed = msgspec.structs.replace(row, refreshing_until=self._now() + LEASE)
                if await self._store.save([Replace(row, claimed)]) is None:
                    return await self._exchanged(secret, claimed, credential, kept)
            elif kept is not None and self._now() < kept.ends_at:
                return kept
            await asyncio.sleep(LOOK)

    async def _exchanged(
        self, secret: Secret, claimed: SecretVersion, credential: Exchanged, kept: Token | None
    ) -> Token:
        refresh = credential.refresh_token if isinstance(credential, OAuth2Refresh) else ""
        try:
            granted = await self._exchange(credential, (kept.refresh if kept is not None else "") or refresh)
            self.refreshes["got"] += 1
        except BaseException as failure:
            self.refreshes["failed"] += 1
            released = msgspec.structs.replace(claimed, refreshing_until=0)
            await asyncio.shield(self._store.save([Replace(claimed, released)]))
            if isinstance(failure, StepFailed) and kept is not None and self._now() < kept.ends_at:
                log.warning("secrets.not_refreshed", extra={"secret": secret.name, "why": failure.message})
                return msgspec.structs.replace(kept, refresh_at=min(self._now() + 10 * SECOND, kept.ends_at))
            raise
        sealed = await self._keys.seal(
            claimed.workspace, place_of_token(secret, claimed), msgspec.json.encode(granted)
        )
        after = msgspec.structs.replace(
            claimed, token=sealed, token_ends_at=granted.ends_at, refreshing_until=0
        )
        if await self._store.save([Replace(claimed, after)]) is not None:
            raise _refused(secret, "was revoked while a token was got for it", "Store a new version of it.")
        return granted

    async def for_code(self, credential: OAuth2Client, code: str, verifier: str, back: str) -> Token:
        """Return the tokens that are given for a code; raise `StepFailed` where none are."""
        told = {"code": code, "redirect_uri": back, "code_verifier": verifier}
        return await self._ask(
            credential, {"grant_type": "authorization_code", **told, **credential.more}, ""
        )

    async def _exchange(self, credential: Exchanged, refresh: str) -> Token:
        form = {"grant_type": "refresh_token" if refresh else "client_credentials", **credential.more}
        if refresh:
            form["refresh_token"] = refresh
        if credential.scope:
            form["scope"] = credential.scope
        return await self._ask(credential, form, refresh)

    async def _ask(self, credential: Exchanged, form: dict[str, str], refresh: str) -> Token:
        """Return what is given for a form, with the refresh token of before where no new one comes."""
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if credential.sent_as == "header" and credential.client_secret:
            pair = f"{quote_plus(credential.client_id)}:{quote_plus(credential.client_secret)}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form["client_id"] = credential.client_id
            if credential.client_secret:
                form["client_secret"] = credential.client_secret
        asked_at = self._now()
        async with self._http.request(
            "POST", credential.token_url, headers=headers, body=urlencode(form).encode(), follow_redirects=False,
            timeout=WITHIN, carries_secret=True,
        ) as answer:  # fmt: skip
            status, body = answer.status, await answer.read(LARGEST)
        if status != 200:
            raise _not_given(status, body)
        try:
            granted = msgspec.json.decode(body, type=_Granted)
            lifetime = float(UNSAID if granted.expires_in is None else granted.expires_in)
        except (msgspec.DecodeError, ValueError):
            raise StepFailed(
                "What came in place of a token cannot be read.", error_class="transient", code="token-unreadable",
                hint="token_url is to be the address where tokens are got.",
            ) from None  # fmt: skip
        return Token(
            access=granted.access_token,
            refresh=granted.refresh_token or refresh,
            refresh_at=asked_at + int((lifetime - ahead(lifetime)) * SECOND),
            ends_at=asked_at + int(lifetime * SECOND),
        )

    async def _kept(self, secret: Secret, row: SecretVersion) -> Token | None:
        if not row.token:
            return None
        try:
            content = await self._keys.unseal(row.workspace, place_of_token(secret, row), row.token)
        except OperationalError as error:
            log.warning("secrets.token_lost", extra={"secret": secret.name, "why": error.message})
            return None
        return msgspec.json.decode(content, type=Token)


def ahead(lifetime: float) -> float:
    """Return how many seconds before its expiry a token is refreshed."""
    return min(300.0, max(30.0, lifetime / 10), lifetime / 2)


def place_of_token(secret: Secret, version: SecretVersion) -> tuple[str, ...]:
    """Return for which place a token is sealed."""
    return ("token", secret.id, secret.name, str(version.version))


def opened_token(credential: Exchanged, token: Token) -> Opened:
    """Return a token as it is used, with all of the exchange that must not be seen."""
    lasting = [*hidden_parts(credential).values()]
    passing = [token.access, token.refresh]
    return Opened(
        value=token.access,
        place="bearer",
        hidden=tuple(part for part in lasting if part),
        passing=tuple(part for part in passing if part and part not in lasting),
    )


def _not_given(status: int, body: bytes) -> StepFailed:
    code = ""
    try:
        said: Any = msgspec.json.decode(body)
        code = said["error"] if said["error"] in _SAID else ""
    except (msgspec.DecodeError, KeyError, TypeError):
        pass
    if status in (400, 401, 403):
        message = f"No token is given for the secret: {code or status}."
        return StepFailed(
            message,
            error_class="credential",
            code="token-refused",
            hint="Store the secret anew, or ask who gave it.",
        )
    return StepFailed(
        f"The place that gives tokens answers {status}.", error_class="transient", code="token-unavailable"
    )


_SAID: Final = frozenset(
    (
        "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
        "invalid_scope",
    )
)  # fmt: skip


def _refused(secret: Secret, why: str, hint: str) -> StepFailed:
    return StepFailed(
        f"The secret {secret.name!r} {why}.", error_class="credential", code="secret-revoked", hint=hint
    )
