"""How entries of the audit trail come into the tables, with whatever they tell of, in one transaction."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec

from auraos.security.audit import Kept, link
from auraos.security.audit.parts import AnyEntry
from auraos.storage.tables.statement import Statement

HEAD: Final = "select seq, hash from audit_head where one=1"
COLUMNS: Final = ", ".join(Kept.__struct_fields__)
AT_ONCE: Final = 100
"""So many links are written by one statement."""
_ROW: Final = f"({','.join('?' * len(Kept.__struct_fields__))})"
_MOVE: Final = "update audit_head set seq=?, hash=? where one=1"


def head_of(row: Sequence[Any]) -> tuple[int, str]:
    """Return number and hash of the last link from the columns of `HEAD`."""
    return int(row[0]), str(row[1])


def statements_for(
    head: tuple[int, str], entries: Sequence[AnyEntry], new_salt: Callable[[], str]
) -> Iterator[Statement]:
    """Yield what binds entries to the end of the chain. The row of the head is held by the transaction."""
    for start in range(0, len(entries), AT_ONCE):
        links = list(link(*head, entries[start : start + AT_ONCE], new_salt))
        values = [value for kept in links for value in msgspec.structs.astuple(kept)]
        rows = ",".join([_ROW] * len(links))
        yield Statement(f"insert into audit({COLUMNS}) values {rows}", tuple(values), expect=len(links))
        head = links[-1].seq, links[-1].hash
    yield Statement(_MOVE, head)
