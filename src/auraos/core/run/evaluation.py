"""Evaluating what a person wrote: whatever comes of it is a value or an error of the run, never an exception of ours."""

from collections.abc import Callable
from typing import Any

from auraos.core.catalogue import Chosen
from auraos.core.errors import AuraError
from auraos.core.expressions import BudgetError, Meter
from auraos.core.expressions.meter import measure
from auraos.core.failures import StepFailed
from auraos.core.run.commands import Compute
from auraos.core.run.facts import Result, StepError
from auraos.core.run.program import StepProgram
from auraos.core.run.state import Frame
from auraos.core.run.turn import LARGEST_RESULT, Turn
from auraos.core.values import Value, ValueRefusedError, to_wire

OUT = ("out",)
ALONE_OPERATIONS = 200_000
LATER_OPERATIONS = 50_000_000
LATER_SIZE = 200_000_000
LARGEST_VALUE = 64_000_000
"""How large a value that is kept may be once it is written out."""
LARGE_TEXT = 4096
LIGHT = frozenset({"noop", "transform", "if", "switch", "stop"})
"""Step types that pay by their expressions alone; the others also pay for the data that they walk over."""


def evaluate_or_error(
    turn: Turn, frame: Frame, path: str, evaluate: Callable[[dict[str, Any]], Any], *, kept: bool = False
) -> tuple[Value, StepError | None]:
    """Return the value, or the error that its evaluation is for the run; with a budget of its own where the turn's is used up.

    What is `kept` in a fact must be a value that can be.
    """
    try:
        names = turn.names(frame, path)
        try:
            value = evaluate(names)
        except BudgetError:
            names["$meter"] = Meter(ALONE_OPERATIONS, LARGEST_RESULT)
            value = evaluate(names)
        if kept:
            refuse_deep(value)
    except AuraError as error:
        return None, step_error(error, path, at=turn.at)
    except RecursionError:
        return None, _too_deep(path, turn.at)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 (the border: no data and no step may break the machine)
        return None, _broken(error, path, turn.at)
    return value, None


def compute(step: StepProgram, names: dict[str, Any], path: str, at: int) -> Result:
    """Return what evaluating a pure step gives, or the error that it is; a `BudgetError` passes."""
    evaluate = step.evaluate
    assert evaluate is not None
    try:
        settings = step.settings.evaluate(names)
        if step.type.name not in LIGHT:
            names["$meter"].spend(measure(settings, names["$meter"]) >> 1)
        output = evaluate(settings)
        ports: tuple[str, ...] = OUT
        if type(output) is Chosen:
            ports, output = output.ports, output.output
        refuse_deep(output, names["$meter"])
    except BudgetError:
        raise
    except AuraError as error:
        return Result(path, None, (), step_error(error, path, at=at))
    except RecursionError:
        return Result(path, None, (), _too_deep(path, at))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 (the border: no data and no step may break the machine)
        return Result(path, None, (), _broken(error, path, at))
    if step.expect is not None and (unlike := compare(step, output, path, at)) is not None:
        return Result(path, None, (), unlike)
    return Result(path, output, ports)


def refuse_deep(value: Value, meter: Meter | None = None) -> None:
    """Raise `ValueRefusedError` for data that is nested too deep to be kept, or too large once it is written out, every
    shared part as often as it stands there; of a meter it asks the size, and raises `BudgetError`. Small data of one level
    is not looked at.
    """
    kind = type(value)
    for item in value.values() if kind is dict else value if kind is list else ():
        inner = type(item)
        if inner is dict or inner is list:
            _refuse_vast(value, meter)
            to_wire(value)
            return
        if inner is str and len(item) > LARGE_TEXT:
            _refuse_vast(value, meter)
            return


def _refuse_vast(value: Value, meter: Meter | None) -> None:
    if meter is not None:
        measure(value, meter)
        return
    try:
        measure(value, Meter(LATER_OPERATIONS, LARGEST_VALUE))
    except BudgetError:
        raise ValueRefusedError(
            f"Data of more than {LARGEST_VALUE:,} characters cannot be kept.", hint="Keep it in a file."
        ) from None


def compute_later(turn: Turn, frame: Frame, step: StepProgram, path: str) -> Compute:
    """Wish for an evaluation that is too large for a turn; the names stay as they are now, whatever happens meanwhile."""
    names, at = {**turn.names(frame, path), "steps": dict(frame.outputs)}, turn.at
    names["$meter"] = Meter(LATER_OPERATIONS, LATER_SIZE)

    def evaluate() -> Result:
        try:
            return compute(step, names, path, at)
        except BudgetError as error:
            return Result(path, None, (), step_error(error, path, at=at))

    return Compute(path, evaluate)


def compare(step: StepProgram, output: Value, path: str, at: int) -> StepError | None:
    """Hold an output against the step's `expect`."""
    mismatch = step.expect.first(output) if step.expect is not None else None
    if mismatch is None:
        return None
    message = f"The output{mismatch.path} is not as `expect` says: {mismatch.message}"
    return error_of(step, path, class_="data", code="not-as-expected", message=message, at=at)


def step_error(error: AuraError, path: str, *, at: int = 0) -> StepError:
    """Return an error of the house as the run knows errors."""
    step = path.rpartition("/")[2]
    if isinstance(error, StepFailed):
        after = error.retry_after
        return StepError(
            class_=error.error_class,
            code=error.error_code,
            message=error.message,
            hint=error.hint,
            step=step,
            path=path,
            at=at,
            retry_after=None if after is None else after.total_seconds(),
            data=error.error_data,
        )
    code = getattr(error, "code", "") or type(error).__name__
    return StepError(
        class_="data", code=code, message=error.message, hint=error.hint, step=step, path=path, at=at
    )


def error_of(step: StepProgram, path: str, *, class_: str, code: str, message: str, at: int = 0) -> StepError:
    """Return an error of this step."""
    return StepError(class_=class_, code=code, message=message, step=step.id, path=path, at=at)


def _broken(error: BaseException, path: str, at: int) -> StepError:
    message = f"This broke on its data with {type(error).__name__}: {str(error)[:300]}"
    return StepError(
        class_="bug", code="step-crashed", message=message, step=path.rpartition("/")[2], path=path, at=at
    )


def _too_deep(path: str, at: int) -> StepError:
    return StepError(class_="data", code="too-deep", message="The data is nested too deep.", path=path, at=at)
