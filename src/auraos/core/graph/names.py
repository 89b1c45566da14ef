"""What names may look like, and the writing of links and step types."""

import keyword
import re
from collections.abc import Collection
from typing import NamedTuple

NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
DOCUMENT_NAME = re.compile(r"[a-z][a-z0-9-]*", re.ASCII)
RESERVED = frozenset(
    {"input", "vars", "steps", "errors", "run", "item", "index", "last", "arrived", "trigger"}
)
LONGEST_NAME = 100

_LINK = re.compile(r"\s*([^\s.>]+)(?:\.([^\s>]+))?\s*->\s*([^\s>]+)\s*")
_TYPE = re.compile(r"([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)(?:@([1-9][0-9]{0,8}))?", re.ASCII)
_CALLED = re.compile(r"([a-z][a-z0-9-]*)(?:@([1-9][0-9]{0,8}))?", re.ASCII)


class WrittenLink(NamedTuple):
    """The parts of `a.port -> b` as they were written, and where in the text each begins."""

    source: str
    port: str | None
    target: str
    source_at: int
    port_at: int
    target_at: int


def split_link(text: str) -> WrittenLink | None:
    """Return the parts of a link; None where it is none."""
    found = _LINK.fullmatch(text)
    if not found:
        return None
    return WrittenLink(found[1], found[2], found[3], found.start(1), found.start(2), found.start(3))


def split_type(text: str) -> tuple[str, int | None] | None:
    """Return name and version of `http.request@2`; None where it is no name of a type."""
    return _split_version(_TYPE, text)


def split_called(text: str) -> tuple[str, int | None] | None:
    """Return name and version of a called workflow, `invoice` or `invoice@3`; None where it is no name."""
    return _split_version(_CALLED, text)


def say_why_no_name(name: str, *, may_be_keyword: bool = False) -> tuple[str, str] | None:
    """Return code and reason why this cannot name a step, variable or case; None where it can."""
    if not NAME.fullmatch(name):
        return "bad-name", "A name is small letters, digits and _, and begins with a letter."
    if len(name) > LONGEST_NAME:
        return "bad-name", f"A name has at most {LONGEST_NAME} characters."
    if keyword.iskeyword(name) and not may_be_keyword:
        return "reserved-name", f"{name!r} is a word of the expression language."
    if name in RESERVED:
        return "reserved-name", f"{name!r} already means something in expressions."
    return None


def say_why_no_port(name: str, own: Collection[str]) -> tuple[str, str] | None:
    """Return code and reason why this cannot name a case or a branch, whose step has these ports already."""
    if name in own:
        return "reserved-name", f"{name!r} is another port of the step already."
    return say_why_no_name(name, may_be_keyword=True)


def mend_name(name: str) -> str | None:
    """Return the nearest possible name; None where nothing of it can be kept."""
    mended = re.sub(r"[^a-z0-9_]+", "_", name.strip().lower())[:LONGEST_NAME].strip("_")
    mended = mended.lstrip("0123456789_")
    if not mended:
        return None
    if say_why_no_name(mended) is not None:
        mended += "_"
    return mended if say_why_no_name(mended) is None else None


def _split_version(pattern: re.Pattern[str], text: str) -> tuple[str, int | None] | None:
    found = pattern.fullmatch(text)
    if not found:
        return None
    return found[1], int(found[2]) if found[2] else None
