"""`debounce`: of starts that follow each other, the last one runs."""

from engine_house import House
from flow_house import end_of, later, limited, state_of, why_of

QUIET = limited(
    'debounce: {key: "{{ input.k }}", per: 10s}', "say: {type: noop, with: {value: '{{ input.n }}'}}"
)


async def test_the_last_start_runs_when_no_other_has_come_for_the_time(house: House) -> None:
    runs = [await house.start(QUIET, input={"k": 1, "n": n}) for n in range(3)]
    await house.engine.drive_until_idle()
    assert [await state_of(house, run) for run in runs] == ["cancelled", "cancelled", "queued"]
    assert await end_of(house, runs[0]) == (
        "cancelled", "replaced", f"Run {runs[1]} started later and took its place.",
    )  # fmt: skip
    assert (
        await why_of(house, runs[2]) == "It waits for its turn: debounce of '1' (10s without another start)."
    )
    await later(house, 11)
    assert (await house.engine.wait(runs[2])).output == 2


async def test_each_start_begins_the_time_anew(house: House) -> None:
    first = await house.start(QUIET, input={"k": 1, "n": 0})
    await later(house, 8)
    second = await house.start(QUIET, input={"k": 1, "n": 1})
    await later(house, 8)
    assert [await state_of(house, run) for run in (first, second)] == ["cancelled", "queued"]
    await later(house, 3)
    assert await state_of(house, second) == "succeeded"


async def test_keys_are_apart_and_a_short_time_passes_by_itself(house: House) -> None:
    text = QUIET.replace("10s", "30ms")
    runs = [await house.start(text, input={"k": n, "n": n}) for n in range(2)]
    assert [(await house.engine.wait(run)).output for run in runs] == [0, 1]


async def test_after_the_process_died_the_last_start_runs_at_its_time(mortal: House) -> None:
    runs = [await mortal.start(QUIET, input={"k": 1, "n": n}) for n in range(2)]
    await mortal.crash()
    mortal.clock.ahead += 11_000_000
    await mortal.open()
    assert (await mortal.engine.wait(runs[1])).output == 1
    assert await state_of(mortal, runs[0]) == "cancelled"


async def test_the_last_start_can_be_cancelled(house: House) -> None:
    run = await house.start(QUIET, input={"k": 1, "n": 0})
    await house.engine.cancel(run)
    await later(house, 11)
    assert await state_of(house, run) == "cancelled"
