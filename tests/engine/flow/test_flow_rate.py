"""`rate`: starts beyond so many in a time are not taken."""

from engine_house import House
from flow_house import end_of, later, limited, state_of


def text(full: str = "skip") -> str:
    return limited(
        f'rate: {{key: "{{{{ input }}}}", limit: 2, per: 1m, when_full: {full}}}', "say: {type: noop}"
    )


async def test_a_start_beyond_the_rate_of_its_key_ends_at_once_with_its_reason(house: House) -> None:
    runs = [await house.start(text(), input="c1") for _ in range(3)]
    other = await house.start(text(), input="c2")
    assert await end_of(house, runs[2]) == (
        "cancelled",
        "skipped",
        "It did not begin, for there were 2 starts already in the time before it (rate of c1).",
    )
    assert (await house.engine.wait(other)).state == "succeeded"
    await later(house, 61)
    assert (await house.engine.wait(await house.start(text(), input="c1"))).state == "succeeded"


async def test_a_start_beyond_the_rate_can_be_a_failure(house: House) -> None:
    runs = [await house.start(text("fail"), input="c1") for _ in range(3)]
    assert (await end_of(house, runs[2]))[:2] == ("failed", "limit-reached")


async def test_nothing_written_means_skip(house: House) -> None:
    bare = limited("rate: {limit: 1, per: 1m}", "say: {type: noop}")
    runs = [await house.start(bare) for _ in range(2)]
    assert (await end_of(house, runs[1]))[:2] == ("cancelled", "skipped")


async def test_starts_before_the_process_died_still_count(mortal: House) -> None:
    for _ in range(2):
        await mortal.start(text(), input="c1")
    await mortal.engine.drive_until_idle()
    await mortal.crash()
    await mortal.open()
    run = await mortal.start(text(), input="c1")
    await mortal.engine.wait(run)
    assert await state_of(mortal, run) == "cancelled"
