"""`if` and `switch` choose among their ports. They are on the hottest path and read settings directly."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from auraos.sdk import Behaviour, Chosen, Effect, Example, StepFailed, StepType, deferred
from auraos.sdk.step import settings_schema

_TRUE = ("true",)
_FALSE = ("false",)
_ELSE = ("else",)


class IfSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The question."""

    condition: Annotated[
        Any,
        deferred(),
        msgspec.Meta(description="Chooses `true`, or `false` when it is false, null, zero or empty."),
    ]
    value: Annotated[
        Any, msgspec.Meta(description="What the chosen port carries; the answer itself when left out.")
    ] = None


def _answer(settings: dict[str, Any]) -> Chosen:
    if "condition" not in settings:
        raise _missing("if", "condition")
    condition = settings["condition"]
    truth = bool(condition() if callable(condition) else condition)
    return Chosen(_TRUE if truth else _FALSE, settings.get("value", truth))


if_ = StepType(
    name="if",
    title="If",
    summary="Goes on at `true` or at `false`.",
    description="The other port's links are dead: steps that wait for them alone are skipped.",
    behaviour=Behaviour.EVALUATE,
    settings=settings_schema(IfSettings),
    effect=Effect.PURE,
    ports=("true", "false"),
    deferred={"condition": ()},
    evaluate=_answer,
    examples=(
        Example(
            title="A condition that holds",
            settings={"condition": True},
            output={"ports": ["true"], "output": True},
        ),
        Example(
            title="Carry a value",
            settings={"condition": 0, "value": "small"},
            output={"ports": ["false"], "output": "small"},
        ),
    ),
)


class SwitchSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The questions, in order."""

    cases: Annotated[
        dict[str, Any],
        deferred(),
        msgspec.Meta(description="A condition per port, asked from top to bottom.", min_length=1),
    ]
    mode: Annotated[
        Literal["first", "all"],
        msgspec.Meta(description="Go on at the first case that holds, or at every one that holds."),
    ] = "first"
    value: Annotated[
        Any,
        msgspec.Meta(description="The output; when left out, the name of the case, or the list of names."),
    ] = None


def _choose(settings: dict[str, Any]) -> Chosen:
    cases = settings.get("cases")
    if type(cases) is not dict or not cases:
        raise _missing("switch", "cases")
    if settings.get("mode", "first") == "all":
        ports = tuple(name for name, case in cases.items() if (case() if callable(case) else case))
        return Chosen(ports or _ELSE, settings.get("value", list(ports)))
    for name, case in cases.items():
        if case() if callable(case) else case:
            return Chosen((name,), settings.get("value", name))
    return Chosen(_ELSE, settings.get("value"))


def _ports(settings: Mapping[str, Any]) -> tuple[str, ...]:
    cases = settings.get("cases")
    names = tuple(str(name) for name in cases if name != "else") if isinstance(cases, Mapping) else ()
    return (*names, "else")


switch = StepType(
    name="switch",
    title="Switch",
    summary="Goes on at the port of the case that holds, or at `else`.",
    description=(
        "Each case is a port of its own. With `mode: all` every case that holds is live, "
        "and `else` only when none is."
    ),
    behaviour=Behaviour.EVALUATE,
    settings=settings_schema(SwitchSettings),
    effect=Effect.PURE,
    ports=_ports,
    deferred={"cases": ()},
    evaluate=_choose,
    examples=(
        Example(
            title="The first case that holds",
            settings={"cases": {"large": False, "small": True}},
            output={"ports": ["small"], "output": "small"},
        ),
        Example(
            title="Every case that holds",
            settings={"cases": {"eu": True, "new": True}, "mode": "all"},
            output={"ports": ["eu", "new"], "output": ["eu", "new"]},
        ),
        Example(
            title="None holds",
            settings={"cases": {"large": False}},
            output={"ports": ["else"], "output": None},
        ),
    ),
)


def _missing(name: str, field: str) -> StepFailed:
    message = f"The settings of {name} do not fit: {field!r} is missing."
    return StepFailed(message, error_class="data", code="settings-refused")
