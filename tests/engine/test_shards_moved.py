"""What an engine does when shards come and go: nothing is under way in what it lets go of, and nothing is lost with the rest."""

import asyncio
from collections.abc import Collection
from typing import Any

import pytest
from engine_house import House, flow
from flow.flow_house import limited

from auraos.core.errors import UserError
from auraos.core.run import encode_fact
from auraos.core.run.facts import RunStarted, SignalReceived
from auraos.engine import shards as shards_module
from auraos.engine.ports import ALL_SHARDS, RequestRow, Write, WriteRefusedError
from auraos.engine.shards import ElsewhereError, NotReadyError, Shards
from auraos.sdk import StepContext
from auraos.storage.reads import ReadFailedError
from stores import take_over

SIGNAL = "paid: {type: wait.signal, with: {name: paid}}"


class Held:
    """A step that lasts until the test lets it end."""

    def __init__(self, house: House) -> None:
        self.end = asyncio.Event()
        house.steps.work = self.work
        self._house = house

    async def work(self, settings: dict[str, Any], context: StepContext) -> Any:
        await self.end.wait()
        return {"done": context.attempt}

    async def begun(self, calls: int = 1) -> None:
        async with asyncio.timeout(10):
            while len(self._house.steps.calls) < calls:
                self._house.steps.started.clear()
                await self._house.steps.started.wait()


def own(house: House) -> frozenset[int]:
    return house.engine._shards.own


async def shard_of(house: House, run: str) -> int:
    row = await house.store.find(run)
    assert row is not None
    return row.shard


async def test_what_sleeps_is_let_go_of_and_goes_on_where_it_is_taken_up(house: House) -> None:
    run = await house.start(flow(SIGNAL))
    ended = asyncio.create_task(house.engine.wait(run))
    await house.engine.drive_until_idle()
    assert await house.engine.moves.let_go(256) == ALL_SHARDS
    assert own(house) == frozenset()
    assert house.engine._runner.runs == {}
    house.engine.moves.take_up(ALL_SHARDS)
    await house.engine.signal(run, "paid")
    assert (await ended).state == "succeeded"


async def test_a_shard_in_which_a_step_lasts_stays_and_its_run_goes_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auraos.engine.moves.LONGEST_DRAIN", 0.05)
    held = Held(house)
    run = await house.start(flow("one: {type: test.write}\ntwo: {type: test.write}", links="one -> two"))
    await held.begun()
    going = await house.engine.moves.let_go(256)
    assert ALL_SHARDS - going == {await shard_of(house, run)} == own(house)
    held.end.set()
    assert (await house.engine.wait(run)).state == "succeeded"
    assert house.steps.calls == [("one", 1), ("two", 1)]


async def test_a_shard_takes_nothing_new_while_it_is_emptied(house: House) -> None:
    held = Held(house)
    run = await house.start(flow("one: {type: test.write}\ntwo: {type: test.write}", links="one -> two"))
    await held.begun()
    letting_go = asyncio.create_task(house.engine.moves.let_go(256))
    await asyncio.sleep(0)
    held.end.set()
    assert await letting_go == ALL_SHARDS
    assert house.steps.calls == [("one", 1)]  # the second waits for whoever takes the run up
    house.engine.moves.take_up(ALL_SHARDS)
    assert (await house.engine.wait(run)).state == "succeeded"
    assert house.steps.calls == [("one", 1), ("two", 1)]


async def test_what_a_write_brought_after_all_was_lost_counts_where_the_run_is_led(house: House) -> None:
    held = Held(house)
    run = await house.start(flow("one: {type: test.write}"))
    await held.begun()
    house.engine.moves.lose_all()
    assert house.engine._runner.runs == {}
    house.engine.moves.take_up(ALL_SHARDS)  # here the next owner is the same process
    await house.engine.moves.settled()
    held.end.set()
    ended = await house.engine.wait(run)
    assert ended.state == "succeeded"
    kinds = await house.kinds(run)
    assert kinds.index("StepUnknown") < kinds.index("StepSucceeded")
    assert house.steps.calls == [("one", 1)]


async def test_what_may_be_repeated_ends_when_all_is_lost_and_is_done_again(house: House) -> None:
    held = Held(house)
    run = await house.start(flow("one: {type: test.idempotent}"))
    await held.begun()
    house.engine.moves.lose_all()
    house.engine.moves.take_up(ALL_SHARDS)
    await held.begun(2)
    held.end.set()
    assert (await house.engine.wait(run)).state == "succeeded"
    assert house.steps.calls == [("one", 1), ("one", 2)]
    assert house.engine._runner.slots.free == 100


async def test_a_fenced_commit_drops_everything_and_is_told(house: House) -> None:
    fenced = asyncio.Event()
    house.engine.moves.on_fenced = fenced.set
    run = await house.start(flow(SIGNAL))
    await house.engine.drive_until_idle()
    await take_over(house.store)
    signalling = asyncio.create_task(house.engine.signal(run, "paid"))
    async with asyncio.timeout(10):
        await fenced.wait()
    assert own(house) == frozenset()
    assert house.engine._runner.runs == {}
    signalling.cancel()


async def test_a_start_waits_for_a_shard_and_is_refused_when_none_comes(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.engine.moves.lose_all()
    waiting = asyncio.create_task(house.start(flow(SIGNAL)))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    house.engine.moves.take_up(frozenset({7}))
    assert await shard_of(house, await waiting) == 7
    house.engine.moves.lose_all()
    monkeypatch.setattr(shards_module, "PATIENCE", 0.05)
    with pytest.raises(NotReadyError):
        await house.start(flow(SIGNAL))


async def test_a_run_of_another_process_is_not_brought_into_memory(house: House) -> None:
    run = await house.start(flow(SIGNAL))
    await house.engine.drive_until_idle()
    await house.engine.moves.let_go(256)
    with pytest.raises(ElsewhereError):
        await house.engine._memory.reach(run)


async def test_a_run_that_was_being_read_when_all_was_lost_is_reached_where_it_is_led_again(
    house: House,
) -> None:
    run = await house.start(flow(SIGNAL))
    await house.engine.drive_until_idle()
    await house.engine.moves.let_go(256)
    house.engine.moves.take_up(ALL_SHARDS)
    reaching = asyncio.create_task(house.engine._memory.reach(run))
    await asyncio.sleep(0)
    house.engine.moves.lose_all()
    with pytest.raises(ElsewhereError):
        await reaching
    house.engine.moves.take_up(ALL_SHARDS)
    found = await asyncio.wait_for(house.engine._memory.reach(run), 10)
    assert found is not None
    assert found.id == run


async def test_a_retry_that_has_no_gates_left_is_born_into_a_shard_of_this_process(house: House) -> None:
    text = limited("rate: {limit: 9, per: 1h}", "one: {type: fail, with: {message: No.}}")
    run = await house.start(text)
    assert (await house.engine.wait(run)).state == "failed"
    here = (await shard_of(house, run) + 1) % 256
    await house.engine.drive_until_idle()
    house.engine._shards.hold({here})
    again = await house.engine.retry(run)
    assert (await house.engine.wait(again)).state == "failed"
    assert await shard_of(house, again) == here


async def test_a_start_that_comes_twice_at_once_begins_one_run(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auraos.engine.requests.PAUSE", 0.01)
    version = house.definitions.add(flow(SIGNAL))
    started = RunStarted(at=0, run="r1", workflow="w", version=house.engine._programs.take(version))
    rows = [RequestRow(f"q{number}", "r1", "start", encode_fact(started), 7) for number in (1, 2)]
    await house.store.commit(Write("default", "", 0, 7, requests=rows, versions=[version]))
    for row in rows:
        house.engine._requests.take(row)
    await house.engine.start(version, run="r1")
    await house.engine.signal("r1", "paid")
    assert (await house.engine.wait("r1")).state == "succeeded"
    assert (await house.kinds("r1")).count("RunStarted") == 1
    async with asyncio.timeout(10):
        while await house.store.requests(ALL_SHARDS):  # noqa: ASYNC110 (one may be postponed, and nobody tells)
            await asyncio.sleep(0.01)


async def test_a_start_under_an_id_that_is_taken_leaves_nobody_waiting(house: House) -> None:
    run = await house.start(flow("one: {type: test.write}"), run="r1")
    await house.engine.wait(run)
    (started,) = [fact for fact in await house.engine.facts(run) if isinstance(fact, RunStarted)]
    with pytest.raises(WriteRefusedError):
        await house.engine._beginnings.begin(started)
    with pytest.raises(UserError):  # what is asked while the run is read again
        await asyncio.wait_for(house.engine.cancel(run), 10)


async def test_a_run_that_another_start_put_into_its_shard_stays_there(house: House) -> None:
    house.engine._shards.hold({5})
    run = await house.start(flow(SIGNAL), run="r1")
    await house.engine.drive_until_idle()
    (started,) = [fact for fact in await house.engine.facts(run) if isinstance(fact, RunStarted)]
    del house.engine._runner.runs[run]
    house.engine._shards.hold({5, 9})
    with pytest.raises(WriteRefusedError):
        await house.engine._beginnings.begin(started, shard=9)
    await house.engine.drive_until_idle()
    assert house.engine._runner.runs[run].shard == 5
    await house.engine.signal(run, "paid")
    assert (await house.engine.wait(run)).state == "succeeded"


async def test_what_was_asked_is_looked_for_again_until_the_store_can_be_read(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await house.start(flow(SIGNAL))
    await house.engine.drive_until_idle()
    read = house.store.requests
    failures = iter([ReadFailedError("The disk is away.")])

    async def read_in_the_end(shards: Collection[int]) -> list[RequestRow]:
        for failure in failures:
            raise failure
        return await read(shards)

    monkeypatch.setattr(house.store, "requests", read_in_the_end)
    paid = SignalReceived(at=0, name="paid")
    asked = RequestRow("q1", run, "signal", encode_fact(paid), await shard_of(house, run))
    await house.store.commit(Write("default", run, 0, 0, requests=[asked]))
    await house.engine._look_again()
    assert (await house.engine.wait(run)).state == "succeeded"


def test_runs_are_born_into_all_shards_that_are_owned_and_none_that_leaves() -> None:
    shards = Shards()
    shards.hold({1, 2}, leaving={3})
    assert {shards.home() for _ in range(10)} == {1, 2}
    shards.require(3, "r")
    with pytest.raises(ElsewhereError):
        shards.require(4, "r")
    with pytest.raises(NotReadyError):
        Shards(are_shared=True).home()
