"""Containers and calls: `foreach`, `while`, `try`, `race`, `call`. The run machine does the work."""

from typing import Annotated, Any, Literal

import msgspec

from auraos.sdk import Behaviour, Effect, Example, StepType, deferred
from auraos.sdk.step import settings_schema


class ForeachSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Over what, how many at once, and what to keep."""

    items: Annotated[
        list[Any],
        msgspec.Meta(description="The list; its steps run once per item, which they read as `item`."),
    ]
    batch: (
        Annotated[
            int,
            msgspec.Meta(
                description="Cuts the items into lists of at most this many; each list is one `item`.", ge=1
            ),
        ]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    parallel: Annotated[int, msgspec.Meta(description="How many items at once.", ge=1, le=10_000)] = 1
    collect: Annotated[
        str | None,
        msgspec.Meta(
            description="The step whose output is kept of each item; the only end step when left out."
        ),
    ] = None
    on_error: Annotated[
        Literal["stop", "continue", "report"],
        msgspec.Meta(
            description="`stop` fails; `continue` puts null in its place; `report` lists the failures."
        ),
    ] = "stop"
    enough: Annotated[
        Any,
        deferred("results"),
        msgspec.Meta(
            description="Ends the loop early when it holds, asked after each item; `results` are the outputs so far."
        ),
    ] = None


foreach = StepType(
    name="foreach",
    title="For each",
    summary="Runs its steps once for each item of a list.",
    description=(
        "Inside, `item` and `index` are the item and its number from 0. The output is a list in the order of the items, "
        "whoever finished first; with `on_error: report` it is `{results, failures}`. "
        "With `key:` on the step, items are named by it in paths, else by their number. "
        "With `batch`, the items are cut into lists when the loop is entered: `item` is a list of at most that many, `index` "
        "the number of the batch, and everything said of items here holds for batches: the output has one entry for each "
        "batch, not one for each item of `items`, and it is not flattened; `parallel`, `key` and `failures` speak of batches. "
        "When `enough` holds, items that are under way are cancelled and undone, and null stands for every item that "
        "did not finish; with `enough`, there may be 1,000 items at most."
    ),
    behaviour=Behaviour.FOREACH,
    settings=settings_schema(ForeachSettings),
    effect=Effect.PURE,
    deferred={"enough": ("results",)},
    examples=(
        Example(
            title="Four lines at once", settings={"items": [{"sku": "A"}], "parallel": 4, "collect": "price"}
        ),
        Example(
            title="Fifty rows in one request", settings={"items": [{"id": 1}], "batch": 50, "collect": "save"}
        ),
    ),
)


class WhileSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How long to go on."""

    condition: Annotated[
        Any,
        deferred("last", "index"),
        msgspec.Meta(description="Tested before each round but the first; `last` is the round before."),
    ]
    limit: Annotated[int, msgspec.Meta(description="The most rounds there may be.", ge=1, le=1_000_000)]
    output: Annotated[
        str | None,
        msgspec.Meta(description="The step whose output becomes `last`; the only end step when left out."),
    ] = None


while_ = StepType(
    name="while",
    title="While",
    summary="Runs its steps again and again while a condition holds.",
    description=(
        "The first round always runs. `last` is null in the first round. The output is the `last` of the last round. "
        "When `limit` rounds are over and the condition still holds, the step fails."
    ),
    behaviour=Behaviour.WHILE,
    settings=settings_schema(WhileSettings),
    effect=Effect.PURE,
    deferred={"condition": ("last", "index")},
    examples=(
        Example(
            title="At most a hundred pages",
            settings={"condition": "{{ last.more }}", "limit": 100, "output": "page"},
        ),
    ),
)


class TrySettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Nothing to set: `steps`, `catch` and `finally` stand beside `with`."""


try_ = StepType(
    name="try",
    title="Try",
    summary="Runs its steps; when they fail, undoes them and runs `catch`; runs `finally` in any case.",
    description=(
        "`catch` reads what failed as `errors`; when it fails too, that is the failure of the step. "
        "On cancel, `catch` does not run and `finally` does."
    ),
    behaviour=Behaviour.TRY,
    settings=settings_schema(TrySettings),
    effect=Effect.PURE,
    examples=(Example(title="Guard some steps", settings={}),),
)


class RaceSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a failing branch means; `branches` stand beside `with`."""

    on_error: Annotated[
        Literal["stop", "continue"],
        msgspec.Meta(
            description="`stop` fails at the first failure; `continue` goes on with the branches left."
        ),
    ] = "stop"


race = StepType(
    name="race",
    title="Race",
    summary="Starts its branches together; the first to finish wins, the others are cancelled and undone.",
    description=(
        "The output is `{winner, output}`. Every branch is a port of its own, beside `out`. "
        "A branch that fails fails the race, or, with `on_error: continue`, leaves it; it fails when all have failed."
    ),
    behaviour=Behaviour.RACE,
    settings=settings_schema(RaceSettings),
    output={
        "type": "object",
        "properties": {"winner": {"type": "string"}, "output": {}},
        "required": ["winner", "output"],
    },
    effect=Effect.PURE,
    examples=(Example(title="Paid or late", settings={}),),
)


class CallSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which workflow, and with what."""

    workflow: Annotated[
        str,
        msgspec.Meta(
            description="Its name. `name@latest` means the same in a folder; `name@3` is for numbered versions, "
            "which files do not have."
        ),
    ]
    input: Annotated[Any, msgspec.Meta(description="Its input.")] = None
    wait: Annotated[
        bool, msgspec.Meta(description="Wait for its end and take its output; else go on at once.")
    ] = True


call = StepType(
    name="call",
    title="Call a workflow",
    summary="Runs another workflow and takes its output.",
    description=(
        "With `wait: false` the output is `{run}`, the id of the run that was started. "
        "Which published version runs is decided when this run starts. Calls may be nested 16 deep. "
        "With a `key`, the workflow is started once for each value of the key, and all who call it so get the same run."
    ),
    behaviour=Behaviour.CALL,
    settings=settings_schema(CallSettings),
    output=lambda settings: (
        {"type": "object", "properties": {"run": {"type": "string"}}, "required": ["run"]}
        if settings.get("wait") is False
        else {}
    ),
    effect=Effect.IDEMPOTENT,
    examples=(Example(title="Write an invoice", settings={"workflow": "invoice", "input": {"id": 7}}),),
)
