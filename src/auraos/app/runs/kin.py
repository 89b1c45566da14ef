"""What runs have to do with each other: where one comes from, and which one hears of its failure."""

import msgspec

from auraos.app.house import House
from auraos.core.run.facts import RunFinished, RunStarted
from auraos.core.run.identity import hearing_run_id
from auraos.engine.ports import RunRow


class Kin(msgspec.Struct, frozen=True, kw_only=True):
    """The run that one comes from and how (call, retry, fork, failure), and the run that hears of its failure."""

    source: RunRow | None = None
    how: str = ""
    heard_by: RunRow | None = None


async def find_kin(house: House, row: RunRow) -> Kin:
    """Return where a run comes from and who hears of its failure, as its journal tells."""
    facts = await house.facts(row.run)
    first, last = facts[0], facts[-1]
    source, how, heard_by = None, "", None
    if isinstance(first, RunStarted) and first.parent is not None:
        source, how = await house.store.find(first.parent.run), first.parent.kind
    if isinstance(last, RunFinished) and last.state in ("failed", "compensated"):
        heard_by = await house.store.find(hearing_run_id(row.run, last.at))
    return Kin(source=source, how=how, heard_by=heard_by)
