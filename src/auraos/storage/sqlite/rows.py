"""Changes as rows of SQLite."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from auraos.engine.ports import SNAPSHOT_FROM, LogLine, RunRow, Version, Write
from auraos.storage.rows import gate_columns, log_fields, step_types
from auraos.storage.sqlite import schema
from auraos.storage.texts import check_keys, safe

Row: TypeAlias = tuple[Any, ...]


def write_rows(connection: sqlite3.Connection, writes: Sequence[Write], next_line: Callable[[], int]) -> None:
    """Write the writes in the open transaction: one `executemany` a table is the fastest way into SQLite."""
    wrote = False
    for write in writes:
        check_keys(write)
    for sql, rows in _statements(writes, next_line):
        if rows:
            wrote = True
            connection.executemany(sql, rows)
    if not wrote:  # an empty write asks whether the disk takes anything at all
        connection.execute(schema.PROBE, (str(next_line()),))


def _statements(writes: Sequence[Write], next_line: Callable[[], int]) -> Sequence[tuple[str, list[Row]]]:
    updated = [write.row for write in writes if write.row is not None and not write.created]
    ended = [(row.run,) for row in updated if row.finished_at is not None]
    pruned = [(run, run) for write in writes for run in write.pruned]
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
            [(r.state, r.changed_at, r.finished_at, safe(r.why), r.asleep, r.run) for r in updated],
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
        (schema.PUT_GATE, [gate_columns(row, c.workspace) for c in writes for row in c.gates]),
        (schema.DELETE_GATE, [key for c in writes for key in c.left]),
        (
            schema.PUT_CACHED,
            [(c.workspace, row.key, row.expires, row.value) for c in writes for row in c.cached],
        ),
        (schema.DELETE_EXPIRED, [(c.expired,) for c in writes if c.expired]),
        (schema.REFUSE_REQUEST, [(why, request) for c in writes for request, why in c.refused]),
        (
            schema.PUT_SNAPSHOT,
            [(c.run, s.seq, s.stamp, s.state, c.workspace) for c in writes if (s := c.snapshot) is not None],
        ),
        (schema.FORGET_SNAPSHOT, [(c.run,) for c in writes if c.seq > SNAPSHOT_FROM and _is_end(c)]),
        *((sql, pruned) for sql in schema.PRUNE),
        (schema.INSERT_LOG, [_log(c, line, next_line()) for c in writes for line in c.logs]),
    )


def _is_end(write: Write) -> bool:
    return write.row is not None and write.row.finished_at is not None


def _run(row: RunRow) -> Row:
    return (
        row.run, row.workspace, row.number, row.workflow, row.version, row.state, row.started_at,
        row.changed_at, row.finished_at, safe(row.why), row.by, row.parent, row.origin, row.awaited, row.asleep,
        row.shard,
    )  # fmt: skip


def _version(write: Write, version: Version) -> Row:
    return (
        version.hash, version.kind, version.name, version.text, step_types(version), write.workspace,
    )  # fmt: skip


def _log(write: Write, line: LogLine, number: int) -> Row:
    return (
        line.run, number, line.path, line.attempt, line.at, line.level, safe(line.message), log_fields(line),
        write.workspace,
    )  # fmt: skip
