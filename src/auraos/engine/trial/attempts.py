"""The attempts of a test case: which outcome each has by the mocks, and the fact that says so."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

import msgspec

from auraos.core.catalogue import Effect, StepType
from auraos.core.run import static_path
from auraos.core.run.commands import ExecuteStep
from auraos.core.run.facts import StepError, StepFailed, StepSucceeded, StepUnknown
from auraos.core.values import Value
from auraos.engine.trial.mocks import Call, MockError, Mocks, Outcome, read_delay

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICRO = timedelta(microseconds=1)


class PureSteps(Protocol):
    """Carries out steps that are executed but have no effect, such as code: they need no mock."""

    def execute(self, command: ExecuteStep, now: datetime) -> Outcome: ...


def moment(micros: int) -> datetime:
    """Return the time that these microseconds since 1970 are."""
    return EPOCH + timedelta(microseconds=micros)


def find_outcome(call: Call, command: ExecuteStep, mocks: Mocks, pure_steps: PureSteps | None) -> Outcome:
    """Return what an attempt comes to: as mocked, else by doing it where it has no effect. An undo succeeds unasked."""
    outcome = mocks.answer(call)
    if outcome is not None:
        return outcome
    if command.purpose == "undo":
        return Outcome()
    if command.effect == Effect.PURE and pure_steps is not None:
        return pure_steps.execute(command, call.now)
    raise MockError(
        f"The step {call.path!r} ({command.type}) reaches out of the workflow and has no mock.",
        hint=f"Add `mocks: {{{static_path(call.path)}: …}}` with the output it shall bring.",
    )


def with_ports(outcome: Outcome, step_type: StepType | None) -> Outcome:
    """Return an outcome that names no port with those that follow from its output."""
    if step_type is None or step_type.ports_by is None or outcome.failure or outcome.ports != ("out",):
        return outcome
    return msgspec.structs.replace(outcome, ports=step_type.ports_by(outcome.output))


def result_fact(command: ExecuteStep, outcome: Outcome, at: int) -> StepSucceeded | StepFailed | StepUnknown:
    """Return the fact that an outcome makes."""
    path, attempt = command.path, command.attempt
    if outcome.failure is None:
        return StepSucceeded(at=at, path=path, attempt=attempt, output=outcome.output, ports=outcome.ports)
    error = error_fact(command, outcome.failure, at)
    fact = StepUnknown if outcome.is_unknown else StepFailed
    return fact(at=at, path=path, attempt=attempt, error=error)


def timeout_fact(command: ExecuteStep, at: int) -> StepFailed | StepUnknown:
    """Return the fact of a time-out: a failure where doing it again is harmless, else nobody knows."""
    harmless = Effect(command.effect).may_repeat
    told = {"class": "timeout" if harmless else "unknown", "code": "timeout"}
    error = error_fact(command, {**told, "message": f"no answer within {command.timeout:g} s"}, at)
    fact = StepFailed if harmless else StepUnknown
    return fact(at=at, path=command.path, attempt=command.attempt, error=error)


def cancelled_fact(command: ExecuteStep, at: int) -> StepFailed:
    """Return the fact of an attempt that was stopped."""
    error = error_fact(command, {"class": "cancelled", "code": "cancelled", "message": "cancelled"}, at)
    return StepFailed(at=at, path=command.path, attempt=command.attempt, error=error)


def error_fact(command: ExecuteStep, told: Mapping[str, Any], at: int) -> StepError:
    """Return an error as the engine would record it."""
    retry_after = told.get("retry_after")
    return StepError(
        class_=told["class"],
        code=str(told.get("code", "mocked")),
        message=str(told.get("message", "")),
        step=static_path(command.path).rpartition("/")[2],
        path=command.path,
        attempt=command.attempt,
        at=at,
        retry_after=read_delay(retry_after, command.path).total_seconds()
        if retry_after is not None
        else None,
        data=told.get("data"),
    )


class Loop(NamedTuple):
    """The items of a loop under way, and the keys that name them in paths, where the loop has keys."""

    items: list[Any]
    keys: list[str]


def item_of(path: str, loops: Mapping[str, Loop]) -> tuple[Value, int | None]:
    """Return the item and index of the innermost iteration that a path is in."""
    head, bracket, tail = path.rpartition("[")
    loop = loops.get(head) if bracket else None
    name = tail.rpartition("]")[0]
    if loop is None:
        return None, _index_of(name, [])
    index = _index_of(name, loop.keys)
    return (loop.items[index] if index is not None and index < len(loop.items) else None), index


def _index_of(name: str, keys: list[str]) -> int | None:
    if keys:
        return keys.index(name) if name in keys else None
    return int(name) if name.isdigit() else None
