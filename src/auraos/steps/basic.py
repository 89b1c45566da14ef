"""The smallest steps: pass on, write a line to the log, fail on purpose, end the run."""

from typing import Annotated, Any, Literal

import msgspec

from auraos.core.failures import ErrorClass
from auraos.sdk import Behaviour, Effect, Example, StepContext, StepFailed, StepType, Value, step_type
from auraos.sdk.step import settings_schema


class NoopSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What passes through."""

    value: Annotated[Any, msgspec.Meta(description="The output of the step; null when left out.")] = None


def _pass_on(settings: dict[str, Any]) -> Value:
    return settings.get("value")


noop = StepType(
    name="noop",
    title="Do nothing",
    summary="Does nothing and passes a value on.",
    description="Useful to join branches, to hold a place, and as the end of a branch.",
    behaviour=Behaviour.EVALUATE,
    settings=settings_schema(NoopSettings),
    output={"x-type-of": ["value"]},
    effect=Effect.PURE,
    evaluate=_pass_on,
    examples=(
        Example(title="Hold a place", settings={}, output=None),
        Example(title="Pass a value on", settings={"value": {"ready": True}}, output={"ready": True}),
    ),
)


class LogSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A line for the run's log."""

    message: Annotated[str, msgspec.Meta(description="What happened, in words.")]
    level: Annotated[
        Literal["debug", "info", "warning", "error"], msgspec.Meta(description="How much it matters.")
    ] = "info"
    fields: Annotated[
        dict[str, Any], msgspec.Meta(description="Values that stand beside the words, by name.")
    ] = {}


@step_type(
    "log",
    title="Write to the log",
    effect=Effect.PURE,
    output={"type": "null"},
    examples=(
        Example(title="Note an order", settings={"message": "order accepted", "fields": {"order": 7}}),
    ),
)
async def log(settings: LogSettings, context: StepContext) -> None:
    """Writes a line with fields to the log of the run.

    The log is for people; it changes nothing outside of the run. Secrets are masked in it.
    """
    fields = {
        name + "_" if name in ("message", "level") else name: value for name, value in settings.fields.items()
    }
    context.log(settings.message, level=settings.level, **fields)


class FailSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename={"error_class": "class"}):
    """How the step fails."""

    message: Annotated[str, msgspec.Meta(description="What is wrong, for the person who reads it.")]
    error_class: Annotated[
        ErrorClass, msgspec.Meta(description="The class of the error; `retry.on` may name it.")
    ] = "permanent"
    code: Annotated[
        str,
        msgspec.Meta(description="A stable code; `retry.on` may name it.", pattern="^[a-z][a-z0-9_-]*$"),
    ] = "failed"
    data: Annotated[
        Any, msgspec.Meta(description="Values that belong to the error; read as `errors.<step>.data`.")
    ] = None


@step_type(
    "fail",
    title="Fail",
    effect=Effect.PURE,
    ports=(),
    output={},
    examples=(
        Example(
            title="Refuse an order",
            settings={"message": "the order has no lines", "class": "data", "code": "empty-order"},
        ),
    ),
)
def fail(settings: FailSettings) -> Value:
    """Fails on purpose, with a class, a code and data of your choice.

    The failure takes the usual way: the step's `error` port, else undo, `catch` and `finally` of its scope.
    """
    raise StepFailed(
        settings.message, error_class=settings.error_class, code=settings.code, data=settings.data
    )


class StopSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """With what the run ends."""

    output: Annotated[Any, msgspec.Meta(description="The output of the whole run; null when left out.")] = (
        None
    )


def _final_output(settings: dict[str, Any]) -> Value:
    return settings.get("output")


stop = StepType(
    name="stop",
    title="End the run",
    summary="Ends the whole run successfully, with an output.",
    description=(
        "What still runs is cancelled as at the end of a race; nothing new starts. "
        "To end a run as failed, use `fail`."
    ),
    behaviour=Behaviour.STOP,
    settings=settings_schema(StopSettings),
    effect=Effect.PURE,
    ports=(),
    evaluate=_final_output,
    examples=(
        Example(title="Nothing to do", settings={"output": {"skipped": True}}, output={"skipped": True}),
    ),
)
