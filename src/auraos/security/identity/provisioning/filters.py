"""Filters of SCIM: what directories ask by, `userName eq "ann"`, one comparison after the other joined by `and`."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from auraos.security.identity.provisioning.errors import ScimRefusedError

LONGEST: Final = 1000
_PART = re.compile(
    r"\s*(?P<path>[A-Za-z:][A-Za-z0-9_.:$-]*)(\[(?P<within>[^\]]*)\](\.(?P<of>[A-Za-z$]+))?)?\s+eq\s+"
    r'(?P<value>"(?:[^"\\]|\\.)*"|true|false|null|-?\d+)\s*',
    re.IGNORECASE,
)
_AND = re.compile(r"and\b", re.IGNORECASE)


class Test(msgspec.Struct, frozen=True):
    """One comparison: the path of an attribute, which of several it is of, and what it must be."""

    path: tuple[str, ...]
    value: Any
    within: tuple["Test", ...] = ()
    of: str = ""
    """The part of those of several that is compared."""

    def holds(self, resource: Mapping[str, Any]) -> bool:
        """Return whether it holds for a resource. Names of attributes and texts are compared without case."""
        found: list[Any] = [resource]
        for name in self.path:
            found = [inner for each in found for inner in _inner(each, name)]
        if self.within:
            items = [each for inner in found if isinstance(inner, list) for each in inner]
            found = [each for each in items if all(test.holds(each) for test in self.within)]
        if self.of:
            found = [inner for each in found for inner in _inner(each, self.of)]
        return any(_same(each, self.value) for each in found)


def read_filter(text: str) -> tuple[Test, ...]:
    """Return the comparisons of a filter, all of which must hold."""
    if len(text) > LONGEST:
        raise _refused("it is too long")
    tests: list[Test] = []
    rest = text
    while True:
        found = _PART.match(rest)
        if found is None:
            raise _refused("only `attribute eq value` is understood, joined by `and`")
        within = read_filter(found["within"]) if found["within"] is not None else ()
        path = tuple(part.casefold() for part in plain(found["path"]).split("."))
        tests.append(Test(path, _value(found["value"]), within, (found["of"] or "").casefold()))
        rest = rest[found.end() :]
        if not rest:
            return tuple(tests)
        joint = _AND.match(rest)
        if joint is None:
            raise _refused("only `and` joins comparisons")
        rest = rest[joint.end() :]


def plain(path: str) -> str:
    """Return a path without the address of the schema that it may begin with."""
    for schema in (
        "urn:ietf:params:scim:schemas:core:2.0:User:",
        "urn:ietf:params:scim:schemas:core:2.0:Group:",
    ):
        if path.casefold().startswith(schema.casefold()):
            return path[len(schema) :]
    return path


def _inner(value: Any, name: str) -> list[Any]:
    if isinstance(value, list):
        return [inner for each in value for inner in _inner(each, name)]
    if not isinstance(value, Mapping):
        return []
    return [inner for key, inner in value.items() if key.casefold() == name]


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(found, list):
        return any(_same(each, wanted) for each in found)
    if isinstance(found, Mapping):
        return "value" in found and _same(found["value"], wanted)
    if isinstance(found, str) and isinstance(wanted, str):
        return found.casefold() == wanted.casefold()
    return bool(found == wanted)


def _value(text: str) -> Any:
    try:
        return msgspec.json.decode(text.lower() if text[0] != '"' else text)
    except msgspec.DecodeError as error:
        raise _refused("a value in it cannot be read") from error


def _refused(why: str) -> ScimRefusedError:
    return ScimRefusedError(f"The filter cannot be used: {why}.", kind="invalidFilter")
