"""Texts that every store keeps alike: what one database takes and the other refuses is treated before either sees it.

PostgreSQL keeps no NUL in a text, SQLite does; neither encodes half of a surrogate pair; PostgreSQL has no room in an
index for a very long key. What a person is only to read is made safe; a name or a key is refused, since a changed one
would be another.
"""

from typing import Any

from auraos.engine.ports import Write

LONGEST_KEY = 1000
"""Bytes of a path, a name or a type of event that rows are found by."""

_NUL = "\0"


def is_storable(value: Any) -> bool:
    """Return whether every store could hold this as a text; what is no text is not judged."""
    if not isinstance(value, str):
        return True
    if _NUL in value:
        return False
    return value.isascii() or value == value.encode(errors="replace").decode()


def safe(text: str) -> str:
    """Return a text to be read by people in a form that every store keeps."""
    if text.isascii() and _NUL not in text:
        return text
    return text.replace(_NUL, "\N{SYMBOL FOR NULL}").encode(errors="replace").decode()


def check_keys(write: Write) -> None:
    """Raise `ValueError` for a write that names something by a text which not every store can look up."""
    for path, _ in write.results:
        _check_key(path)
    row = write.row
    if row is not None and write.created:
        for key in (row.run, row.workspace, row.workflow, row.version, row.by, row.parent):
            _check_key(key)
    if write.is_plain:
        return
    for timer in write.timers:
        _check_key(timer.path)
        _check_key(timer.timer)
    for subscription in write.subscriptions:
        _check_key(subscription.type)
        _check_key(subscription.path)
    for request in write.requests:
        _check_key(request.id)
        _check_key(request.run)
    for line in write.logs:
        _check_key(line.path)
    for version in write.versions:
        for key in (version.hash, version.kind, version.name):
            _check_key(key)
        if not is_storable(version.text):
            raise ValueError(f"the text of {version.name!r} holds a NUL or half of a character")


def _check_key(key: str) -> None:
    if key.isascii() and len(key) <= LONGEST_KEY and _NUL not in key:
        return
    if not is_storable(key):
        raise ValueError(f"{key[:60]!r} holds a NUL or half of a character")
    if len(key.encode()) > LONGEST_KEY:
        raise ValueError(f"{key[:60]!r}… is longer than {LONGEST_KEY} bytes")
