"""How entries of the audit trail come into the tables, with whatever they tell of, in one transaction."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from auraos.core.audit import Entry
from auraos.security.audit import link
from auraos.storage.tables.statement import Statement

HEAD = "select seq, hash from audit_head where one=1"
_INSERT = (
    "insert into audit(seq, at, workspace, actor, action, object, outcome, digest, hash, salt, body)"
    " values(?,?,?,?,?,?,?,?,?,?,?)"
)
_MOVE = "update audit_head set seq=?, hash=? where one=1"


def head_of(row: Sequence[Any]) -> tuple[int, str]:
    """Return number and hash of the last link from the columns of `HEAD`."""
    return int(row[0]), str(row[1])


def statements_for(
    head: tuple[int, str], entries: Sequence[Entry], new_salt: Callable[[], str]
) -> Iterator[Statement]:
    """Yield what binds entries to the end of the chain. The row of the head is held by the transaction."""
    seq, last = head
    for kept in link(seq, last, entries, new_salt):
        entry, bound = kept.entry, kept.link
        about = f"{entry.object.kind}/{entry.object.name}" if entry.object is not None else ""
        yield Statement(
            _INSERT,
            (
                bound.seq, entry.at, entry.workspace, entry.actor.id, entry.action, about, entry.outcome,
                bound.digest, bound.hash, kept.salt, kept.body,
            ),
        )  # fmt: skip
        seq, last = bound.seq, bound.hash
    yield Statement(_MOVE, (seq, last))
