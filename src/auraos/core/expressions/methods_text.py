"""Methods of texts: letters, parts, padding, cleaning. Those that Python has bear Python's names."""

import re
import unicodedata
from typing import Any

from auraos.core.expressions.errors import CallError
from auraos.core.expressions.meter import SMALL, meter_of
from auraos.core.expressions.registry import Library, Scope
from auraos.core.expressions.texts import to_text

TEXT_METHODS = Library("text")
_NO_SLUG = re.compile(r"[^a-z0-9]+", re.ASCII)


@TEXT_METHODS.method(str)
def upper(text: str) -> str:
    """Return the text in capitals.

    >>> "ab".upper()
    "AB"
    """
    return text.upper()


@TEXT_METHODS.method(str)
def lower(text: str) -> str:
    """Return the text in small letters.

    >>> "AB".lower()
    "ab"
    """
    return text.lower()


@TEXT_METHODS.method(str)
def title(text: str) -> str:
    """Return the text with a capital at the start of each word.

    >>> "new order".title()
    "New Order"
    """
    return text.title()


@TEXT_METHODS.method(str)
def capitalize(text: str) -> str:
    """Return the text with one capital at its start and small letters after it.

    >>> "new ORDER".capitalize()
    "New order"
    """
    return text.capitalize()


@TEXT_METHODS.method(str)
def casefold(text: str) -> str:
    """Return the text so that two that differ in capitals only become equal.

    >>> "Straße".casefold()
    "strasse"
    """
    return text.casefold()


@TEXT_METHODS.method(str)
def strip(scope: Scope, text: str, characters: str | None = None) -> str:
    """Return the text without blanks, or other characters, at both ends.

    >>> "  a b ".strip()
    "a b"
    """
    _pay_for_stripping(scope, text, characters)
    return text.strip(characters)


@TEXT_METHODS.method(str)
def lstrip(scope: Scope, text: str, characters: str | None = None) -> str:
    """Return the text without blanks, or other characters, at its start.

    >>> "007".lstrip("0")
    "7"
    """
    _pay_for_stripping(scope, text, characters)
    return text.lstrip(characters)


@TEXT_METHODS.method(str)
def rstrip(scope: Scope, text: str, characters: str | None = None) -> str:
    """Return the text without blanks, or other characters, at its end.

    >>> "a/".rstrip("/")
    "a"
    """
    _pay_for_stripping(scope, text, characters)
    return text.rstrip(characters)


def _pay_for_stripping(scope: Scope, text: str, characters: str | None) -> None:
    """Let it pay for looking each character of the text up among those that go."""
    if characters and len(characters) > SMALL:
        meter_of(scope).spend(len(text) * len(characters) >> 10)


@TEXT_METHODS.method(str)
def split(scope: Scope, text: str, separator: str | None = None, limit: int = -1) -> list[str]:
    """Return the parts between separators (blanks, when none is named); at most `limit` cuts.

    >>> "a,b,c".split(",", 1)
    ["a", "b,c"]
    """
    if separator == "":
        raise CallError(
            "wrong-type", "An empty text separates nothing.", "For characters, write text.chars()."
        )
    meter = meter_of(scope)
    meter.spend(len(text) >> 4)
    meter.grow(len(text))
    return text.split(separator, limit)


@TEXT_METHODS.method(str)
def lines(scope: Scope, text: str) -> list[str]:
    """Return the lines of the text.

    >>> "a\\nb".lines()
    ["a", "b"]
    """
    meter_of(scope).grow(len(text))
    return text.splitlines()


@TEXT_METHODS.method(str)
def chars(scope: Scope, text: str) -> list[str]:
    """Return the characters of the text.

    >>> "abc".chars()
    ["a", "b", "c"]
    """
    meter_of(scope).grow(8 * len(text))
    return list(text)


@TEXT_METHODS.method(str)
def join(scope: Scope, separator: str, items: list[Any]) -> str:
    """Return the items as one text with this one between them.

    >>> ", ".join(["a", 1])
    "a, 1"
    """
    meter = meter_of(scope)
    parts = [to_text(item, meter) for item in items]
    meter.grow(sum(map(len, parts)) + len(separator) * len(parts))
    return separator.join(parts)


@TEXT_METHODS.method(str)
def replace(scope: Scope, text: str, old: str, new: str, count: int = -1) -> str:
    """Return the text with one part replaced by another everywhere, or `count` times.

    >>> "a-b-c".replace("-", "+")
    "a+b+c"
    """
    if not old:
        raise CallError("wrong-type", "An empty text cannot be replaced.")
    found = text.count(old)
    times = found if count < 0 else min(found, count)
    meter_of(scope).grow(len(text) + times * max(0, len(new) - len(old)))
    return text.replace(old, new, count)


@TEXT_METHODS.method(str)
def startswith(text: str, start: str) -> bool:
    """Return whether the text begins so.

    >>> "invoice-7".startswith("invoice")
    true
    """
    return text.startswith(start)


@TEXT_METHODS.method(str)
def endswith(text: str, end: str) -> bool:
    """Return whether the text ends so.

    >>> "a.pdf".endswith(".pdf")
    true
    """
    return text.endswith(end)


@TEXT_METHODS.method(str)
def removeprefix(text: str, start: str) -> str:
    """Return the text without this start, where it has it.

    >>> "re: hello".removeprefix("re: ")
    "hello"
    """
    return text.removeprefix(start)


@TEXT_METHODS.method(str)
def removesuffix(text: str, end: str) -> str:
    """Return the text without this end, where it has it.

    >>> "a.pdf".removesuffix(".pdf")
    "a"
    """
    return text.removesuffix(end)


@TEXT_METHODS.method(str)
def contains(text: str, part: str) -> bool:
    """Return whether the part occurs in the text.

    >>> "order 7".contains("7")
    true
    """
    return part in text


@TEXT_METHODS.method(str)
def find(text: str, part: str) -> int:
    """Return the place where the part begins, counted from 0; -1 where it does not occur.

    >>> "abc".find("c")
    2
    """
    return text.find(part)


@TEXT_METHODS.method(str)
def count(text: str, part: str) -> int:
    """Return how often the part occurs.

    >>> "banana".count("an")
    2
    """
    if not part:
        raise CallError("wrong-type", "An empty text cannot be counted.")
    return text.count(part)


@TEXT_METHODS.method(str)
def before(text: str, mark: str) -> str:
    """Return what stands before the first mark; the whole text where there is none.

    >>> "a@b.com".before("@")
    "a"
    """
    return text.partition(mark)[0] if mark else text


@TEXT_METHODS.method(str)
def after(text: str, mark: str) -> str:
    """Return what stands after the first mark; nothing where there is none.

    >>> "a@b.com".after("@")
    "b.com"
    """
    return text.partition(mark)[2] if mark else text


@TEXT_METHODS.method(str)
def pad_left(scope: Scope, text: str, width: int, fill: str = " ") -> str:
    """Return the text filled up at its left to a width.

    >>> "7".pad_left(3, "0")
    "007"
    """
    meter_of(scope).grow(max(0, width))
    return text.rjust(width, _one(fill))


@TEXT_METHODS.method(str)
def pad_right(scope: Scope, text: str, width: int, fill: str = " ") -> str:
    """Return the text filled up at its right to a width.

    >>> "ab".pad_right(4, ".")
    "ab.."
    """
    meter_of(scope).grow(max(0, width))
    return text.ljust(width, _one(fill))


def _one(fill: str) -> str:
    if len(fill) != 1:
        raise CallError("wrong-type", "A text is filled up with one character.")
    return fill


@TEXT_METHODS.method(str)
def truncate(text: str, length: int, end: str = "…") -> str:
    """Return the text cut to a length, its end marked where something was cut.

    >>> "a long title".truncate(7)
    "a long…"
    """
    if len(text) <= max(0, length):
        return text
    return (text[: max(0, length - len(end))].rstrip() + end)[: max(0, length)]


@TEXT_METHODS.method(str)
def slug(text: str) -> str:
    """Return the text as a name for addresses: small letters, digits and hyphens.

    >>> "Überweisung Nr. 7".slug()
    "uberweisung-nr-7"
    """
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return _NO_SLUG.sub("-", plain).strip("-")


@TEXT_METHODS.method(str)
def isdigit(text: str) -> bool:
    """Return whether the text consists of the digits 0 to 9 only.

    >>> "0042".isdigit()
    true
    """
    return text.isascii() and text.isdigit()


@TEXT_METHODS.method(str)
def isalpha(text: str) -> bool:
    """Return whether the text consists of letters only.

    >>> "Äpfel".isalpha()
    true
    """
    return text.isalpha()


@TEXT_METHODS.method(str)
def is_blank(text: str) -> bool:
    """Return whether the text is empty or holds blanks only.

    >>> "  ".is_blank()
    true
    """
    return not text.strip()
