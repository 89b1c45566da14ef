"""Runs from start to end: what they put out, what is durable when, and what a person can ask of them."""

import asyncio
import contextlib
from typing import Any

import pytest
from engine_house import House, flow

from auraos.core.errors import UserError
from auraos.core.failures import StepFailed, StepUnknown
from auraos.core.run.facts import StepResolved
from auraos.engine.definitions import InputRefusedError
from auraos.engine.engine import RequestRefusedError
from auraos.engine.ports import ALL_SHARDS, NotFoundError, RunQuery
from auraos.sdk import StepContext

PURE = flow(
    """
one: {type: transform, with: {set: {n: "{{ input.n + 1 }}"}}}
two: {type: transform, with: {set: {n: "{{ steps.one.n * 2 }}"}}}
""",
    links="one -> two",
)
TWO_WRITES = flow(
    """
one: {type: test.write, with: {n: 1}}
two: {type: test.write, with: {n: "{{ steps.one.n + 1 }}"}}
""",
    links="one -> two",
)
ONE_WRITE = flow("one: {type: test.write, with: {n: 1}}")
TWO_SIDE_BY_SIDE = flow("a: {type: test.write}\nb: {type: test.write}\nc: {type: test.write}")


async def test_a_pure_run_starts_and_ends_in_one_write(house: House) -> None:
    run = await house.start(PURE, input={"n": 4})
    assert house.store.writes == 1
    ended = await house.engine.wait(run)
    assert (ended.state, ended.output) == ("succeeded", {"n": 10})
    row = await house.store.find("1", workspace="default")
    assert row is not None
    assert (row.run, row.state, row.workflow) == (run, "succeeded", "w")


async def test_a_chain_of_effects_pays_one_write_a_step_and_grants_ride_along(house: House) -> None:
    run = await house.start(TWO_WRITES)
    ended = await house.engine.wait(run)
    assert ended.output == {"n": 2}
    journal = await house.store.journal(run)
    assert [batch.count for batch in journal] == [2, 2, 2]
    assert await house.kinds(run) == [
        "RunStarted", "StepGranted", "StepSucceeded", "StepGranted", "StepSucceeded", "RunFinished",
    ]  # fmt: skip


async def test_a_step_begins_only_when_its_grant_is_durable(house: House) -> None:
    seen: list[int] = []

    async def look(settings: dict[str, Any], context: StepContext) -> Any:
        seen.append(sum(batch.count for batch in await house.store.journal(context.run_id)))
        return {"n": 1}

    house.steps.work = look
    await house.engine.wait(await house.start(TWO_WRITES))
    assert seen == [2, 4]


async def test_a_subscriber_sees_every_fact_in_order_and_the_log_between(house: House) -> None:
    async def talk(settings: dict[str, Any], context: StepContext) -> Any:
        context.progress(1, 2, "half")
        context.log("with no-secret inside", level="warning", token="no-secret")
        await go_on.wait()
        return {"n": 1}

    go_on = asyncio.Event()
    house.steps.work = talk
    run = await house.start(ONE_WRITE)
    seen = []
    async for change in house.engine.subscribe(run):
        seen.append(change)
        go_on.set()
    facts = [type(change.fact).__name__ for change in seen if change.fact is not None]
    assert facts == ["RunStarted", "StepGranted", "StepSucceeded", "RunFinished"]
    assert [change.seq for change in seen if change.fact is not None] == [1, 2, 3, 4]
    lines = await house.store.logs(run)
    assert [(line.message, line.level, line.fields) for line in lines] == [
        ("with *** inside", "warning", {"token": "***"})
    ]


async def test_a_subscriber_who_comes_late_sees_what_was_and_ends(house: House) -> None:
    run = await house.start(PURE, input={"n": 1})
    await house.engine.wait(run)
    seen = [change.seq async for change in house.engine.subscribe(run, after=1)]
    assert seen == list(range(2, len(await house.kinds(run)) + 1))


async def test_secrets_are_masked_in_outputs_and_errors(house: House) -> None:
    async def leak(settings: dict[str, Any], context: StepContext) -> Any:
        if context.path == "one":
            return {"n": 1, "echo": "no-secret"}
        raise StepFailed("The other side said no-secret.")

    house.steps.work = leak
    ended = await house.engine.wait(await house.start(TWO_WRITES))
    journal = b"".join(batch.facts for batch in await house.store.journal(ended.run))
    assert ended.state == "failed"
    assert b"no-secret" not in journal
    assert journal.count(b"***") >= 2


async def test_no_more_attempts_run_at_once_than_there_are_slots(house: House, tmp_path: Any) -> None:
    await house.close()
    await house.open(parallel=2)
    most, now = 0, 0

    async def count(settings: dict[str, Any], context: StepContext) -> Any:
        nonlocal most, now
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1

    house.steps.work = count
    runs = [await house.start(TWO_SIDE_BY_SIDE) for _ in range(3)]
    assert {(await house.engine.wait(run)).state for run in runs} == {"succeeded"}
    assert most == 2
    assert len(house.steps.calls) == 9


async def test_an_input_that_does_not_fit_starts_no_run(house: House) -> None:
    text = PURE + "  input: {type: object, required: [n], properties: {n: {type: integer}}}\n"
    with pytest.raises(InputRefusedError, match="n"):
        await house.start(text, input={"n": "four"})
    assert await house.store.runs(RunQuery()) == []


async def test_a_transient_failure_is_tried_again_and_a_permanent_one_is_not(house: House) -> None:
    text = flow("one: {type: test.write, retry: {attempts: 3, first: 1ms, jitter: 0}}")

    async def fail(settings: dict[str, Any], context: StepContext) -> Any:
        raise StepFailed("Down.", error_class="transient" if context.attempt == 1 else "permanent")

    house.steps.work = fail
    ended = await house.engine.wait(await house.start(text))
    assert ended.state == "failed"
    assert house.steps.calls == [("one", 1), ("one", 2)]
    assert len(set(house.steps.keys)) == 1


async def test_an_unknown_write_is_never_repeated_and_a_person_settles_it(house: House) -> None:
    async def vanish(settings: dict[str, Any], context: StepContext) -> Any:
        raise StepUnknown("The connection was reset.")

    house.steps.work = vanish
    run = await house.start(ONE_WRITE)
    await house.engine.drive_until_idle()
    row = await house.store.find(run)
    assert row is not None
    assert row.state == "waiting"
    await house.engine.resolve(run, "succeeded", output={"n": 7}, by="ann")
    ended = await house.engine.wait(run)
    assert (ended.state, ended.output, house.steps.calls) == ("succeeded", {"n": 7}, [("one", 1)])


async def test_an_answer_about_an_earlier_attempt_does_not_count_for_the_present_one(house: House) -> None:
    async def vanish(settings: dict[str, Any], context: StepContext) -> Any:
        raise StepUnknown("The connection was reset.")

    house.steps.work = vanish
    run = await house.start(ONE_WRITE)
    await house.engine.drive_until_idle()
    await house.engine.resolve(run, "retry", attempt=1, by="ann")
    await house.engine.drive_until_idle()
    with pytest.raises(RequestRefusedError, match="attempt 2 is"):
        await house.engine.resolve(run, "succeeded", attempt=1, output={"n": 7}, by="bob")
    await house.engine.resolve(run, "succeeded", output={"n": 8}, by="bob")
    ended = await house.engine.wait(run)
    told = [fact.attempt for fact in await house.engine.facts(run) if isinstance(fact, StepResolved)]
    assert (ended.output, told) == ({"n": 8}, [1, 2])


async def test_an_answer_about_an_undo_names_the_attempt_of_the_undo(house: House) -> None:
    async def work(settings: dict[str, Any], context: StepContext) -> Any:
        if context.path == "one!undo":
            raise StepFailed("It cannot be taken back.", error_class="permanent")
        if context.path == "two":
            raise StepFailed("Down.", error_class="permanent")
        return settings

    house.steps.work = work
    undoing = "one: {type: test.write, undo: {type: test.write}}\ntwo: {type: test.write}"
    run = await house.start(flow(undoing, links="one -> two"))
    await house.engine.drive_until_idle()
    await house.engine.resolve(run, "retry", path="one!undo", by="ann")
    await house.engine.drive_until_idle()
    with pytest.raises(RequestRefusedError, match="attempt 2 is"):
        await house.engine.resolve(run, "succeeded", path="one!undo", attempt=1, by="bob")
    await house.engine.resolve(run, "succeeded", path="one!undo", attempt=2, by="bob")
    ended = await house.engine.wait(run)
    told = [fact.attempt for fact in await house.engine.facts(run) if isinstance(fact, StepResolved)]
    assert (ended.state, told) == ("compensated", [1, 2])


async def test_an_exception_of_a_write_is_unknown_and_of_a_read_a_failure(house: House) -> None:
    async def crash(settings: dict[str, Any], context: StepContext) -> Any:
        raise KeyError("oops")

    house.steps.work = crash
    read = await house.engine.wait(await house.start(flow("one: {type: test.read}", name="r")))
    write = await house.start(ONE_WRITE)
    await house.engine.drive_until_idle()
    assert read.error is not None
    assert (read.state, read.error.class_) == ("failed", "bug")
    assert "DoubtRaised" in await house.kinds(write)


async def test_an_attempt_that_takes_too_long_fails_or_is_unknown_by_its_effect(house: House) -> None:
    async def hang(settings: dict[str, Any], context: StepContext) -> Any:
        await asyncio.Event().wait()

    house.steps.work = hang
    read = await house.start(flow("one: {type: test.read, timeout: 20ms}", name="r"))
    write = await house.start(flow("one: {type: test.write, timeout: 20ms}"))
    ended = await house.engine.wait(read)
    await house.engine.drive_until_idle()
    assert ended.error is not None
    assert (ended.error.class_, ended.state) == ("timeout", "failed")
    assert "StepUnknown" in await house.kinds(write)


async def test_a_signal_lets_a_waiting_run_go_on_and_counts_once_by_its_id(house: House) -> None:
    text = flow("paid: {type: wait.signal, with: {name: paid}}")
    run = await house.start(text)
    await house.engine.signal(run, "paid", data={"sum": 5}, id="s1", by="ann")
    ended = await house.engine.wait(run)
    assert (ended.state, ended.output["data"]) == ("succeeded", {"sum": 5})
    with pytest.raises(RequestRefusedError, match="over: it succeeded"):
        await house.engine.signal(run, "paid")


async def test_an_approval_is_answered_once(house: House) -> None:
    text = flow("ask: {type: human.approve, with: {title: Ship it?}}")
    run = await house.start(text)
    with pytest.raises(RequestRefusedError, match="'nowhere'"):
        await house.engine.approve(run, "approved", path="nowhere")
    await house.engine.approve(run, "approved", by="ann")
    assert (await house.engine.wait(run)).state == "succeeded"
    with pytest.raises(RequestRefusedError):
        await house.engine.approve(run, "rejected", by="bob")


async def test_an_event_comes_to_every_run_that_waits_for_its_type(house: House) -> None:
    text = flow("paid: {type: wait.event, with: {type: invoice.paid}}")
    runs = [await house.start(text) for _ in range(2)]
    assert await house.engine.publish("invoice.paid", data={"id": 3}) == 2
    ends = [await house.engine.wait(run) for run in runs]
    assert [(end.state, end.output["type"], end.output["data"]) for end in ends] == [
        ("succeeded", "invoice.paid", {"id": 3})
    ] * 2
    assert await house.engine.publish("invoice.paid") == 0
    assert await house.store.requests(ALL_SHARDS) == []


async def start_two_writes(house: House) -> tuple[str, asyncio.Event]:
    """Start a run whose first write is under way; return it, and what lets its writes go on."""
    release = asyncio.Event()

    async def hold(settings: dict[str, Any], context: StepContext) -> Any:
        await release.wait()
        return {"n": 1}

    house.steps.work = hold
    run = await house.start(TWO_WRITES)
    await house.steps.started.wait()
    return run, release


async def test_a_paused_run_starts_nothing_until_it_is_resumed(house: House) -> None:
    run, release = await start_two_writes(house)
    await house.engine.pause(run, by="ann")
    release.set()
    await house.engine.drive_until_idle()
    assert house.steps.calls == [("one", 1)]
    await house.engine.resume(run, by="ann")
    assert (await house.engine.wait(run)).state == "succeeded"


async def test_cancel_stops_what_may_be_repeated_at_once(house: House) -> None:
    async def hang(settings: dict[str, Any], context: StepContext) -> Any:
        await asyncio.Event().wait()

    house.steps.work = hang
    run = await house.start(flow("one: {type: test.read}"))
    await house.steps.started.wait()
    await house.engine.cancel(run, by="ann", reason="enough")
    assert (await house.engine.wait(run)).state == "cancelled"


async def test_a_cancelled_run_awaits_a_write_that_was_granted(house: House) -> None:
    run, release = await start_two_writes(house)
    await house.engine.cancel(run)
    release.set()
    assert (await house.engine.wait(run)).state == "cancelled"
    assert house.steps.calls == [("one", 1)]
    assert (await house.kinds(run)).count("StepSucceeded") == 1


async def test_a_hundred_races_of_cancel_and_completion_each_end_once(house: House) -> None:
    async def race(number: int) -> str:
        run = await house.start(TWO_WRITES)
        for _ in range(number % 7):
            await asyncio.sleep(0)
        with contextlib.suppress(RequestRefusedError):
            await house.engine.cancel(run)
        return run

    runs = await asyncio.gather(*(race(number) for number in range(100)))
    states = [(await house.engine.wait(run)).state for run in runs]
    ends = [(await house.kinds(run)).count("RunFinished") for run in runs]
    assert set(states) <= {"succeeded", "cancelled"}
    assert set(ends) == {1}


async def test_the_list_says_why_a_run_is_not_further(house: House) -> None:
    steps = (
        "ask: {type: human.approve, with: {title: Ship it?}}\npaid: {type: wait.signal, with: {name: paid}}"
    )
    run = await house.start(flow(steps, links="ask.approved -> paid"))
    asked = await house.store.find(run)
    await house.engine.approve(run, "approved")
    unpaid = await house.store.find(run)
    assert asked is not None
    assert unpaid is not None
    assert (asked.state, asked.why) == ("waiting", "It waits for somebody to approve: Ship it?")
    assert unpaid.why == "It waits for the signal 'paid'."


async def test_an_unknown_run_is_refused_by_name(house: House) -> None:
    with pytest.raises(NotFoundError, match="'nobody'"):
        await anext(house.engine.subscribe("nobody"))
    with pytest.raises(NotFoundError, match="'nobody'"):
        await house.engine.cancel("nobody")


async def test_a_failed_run_goes_on_in_a_new_one(house: House) -> None:
    async def second_fails(settings: dict[str, Any], context: StepContext) -> Any:
        if context.path == "two" and len(house.steps.calls) < 3:
            raise StepFailed("Not yet.")
        return {"n": 1}

    house.steps.work = second_fails
    first = await house.start(TWO_WRITES)
    assert (await house.engine.wait(first)).state == "failed"
    second = await house.engine.retry(first, by="ann")
    assert (await house.engine.wait(second)).state == "succeeded"
    assert [path for path, _ in house.steps.calls] == ["one", "two", "two"]
    assert house.steps.keys[1] != house.steps.keys[2], "the first attempt had certainly no effect"
    row = await house.store.find(second)
    assert row is not None
    assert row.parent == first


async def test_a_run_that_is_not_over_is_not_retried(house: House) -> None:
    run = await house.start(flow("paid: {type: wait.signal, with: {name: paid}}"))
    with pytest.raises(RequestRefusedError, match="not over: it is waiting"):
        await house.engine.retry(run)


async def test_a_fork_runs_on_from_changed_outputs(house: House) -> None:
    first = await house.start(TWO_WRITES)
    await house.engine.wait(first)
    forked = await house.engine.retry(
        first, kind="fork", start_at="two", changes={"one": {"n": 41}}, again=True
    )
    assert (await house.engine.wait(forked)).output == {"n": 42}


async def test_a_value_that_the_language_does_not_have_is_refused_at_the_door(house: House) -> None:
    with pytest.raises(Exception, match="number"):
        await house.start(PURE, input={"n": float("nan")})
    assert await house.store.runs(RunQuery()) == []


async def test_a_signal_beyond_the_bound_of_the_mailbox_is_refused_and_not_lost_in_silence(
    house: House,
) -> None:
    run = await house.start(flow("other: {type: wait.signal, with: {name: other}}"))
    await asyncio.gather(*(house.engine.signal(run, "paid", id=f"s{number}") for number in range(1000)))
    with pytest.raises(UserError, match=r"1,000 signals lie in the mailbox") as refused:
        await house.engine.signal(run, "paid", id="one-more")
    assert refused.value.code == "mailbox-full"
    await house.engine.signal(run, "other")
    assert (await house.engine.wait(run)).state == "succeeded"
    assert (await house.kinds(run)).count("SignalReceived") == 1001


async def test_a_run_without_an_input_has_an_empty_one_where_the_workflow_wants_a_mapping(
    house: House,
) -> None:
    wants = '  input: {type: object, properties: {name: {type: string}}}\n  output: "{{ input }}"\n'
    text = flow("n: {type: noop}", extra=wants)
    ended = await house.engine.wait(await house.start(text))
    assert (ended.state, ended.output) == ("succeeded", {})
