"""`code.python`: a person's Python statements, run in a sandbox with hard limits and no outside world."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

import msgspec

from auraos.sdk import Effect, Example, Fault, StepContext, StepFailed, Value, step_type
from auraos.steps.kinds import PYTHON, Duration, read_duration
from auraos.steps.python_subset import find_faults

LONGEST = timedelta(minutes=10)


class CodeSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The statements, what they read, and their limits."""

    code: Annotated[
        str,
        msgspec.Meta(
            description="Python statements. The value of the last expression, or of `return`, is the output.",
            extra_json_schema=PYTHON,
        ),
    ]
    inputs: Annotated[
        dict[str, Any], msgspec.Meta(description="Values that the statements read as variables, by name.")
    ] = {}
    timeout: Annotated[Duration, msgspec.Meta(description="The longest it may compute, at most 10m.")] = "10s"
    memory: Annotated[
        int, msgspec.Meta(description="The most memory it may use, in megabytes.", ge=1, le=4096)
    ] = 128


def check_code(settings: Mapping[str, Any]) -> list[Fault]:
    """Return what stops the statements before they run, if they are written out."""
    code = settings.get("code")
    return find_faults(code) if isinstance(code, str) and "{{" not in code else []


@step_type(
    "code.python",
    title="Python",
    effect=Effect.PURE,
    output={},
    check=check_code,
    examples=(
        Example(
            title="Sum of lines",
            settings={
                "code": "total = sum(line['qty'] for line in lines)\n{'total': total}",
                "inputs": {"lines": [{"qty": 1}, {"qty": 4}]},
            },
        ),
    ),
)
async def run_python(settings: CodeSettings, context: StepContext) -> Value:
    """Runs Python statements in a sandbox.

    There is no network, no file, no environment and no other process; the standard library is a small
    part of Python's. What is printed goes to the log of the run. Code that takes too long or too much
    memory is stopped for certain: it cannot catch that.
    """
    timeout = read_duration(settings.timeout, "timeout")
    if not timedelta(0) < timeout <= LONGEST:
        raise StepFailed(
            "A code step may compute for 10m at most.", error_class="data", code="settings-refused"
        )
    result = await context.sandbox.run(
        settings.code,
        settings.inputs,
        timeout=timeout,
        memory=settings.memory * 1024 * 1024,
        now=context.now,
        seed=context.key,
    )
    for line in result.printed.splitlines():
        context.log(line)
    return result.output
