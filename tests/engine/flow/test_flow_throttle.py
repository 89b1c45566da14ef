"""`throttle`: so many runs begin in a time; further ones wait, over a restart too."""

import itertools

from engine_house import House
from flow_house import end_of, later, limited, state_of

TWO_A_MINUTE = limited("throttle: {limit: 2, per: 1m}", "say: {type: noop}")


async def test_further_runs_begin_when_the_time_of_those_before_them_is_over(house: House) -> None:
    runs = [await house.start(TWO_A_MINUTE) for _ in range(5)]
    await house.engine.drive_until_idle()
    assert [await state_of(house, run) for run in runs] == ["succeeded"] * 2 + ["queued"] * 3
    assert await house.engine.places(runs[3]) == {"": "throttle: 2 of 2 begun in this time, 1 ahead"}
    await later(house, 59)
    assert await state_of(house, runs[2]) == "queued"
    await later(house, 2)
    assert [await state_of(house, run) for run in runs] == ["succeeded"] * 4 + ["queued"]
    await later(house, 61)
    assert await state_of(house, runs[4]) == "succeeded"


async def test_a_short_time_passes_by_itself(house: House) -> None:
    text = limited("throttle: {limit: 1, per: 50ms}", "say: {type: noop}")
    runs = [await house.start(text) for _ in range(3)]
    assert [(await house.engine.wait(run)).state for run in runs] == ["succeeded"] * 3
    begun = [
        fact.at
        for run in runs
        for fact in await house.engine.facts(run)
        if type(fact).__name__ == "RunAdmitted"
    ]
    assert min(later - earlier for earlier, later in itertools.pairwise(begun)) >= 45_000


async def test_without_room_a_start_can_be_skipped(house: House) -> None:
    text = limited("throttle: {limit: 1, per: 1m, when_full: skip}", "say: {type: noop}")
    runs = [await house.start(text) for _ in range(2)]
    assert await end_of(house, runs[1]) == (
        "cancelled", "skipped", "It did not begin, for 1 runs have begun in the time before it (throttle).",
    )  # fmt: skip


async def test_runs_that_ended_before_the_process_died_still_count(mortal: House) -> None:
    runs = [await mortal.start(TWO_A_MINUTE) for _ in range(2)]
    await mortal.engine.drive_until_idle()
    await mortal.crash()
    await mortal.open()
    runs.append(await mortal.start(TWO_A_MINUTE))
    await mortal.engine.drive_until_idle()
    assert [await state_of(mortal, run) for run in runs] == ["succeeded", "succeeded", "queued"]
    await later(mortal, 61)
    assert await state_of(mortal, runs[2]) == "succeeded"


async def test_rows_of_times_that_are_over_are_swept_at_the_next_start(mortal: House) -> None:
    runs = [await mortal.start(TWO_A_MINUTE) for _ in range(2)]
    await mortal.engine.drive_until_idle()
    assert len(await mortal.store.gates(range(256))) == 2
    await mortal.crash()
    mortal.clock.ahead += 61_000_000
    engine = await mortal.open()
    await engine._admission._sweep()
    assert await mortal.store.gates(range(256)) == []
    assert [await state_of(mortal, run) for run in runs] == ["succeeded"] * 2
