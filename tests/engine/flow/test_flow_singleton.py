"""`singleton`: one run of a key at a time, beside a limit over all."""

from engine_house import House
from flow_house import Held, end_of, limited, state_of, until

BOTH = limited('singleton: {key: "{{ input.machine }}"}, concurrency: {limit: 2}')


async def test_one_run_of_a_key_and_so_many_in_all_go_on(house: House) -> None:
    held = Held(house)
    runs = [await house.start(BOTH, input={"machine": name}) for name in ("a", "a", "b", "c")]
    await until(house, runs[2], "StepGranted")
    assert [await state_of(house, run) for run in runs] == ["running", "queued", "running", "queued"]
    assert [await house.engine.places(run) for run in runs[1::2]] == [
        {"": "singleton of a: 1 running, 0 ahead"},
        {"": "concurrency: 2 running, 0 ahead"},
    ]
    held.let_go(*runs)
    assert {(await house.engine.wait(run)).state for run in runs} == {"succeeded"}
    assert held.most == 2


async def test_the_four_ways_to_run_once(house: House) -> None:
    """single: skip; restart: cancel_oldest; queued: wait; parallel: no singleton at all."""
    held = Held(house)
    ends = {}
    for mode in ("skip", "cancel_oldest", "wait"):
        text = limited(f"singleton: {{when_full: {mode}}}", name=mode.replace("_", "-"))
        text = text.replace("test.write", "test.read")
        first, second = [await house.start(text) for _ in range(2)]
        held.let_go(second) if mode == "cancel_oldest" else held.let_go(first, second)
        ends[mode] = [(await end_of(house, run))[0] for run in (first, second)]
    assert ends == {
        "skip": ["succeeded", "cancelled"],
        "cancel_oldest": ["cancelled", "succeeded"],
        "wait": ["succeeded", "succeeded"],
    }
