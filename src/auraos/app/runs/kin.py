"""What runs have to do with each other: where one comes from, and which one hears of its failure."""

import msgspec

from auraos.app.house import House
from auraos.core.run.facts import RunFinished, RunStarted
from auraos.core.run.identity import hearing_run_id
from auraos.core.run.moving import goes_on_as
from auraos.engine.ports import RunRow


class Kin(msgspec.Struct, frozen=True, kw_only=True):
    """The run that one comes from and how (call, retry, fork, move, failure), the run that hears of its failure, and the one
    that goes on in its place.
    """

    source: RunRow | None = None
    how: str = ""
    heard_by: RunRow | None = None
    moved_to: RunRow | None = None


async def find_kin(house: House, row: RunRow) -> Kin:
    """Return where a run comes from and who hears of its failure, as its journal tells."""
    facts = await house.facts(row.run)
    first, last = facts[0], facts[-1]
    source, how, heard_by = None, "", None
    if isinstance(first, RunStarted) and first.parent is not None:
        source, how = await house.store.find(first.parent.run), first.parent.kind
    if isinstance(last, RunFinished) and last.state in ("failed", "compensated"):
        heard_by = await house.store.find(hearing_run_id(row.run, last.at))
    moved = goes_on_as(facts[-2:])
    moved_to = None if moved is None else await house.store.find(moved.run)
    return Kin(source=source, how=how, heard_by=heard_by, moved_to=moved_to)
