"""`crypto.hash` and `crypto.hmac`: fingerprints, and signatures with a secret that never leaves the step."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from auraos.core.values import to_plain
from auraos.sdk import Effect, Example, StepContext, Value, names_secret, step_type
from auraos.steps.json import write_json

Encoding: TypeAlias = Annotated[
    Literal["hex", "base64", "base64url"], msgspec.Meta(description="How the bytes are written as text.")
]

HERE = "@local"
"""Stands for a host where a secret is used by a step itself and sent nowhere."""


class HashSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to hash, and how."""

    value: Annotated[
        Any,
        msgspec.Meta(description="Text is hashed as UTF-8; all else as JSON on one line, its keys in order."),
    ]
    algorithm: Annotated[
        Literal["sha256", "sha512", "sha1", "md5", "blake2b"],
        msgspec.Meta(description="`sha1` and `md5` are for old interfaces only: they are broken."),
    ] = "sha256"
    encoding: Encoding = "hex"


@step_type(
    "crypto.hash",
    title="Hash",
    effect=Effect.PURE,
    output={"type": "string"},
    examples=(
        Example(
            title="The fingerprint of a text",
            settings={"value": "abc"},
            output="ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
    ),
)
def hash_value(settings: HashSettings) -> str:
    """Computes the fingerprint of a value.

    Equal values have equal fingerprints, whatever the order of their keys.
    """
    digest = hashlib.new(settings.algorithm, _to_bytes(settings.value), usedforsecurity=False)
    return _ENCODINGS[settings.encoding](digest.digest())


class HmacSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to sign, and with which secret."""

    value: Annotated[
        Any,
        msgspec.Meta(description="Text is signed as UTF-8; all else as JSON on one line, its keys in order."),
    ]
    secret: Annotated[str, names_secret("The name of the secret.", goes_to=HERE)]
    algorithm: Annotated[
        Literal["sha256", "sha512", "sha1"], msgspec.Meta(description="The hash beneath.")
    ] = "sha256"
    encoding: Encoding = "hex"
    expected: Annotated[
        str | None,
        msgspec.Meta(description="A signature to compare with; `valid` says whether it is the same."),
    ] = None


class Signature(msgspec.Struct, kw_only=True):
    """A signature, and whether it is the expected one (null when none was expected)."""

    signature: str
    valid: bool | None


@step_type(
    "crypto.hmac",
    title="Sign with a secret",
    effect=Effect.READ,
    examples=(
        Example(
            title="Check a webhook's signature",
            settings={"value": "{}", "secret": "shop-hook", "expected": "ab"},
        ),
    ),
)
async def sign(settings: HmacSettings, context: StepContext) -> Signature:
    """Signs a value with a secret (HMAC), or checks a signature.

    The secret has to be bound to `@local`, which stands for "used here and sent nowhere". Signatures
    are compared in constant time.
    """
    key = await context.secrets.reveal(settings.secret, host=HERE)
    digest = hmac.new(key.encode(), _to_bytes(settings.value), settings.algorithm).digest()
    signature = _ENCODINGS[settings.encoding](digest)
    valid = None
    if settings.expected is not None:
        wanted = settings.expected.lower() if settings.encoding == "hex" else settings.expected
        valid = hmac.compare_digest(signature.encode(), wanted.encode())
    return Signature(signature=signature, valid=valid)


def _to_bytes(value: Value) -> bytes:
    text = value if isinstance(value, str) else write_json(to_plain(value), sort_keys=True)
    return text.encode()


_ENCODINGS: dict[Encoding, Callable[[bytes], str]] = {
    "hex": lambda digest: digest.hex(),
    "base64": lambda digest: base64.b64encode(digest).decode(),
    "base64url": lambda digest: base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
}
