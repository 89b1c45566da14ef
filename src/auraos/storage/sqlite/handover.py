"""What almost every commit writes, handed to SQLite in one call.

Python lets go of its interpreter lock once for each call into SQLite, and a thread that wants it back waits while another
reckons. Row by row the writing thread would therefore wait for the loop again and again, and the disk with it. So the rows of
a whole commit travel as a few JSON texts, and a trigger takes them apart: one call asks who owns the file, writes all rows,
and, where no transaction is open, commits. Meanwhile the loop goes on.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec

from auraos.engine.ports import RunRow, Write
from auraos.storage.texts import check_keys, safe

Row: TypeAlias = tuple[Any, ...]

FENCED = "SQLITE_CONSTRAINT_TRIGGER"
"""The name of the error when another process owns the file; nothing else in the trigger raises by itself."""

_COLUMNS_OF_A_RUN = 16
_encode = msgspec.json.Encoder().encode


def _columns(count: int) -> str:
    return ", ".join(f"value->>{place}" for place in range(count))


_FENCE = """
    select raise(rollback, 'fenced') where new.token <> ''
        and not exists (select 1 from meta where name = 'owner' and value = new.token);
"""
_FACTS = f"""
    insert into journal
        select value->>0, value->>1, value->>2, value->>3, substr(new.facts, value->>4, value->>5)
        from json_each(new.journal);
    insert into results select {_columns(4)} from json_each(new.results);
"""  # noqa: S608 (nothing in it comes from outside)
_ENDED = "select value->>0 from json_each(new.changed) where value->>3 is not null"
_FORGET = " ".join(
    f"delete from {table} where run in ({_ENDED});"  # noqa: S608
    for table in ("timers", "subscriptions", "snapshots")
)
"""What goes with the end of a run."""

_PREPARE = f"""
create temp view handover_of_facts as
    select null as token, null as journal, null as facts, null as results;
create temp trigger hand_over_facts instead of insert on handover_of_facts begin
    {_FENCE} {_FACTS}
end;
create temp view handover as
    select null as token, null as journal, null as facts, null as results, null as runs, null as changed, null as notes;
create temp trigger hand_over instead of insert on handover begin
    {_FENCE}
    insert into runs select {_columns(_COLUMNS_OF_A_RUN)} from json_each(new.runs);
    {_FACTS}
    update runs set state = changed.value->>1, changed_at = changed.value->>2, finished_at = changed.value->>3,
            why = changed.value->>4, asleep = changed.value->>5
        from json_each(new.changed) as changed
        where runs.id = changed.value->>0 and runs.finished_at is null;
    {_FORGET}
    insert into audit_pending select {_columns(4)}, 1 from json_each(new.notes);
end;
"""  # noqa: S608 (nothing in it comes from outside)
_HAND_OVER_FACTS = "insert into handover_of_facts values(?,?,?,?)"
_HAND_OVER = "insert into handover values(?,?,?,?,?,?,?)"
"""Most commits have facts and results only, and what is not there is not paid for."""


def prepare(connection: sqlite3.Connection) -> None:
    """Make ready what `hand_over` needs; it belongs to the connection and leaves nothing in the file."""
    connection.executescript(_PREPARE)


def hand_over(connection: sqlite3.Connection, writes: Sequence[Write], token: str = "") -> bool:
    """Write runs, facts, results, notes and what changed of runs; return whether there was anything to write. With a token, only
    the owner that it marks may; anybody else gets an integrity error named `FENCED`.
    """
    runs: list[Row] = []
    journal: list[Row] = []
    facts: list[bytes] = []
    results: list[Row] = []
    changed: list[Row] = []
    notes: list[Row] = []
    place = 1
    for write in writes:
        check_keys(write)
        if write.row is not None:
            (runs if write.created else changed).append((_whole if write.created else _changes)(write.row))
        if write.count:
            size = len(write.facts)
            journal.append((write.run, write.seq, write.count, write.workspace, place, size))
            facts.append(write.facts)
            place += size
        for path, generation in write.results:
            results.append((write.run, path, generation, write.workspace))
        notes.extend((note.id, note.at, note.workspace, note.body) for note in write.notes)
    written = (token, _text(journal), b"".join(facts), _text(results))
    if runs or changed or notes:
        connection.execute(_HAND_OVER, (*written, _text(runs), _text(changed), _text(notes)))
    elif journal or results:
        connection.execute(_HAND_OVER_FACTS, written)
    else:
        return False
    return True


def _text(rows: list[Row]) -> str:
    return _encode(rows).decode()


def _whole(row: RunRow) -> Row:
    return (
        row.run, row.workspace, row.number, row.workflow, row.version, row.state, row.started_at,
        row.changed_at, row.finished_at, safe(row.why), row.by, row.parent, row.origin, row.awaited, row.asleep,
        row.shard,
    )  # fmt: skip


def _changes(row: RunRow) -> Row:
    return (row.run, row.state, row.changed_at, row.finished_at, safe(row.why), row.asleep)
