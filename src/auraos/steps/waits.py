"""Steps that wait: for a time, a signal, an event, a person. The run machine does the waiting."""

from typing import Annotated, Any

import msgspec

from auraos.sdk import Behaviour, Effect, Example, StepType, deferred
from auraos.sdk.step import settings_schema
from auraos.steps.kinds import MOMENT, Duration

_WAIT_PORTS = ("out", "expired")


class ForSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How long."""

    duration: Annotated[Duration, msgspec.Meta(description="How long to wait, as in `30s`, `1h30m` or `5d`.")]


wait_for = StepType(
    name="wait.for",
    title="Wait a while",
    summary="Waits for a length of time.",
    description="The wait survives restarts and holds no memory. It counts elapsed time.",
    behaviour=Behaviour.TIMER,
    settings=settings_schema(ForSettings),
    output={"type": "null"},
    effect=Effect.PURE,
    examples=(Example(title="Half an hour", settings={"duration": "30m"}),),
)


class UntilSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Until when."""

    at: Annotated[
        Any,
        msgspec.Meta(
            description="The point in time, with its zone; one that has passed does not wait.",
            extra_json_schema=MOMENT,
        ),
    ]


wait_until = StepType(
    name="wait.until",
    title="Wait until",
    summary="Waits until a point in time.",
    description="Follows the clock on the wall, also when it is set. A time that has passed does not wait.",
    behaviour=Behaviour.TIMER,
    settings=settings_schema(UntilSettings),
    output={"type": "null"},
    effect=Effect.PURE,
    examples=(Example(title="Friday, half past five", settings={"at": "2026-11-20T17:30:00Z"}),),
)


class SignalSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which signal, and for how long."""

    name: Annotated[str, msgspec.Meta(description="The name of the signal.", min_length=1)]
    key: Annotated[Any, msgspec.Meta(description="Take only a signal that was sent with this key.")] = None
    expires: Annotated[Duration, msgspec.Meta(description="Go on at `expired` after this time.")] = None


wait_signal = StepType(
    name="wait.signal",
    title="Wait for a signal",
    summary="Waits until somebody sends this run a signal.",
    description=(
        "A signal that arrived before the step started is taken at once; one wait takes one, in the order they "
        "came. Send one with `auraos runs signal`. The output is `{data, by, at}`: what was sent, by whom, and when."
    ),
    behaviour=Behaviour.SIGNAL,
    settings=settings_schema(SignalSettings),
    output={
        "type": "object",
        "properties": {"data": {}, "by": {"type": "string"}, "at": {"type": "string", "x-kind": "datetime"}},
    },
    effect=Effect.PURE,
    ports=_WAIT_PORTS,
    examples=(Example(title="Payment, for two days", settings={"name": "paid", "key": 7, "expires": "2d"}),),
)


class EventSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which event, and for how long."""

    type: Annotated[
        str, msgspec.Meta(description="The type of the event, as in `stock.arrived`.", min_length=1)
    ]
    match: Annotated[
        Any,
        deferred("event"),
        msgspec.Meta(description="Take only an event for which this holds."),
    ] = None
    key: Annotated[Any, msgspec.Meta(description="Take only an event with this key.")] = None
    since: Annotated[
        Any,
        msgspec.Meta(
            description="Count events from this time on, also earlier ones.", extra_json_schema=MOMENT
        ),
    ] = None
    expires: Annotated[Duration, msgspec.Meta(description="Go on at `expired` after this time.")] = None


wait_event = StepType(
    name="wait.event",
    title="Wait for an event",
    summary="Waits for an event from outside or from another run, and outputs it.",
    description=(
        "Events count from the start of the step. A run takes an event once. The event, in `match` and as the output, is "
        "`{type, id, data}`. Bring one with `auraos runs event`."
    ),
    behaviour=Behaviour.EVENT,
    settings=settings_schema(EventSettings),
    output={
        "type": "object",
        "properties": {"type": {"type": "string"}, "id": {"type": "string"}, "data": {}},
        "required": ["type", "id", "data"],
    },
    effect=Effect.PURE,
    ports=_WAIT_PORTS,
    deferred={"match": ("event",)},
    examples=(
        Example(title="Goods that arrive", settings={"type": "stock.arrived", "key": "A", "expires": "5d"}),
    ),
)


class ApproveSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is asked, and whom."""

    title: Annotated[str, msgspec.Meta(description="The question, in one line.", min_length=1)]
    description: Annotated[str, msgspec.Meta(description="What a person needs to know to decide.")] = ""
    group: Annotated[str | None, msgspec.Meta(description="The group whose members may answer.")] = None
    approvers: Annotated[list[str], msgspec.Meta(description="The people who may answer.")] = []
    expires: Annotated[Duration, msgspec.Meta(description="Go on at `expired` after this time.")] = None
    remind: Annotated[Duration, msgspec.Meta(description="Ask again after this time, and again.")] = None
    data: Annotated[Any, msgspec.Meta(description="Values that are shown beside the question.")] = None


human_approve = StepType(
    name="human.approve",
    title="Ask for approval",
    summary="Asks a person to approve or reject, and goes on at the answer.",
    description="The output says who answered, when, and with which comment. Answer with `auraos runs approve`.",
    behaviour=Behaviour.APPROVAL,
    settings=settings_schema(ApproveSettings),
    output={
        "type": "object",
        "properties": {
            "decision": {"enum": ["approved", "rejected"]},
            "by": {"type": "string"},
            "comment": {"type": "string"},
            "data": {},
            "at": {"type": "string", "x-kind": "datetime"},
        },
    },
    effect=Effect.IDEMPOTENT,
    ports=("approved", "rejected", "expired"),
    examples=(
        Example(
            title="A large order",
            settings={"title": "Order 7", "group": "sales-lead", "expires": "72h", "remind": "24h"},
        ),
    ),
)
