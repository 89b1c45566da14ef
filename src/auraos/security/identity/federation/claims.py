"""What an ID token says, once its signature and all that binds it hold. It is slow to import, so it is when it is needed.

Only signatures by public keys count, and only by keys that the provider publishes: a token brings no key of its own, and
names no place for one.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
SLACK = 60
"""Two clocks may be apart by so many seconds."""
LONGEST = 64 * 1024
_KINDS: Final[dict[str, Any]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}


class NotVouchedError(Exception):
    """A token does not hold, and why."""


class UnknownKeyError(NotVouchedError):
    """A token is signed by a key that the provider did not publish when its keys were read."""


def claims_of(
    token: str, keys: Sequence[Mapping[str, Any]], *, issuer: str, client: str, nonce: str, now: int
) -> dict[str, Any]:
    """Return what a token says of somebody; raise `NotVouchedError` unless all of it holds at this second."""
    if len(token) > LONGEST:
        raise NotVouchedError("The token is too long.")
    header = _header(token)
    key = _key(keys, header)
    try:
        decoded = jwt.decode(
            token, key, algorithms=list(ALGORITHMS), registry=JWSRegistry(algorithms=list(ALGORITHMS))
        )
    except (JoseError, ValueError, TypeError) as error:
        raise NotVouchedError(f"The signature does not hold: {error}.") from error
    claims: dict[str, Any] = decoded.claims
    _bound(claims, issuer, client, nonce)
    _in_time(claims, now)
    return claims


def _header(token: str) -> dict[str, Any]:
    head = token.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (binascii.Error, ValueError) as error:
        raise NotVouchedError("This is no token.") from error
    if not isinstance(header, dict) or header.get("alg") not in ALGORITHMS:
        raise NotVouchedError("The token is signed in a way that proves nothing.")
    return header


def _key(keys: Sequence[Mapping[str, Any]], header: Mapping[str, Any]) -> Any:
    """Return the published key that signed a token."""
    usable = [key for key in keys if key.get("kty") in _KINDS and key.get("use", "sig") == "sig"]
    named = [key for key in usable if key.get("kid") == header.get("kid")] if "kid" in header else usable
    if len(named) != 1:
        raise UnknownKeyError("The token does not say which of the published keys signed it.")
    try:
        return _KINDS[str(named[0]["kty"])].import_key(dict(named[0]))
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NotVouchedError(f"The published key cannot be read: {error}.") from error


def _bound(claims: Mapping[str, Any], issuer: str, client: str, nonce: str) -> None:
    """Raise `NotVouchedError` unless the token is by this issuer, for this client, and for this very signing in."""
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") != issuer:
        raise NotVouchedError("The token is by another issuer.")
    if client not in audiences or (len(audiences) > 1 and claims.get("azp") != client):
        raise NotVouchedError("The token is for somebody else.")
    if claims.get("azp", client) != client:
        raise NotVouchedError("The token was given to somebody else.")
    if not nonce or claims.get("nonce") != nonce:
        raise NotVouchedError("The token belongs to another signing in.")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject or len(subject) > 255:
        raise NotVouchedError("The token does not say who it is about.")


def _in_time(claims: Mapping[str, Any], now: int) -> None:
    times = {name: claims.get(name) for name in ("exp", "iat", "nbf")}
    if any(
        not isinstance(at, int | float) or isinstance(at, bool) for at in times.values() if at is not None
    ):
        raise NotVouchedError("The times of the token cannot be read.")
    ends, begins = times["exp"], times["nbf"] or times["iat"]
    if ends is None or now >= ends + SLACK:
        raise NotVouchedError("The token is over.")
    if times["iat"] is None or begins is None or begins > now + SLACK or times["iat"] > now + SLACK:
        raise NotVouchedError("The token is not good yet.")
