"""A batch of writes as one statement: one way to the server and back, one transaction, guarded by the fence.

Each table that a batch touches is one data-modifying part of the statement, fed from columns. A column travels as one text
with separators, which the server takes apart: the driver spends a third of the time on it that it spends on an array. The
fence locks the owner's
row and is read by every part: where the row is gone, no part writes anything. All parts see the tables as they were before
the statement, so a batch holds one write of a run at most, and what would meet in one row is settled here.
"""

from collections.abc import Iterable, Sequence
from secrets import token_hex
from typing import Any, NamedTuple, TypeAlias

from auraos.engine.ports import SNAPSHOT_FROM, RequestRow, RunRow, Write
from auraos.storage.rows import gate_columns, log_fields, step_types
from auraos.storage.texts import check_keys, safe

Row: TypeAlias = tuple[Any, ...]
Rows: TypeAlias = dict[str, Sequence[Row]]


class Part(NamedTuple):
    """What is done to one table. `{rows}` stands for its columns, `{guard}` for the question whether the fence stands."""

    sql: str
    types: tuple[str, ...]


_T, _N, _B, _F = "text", "bigint", "bytea", "boolean"
_FENCE = "fence as (select token from owners where token = $1 for share)"
_GUARD = "exists (select from fence)"
_SEPARATOR = "\x1f"

OF_A_RUN = (
    "journal", "results", "logs", "snapshots", "timers", "subscriptions", "requests", "gates", "run_keys",
)  # fmt: skip
PARTS: dict[str, Part] = {
    "versions": Part(
        "insert into definition_versions(hash, kind, name, text, step_types, workspace)"
        " select * from {rows} where {guard} on conflict do nothing",
        (_T, _T, _T, _T, _T, _T),
    ),
    "runs": Part(
        "insert into runs(id, workspace, number, workflow, version, state, started_at, changed_at, finished_at, why,"
        " started_by, parent, origin, awaited, asleep, shard) select * from {rows} where {guard}",
        (_T, _T, _N, _T, _T, _T, _N, _N, _N, _T, _T, _T, _T, _F, _F, _N),
    ),
    "notes": Part(
        "insert into audit_pending(id, at, workspace, body, known) select *, 1 from {rows} where {guard}",
        (_T, _N, _T, _T),
    ),
    "facts": Part(
        "insert into journal(run, seq, count, workspace, facts) select * from {rows} where {guard}",
        (_T, _N, _N, _T, _B),
    ),
    "results": Part(
        "insert into results(run, path, generation, workspace) select * from {rows} where {guard}",
        (_T, _T, _N, _T),
    ),
    "updated": Part(
        "update runs set state=u.state, changed_at=u.changed_at, finished_at=u.finished_at, why=u.why, asleep=u.asleep"
        " from {rows} as u(id, state, changed_at, finished_at, why, asleep)"
        " where runs.id=u.id and runs.finished_at is null and {guard}",
        (_T, _T, _N, _N, _T, _F),
    ),
    "stopped": Part(
        "delete from timers t using {rows} as d(run, path, timer)"
        " where t.run=d.run and t.path=d.path and t.timer=d.timer and {guard}",
        (_T, _T, _T),
    ),
    "timers": Part(
        "insert into timers(run, path, timer, due, workspace, shard) select * from {rows} where {guard}"
        " on conflict (run, path, timer) do update"
        " set due=excluded.due, workspace=excluded.workspace, shard=excluded.shard",
        (_T, _T, _T, _N, _T, _N),
    ),
    "unsubscribed": Part(
        "delete from subscriptions s using {rows} as d(type, run, path)"
        " where s.type=d.type and s.run=d.run and s.path=d.path and {guard}",
        (_T, _T, _T),
    ),
    "subscriptions": Part(
        "insert into subscriptions(type, run, path, workspace, shard) select * from {rows} where {guard}"
        " on conflict do nothing",
        (_T, _T, _T, _T, _N),
    ),
    "timers_of_ended": Part(
        "delete from timers t using {rows} as d(run) where t.run=d.run and {guard}",
        (_T,),
    ),
    "subscriptions_of_ended": Part(
        "delete from subscriptions s using {rows} as d(run) where s.run=d.run and {guard}",
        (_T,),
    ),
    "requests": Part(
        "insert into requests(id, run, kind, workspace, body, shard, refusal) select * from {rows} where {guard}"
        " on conflict do nothing",
        (_T, _T, _T, _T, _B, _N, _B),
    ),
    "answered": Part("delete from requests q using {rows} as d(id) where q.id=d.id and {guard}", (_T,)),
    "gates": Part(
        "insert into gates(gate, run, workspace, setting, key, most, per, when_full, born, priority, admitted_at, shard)"
        " select * from {rows} where {guard} on conflict (gate, run) do update set most=excluded.most, per=excluded.per,"
        " when_full=excluded.when_full, priority=excluded.priority, admitted_at=excluded.admitted_at",
        (_T, _T, _T, _T, _T, _N, _N, _T, _N, _N, _N, _N),
    ),
    "left": Part(
        "delete from gates g using {rows} as d(gate, run) where g.gate=d.gate and g.run=d.run and {guard}",
        (_T, _T),
    ),
    "cached": Part(
        "insert into cache(workspace, key, expires, value) select * from {rows} where {guard}"
        " on conflict (workspace, key) do update set expires=excluded.expires, value=excluded.value",
        (_T, _T, _N, _B),
    ),
    "expired": Part(
        "delete from cache c using (select k.workspace, k.key from cache k, {rows} as d(until) where k.expires <= d.until"
        " order by k.expires limit 500 for update of k skip locked) as old"
        " where c.workspace=old.workspace and c.key=old.key and {guard}",
        (_N,),
    ),
    "refused": Part(
        "update requests set refusal=u.refusal from {rows} as u(id, refusal)"
        " where requests.id=u.id and {guard}",
        (_T, _B),
    ),
    "snapshots": Part(
        "insert into snapshots(run, seq, stamp, state, workspace) select * from {rows} where {guard}"
        " on conflict (run) do update set seq=excluded.seq, stamp=excluded.stamp, state=excluded.state",
        (_T, _N, _T, _B, _T),
    ),
    "snapshots_of_ended": Part(
        "delete from snapshots s using {rows} as d(run) where s.run=d.run and {guard}", (_T,)
    ),
    **{
        f"pruned_{table}": Part(
            f"delete from {table} t using {{rows}} as d(run), runs r where t.run=d.run and r.id=d.run"  # noqa: S608
            " and r.finished_at is not null and {guard}",
            (_T,),
        )
        for table in OF_A_RUN
    },
    "pruned_runs": Part(
        "delete from runs r using {rows} as d(run) where r.id=d.run and r.finished_at is not null and {guard}",
        (_T,),
    ),
    "logs": Part(
        "insert into logs(run, path, attempt, at, level, message, fields, workspace)"
        " select * from {rows} where {guard}",
        (_T, _T, _N, _N, _T, _T, _B, _T),
    ),
    "probed": Part(
        "insert into meta(name, value) select * from {rows} where {guard}"
        " on conflict (name) do update set value=excluded.value",
        (_T, _T),
    ),
}


def statement_of(parts: Iterable[str], *, is_fenced: bool = True) -> str:
    """Return the statement that writes to these tables; its parameters are the token, the separator and the columns."""
    place = 3
    written = [_FENCE if is_fenced else "fence as (select $1::text as token)"]
    for name in parts:
        part = PARTS[name]
        arrays = ", ".join(_array(f"${place + at}", kind) for at, kind in enumerate(part.types))
        written.append(f"{name}_part as ({part.sql.format(rows=f'unnest({arrays})', guard=_GUARD)})")
        place += len(part.types)
    return f"with {', '.join(written)} select count(*) from fence"  # noqa: S608 (all of it stands in this file)


def _array(parameter: str, kind: str) -> str:
    """Return the words that make an array of a column."""
    if kind == _B:
        return f"{parameter}::bytea[]"
    if kind == _T:  # a text without any character would be an array without any element
        return (
            f"case {parameter}::text when '' then array[''] else string_to_array({parameter}, $2::text) end"
        )
    return f"string_to_array({parameter}::text, $2::text, 'None')::{kind}[]"


def columns_of(rows: Rows) -> list[Any]:
    """Return the parameters of a statement after the token: the separator, and the columns of each part."""
    separator = _SEPARATOR
    while (columns := _joined(rows, separator)) is None:
        separator = _SEPARATOR + token_hex(8)
    return [separator, *columns]


def _joined(rows: Rows, separator: str) -> list[Any] | None:
    """Return the columns, or None if one of their texts holds the separator."""
    columns: list[Any] = []
    for name, found in rows.items():
        between = len(found) - 1
        for kind, column in zip(PARTS[name].types, zip(*found, strict=True), strict=True):
            if kind == _B:
                columns.append(column)
            elif kind == _T:
                joined = separator.join(column)
                if joined.count(separator) != between:
                    return None
                columns.append(joined)
            else:
                columns.append(separator.join(map(str, column)))
    return columns


def rows_of(writes: Sequence[Write]) -> Rows:
    """Return the rows of a batch by the part that writes them; raise `ValueError` for what no store keeps."""
    for write in writes:
        check_keys(write)
    updated = [write.row for write in writes if write.row is not None and not write.created]
    ended = [(row.run,) for row in updated if row.finished_at is not None]
    gone = {run for (run,) in ended}
    rows: Rows = {
        "versions": [
            (each.hash, each.kind, each.name, each.text, step_types(each), write.workspace)
            for write in writes
            for each in write.versions
        ],
        "runs": [_run(write.row) for write in writes if write.created and write.row is not None],
        "facts": [(w.run, w.seq, w.count, w.workspace, w.facts) for w in writes if w.count],
        "results": [(w.run, path, number, w.workspace) for w in writes for path, number in w.results],
        "updated": [(r.run, r.state, r.changed_at, r.finished_at, safe(r.why), r.asleep) for r in updated],
        "timers_of_ended": ended,
        "subscriptions_of_ended": ended,
        "snapshots": [
            (w.run, s.seq, s.stamp, s.state, w.workspace)
            for w in writes
            if (s := w.snapshot) is not None and w.run not in gone
        ],
        "snapshots_of_ended": [(w.run,) for w in writes if w.seq > SNAPSHOT_FROM and w.run in gone],
        "logs": [
            (e.run, e.path, e.attempt, e.at, e.level, safe(e.message), log_fields(e), w.workspace)
            for w in writes
            for e in w.logs
        ],
    }
    pruned = [(run,) for write in writes for run in write.pruned]
    if pruned:
        rows.update({name: pruned for name in PARTS if name.startswith("pruned_")})
    _add_waits(rows, writes, gone)
    _add_requests(rows, writes)
    _add_gates(rows, writes)
    _add_outputs(rows, writes)
    found = {name: rows[name] for name in PARTS if rows.get(name)}
    return found or {"probed": [("probed", writes[0].run)]}


def _add_waits(rows: Rows, writes: Sequence[Write], gone: set[str]) -> None:
    """Add timers and subscriptions: what is put stays where the same one is taken back, and nothing stays of an end."""
    timers: dict[Row, Row] = {}
    subscriptions: dict[Row, Row] = {}
    for write in writes:
        if write.run in gone:
            continue
        for t in write.timers:
            timers[t.run, t.path, t.timer] = (t.run, t.path, t.timer, t.due, write.workspace, write.shard)
        for s in write.subscriptions:
            subscriptions.setdefault(
                (s.type, s.run, s.path), (s.type, s.run, s.path, write.workspace, write.shard)
            )
    rows["timers"] = list(timers.values())
    rows["subscriptions"] = list(subscriptions.values())
    rows["stopped"] = [
        key for w in writes for path, timer in w.stopped if (key := (w.run, path, timer)) not in timers
    ]
    rows["unsubscribed"] = [
        key
        for w in writes
        for path, kind in w.unsubscribed
        if (key := (kind, w.run, path)) not in subscriptions
    ]


def _add_requests(rows: Rows, writes: Sequence[Write]) -> None:
    """Add requests: what is answered goes, also one of the same batch, and a refusal of one rides on its row."""
    answered = {request for write in writes for request in write.answered}
    refused = {request: why for write in writes for request, why in write.refused if request not in answered}
    rows["requests"] = [
        _request(request, write.workspace, refused.pop(request.id, None))
        for write in writes
        for request in write.requests
        if request.id not in answered
    ]
    rows["answered"] = [(request,) for request in answered]
    rows["refused"] = list(refused.items())
    rows["notes"] = [(each.id, each.at, each.workspace, each.body) for w in writes for each in w.notes]


def _add_gates(rows: Rows, writes: Sequence[Write]) -> None:
    """Add rows of gates: what goes is not put, and of what is put twice the last one stands."""
    left = {key for write in writes for key in write.left}
    put = {(row.gate.name, row.run): gate_columns(row, w.workspace) for w in writes for row in w.gates}
    rows["gates"] = [columns for key, columns in put.items() if key not in left]
    rows["left"] = list(left)


def _add_outputs(rows: Rows, writes: Sequence[Write]) -> None:
    """Add outputs that may be used again, each key once, and in one order: another process may write the same keys."""
    put = {(w.workspace, row.key): (row.expires, row.value) for w in writes for row in w.cached}
    rows["cached"] = [(*key, *put[key]) for key in sorted(put)]
    expired = max((write.expired for write in writes), default=0)
    rows["expired"] = [(expired,)] if expired else []


def _request(row: RequestRow, workspace: str, refusal: bytes | None) -> Row:
    return (row.id, row.run, row.kind, workspace, row.body, row.shard, refusal)


def _run(row: RunRow) -> Row:
    return (
        row.run, row.workspace, row.number, row.workflow, row.version, row.state, row.started_at,
        row.changed_at, row.finished_at, safe(row.why), row.by, row.parent, row.origin, row.awaited, row.asleep,
        row.shard,
    )  # fmt: skip
