"""`flag` asks a feature flag whom it gives what. The answer is a fact of the run: replays, retries and forks see the same."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from auraos.sdk import Chosen, Effect, Example, StepContext, StepFailed, step_type

FLAG = {"x-kind": "flag"}
KEY = "targetingKey"
"""The field of the context that says whom it is for, in the words of OpenFeature."""
NOT_GIVEN = ("no-flag", "flag-context")
"""What goes wrong where a default can stand in."""


class FlagSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which flag, and for whom."""

    flag: Annotated[
        str,
        msgspec.Meta(description="The name of the flag.", min_length=1, extra_json_schema=FLAG),
    ]
    key: Annotated[
        str | int | None,
        msgspec.Meta(
            description="Whom it is for, as the id of a customer: a split places them by it, always the same."
        ),
    ] = None
    context: Annotated[
        dict[str, Any], msgspec.Meta(description="What the rules of the flag read besides.")
    ] = {}
    default: Annotated[
        Any,
        msgspec.Meta(
            description="The value where there is no such flag, or it cannot tell for this context; without it the step fails."
        ),
    ] = msgspec.UNSET


def live_ports(output: Any) -> tuple[str, ...]:
    """Return the ports at which a run goes on with an answer."""
    value = output.get("value") if isinstance(output, Mapping) else None
    return ("out", "true" if value else "false") if isinstance(value, bool) else ("out",)


@step_type(
    "flag",
    title="Feature flag",
    effect=Effect.READ,
    ports=("out", "true", "false"),
    ports_by=live_ports,
    output={
        "type": "object",
        "properties": {"value": {}, "variant": {"type": "string"}, "reason": {"type": "string"}},
        "required": ["value", "variant", "reason"],
    },
    examples=(
        Example(title="For some customers", settings={"flag": "fast-checkout", "key": "customer-7"}),
        Example(
            title="By what is known of them, and old where there is no such flag",
            settings={
                "flag": "new-price",
                "key": "customer-7",
                "context": {"country": "DE"},
                "default": 10,
            },
        ),
    ),
)
async def flag(settings: FlagSettings, context: StepContext) -> Chosen:
    """Asks a feature flag what it gives somebody.

    The output is `value`, `variant` and `reason`. A boolean flag goes on at `true` or at `false` besides `out`, so that no
    `if` is needed. What it gave stays in the journal of the run: a change of the flag changes nothing of a run that asked.
    """
    asked = {**settings.context, **({} if settings.key is None else {KEY: settings.key})}
    try:
        given = await context.flags.evaluate(settings.flag, asked)
    except StepFailed as refused:
        if settings.default is msgspec.UNSET or refused.error_code not in NOT_GIVEN:
            raise
        context.log(f"{refused.message} The default stands in.", level="warning", flag=settings.flag)
        output = {"value": settings.default, "variant": "", "reason": "ERROR"}
    else:
        output = {"value": given.value, "variant": given.variant, "reason": given.reason}
    return Chosen(live_ports(output), output)
