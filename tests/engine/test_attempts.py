"""What becomes of one attempt, told truly."""

import asyncio
import threading
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from auraos.core.catalogue import Chosen, Effect, StepType
from auraos.core.errors import OperationalError, UserError
from auraos.core.failures import StepFailed, StepUnknown
from auraos.core.run import facts
from auraos.core.run.commands import ExecuteStep
from auraos.engine.attempts import Attempt, Outcome
from auraos.engine.clock import SystemClock
from auraos.engine.context import AttemptContext, Doors, Progress
from auraos.engine.places import Places, Threads
from auraos.engine.ports import LogLine
from auraos.engine.shards import Shards
from auraos.engine.workers import Workers
from auraos.observability.about import told_now
from auraos.sdk import BlockingContext, step_type

ANY: Any = object()


class Listener:
    """Keeps what attempts say."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []

    def logged(self, line: LogLine) -> None:
        self.lines.append(line)

    def progressed(self, run: str, progress: Progress) -> None:
        return


def begin(
    work: Any, *, effect: str = "write", timeout: float | None = None, places: Places | None = None
) -> "tuple[Attempt, asyncio.Future[Outcome]]":
    """Begin an attempt whose step does this; return it and what becomes of it."""

    async def execute(settings: dict[str, Any], context: Any) -> Any:
        return await work(context)

    command = ExecuteStep("one", 1, "t", 1, "key", effect, {}, timeout, 0)
    doors = Doors(
        http=ANY, secrets=ANY, sandbox=ANY, blobs=ANY, redact=lambda value: value, places=places or Places()
    )
    context = AttemptContext("default", "r", command, doors=doors, listener=Listener(), clock=SystemClock())
    outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    step_type = StepType(name="t", title="T", summary="T.", execute=execute)
    attempt = Attempt(
        None, command, step_type, context, doors.redact, lambda: 0, lambda _, ended: outcome.set_result(ended)
    )
    Workers(Shards(), SystemClock()).begin(attempt)
    return attempt, outcome


def giving(value: Any) -> Any:
    async def work(context: Any) -> Any:
        return value

    return work


def raising(error: BaseException, *, touch: bool = False) -> Any:
    async def work(context: Any) -> Any:
        if touch:
            assert context.http is ANY
        raise error

    return work


class PanicInALibrary(BaseException):
    """What some libraries below Python raise: no `Exception`, and no order to end the process either."""


async def hang(context: Any) -> Any:
    await asyncio.Event().wait()


async def stubborn(context: Any) -> Any:
    for _ in range(3):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0.2)


async def test_an_output_and_the_ports_that_a_step_chose_come_back() -> None:
    plain = await begin(giving({"n": 1}))[1]
    chosen = await begin(giving(Chosen(("late",), 5)))[1]
    assert plain == facts.StepSucceeded(at=0, path="one", attempt=1, output={"n": 1})
    assert chosen == facts.StepSucceeded(at=0, path="one", attempt=1, output=5, ports=("late",))


@pytest.mark.parametrize(
    ("error", "touch", "effect", "kind", "class_"),
    [
        (StepFailed("No.", error_class="data"), True, "write", facts.StepFailed, "data"),
        (StepUnknown("Reset."), True, "write", facts.StepUnknown, "unknown"),
        (KeyError("x"), False, "write", facts.StepUnknown, "bug"),
        (KeyError("x"), False, "read", facts.StepFailed, "bug"),
        (SystemExit(3), False, "read", facts.StepFailed, "bug"),
        (PanicInALibrary("x"), False, "write", facts.StepUnknown, "bug"),
        (UserError("Wrong."), False, "write", facts.StepFailed, "permanent"),
        (UserError("Wrong."), True, "irreversible", facts.StepUnknown, "permanent"),
        (OperationalError("Down."), False, "idempotent", facts.StepFailed, "transient"),
        (OperationalError("Down."), False, "write", facts.StepUnknown, "transient"),
    ],
)
async def test_what_is_raised_is_judged_by_what_vouches_for_it(
    error: BaseException, touch: bool, effect: str, kind: type, class_: str
) -> None:
    outcome = await begin(raising(error, touch=touch), effect=effect)[1]
    assert type(outcome) is kind
    assert isinstance(outcome, facts.StepFailed | facts.StepUnknown)
    assert outcome.error.class_ == class_


async def test_the_time_to_wait_and_the_data_of_a_failure_are_kept() -> None:
    error = StepFailed(
        "Busy.",
        error_class="transient",
        code="busy",
        retry_after=timedelta(seconds=3),
        data={"a": 1},
        hint="Wait.",
    )
    outcome = await begin(raising(error))[1]
    assert isinstance(outcome, facts.StepFailed)
    told = outcome.error
    assert (told.code, told.retry_after, told.data, told.hint) == ("busy", 3.0, {"a": 1}, "Wait.")


@pytest.mark.parametrize(("effect", "kind"), [("read", facts.StepFailed), ("write", facts.StepUnknown)])
async def test_an_output_that_cannot_be_kept_is_no_success(effect: str, kind: type) -> None:
    outcome = await begin(giving(object()), effect=effect)[1]
    assert type(outcome) is kind


@pytest.mark.parametrize(("effect", "kind"), [("idempotent", facts.StepFailed), ("write", facts.StepUnknown)])
async def test_running_out_of_time_is_a_failure_only_where_it_may_be_repeated(
    effect: str, kind: type
) -> None:
    outcome = await begin(hang, effect=effect, timeout=0.01)[1]
    assert type(outcome) is kind
    assert isinstance(outcome, facts.StepFailed | facts.StepUnknown)
    assert (outcome.error.class_, outcome.error.code) == ("timeout", "timeout")


@step_type("test.blocks", title="Blocks", effect=Effect.WRITE, place="thread")
def blocks(settings: dict[str, Any], context: BlockingContext) -> None:
    """Wait in a thread until it is let go."""
    settings["begun"].set()
    settings["go"].wait(20)


async def test_a_step_for_which_no_thread_came_free_in_time_certainly_did_nothing() -> None:
    places, go, begun = Places(threads=Threads(at_once=1)), threading.Event(), threading.Event()
    assert blocks.execute is not None
    work = partial(blocks.execute, {"go": go, "begun": begun})
    holding = begin(work, places=places)[1]
    await asyncio.to_thread(begun.wait, 20)
    late = await begin(work, timeout=0.02, places=places)[1]
    assert isinstance(late, facts.StepFailed)
    assert (late.error.class_, late.error.code) == ("transient", "places-full")
    assert late.error.message == "No thread came free within 0.02 s, so the step never began."
    attempt, cancelled = begin(work, places=places)
    await asyncio.sleep(0)
    attempt.cancel()
    assert isinstance(told := await cancelled, facts.StepFailed)
    assert (told.error.class_, told.error.message) == ("cancelled", "It was cancelled before it began.")
    go.set()
    assert isinstance(await holding, facts.StepSucceeded)
    await places.close()


async def test_a_step_whose_time_is_up_in_its_thread_may_have_done_something() -> None:
    places, go, begun = Places(), threading.Event(), threading.Event()
    assert blocks.execute is not None
    outcome = await begin(partial(blocks.execute, {"go": go, "begun": begun}), timeout=0.05, places=places)[1]
    assert isinstance(outcome, facts.StepUnknown)
    assert (outcome.error.class_, begun.is_set()) == ("timeout", True)
    go.set()
    await places.close()


async def test_a_step_that_does_not_stop_is_left_behind_after_the_grace() -> None:
    attempt, ended = begin(stubborn, effect="read")
    await asyncio.sleep(0.01)
    attempt.cancel(grace=0.01)
    outcome = await ended
    assert isinstance(outcome, facts.StepFailed)
    assert outcome.error.code == "abandoned"
    attempt.abandon()


async def test_a_step_that_stops_when_told_ends_as_cancelled() -> None:
    attempt, ended = begin(hang, effect="read")
    await asyncio.sleep(0.01)
    attempt.cancel()
    outcome = await ended
    assert isinstance(outcome, facts.StepFailed)
    assert (outcome.error.class_, outcome.error.code) == ("cancelled", "cancelled")


async def test_a_missing_step_type_is_a_failure_in_words() -> None:
    command = ExecuteStep("one", 1, "gone.away", 3, "", "write", {}, None, 0)
    ended: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    attempt = Attempt(
        None, command, None, ANY, lambda value: value, lambda: 0, lambda _, outcome: ended.set_result(outcome)
    )
    Workers(Shards(), SystemClock()).begin(attempt)
    outcome = await ended
    assert isinstance(outcome, facts.StepFailed)
    assert "'gone.away'" in outcome.error.message


async def test_a_flood_of_log_lines_is_cut_and_says_so() -> None:
    listener = Listener()
    doors = Doors(http=ANY, secrets=ANY, sandbox=ANY, blobs=ANY, redact=lambda value: value)
    command = ExecuteStep("one", 1, "t", 1, "", "write", {}, None, 0)
    context = AttemptContext("default", "r", command, doors=doors, listener=listener, clock=SystemClock())
    for number in range(3_000):
        context.log("x" * 10_000, level="strange", number=number, odd=object(), half="\ud800")
    assert len(listener.lines) == 2_001
    assert "left out" in listener.lines[-1].message
    assert len(listener.lines[0].message) < 9_000
    assert listener.lines[0].level == "info"
    assert "object" in listener.lines[0].fields["odd"]


async def test_what_is_said_while_an_attempt_is_carried_out_is_about_it_and_nothing_after_it_is() -> None:
    heard: list[dict[str, str]] = []

    async def work(context: Any) -> Any:
        heard.append(dict(told_now()))
        await asyncio.sleep(0)
        heard.append(dict(await asyncio.create_task(heard_in_a_task())))

    async def heard_in_a_task() -> Any:
        return told_now()

    attempt, outcome = begin(work)
    await outcome
    about = {"run": "r", "workspace": "default", "step": "one", "attempt": "1"}
    assert heard == [about, about]
    assert attempt.told() == {}
