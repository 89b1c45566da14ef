"""`batch`: starts are gathered into one run, whose input is the list of theirs; each goes in once, wherever the process dies."""

import msgspec
import pytest
from engine_house import House
from flow_house import end_of, later, limited, state_of

from auraos.engine.ports import ALL_SHARDS

THREE = limited(
    'batch: {key: "{{ input.region }}", limit: 3, per: 1m}',
    "say: {type: noop, with: {value: '{{ [one.n for one in input] }}'}}",
)


async def start(house: House, n: int, region: str = "eu", text: str = THREE) -> str:
    return await house.start(text, input={"region": region, "n": n})


async def test_the_first_run_gets_the_inputs_of_all_and_the_others_say_where_theirs_went(
    house: House,
) -> None:
    runs = [await start(house, n) for n in range(3)]
    assert (await house.engine.wait(runs[0])).output == [0, 1, 2]
    for run in runs[1:]:
        assert await end_of(house, run) == (
            "cancelled", "gathered", f"Its input went into run {runs[0]}, as one of 3.",
        )  # fmt: skip
    await house.engine.drive_until_idle()
    assert (await house.store.gates(ALL_SHARDS), await house.store.requests(ALL_SHARDS)) == ([], [])


async def test_a_batch_that_is_not_full_begins_after_its_time(house: House) -> None:
    runs = [await start(house, n) for n in range(2)]
    other = await start(house, 7, "us")
    await later(house, 61)
    assert (await house.engine.wait(runs[0])).output == [0, 1]
    assert (await house.engine.wait(other)).output == [7]


async def test_a_start_that_is_cancelled_while_it_is_gathered_is_left_out(house: House) -> None:
    runs = [await start(house, n) for n in range(2)]
    await house.engine.cancel(runs[0])
    await start(house, 2)
    await later(house, 61)
    assert (await house.engine.wait(runs[1])).output == [1, 2]


async def test_a_batch_waits_for_its_turn_and_is_led_by_the_next_if_the_first_is_cancelled(
    house: House,
) -> None:
    text = THREE.replace("batch:", "concurrency: {}, batch:").replace(
        "say: {type: noop, with: {value: '{{ [one.n for one in input] }}'}}",
        "say: {type: wait.signal, with: {name: go}}\n    sum: {type: noop, with: {value: '{{ input }}'}}\n"
        "  links: [say -> sum]",
    )
    runs = [await start(house, n, text=text) for n in range(6)]
    await house.engine.drive_until_idle()
    await house.engine.cancel(runs[3])
    await house.engine.cancel(runs[4])
    await house.engine.signal(runs[0], "go")
    assert [one["n"] for one in (await house.engine.wait(runs[0])).output] == [0, 1, 2]
    await house.engine.drive_until_idle()
    await house.engine.signal(runs[5], "go")
    assert [one["n"] for one in (await house.engine.wait(runs[5])).output] == [5]


async def test_a_retry_has_the_whole_list(house: House) -> None:
    text = THREE.replace(
        "say: {type: noop, with: {value: '{{ [one.n for one in input] }}'}}",
        "say: {type: fail, with: {message: '{{ len(input) }} inputs'}}",
    )
    runs = [await start(house, n, text=text) for n in range(3)]
    ended = await house.engine.wait(runs[0])
    assert ended.error is not None
    again = await house.engine.wait(await house.engine.retry(runs[0]))
    assert again.error is not None
    assert (ended.error.message, again.error.message) == ("3 inputs", "3 inputs")


@pytest.mark.parametrize("let", ["nothing", "the leader", "everything"])
async def test_each_input_goes_in_once_wherever_the_process_dies(mortal: House, let: str) -> None:
    if let == "nothing":
        mortal.engine._admission.stop()
    if (
        let == "the leader"
    ):  # its commit holds the requests that end the others; nobody carries them in this process
        runner = mortal.engine._runner
        runner._hooks = msgspec.structs.replace(runner._hooks, requested=lambda row: None)
    runs = [await start(mortal, n) for n in range(3)]
    if let == "everything":
        await mortal.engine.drive_until_idle()
    if let == "the leader":
        await mortal.engine.wait(runs[0])
        assert [await state_of(mortal, run) for run in runs[1:]] == ["queued", "queued"]
    await mortal.crash()
    await mortal.open()
    assert (await mortal.engine.wait(runs[0])).output == [0, 1, 2]
    assert [(await end_of(mortal, run))[1] for run in runs[1:]] == ["gathered", "gathered"]
    assert await mortal.store.gates(ALL_SHARDS) == []
