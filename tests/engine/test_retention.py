"""Which runs go when, and what goes with them."""

import os
import sqlite3
import time
from datetime import timedelta

from engine_house import House, flow

DAY = 24 * 3600 * 1_000_000
SHORT = "one: {type: test.write}"
WAITING = "paid: {type: wait.signal, with: {name: paid}}"


async def done(house: House, settings: str = "", name: str = "w") -> str:
    run = await house.start(flow(SHORT, name=name, extra=f"  settings: {{{settings}}}" if settings else ""))
    await house.engine.wait(run)
    return run


async def test_a_run_goes_when_its_time_has_come_and_a_workflow_may_say_its_own(house: House) -> None:
    usual = await done(house)
    short = await done(house, "retention: 1d", "short")
    ever = await done(house, "retention: 36500d", "ever")
    waits = await house.start(flow(WAITING))
    house.engine.retention.default = timedelta(days=30)
    house.clock.ahead = 2 * DAY
    first = await house.engine.retention.prune()
    house.clock.ahead = 31 * DAY
    dry = await house.engine.retention.prune(is_dry=True)
    second = await house.engine.retention.prune()
    assert (first.runs, dry.runs, second.runs) == (1, 1, 1)
    found = [await house.store.find(run) is not None for run in (usual, short, ever, waits)]
    assert found == [False, False, True, True]


async def test_without_a_default_nothing_goes_by_itself_and_what_is_asked_for_goes(house: House) -> None:
    run = await done(house)
    house.clock.ahead = 400 * DAY
    assert (await house.engine.retention.prune()).runs == 0
    assert (await house.engine.retention.prune(timedelta(days=399))).runs == 1
    assert await house.store.find(run) is None


async def test_the_blobs_of_a_run_go_with_it_and_orphans_after_a_day(house: House) -> None:
    async def large(settings: object, context: object) -> object:
        return "x" * 100_000

    house.steps.work = large
    run = await done(house)
    folder = house.path / "blobs" / "default" / run
    assert any(folder.iterdir())
    for name, age in (("orphan", 25), ("young", 23)):
        made = folder.with_name(name)
        made.mkdir()
        os.utime(made, (time.time() - age * 3600,) * 2)
    pruned = await house.engine.retention.prune(timedelta())
    assert (pruned.runs, pruned.orphans) == (1, 1)
    assert sorted(left.name for left in folder.parent.iterdir()) == ["young"]


async def test_nothing_goes_while_a_backup_reads_the_blobs(house: House) -> None:
    await done(house)
    house.engine.retention.may_sweep = lambda: False
    assert (await house.engine.retention.prune(timedelta())).runs == 0


async def test_what_was_pruned_is_given_back_to_the_disk(house: House) -> None:
    async def middling(settings: object, context: object) -> object:
        return "x" * 60_000

    house.steps.work = middling
    version = house.definitions.add(flow(SHORT))
    for _ in range(60):
        await house.engine.run(version)
    await house.engine.retention.prune(timedelta())
    await house.close()
    size = (house.path / "auraos.db").stat().st_size
    connection = sqlite3.connect(house.path / "auraos.db")
    (free,) = connection.execute("pragma freelist_count").fetchone()
    connection.close()
    await house.open()
    assert size < 2_000_000
    assert free < 400
