"""Changes of resources as SCIM has them, in the shapes in which directories really send them.

Entra ID writes `Replace` for `replace` and the text `"False"` for what is false, and names attributes by paths with filters, or
by dotted keys of a value without a path. Okta leaves the path out and sends what is to be replaced as one value.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from auraos.security.identity.provisioning.errors import ScimRefusedError
from auraos.security.identity.provisioning.filters import Test, plain, read_filter

MOST: Final = 1000
_PATH = re.compile(
    r"(?P<urn>urn:[A-Za-z0-9:.]+:[A-Za-z]+(?=:))?:?(?P<name>[A-Za-z$][A-Za-z0-9_$-]*)(\[(?P<filter>.*)\])?(\.(?P<of>[A-Za-z$]+))?"
)
OPS: Final = ("add", "replace", "remove")
Resource = dict[str, Any]


class Change(msgspec.Struct, frozen=True):
    """One change, as it was sent."""

    op: str
    path: str = ""
    value: Any = msgspec.UNSET


def read_changes(body: Any) -> list[Change]:
    """Return the changes of a request."""
    found = _get(body, "operations") if isinstance(body, dict) else None
    if not isinstance(found, list) or not found or len(found) > MOST:
        raise ScimRefusedError(f"A change has 1 to {MOST:,} operations.", kind="invalidSyntax")
    return [_read(each) for each in found]


def patch(resource: Resource, changes: Sequence[Change]) -> Resource:
    """Return a resource with changes made to it; the one that is given stays as it is."""
    made: Resource = msgspec.json.decode(msgspec.json.encode(resource))
    for change in changes:
        if change.path:
            _change(made, change, plain(change.path))
        elif change.op == "remove":
            raise ScimRefusedError("What is to be removed is not said.", kind="noTarget")
        elif not isinstance(change.value, dict):
            raise ScimRefusedError("A change without a path brings attributes.")
        else:
            for name, value in change.value.items():
                _change(made, Change(change.op, name, value), plain(name))
    return made


def _read(given: Any) -> Change:
    op = str(_get(given, "op") or "").casefold() if isinstance(given, dict) else ""
    if op not in OPS:
        raise ScimRefusedError("An operation is add, replace or remove.", kind="invalidSyntax")
    path = _get(given, "path")
    if path is not None and not isinstance(path, str):
        raise ScimRefusedError("A path is a text.", kind="invalidPath")
    value = next((value for name, value in given.items() if name.casefold() == "value"), msgspec.UNSET)
    return Change(op, path or "", value)


def _change(resource: Resource, change: Change, path: str) -> None:
    found = _PATH.fullmatch(path)
    if found is None and path.casefold().startswith("urn:") and "[" not in path:
        _change_one(resource, path, change)  # a whole extension; what is not known of it is not kept
        return
    if found is None:
        raise ScimRefusedError(f"The path {path[:200]!r} is none.", kind="invalidPath")
    holder = resource
    if found["urn"]:
        holder = _mapping(resource, found["urn"], make=change.op != "remove")
    name, of = _key(holder, found["name"]), found["of"]
    if found["filter"] is not None:
        _change_some(holder, name, read_filter(found["filter"]), of, change)
    elif of:
        _change_one(_mapping(holder, name, make=change.op != "remove"), of, change)
    else:
        _change_one(holder, name, change)


def _change_one(holder: Resource, name: str, change: Change) -> None:
    name = _key(holder, name)
    before = holder.get(name)
    if change.op == "remove":
        if isinstance(before, list) and isinstance(change.value, list):
            holder[name] = [each for each in before if not _is_among(each, change.value)]
        else:
            holder.pop(name, None)
    elif change.value is msgspec.UNSET:
        raise ScimRefusedError(f"A value is needed for {name!r}.")
    elif isinstance(before, list) and change.op == "add":
        more = change.value if isinstance(change.value, list) else [change.value]
        holder[name] = [*before, *(each for each in more if not _is_among(each, before))]
    elif isinstance(before, dict) and isinstance(change.value, dict):
        holder[name] = {**before, **change.value}
    else:
        holder[name] = change.value


def _change_some(holder: Resource, name: str, tests: tuple[Test, ...], of: str, change: Change) -> None:
    """Change those of several values for which a filter holds; one that is not there is added where that is what is wished."""
    items = holder.get(name)
    items = list(items) if isinstance(items, list) else []
    chosen = [each for each in items if isinstance(each, dict) and all(test.holds(each) for test in tests)]
    if change.op == "remove":
        if of:
            for each in chosen:
                each.pop(_key(each, of), None)
        else:
            items = [each for each in items if each not in chosen]
    elif change.value is msgspec.UNSET:
        raise ScimRefusedError(f"A value is needed for {name!r}.")
    else:
        if not chosen:
            chosen = [{test.path[-1]: test.value for test in tests if len(test.path) == 1}]
            items += chosen
        for each in chosen:
            if of:
                each[_key(each, of)] = change.value
            elif isinstance(change.value, dict):
                each.update(change.value)
            else:
                each["value"] = change.value
    holder[name] = items


def _mapping(holder: Resource, name: str, *, make: bool) -> Resource:
    name = _key(holder, name)
    found = holder.get(name)
    if not isinstance(found, dict):
        found = {}
        if make:
            holder[name] = found
    return found


def _key(holder: Resource, name: str) -> str:
    """Return an attribute as it is written there: names are compared without case."""
    return next((key for key in holder if key.casefold() == name.casefold()), name)


def _get(holder: Resource, name: str) -> Any:
    return holder.get(_key(holder, name))


def _is_among(item: Any, others: Sequence[Any]) -> bool:
    mark: Callable[[Any], Any] = lambda each: each.get("value", each) if isinstance(each, dict) else each  # noqa: E731
    return any(mark(item) == mark(each) for each in others)
