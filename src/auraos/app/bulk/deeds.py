"""One deed, done to one run of many; done again, it has the same effect as once."""

from typing import Literal, assert_never

from auraos.app.runs.runs import Asking, Runs
from auraos.core.run.identity import child_run_id
from auraos.engine.ports import RunRow
from auraos.storage.tables.bulk_rows import Bulk


async def do(runs: Runs, asking: Asking, bulk: Bulk, run: str) -> str:
    """Do to a run what is wished, and return the id of the run that was made of it, if one was."""
    deed, row = bulk.deed, await runs.find(bulk.workspace, run)
    match deed.action:
        case "cancel":
            await runs.cancel(asking, row, deed.reason, undo=deed.undo, force=deed.force)
        case "pause":
            await runs.pause(asking, row, deed.reason)
        case "resume":
            await runs.resume(asking, row, deed.variables)
        case "prioritize":
            await runs.prioritize(asking, row, deed.priority)
        case "signal":
            await runs.signal(asking, row, deed.name, deed.data, deed.key, f"bulk-{bulk.id}")
        case "retry" | "fork":
            return await _again(runs, asking, bulk, row, deed.action)
        case _:
            assert_never(deed.action)
    return ""


async def _again(runs: Runs, asking: Asking, bulk: Bulk, row: RunRow, kind: Literal["retry", "fork"]) -> str:
    """Start a new run under an id that follows from the wish, so that it is started once."""
    deed, made = bulk.deed, child_run_id(row.run, f"!bulk/{bulk.id}", bulk.created_at)
    await runs.again(
        asking, row, kind, start_at=deed.start_at, changes=deed.changes or None, repeat=deed.again, version=deed.version,
        made=made,
    )  # fmt: skip
    return made
