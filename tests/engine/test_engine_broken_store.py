"""A store that fails: nothing is acknowledged that is not durable, nothing is done twice, and it goes on by itself."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from engine_house import House, flow

from auraos.core.errors import OperationalError, UnexpectedError
from auraos.core.run import advance
from auraos.core.run.facts import SignalReceived
from auraos.engine.ports import ALL_SHARDS, StoreUnavailableError, Told, Write
from auraos.sdk import StepContext

CHAIN = flow(
    """
one: {type: test.write, with: {n: 1}}
two: {type: test.write, with: {n: 2}}
nap: {type: wait.for, with: {duration: 1ms}}
ask: {type: call, with: {workflow: child, input: {n: 5}}}
three: {type: test.write, with: {n: "{{ steps.ask.n }}"}}
""",
    links="one -> two, two -> nap, nap -> ask, ask -> three",
)
CHILD = flow('out: {type: test.write, with: {n: "{{ input.n + 1 }}"}}', name="child")


class Disk:
    """Stands before the store: fails the writes with these numbers, before or after they were made."""

    def __init__(self, house: House) -> None:
        self.count = 0
        self.before: set[int] = set()
        self.after: set[int] = set()
        self._submit = house.store.submit
        house.store.submit = self.submit  # type: ignore[method-assign]  # the disk under the store

    def submit(self, writes: Sequence[Write], told: Told) -> None:
        numbers = range(self.count + 1, self.count + len(writes) + 1)
        self.count += len(writes)
        refused: list[BaseException | None] = [
            StoreUnavailableError("No space left.") if number in self.before else None for number in numbers
        ]
        written = [write for write, error in zip(writes, refused, strict=True) if error is None]

        def tell(outcomes: Sequence[BaseException | None] | None) -> None:
            of_written = iter(outcomes or [None] * len(written))
            known = [error or next(of_written) for error in refused]
            told(
                [
                    StoreUnavailableError("The answer was lost.") if number in self.after else error
                    for number, error in zip(numbers, known, strict=True)
                ]
            )

        if written:
            self._submit(written, tell)
        else:
            asyncio.get_running_loop().call_soon(tell, None)


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    opened = House(tmp_path / "data")
    await opened.open()
    opened.definitions.add(CHILD)
    yield opened
    await opened.close()


async def writes_of_a_whole_run(home: House) -> int:
    disk = Disk(home)
    await home.engine.wait(await home.start(CHAIN))
    await home.engine.drive_until_idle()
    return disk.count


async def test_the_run_of_these_tests_writes_as_often_as_they_sweep(home: House) -> None:
    assert await writes_of_a_whole_run(home) == 8


@pytest.mark.parametrize("number", range(2, 9))
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_write_that_fails_is_made_good_and_no_effect_repeats(
    home: House, number: int, when: str
) -> None:
    disk = Disk(home)
    getattr(disk, when).add(number)
    run = await home.start(CHAIN)
    ended = await asyncio.wait_for(home.engine.wait(run), 10)
    await home.engine.drive_until_idle()
    assert (ended.state, ended.output) == ("succeeded", {"n": 6})
    assert [path for path, _ in home.steps.calls] == ["one", "two", "out", "three"]
    assert len(set(home.steps.keys)) == 4
    assert await home.store.requests(ALL_SHARDS) == []
    numbers = [batch.seq for batch in await home.store.journal(run)]
    assert numbers == sorted(set(numbers))


async def test_a_start_that_was_not_written_is_not_acknowledged_and_leaves_no_run(home: House) -> None:
    disk = Disk(home)
    disk.before.add(1)
    with pytest.raises(StoreUnavailableError):
        await home.start(CHAIN)
    await home.engine.drive_until_idle()
    assert home.engine._runner.runs == {}
    assert home.steps.calls == []


async def test_a_signal_that_was_not_written_is_refused_and_does_not_count(home: House) -> None:
    run = await home.start(flow("paid: {type: wait.signal, with: {name: paid}}"))
    disk = Disk(home)
    disk.before.add(1)
    with pytest.raises(StoreUnavailableError):
        await home.engine.signal(run, "paid")
    await home.engine.drive_until_idle()
    assert "SignalReceived" not in await home.kinds(run)
    await home.engine.signal(run, "paid")
    assert (await home.engine.wait(run)).state == "succeeded"


@pytest.mark.parametrize("when", ["before", "after"])
async def test_what_happened_during_a_write_that_failed_counts_once_though_it_has_no_id(
    home: House, when: str
) -> None:
    run = await home.start(flow("paid: {type: wait.signal, with: {name: paid}}"))
    active = home.engine._runner.runs[run]
    disk = Disk(home)
    getattr(disk, when).add(1)
    now = home.clock.now()
    for number in range(3):  # the first is being written while the others come
        home.engine._runner.give(active, SignalReceived(at=now, name="other", data=number))
    await home.engine.drive_until_idle()
    told = [fact.data for fact in await home.engine.facts(run) if isinstance(fact, SignalReceived)]
    assert told == [0, 1, 2]
    assert disk.count > 1


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_line_of_log_is_kept_once_though_the_write_with_it_failed(home: House, when: str) -> None:
    async def talk(settings: dict[str, Any], context: StepContext) -> Any:
        context.log(f"hello from {context.path}")
        getattr(disk, when).add(disk.count + 1)
        return settings

    home.steps.work = talk
    disk = Disk(home)
    run = await home.start(flow("one: {type: test.write}\ntwo: {type: test.write}", links="one -> two"))
    assert (await home.engine.wait(run)).state == "succeeded"
    told = [line.message for line in await home.store.logs(run)]
    assert told == ["hello from one", "hello from two"]


async def test_a_result_waits_for_the_disk_to_be_mended(home: House) -> None:
    async def work(settings: dict[str, Any], context: StepContext) -> Any:
        disk.before.update(range(2, 6))
        return settings

    home.steps.work = work
    disk = Disk(home)
    run = await home.start(flow("one: {type: test.write, with: {n: 3}}"))
    ended = await asyncio.wait_for(home.engine.wait(run), 10)
    assert (ended.output, home.steps.calls) == ({"n": 3}, [("one", 1)])


async def test_a_run_that_breaks_the_machine_is_set_apart_and_harms_nobody(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(program: Any, state: Any, given: Any, **options: Any) -> Any:
        if getattr(given, "name", "") == "poison":
            raise RuntimeError("This must not happen.")
        return advance(program, state, given, **options)

    monkeypatch.setattr("auraos.engine.runner.advance", broken)
    run = await home.start(flow("paid: {type: wait.signal, with: {name: paid}}"))
    other = await home.start(flow("paid: {type: wait.signal, with: {name: paid}}", name="other"))
    with pytest.raises(UnexpectedError, match="set apart"):
        await home.engine.signal(run, "poison")
    await home.engine.drive_until_idle()
    row = await home.store.find(run)
    assert row is not None
    assert row.state == "quarantined"
    await home.engine.signal(other, "paid")
    assert (await home.engine.wait(other)).state == "succeeded"
    await home.engine.release(run, by="ann")
    await home.engine.signal(run, "paid")
    assert (await home.engine.wait(run)).state == "succeeded"


async def test_an_engine_closes_in_time_though_its_store_takes_nothing(home: House) -> None:
    run = await home.start(flow("paid: {type: wait.signal, with: {name: paid}}"))
    disk = Disk(home)
    disk.before.update(range(1, 1000))
    with pytest.raises(StoreUnavailableError):
        await home.engine.signal(run, "paid")
    await asyncio.wait_for(home.engine.close(0.1), 5)
    with pytest.raises(OperationalError, match="closing"):
        await home.engine.signal(run, "paid")


async def test_the_slot_of_a_grant_of_which_nothing_was_heard_is_nobody_elses(tmp_path: Path) -> None:
    house = House(tmp_path / "pooled")
    await house.open(pools={"erp": 1})
    going = {"now": 0, "most": 0}

    async def work(settings: dict[str, Any], context: StepContext) -> Any:
        going["now"] += 1
        going["most"] = max(going["most"], going["now"])
        await asyncio.sleep(0.05)
        going["now"] -= 1
        return settings

    house.steps.work = work
    Disk(house).after = {1}
    text = flow("one: {type: test.write, pool: erp}")
    with pytest.raises(StoreUnavailableError):
        await house.start(text, run="r1")
    await house.start(text, run="r2")
    ended = [await asyncio.wait_for(house.engine.wait(run), 10) for run in ("r1", "r2")]
    assert ([each.state for each in ended], going["most"]) == (["succeeded", "succeeded"], 1)
    assert house.engine.load().pools["erp"].free == 1
    await house.close()
