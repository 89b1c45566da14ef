"""Changes as rows of SQLite: what few commits write, by a statement for each table."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from auraos.engine.ports import LogLine, Version, Write
from auraos.storage.rows import gate_columns, log_fields, step_types
from auraos.storage.sqlite import schema
from auraos.storage.sqlite.handover import hand_over
from auraos.storage.texts import safe

Row: TypeAlias = tuple[Any, ...]


def write_rows(connection: sqlite3.Connection, writes: Sequence[Write], next_line: Callable[[], int]) -> None:
    """Write the writes in the open transaction."""
    wrote = write_rest(connection, writes, next_line)
    if not (
        hand_over(connection, writes) or wrote
    ):  # an empty write asks whether the disk takes anything at all
        connection.execute(schema.PROBE, (str(next_line()),))


def write_rest(connection: sqlite3.Connection, writes: Sequence[Write], next_line: Callable[[], int]) -> bool:
    """Write what is not handed over in one call; return whether there was any."""
    wrote = False
    for sql, rows in _statements([write for write in writes if not write.is_plain], next_line):
        if rows:
            wrote = True
            connection.executemany(sql, rows)
    return wrote


def _statements(writes: Sequence[Write], next_line: Callable[[], int]) -> Sequence[tuple[str, list[Row]]]:
    pruned = [(run, run) for write in writes for run in write.pruned]
    return (
        (
            schema.PUT_VERSION,
            [_version(write, version) for write in writes for version in write.versions],
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
        *((sql, pruned) for sql in schema.PRUNE),
        (schema.INSERT_LOG, [_log(c, line, next_line()) for c in writes for line in c.logs]),
    )


def _version(write: Write, version: Version) -> Row:
    return (
        version.hash, version.kind, version.name, version.text, step_types(version), write.workspace,
    )  # fmt: skip


def _log(write: Write, line: LogLine, number: int) -> Row:
    return (
        line.run, number, line.path, line.attempt, line.at, line.level, safe(line.message), log_fields(line),
        write.workspace,
    )  # fmt: skip
