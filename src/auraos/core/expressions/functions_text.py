"""Functions over texts: writing values, JSON, patterns, encodings, hashes."""

import base64
import binascii
import hashlib
import hmac
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from auraos.core.expressions.errors import CallError
from auraos.core.expressions.meter import meter_of
from auraos.core.expressions.registry import Library, Number, Scope
from auraos.core.expressions.texts import to_text, write_formatted, write_json
from auraos.core.values import MAX_DEPTH, ValueRefusedError, to_wire, type_name

TEXT = Library("text")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


@TEXT.function()
def text_(scope: Scope, value: Any) -> str:
    """Return a value as text: null is empty, lists and mappings are JSON, dates RFC 3339.

    >>> text(true) + text(1.5) + text(null)
    "true1.5"
    """
    return to_text(value, meter_of(scope))


@TEXT.function()
def str_(scope: Scope, value: Any) -> str:
    """Return a value as text; the same as text().

    >>> str(12)
    "12"
    """
    return to_text(value, meter_of(scope))


@TEXT.function()
def format_(scope: Scope, value: Number | str | bool | date | datetime | None, form: str) -> str:
    """Return a value written by a format, as behind the colon of an f-string.

    >>> format(decimal("1234.5"), ",.2f")
    "1,234.50"
    """
    return write_formatted(value, form, meter_of(scope))


@TEXT.function()
def type_of(value: Any) -> str:
    """Return the name of a value's type: null, bool, int, float, decimal, text, date, datetime, duration, file, list, mapping.

    >>> type_of([1])
    "list"
    """
    return type_name(value)


@TEXT.function()
def to_json(scope: Scope, value: Any, indent: int = 0) -> str:
    """Return a value as JSON text.

    >>> to_json({"a": [1, null]})
    '{"a":[1,null]}'
    """
    return write_json(value, meter_of(scope), max(0, min(indent, 8)))


@TEXT.function()
def from_json(scope: Scope, text: str) -> Any:
    """Return the value that a JSON text holds.

    >>> from_json('{"a": 1}').a
    1
    """
    meter = meter_of(scope)
    meter.spend(len(text) >> 3)
    meter.grow(4 * len(text))
    try:
        value = msgspec.json.decode(text)
        to_wire(value)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise CallError("no-json", f"This is no JSON: {error}.") from None
    except ValueRefusedError as error:
        raise CallError("no-json", error.message, error.hint) from None
    except RecursionError:
        raise CallError("no-json", f"This JSON is nested more than {MAX_DEPTH} levels deep.") from None
    return value


@TEXT.function()
def sha256(value: str) -> str:
    """Return the SHA-256 of a text in hexadecimal.

    >>> sha256("a")[:8]
    "ca978112"
    """
    return hashlib.sha256(_bytes(value)).hexdigest()


@TEXT.function()
def sha512(value: str) -> str:
    """Return the SHA-512 of a text in hexadecimal.

    >>> sha512("a")[:8]
    "1f40fc92"
    """
    return hashlib.sha512(_bytes(value)).hexdigest()


@TEXT.function()
def sha1(value: str) -> str:
    """Return the SHA-1 of a text in hexadecimal: for services that ask for it, not for security.

    >>> sha1("a")[:8]
    "86f7e437"
    """
    return hashlib.sha1(_bytes(value), usedforsecurity=False).hexdigest()


@TEXT.function()
def md5(value: str) -> str:
    """Return the MD5 of a text in hexadecimal: for services that ask for it, not for security.

    >>> md5("a")[:8]
    "0cc175b9"
    """
    return hashlib.md5(_bytes(value), usedforsecurity=False).hexdigest()


@TEXT.function()
def crc32(value: str) -> int:
    """Return the CRC-32 of a text.

    >>> crc32("a")
    3904355907
    """
    return binascii.crc32(_bytes(value))


@TEXT.function()
def hmac_sha256(key: str, value: str) -> str:
    """Return the HMAC-SHA-256 of a text under a key, in hexadecimal. A secret key belongs into a step, not here.

    >>> hmac_sha256("k", "a")[:8]
    "78da9151"
    """
    return hmac.new(_bytes(key), _bytes(value), "sha256").hexdigest()


@TEXT.function()
def base64_encode(value: str, url: bool = False) -> str:
    """Return a text in Base64; `url` uses the signs that addresses allow.

    >>> base64_encode("hi")
    "aGk="
    """
    data = _bytes(value)
    return (base64.urlsafe_b64encode(data) if url else base64.b64encode(data)).decode()


@TEXT.function()
def base64_decode(value: str) -> str:
    """Return the text that Base64 holds, with or without its padding.

    >>> base64_decode("aGk")
    "hi"
    """
    written = value.strip().replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(written + "=" * (-len(written) % 4), validate=True).decode()
    except ValueError:
        raise CallError("no-base64", "This is no text in Base64.") from None


@TEXT.function()
def url_encode(scope: Scope, value: str | dict[str, Any]) -> str:
    """Return a text as it is written within an address; of a mapping, its fields as a query.

    >>> url_encode({"q": "a b", "n": 1})
    "q=a%20b&n=1"
    """
    if isinstance(value, str):
        meter_of(scope).spend(len(value) >> 2)
        return _percent(value)
    pairs = []
    for key, item in value.items():
        if type(item) not in (str, int, float, bool, Decimal, type(None)):
            raise CallError(
                "wrong-type", f"The field {key!r} is {type_name(item)}, which no address can hold."
            )
        meter_of(scope).spend(len(item) >> 2 if type(item) is str else 1)
        shown = "" if item is None else str(item).lower() if type(item) is bool else str(item)
        pairs.append(f"{_percent(key)}={_percent(shown)}")
    return "&".join(pairs)


@TEXT.function()
def url_decode(scope: Scope, value: str) -> str:
    """Return the text that stands encoded in an address.

    >>> url_decode("a%20b")
    "a b"
    """
    meter_of(scope).spend(value.count("%") >> 1)
    parts = value.encode("utf-8", "replace").split(b"%")
    try:
        return (
            parts[0] + b"".join(bytes.fromhex(part[:2].decode()) + part[2:] for part in parts[1:])
        ).decode()
    except ValueError:
        raise CallError("no-url", "This is not encoded as in an address.") from None


@TEXT.function()
def html_escape(scope: Scope, value: str) -> str:
    """Return a text so that HTML shows it as it is.

    >>> html_escape("<b>")
    "&lt;b&gt;"
    """
    meter_of(scope).spend(len(value) >> 3)
    return value.translate(_HTML)


def _percent(text: str) -> str:
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in _bytes(text))


def _bytes(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise CallError("half-character", "This text holds half of a character (a lone surrogate).") from None
