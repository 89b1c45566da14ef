"""Which runs are held for the law, as it is looked up before anything is deleted or erased."""

from collections.abc import Awaitable, Callable, Sequence

from auraos.security.privacy.holds import HeldRuns
from auraos.security.privacy.rows import LegalHold
from auraos.storage.tables.privacy import PrivacyTables
from auraos.storage.tables.statement import Tables


def holding(tables: Tables) -> Callable[[], Awaitable[HeldRuns]]:
    """Return what looks up which runs of a store are held."""
    rows = PrivacyTables(tables)

    async def look() -> HeldRuns:
        return await held_runs(rows, await rows.all(LegalHold))

    return look


async def held_runs(rows: PrivacyTables, holds: Sequence[LegalHold]) -> HeldRuns:
    """Return which runs these holds keep."""
    by_subject = {
        (hold.workspace, run): hold.thing
        for hold in holds
        if hold.kind == "subject"
        for run in await rows.runs_of(hold.workspace, [hold.thing])
    }
    return HeldRuns(holds, by_subject)
