"""Changes as rows, and rows as data: the one place that knows the order of columns."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import msgspec

from auraos.core.values import from_wire, to_wire
from auraos.engine.ports import Batch, LogLine, RequestRow, RunRow, Subscription, Timer, Version, Write
from auraos.storage.sqlite import schema

Row: TypeAlias = tuple[Any, ...]
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def write_rows(connection: sqlite3.Connection, writes: Sequence[Write], next_line: Callable[[], int]) -> None:
    """Write the writes in the open transaction: one `executemany` a table is the fastest way into SQLite."""
    wrote = False
    for sql, rows in _statements(writes, next_line):
        if rows:
            wrote = True
            connection.executemany(sql, rows)
    if not wrote:  # an empty write asks whether the disk takes anything at all
        connection.execute(schema.PROBE, (str(next_line()),))


def _statements(writes: Sequence[Write], next_line: Callable[[], int]) -> Sequence[tuple[str, list[Row]]]:
    updated = [write.row for write in writes if write.row is not None and not write.created]
    ended = [(row.run,) for row in updated if row.finished_at is not None]
    return (
        (
            schema.PUT_VERSION,
            [_version(write, version) for write in writes for version in write.versions],
        ),
        (
            schema.INSERT_RUN,
            [_run(write.row) for write in writes if write.created and write.row is not None],
        ),
        (schema.INSERT_FACTS, [(c.run, c.seq, c.count, c.workspace, c.facts) for c in writes if c.count]),
        (
            schema.INSERT_RESULT,
            [(c.run, path, number, c.workspace) for c in writes for path, number in c.results],
        ),
        (
            schema.UPDATE_RUN,
            [(r.state, r.changed_at, r.finished_at, r.why, r.asleep, r.run) for r in updated],
        ),
        (schema.DELETE_TIMER, [(c.run, path, timer) for c in writes for path, timer in c.stopped]),
        (
            schema.PUT_TIMER,
            [(t.run, t.path, t.timer, t.due, c.workspace, c.shard) for c in writes for t in c.timers],
        ),
        (
            schema.DELETE_SUBSCRIPTION,
            [(type_, c.run, path) for c in writes for path, type_ in c.unsubscribed],
        ),
        (
            schema.PUT_SUBSCRIPTION,
            [(s.type, s.run, s.path, c.workspace, c.shard) for c in writes for s in c.subscriptions],
        ),
        (schema.FORGET_TIMERS, ended),
        (schema.FORGET_SUBSCRIPTIONS, ended),
        (
            schema.INSERT_REQUEST,
            [(r.id, r.run, r.kind, c.workspace, r.body, r.shard) for c in writes for r in c.requests],
        ),
        (schema.DELETE_REQUEST, [(request,) for c in writes for request in c.answered]),
        (schema.REFUSE_REQUEST, [(why, request) for c in writes for request, why in c.refused]),
        (schema.INSERT_LOG, [_log(c, line, next_line()) for c in writes for line in c.logs]),
    )


def _run(row: RunRow) -> Row:
    return (
        row.run, row.workspace, row.number, row.workflow, row.version, row.state, row.started_at,
        row.changed_at, row.finished_at, row.why, row.by, row.parent, row.origin, row.awaited, row.asleep,
        row.shard,
    )  # fmt: skip


def _version(write: Write, version: Version) -> Row:
    beside = _encode(version.step_types).decode()
    return (version.hash, version.kind, version.name, version.text, beside, write.workspace)


def _log(write: Write, line: LogLine, number: int) -> Row:
    fields = _encode(to_wire(line.fields))
    return (
        line.run,
        number,
        line.path,
        line.attempt,
        line.at,
        line.level,
        line.message,
        fields,
        write.workspace,
    )


def run_row(row: Row) -> RunRow:
    """Return the projection from the columns of `schema.SELECT_RUNS`."""
    return RunRow(
        run=row[0], workspace=row[1], number=row[2], workflow=row[3], version=row[4], state=row[5],
        started_at=row[6], changed_at=row[7], finished_at=row[8], why=row[9], by=row[10], parent=row[11],
        origin=row[12], awaited=bool(row[13]), asleep=bool(row[14]), shard=row[15],
    )  # fmt: skip


def batch(row: Row) -> Batch:
    return Batch(seq=row[0], count=row[1], facts=row[2])


def timer(row: Row) -> Timer:
    return Timer(run=row[0], path=row[1], timer=row[2], due=row[3])


def subscription(row: Row) -> Subscription:
    return Subscription(run=row[0], path=row[1], type=row[2], shard=row[3])


def request(row: Row) -> RequestRow:
    return RequestRow(id=row[0], run=row[1], kind=row[2], body=row[3], shard=row[4])


def refusal(row: Row) -> bytes | None:
    return None if row[0] is None else bytes(row[0])


def log_line(row: Row) -> LogLine:
    return LogLine(
        run=row[0],
        path=row[1],
        attempt=row[2],
        at=row[3],
        level=row[4],
        message=row[5],
        fields=from_wire(_decode(row[6])),
    )


def version(row: Row) -> Version:
    return Version(hash=row[0], kind=row[1], name=row[2], text=row[3], step_types=_decode(row[4]))
