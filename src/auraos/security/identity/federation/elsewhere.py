"""`Elsewhere`: what a provider says of itself, and what it gives for a code. All of it goes through Egress."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from auraos.sdk import Answer, StepFailed
from auraos.security.identity.errors import ProviderFailedError
from auraos.security.identity.rows import Provider

SECOND = 1_000_000
BELIEVED = 3600 * SECOND
"""What a provider says of itself is believed for so long."""
SOONEST = 60 * SECOND
"""Its keys are read anew no more often, whatever keys tokens name."""
RESTS = 10 * SECOND
"""One that failed is left alone for so long."""
LIMIT = 1024 * 1024
TIMEOUT = timedelta(seconds=15)


class Outside(Protocol):
    """The way out, as Egress has it."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | AsyncIterator[bytes] | None = None,
        follow_redirects: bool = True,
        timeout: timedelta | None = None,
        carries_secret: bool = False,
    ) -> AbstractAsyncContextManager[Answer]: ...


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Keys(msgspec.Struct, frozen=True):
    keys: tuple[dict[str, Any], ...]


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str


class _Known(msgspec.Struct, frozen=True):
    about: About
    keys: tuple[dict[str, Any], ...]
    at: int


class Elsewhere:
    """Asks providers."""

    def __init__(self, outside: Outside, now: Callable[[], int]) -> None:
        self._outside = outside
        self._now = now
        self._known: dict[str, _Known] = {}
        self._failed: dict[str, tuple[int, ProviderFailedError]] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    async def about(self, provider: Provider) -> About:
        """Return what a provider says of itself."""
        return (await self._learned(provider, BELIEVED)).about

    async def keys(self, provider: Provider, *, anew: bool = False) -> tuple[dict[str, Any], ...]:
        """Return the keys that it signs by."""
        return (await self._learned(provider, SOONEST if anew else BELIEVED)).keys

    async def token(self, provider: Provider, secret: str, code: str, verifier: str, back: str) -> str:
        """Return the ID token that is given for a code."""
        about = await self.about(provider)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": verifier,
        }
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        if not secret:
            form["client_id"] = provider.client_id
        elif "client_secret_basic" in about.token_endpoint_auth_methods_supported:
            pair = f"{quote(provider.client_id, safe='')}:{quote(secret, safe='')}".encode()
            headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        else:
            form |= {"client_id": provider.client_id, "client_secret": secret}
        body = urlencode(form).encode()
        tokens: _Tokens = await self._ask("POST", about.token_endpoint, _Tokens, headers=headers, body=body)
        return tokens.id_token

    async def _learned(self, provider: Provider, believed: int) -> _Known:
        """Return what is known of a provider; one that failed just now is not asked again, however many want it."""
        async with self._turns.setdefault(provider.issuer, asyncio.Lock()):
            known, now = self._known.get(provider.issuer), self._now()
            if known is not None and now < known.at + believed:
                return known
            failed = self._failed.get(provider.issuer)
            if failed is not None and now < failed[0] + RESTS:
                raise failed[1]
            try:
                self._known[provider.issuer] = learned = await self._learn(provider)
            except ProviderFailedError as error:
                self._failed[provider.issuer] = (now, error)
                raise
            return learned

    async def _learn(self, provider: Provider) -> _Known:
        place = provider.issuer.rstrip("/") + "/.well-known/openid-configuration"
        about: About = await self._ask("GET", place, About)
        if about.issuer != provider.issuer:
            raise ProviderFailedError(
                f"{provider.issuer} calls itself {about.issuer}.",
                hint="The issuer must be written as it is there.",
            )
        for url in (about.authorization_endpoint, about.token_endpoint, about.jwks_uri):
            if not _is_as_safe(url, provider.issuer):
                raise ProviderFailedError(f"{provider.issuer} would have {url} asked unencrypted.")
        keys: _Keys = await self._ask("GET", about.jwks_uri, _Keys)
        return _Known(about, keys.keys, self._now())

    async def _ask(
        self,
        method: str,
        url: str,
        wanted: Any,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Any:
        try:
            async with self._outside.request(
                method, url, headers=headers, body=body, follow_redirects=False, timeout=TIMEOUT,
                carries_secret=body is not None,
            ) as answer:  # fmt: skip
                raw = await answer.read(LIMIT)
                if answer.status != 200:
                    raise ProviderFailedError(f"{_shown(url)} answered {answer.status}.")
        except StepFailed as error:
            raise ProviderFailedError(error.message, hint=error.hint) from error
        try:
            return msgspec.json.decode(raw, type=wanted)
        except msgspec.DecodeError as error:
            raise ProviderFailedError(f"{_shown(url)} answered what cannot be read: {error}.") from error


def _is_as_safe(url: str, issuer: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and issuer.startswith("http://"))


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"
