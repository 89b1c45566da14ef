"""Reading many runs at once, each with all that brings it into memory: one query a table, however many runs there are."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from auraos.engine.ports import Batch, RunRow, Snapshot, StoredRun
from auraos.storage import rows
from auraos.storage.reader import Reader

_SNAPSHOTS = "select run, seq, stamp, state from snapshots where run in ({marks})"
_JOURNALS = (
    "select j.run, j.seq, j.count, j.facts from journal j left join snapshots s on s.run = j.run"
    " where j.run in ({marks}) and j.seq + j.count - 1 > coalesce(s.seq, 0) order by j.run, j.seq"
)


class _Of(NamedTuple):
    """Something of a run."""

    run: str
    what: Any


async def read_runs(reader: Reader, runs: Collection[str]) -> list[StoredRun]:
    """Return those of these runs that there are."""
    asked = tuple(runs)
    if not asked:
        return []
    marks = ",".join("?" * len(asked))
    journals: dict[str, list[Batch]] = {}
    for run, batch in await reader.all(_JOURNALS.format(marks=marks), asked, _batch):
        journals.setdefault(run, []).append(batch)
    snapshots = {of.run: of.what for of in await reader.all(_SNAPSHOTS.format(marks=marks), asked, _snapshot)}
    found: list[RunRow] = await reader.all(f"{rows.SELECT_RUNS} where id in ({marks})", asked, rows.run_row)
    return [
        StoredRun(row, _from(journals.get(row.run, []), snapshots.get(row.run)), snapshots.get(row.run))
        for row in found
    ]


def _from(journal: list[Batch], snapshot: Snapshot | None) -> list[Batch]:
    """Return what follows the snapshot, which may be newer than the one that the journal was cut by."""
    if snapshot is None:
        return journal
    return [batch for batch in journal if batch.seq + batch.count - 1 > snapshot.seq]


def _snapshot(row: Sequence[Any]) -> _Of:
    return _Of(row[0], Snapshot(seq=row[1], stamp=row[2], state=row[3]))


def _batch(row: Sequence[Any]) -> _Of:
    return _Of(row[0], Batch(seq=row[1], count=row[2], facts=row[3]))
