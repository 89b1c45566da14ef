"""A run that leaves memory while something is on its way to it is brought again, and nothing is given to what it was."""

import asyncio
from collections.abc import Collection

import pytest
from engine_house import House, flow

from auraos.core.errors import UserError
from auraos.core.run import encode_fact
from auraos.core.run.facts import SignalReceived
from auraos.engine.ports import ALL_SHARDS, RequestRow, StoredRun, Write
from auraos.storage.reads import ReadFailedError

WAITS = flow("paid: {type: wait.signal, with: {name: paid}}")


def paid(house: House, id_: str) -> SignalReceived:
    return SignalReceived(at=house.clock.now(), name="paid", key="", data={"by": id_}, id=id_, by="ann")


async def test_what_is_given_to_a_run_that_left_memory_reaches_the_one_that_is_there(house: House) -> None:
    run = await house.start(WAITS)
    await house.engine.drive_until_idle()
    runner = house.engine._runner
    former = runner.runs.pop(run)
    runner.give(former, paid(house, "one"))
    ended = await house.engine.wait(run)
    assert ended.state == "succeeded"
    assert (await house.kinds(run)).count("SignalReceived") == 1
    journal = await house.store.journal(run)
    assert [batch.seq for batch in journal] == [
        1 + sum(b.count for b in journal[:n]) for n in range(len(journal))
    ]


async def test_what_comes_to_a_run_that_is_over_meanwhile_changes_nothing(house: House) -> None:
    run = await house.start(WAITS)
    await house.engine.drive_until_idle()
    former = house.engine._runner.runs[run]
    await house.engine.signal(run, "paid")
    await house.engine.wait(run)
    before = await house.kinds(run)
    house.engine._runner.give(former, paid(house, "late"))
    await house.engine.drive_until_idle()
    assert await house.kinds(run) == before


async def test_a_request_that_comes_to_a_run_which_is_over_meanwhile_is_answered(house: House) -> None:
    run = await house.start(WAITS)
    await house.engine.drive_until_idle()
    former = house.engine._runner.runs[run]
    await house.engine.signal(run, "paid")
    await house.engine.wait(run)
    asked = RequestRow("q1", run, "signal", encode_fact(paid(house, "late")), former.shard)
    await house.store.commit(Write("default", run, 0, former.shard, requests=[asked]))
    house.engine._runner.give(former, paid(house, "late"), answers="q1")
    await house.engine.drive_until_idle()
    assert await house.store.requests(ALL_SHARDS) == []


async def test_what_strays_while_the_store_cannot_be_read_comes_to_the_run_when_it_can(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await house.start(WAITS)
    await house.engine.drive_until_idle()
    runner, read = house.engine._runner, house.store.read
    failures = iter([ReadFailedError("The disk is away."), ReadFailedError("It still is.")])

    async def read_in_the_end(runs: Collection[str]) -> list[StoredRun]:
        for failure in failures:
            raise failure
        return await read(runs)

    monkeypatch.setattr(house.store, "read", read_in_the_end)
    runner.give(runner.runs.pop(run), paid(house, "one"))
    await house.engine.drive_until_idle()
    assert (await house.engine.wait(run)).state == "succeeded"


async def test_a_signal_that_comes_while_a_run_is_read_again_is_not_said_to_be_taken_by_one_that_ended(
    house: House,
) -> None:
    run = await house.start(WAITS)
    await house.engine.drive_until_idle()
    active = house.engine._runner.runs[run]
    state, active.state = active.state, None
    signalling = asyncio.create_task(house.engine.signal(run, "paid", id="late"))
    await asyncio.sleep(0.01)
    active.state = state
    house.engine._runner.give(active, paid(house, "one"))
    with pytest.raises(UserError):
        await asyncio.wait_for(signalling, 10)
    assert (await house.kinds(run)).count("SignalReceived") == 1


async def test_a_request_that_was_put_off_is_not_taken_up_again_once_it_is_known_to_be_answered(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await house.start(WAITS)
    await house.engine.drive_until_idle()
    requests = house.engine._requests
    monkeypatch.setattr("auraos.engine.requests.PAUSE", 0.01)
    row = RequestRow("q1", run, "signal", encode_fact(paid(house, "one")), 0)
    requests._postpone(row, ReadFailedError("The disk is away."))
    requests.answered(["q1"])
    await asyncio.sleep(0.05)
    await house.engine.drive_until_idle()
    assert "SignalReceived" not in await house.kinds(run)
