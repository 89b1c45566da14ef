"""How entries of the audit trail come into the tables, with whatever they tell of, in one transaction."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec

from auraos.core.audit import Entry
from auraos.security.audit import Kept, link
from auraos.storage.tables.statement import Statement

HEAD: Final = "select seq, hash from audit_head where one=1"
COLUMNS: Final = ", ".join(Kept.__struct_fields__)
_INSERT: Final = f"insert into audit({COLUMNS}) values({','.join('?' * len(Kept.__struct_fields__))})"
_MOVE: Final = "update audit_head set seq=?, hash=? where one=1"


def head_of(row: Sequence[Any]) -> tuple[int, str]:
    """Return number and hash of the last link from the columns of `HEAD`."""
    return int(row[0]), str(row[1])


def statements_for(
    head: tuple[int, str], entries: Sequence[Entry], new_salt: Callable[[], str]
) -> Iterator[Statement]:
    """Yield what binds entries to the end of the chain. The row of the head is held by the transaction."""
    seq, last = head
    for kept in link(seq, last, entries, new_salt):
        yield Statement(_INSERT, msgspec.structs.astuple(kept))
        seq, last = kept.seq, kept.hash
    yield Statement(_MOVE, (seq, last))
