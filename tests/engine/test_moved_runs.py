"""Runs that go on by another version of their workflow: what is durable when, and that nothing of them is lost or done twice."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from engine_house import House, flow
from postgres_house import PostgresHouse

from auraos.core.run.facts import RunResumed, RunStarted
from auraos.engine import asks
from auraos.engine.client import EngineClient
from auraos.engine.engine import RequestRefusedError
from auraos.engine.ports import ALL_SHARDS, RequestRow, RunQuery, RunRow
from auraos.engine.socket import EngineSocket

OLD = flow(
    """
charge: {type: test.write, with: {n: 1}}
ask: {type: human.approve, with: {title: May it go, expires: 3d}}
ship: {type: test.write, with: {n: 2}}
""",
    links="charge -> ask, ask.approved -> ship",
)
NEW = flow(
    """
pay: {type: test.write, with: {n: 1}}
ask: {type: human.approve, with: {title: May it really go, expires: 9d}}
ship: {type: test.write, with: {n: "{{ steps.pay.n + 10 }}"}}
""",
    links="pay -> ask, ask.approved -> ship",
)
ONE_AT_A_TIME = "  settings: {concurrency: {limit: 1}}\n"
HOLD = "hold: {type: wait.signal, with: {name: go}}"
RENAMED = {"charge": "pay"}


async def row_of(house: House, run: str) -> RunRow:
    row = await house.store.find(run)
    assert row is not None
    return row


async def waiting(house: House, text: str = OLD, **given: Any) -> str:
    run = await house.start(text, **given)
    await house.engine.drive_until_idle()
    return run


async def move(house: House, run: str, text: str = NEW, **how: Any) -> str:
    return await house.engine.move(run, house.definitions.add(text), **how)


async def ship_it(house: House) -> None:
    run = await waiting(house)
    (timer,) = await house.store.timers(2**62, ALL_SHARDS)
    made = await move(house, run, steps=RENAMED, by="ann", reason="a mend")
    old, new = await row_of(house, run), await row_of(house, made)
    assert (old.state, old.why) == ("moved", f"It goes on as run {made}.")
    assert (new.state, new.parent, new.origin, new.workflow) == ("waiting", run, run, "w")
    assert [(one.run, one.due) for one in await house.store.timers(2**62, ALL_SHARDS)] == [(made, timer.due)]
    await house.engine.approve(made, "approved")
    assert (await house.engine.wait(made)).output == {"n": 11}
    assert [path for path, _ in house.steps.calls] == ["charge", "ship"]
    assert (await house.engine.wait(run)).state == "moved"


async def test_a_run_goes_on_by_another_version_and_does_nothing_twice(house: House) -> None:
    await ship_it(house)


async def test_a_run_goes_on_by_another_version_on_postgres(on_postgres: PostgresHouse) -> None:
    await ship_it(on_postgres)


async def test_a_look_at_a_move_does_nothing(house: House) -> None:
    run = await waiting(house)
    before = await house.kinds(run)
    found = await house.engine.check_move(run, house.definitions.add(NEW), steps=RENAMED)
    assert [(fate.path, fate.becomes, fate.to) for fate in found.fates] == [
        ("charge", "kept", "pay"), ("ask", "kept", "ask"),
    ]  # fmt: skip
    assert not found.objections
    assert (await house.engine.check_move(run, house.definitions.add(NEW))).objections
    assert await house.kinds(run) == before
    assert len(await house.store.runs(RunQuery())) == 1


async def test_what_is_not_safe_is_refused_and_the_run_goes_on(house: House) -> None:
    run = await waiting(house)
    with pytest.raises(RequestRefusedError, match="charge: It took effect, and is not there"):
        await move(house, run)
    with pytest.raises(RequestRefusedError, match="by this version already"):
        await move(house, run, OLD)
    with pytest.raises(RequestRefusedError, match="one of 'other'"):
        await move(house, run, NEW.replace("name: w", "name: other"), steps=RENAMED)
    with pytest.raises(RequestRefusedError, match="input does not fit"):
        await move(house, run, NEW + "  input: {type: object, required: [a]}\n", steps=RENAMED)
    await house.engine.approve(run, "approved")
    assert (await house.engine.wait(run)).state == "succeeded"


def leave_undone(house: House, patch: pytest.MonkeyPatch) -> list[RequestRow]:
    """Let requests between runs be written and not carried out, as where the process dies then; return them."""
    left: list[RequestRow] = []
    runner = house.engine._runner
    runner._hooks = msgspec.structs.replace(runner._hooks, requested=left.append)
    patch.setattr(house.engine._requests, "take", left.append)
    return left


async def test_a_process_that_is_lost_between_the_two_runs_loses_neither(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one is over and the other has not begun when the process dies: the next process begins it, once."""
    run = await waiting(house)
    left = leave_undone(house, monkeypatch)
    version = house.definitions.add(NEW)
    await house.engine._ask(asks.Move(run=run, made="made", version=version, steps=RENAMED))
    assert [(row.run, row.kind) for row in left] == [("made", "start")]
    assert (await row_of(house, run)).state == "moved"
    assert await house.store.find("made") is None
    await house.crash()
    house.definitions = type(house.definitions)(
        None, house.catalogue
    )  # the next process knows the text from the store alone
    await house.open()
    await house.engine.drive_until_idle()
    assert (await row_of(house, "made")).state == "waiting"
    await house.engine.approve("made", "approved")
    assert (await house.engine.wait("made")).state == "succeeded"
    assert [path for path, _ in house.steps.calls] == ["charge", "ship"]
    assert len(await house.store.runs(RunQuery())) == 2


async def test_an_event_that_comes_between_the_two_runs_is_not_lost(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = flow("paid: {type: wait.event, with: {type: paid}}")
    run = await waiting(house, text)
    leave_undone(house, monkeypatch)
    version = house.definitions.add(text.replace("paid}}", "paid, expires: 9d}}"))
    await house.engine._ask(asks.Move(run=run, made="made", version=version))
    assert await house.engine.publish("paid", id="e1") == 1
    await house.crash()
    await house.open()
    assert (await house.engine.wait("made")).state == "succeeded"


async def test_a_run_keeps_its_place_among_those_that_wait_for_it(house: House) -> None:
    run = await waiting(house, flow(HOLD, extra=ONE_AT_A_TIME))
    second = await waiting(house, flow(HOLD, extra=ONE_AT_A_TIME))
    assert (await row_of(house, second)).state == "queued"
    made = await move(house, run, flow(HOLD.replace("go", "on"), extra=ONE_AT_A_TIME))
    await house.engine.drive_until_idle()
    assert [(await row_of(house, one)).state for one in (made, second)] == ["waiting", "queued"]
    await house.crash()
    await house.open()
    await house.engine.drive_until_idle()
    assert [(await row_of(house, one)).state for one in (made, second)] == ["waiting", "queued"]
    await house.engine.signal(made, "on")
    assert (await house.engine.wait(made)).state == "succeeded"
    await house.engine.signal(second, "go")
    assert (await house.engine.wait(second)).state == "succeeded"


async def test_whoever_asks_the_run_that_is_over_hears_where_it_goes_on(house: House) -> None:
    run = await waiting(house)
    made = await move(house, run, steps=RENAMED)
    with pytest.raises(RequestRefusedError, match=f"was moved. It goes on as run {made}"):
        await house.engine.approve(run, "approved")
    with pytest.raises(RequestRefusedError, match="was moved"):
        await move(house, run, steps=RENAMED)


async def test_a_paused_run_stays_so_and_goes_on_with_other_variables(house: House) -> None:
    text = flow(
        'hold: {type: wait.signal, with: {name: go}}\nsay: {type: noop, with: {value: "{{ vars.a }}"}}',
        links="hold -> say",
    )
    run = await waiting(house, text, variables={"a": 1})
    await house.engine.pause(run, reason="a look")
    made = await move(house, run, text.replace("say", "tell"))
    assert (await row_of(house, made)).state == "paused"
    await house.engine.signal(made, "go")
    await house.engine.resume(made, variables={"a": 2})
    assert (await house.engine.wait(made)).output == 2


async def test_variables_are_changed_in_a_pause_and_nowhere_else(house: House) -> None:
    run = await waiting(house, flow(HOLD))
    with pytest.raises(RequestRefusedError, match="is waiting; variables can be changed while it is paused"):
        await house.engine.resume(run, variables={"a": 2})
    await house.engine.pause(run)
    await house.engine.resume(run, variables={"a": 2}, by="ann")
    last = (await house.engine.facts(run))[-1]
    assert isinstance(last, RunResumed)
    assert (last.by, last.variables) == ("ann", {"a": 2})


async def test_large_outputs_go_along(house: House) -> None:
    large = "x" * 200_000
    run = await waiting(house, OLD.replace("n: 1", f"n: {large}"))
    made = await move(
        house, run, NEW.replace("{{ steps.pay.n + 10 }}", "{{ len(steps.pay.n) }}"), steps=RENAMED
    )
    await house.engine.approve(made, "approved")
    assert (await house.engine.wait(made)).output == {"n": 200_000}


async def test_a_run_that_another_one_waits_for_is_not_moved(house: House) -> None:
    child = house.definitions.add(flow(HOLD, name="child"))
    caller = await house.engine.start(
        house.definitions.add(flow("a: {type: call, with: {workflow: child}}")), called=[child]
    )
    await house.engine.drive_until_idle()
    (called,) = await house.store.runs(RunQuery(parent=caller))
    with pytest.raises(RequestRefusedError, match="called it and waits"):
        await move(house, called.run, flow(HOLD.replace("go", "on"), name="child"))
    with pytest.raises(RequestRefusedError, match="a: It waits for the run that it called"):
        await move(house, caller, flow("a: {type: call, with: {workflow: child}, timeout: 1h}"))


async def test_a_run_is_moved_through_the_socket_of_its_process(house: House, tmp_path: Path) -> None:
    socket = EngineSocket(house.engine, house.store, tmp_path / "engine.sock")
    await socket.open()
    client = await EngineClient.connect(tmp_path / "engine.sock")
    run = await waiting(house)
    version = house.definitions.add(NEW)
    found = await client.check_move(run, version, steps=RENAMED)
    assert [fate.becomes for fate in found.fates] == ["kept", "kept"]
    made = await client.move(run, version, steps=RENAMED, by="ann")
    assert (await row_of(house, made)).parent == run
    first = (await house.engine.facts(made))[0]
    assert isinstance(first, RunStarted)
    assert first.by == "ann"
    await client.close()
    await socket.close()
