"""Rows as data, the same in every store: the one place that knows the order in which columns are read."""

from collections.abc import Sequence
from typing import Any

import msgspec

from auraos.core.errors import AuraError
from auraos.core.gate import Gate
from auraos.core.values import from_wire, to_wire
from auraos.engine.ports import Batch, GateRow, LogLine, RequestRow, RunRow, Subscription, Timer, Version
from auraos.storage.texts import safe

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

SELECT_RUNS = (
    "select id, workspace, number, workflow, version, state, started_at, changed_at, finished_at, why,"
    " started_by, parent, origin, awaited, asleep, shard from runs"
)


SELECT_GATES = (
    "select g.run, g.gate, g.setting, g.key, g.most, g.per, g.when_full, g.born, g.priority, g.admitted_at, g.shard,"
    " r.id is null or r.finished_at is not null from gates g left join runs r on r.id = g.run"
)
AFTER_GATE = "(g.gate, g.run) > (?, ?) order by g.gate, g.run limit ?"


def run_row(row: Sequence[Any]) -> RunRow:
    """Return the projection from the columns of `SELECT_RUNS`."""
    return RunRow(
        run=row[0], workspace=row[1], number=row[2], workflow=row[3], version=row[4], state=row[5],
        started_at=row[6], changed_at=row[7], finished_at=row[8], why=row[9], by=row[10], parent=row[11],
        origin=row[12], awaited=bool(row[13]), asleep=bool(row[14]), shard=row[15],
    )  # fmt: skip


def gate_row(row: Sequence[Any]) -> GateRow:
    """Return a row of gates from the columns of `SELECT_GATES`."""
    gate = Gate(name=row[1], setting=row[2], key=row[3], limit=row[4], per=row[5], when_full=row[6])
    return GateRow(
        run=row[0], gate=gate, born=row[7], priority=row[8], admitted_at=row[9], shard=row[10],
        is_over=bool(row[11]),
    )  # fmt: skip


def gate_columns(row: GateRow, workspace: str) -> tuple[Any, ...]:
    """Return what is written of a row of gates, in the order of its columns."""
    gate = row.gate
    return (
        gate.name, row.run, workspace, gate.setting, safe(gate.key), gate.limit, gate.per, gate.when_full, row.born,
        row.priority, row.admitted_at, row.shard,
    )  # fmt: skip


def batch(row: Sequence[Any]) -> Batch:
    return Batch(seq=row[0], count=row[1], facts=row[2])


def timer(row: Sequence[Any]) -> Timer:
    return Timer(run=row[0], path=row[1], timer=row[2], due=row[3])


def subscription(row: Sequence[Any]) -> Subscription:
    return Subscription(run=row[0], path=row[1], type=row[2], shard=row[3])


def request(row: Sequence[Any]) -> RequestRow:
    return RequestRow(id=row[0], run=row[1], kind=row[2], body=row[3], shard=row[4])


def refusal(row: Sequence[Any]) -> bytes | None:
    return None if row[0] is None else bytes(row[0])


def log_line(row: Sequence[Any]) -> LogLine:
    return LogLine(
        run=row[0],
        path=row[1],
        attempt=row[2],
        at=row[3],
        level=row[4],
        message=row[5],
        fields=from_wire(_decode(row[6])),
    )


def version(row: Sequence[Any]) -> Version:
    return Version(hash=row[0], kind=row[1], name=row[2], text=row[3], step_types=_decode(row[4]))


def log_fields(line: LogLine) -> bytes:
    """Return the fields of a log line as they are kept. A line that says what cannot be kept still says so."""
    try:
        return _encode(to_wire(line.fields))
    except (AuraError, ValueError, TypeError) as error:
        return _encode({"refused": safe(str(error))})


def step_types(version: Version) -> str:
    """Return what stands beside the text of a version, as it is kept."""
    return _encode(version.step_types).decode()
