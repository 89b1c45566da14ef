"""A provider of OpenID Connect on this machine: it knows one person, checks whoever asks, and signs what it says.

It can be told to lie, in each of the ways in which others were fooled.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from asyncio import StreamWriter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from security.local_servers import Request, Server, answer, listening

CLIENT, SECRET = "auraos", "client secret & more"


class Provider:
    """The provider, and what it says next time."""

    def __init__(self) -> None:
        self.url = ""
        self.now: Callable[[], float] = time.time
        self.key = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})
        self.published = [self.key]
        self.claims: dict[str, Any] = {
            "sub": "subject-1",
            "preferred_username": "Ann.Smith",
            "name": "Ann Smith",
        }
        self.about: dict[str, Any] = {}
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "first"}
        self.token: Callable[[dict[str, Any]], str] = self.signed
        self.asked = 0
        self._codes: dict[str, dict[str, str]] = {}

    def visit(self, url: str) -> tuple[str, dict[str, str]]:
        """Do what a browser does there when the person agrees: return the address and the query that it comes back with."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert url.startswith(f"{self.url}/authorize?")
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT)
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return asked["redirect_uri"], {"code": code, "state": asked["state"], "session_state": "x"}

    def signed(self, claims: dict[str, Any]) -> str:
        """Return claims under the signature of the provider."""
        return jwt.encode(self.header, claims, self.key, algorithms=[self.header["alg"]])

    def unsigned(self, claims: dict[str, Any]) -> str:
        """Return claims under no signature at all."""
        return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims)}."

    def signed_by_public_key(self, claims: dict[str, Any]) -> str:
        """Return claims signed with the public key as if it were a secret that both know."""
        signed = f"{_part({'alg': 'HS256', 'kid': 'first'})}.{_part(claims)}"
        mac = hmac.digest(self.key.as_pem(private=False), signed.encode(), "sha256")
        return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    async def respond(self, request: Request, writer: StreamWriter) -> None:
        """Answer a request."""
        status, told = self._answer(request)
        writer.write(answer(status, json.dumps(told).encode(), Content_Type="application/json"))

    def _answer(self, request: Request) -> tuple[int, Any]:
        match urlsplit(request.target).path:
            case "/.well-known/openid-configuration":
                self.asked += 1
                return 200, {
                    "issuer": self.url,
                    "authorization_endpoint": f"{self.url}/authorize",
                    "token_endpoint": f"{self.url}/token",
                    "jwks_uri": f"{self.url}/keys",
                    **self.about,
                }
            case "/keys":
                return 200, {"keys": [key.as_dict(private=False) for key in self.published]}
            case "/token":
                return self._tokens(request)
        return 404, {}

    def _tokens(self, request: Request) -> tuple[int, Any]:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        asked = self._codes.pop(form["code"], None)
        pair = base64.b64decode(request.headers.get("authorization", "").removeprefix("Basic ")).decode()
        proved = tuple(unquote(part) for part in pair.split(":"))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode()
        if (
            asked is None
            or proved != (CLIENT, SECRET)
            or challenge.rstrip("=") != asked["code_challenge"]
            or form["redirect_uri"] != asked["redirect_uri"]
        ):
            return 400, {"error": "invalid_grant"}
        now = int(self.now())
        times = {"iat": now, "exp": now + 300}
        said = {"iss": self.url, "aud": CLIENT, "nonce": asked["nonce"], **times, **self.claims}
        said = {name: value for name, value in said.items() if value is not None}
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": self.token(said)}


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@asynccontextmanager
async def a_provider() -> AsyncIterator[Provider]:
    """Yield a provider that listens on this machine."""
    provider = Provider()
    server: Server
    async with listening(provider.respond) as server:
        provider.url = server.url
        yield provider
