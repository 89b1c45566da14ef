"""Data that somebody sends to hurt: the run that it meets fails and says why, and the engine goes on with all others."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from engine_house import House, flow

from auraos.core.catalogue import Behaviour, Catalogue, Effect, StepType

DEEP: Any = 1
for _ in range(90):
    DEEP = [DEEP]
BRACKETS = ("[" * 30, "]" * 30)
SHARED = "\n".join(
    f"s{number}: {{type: noop, with: {{value: '{{{{ [{', '.join([f'steps.s{number - 1}'] * 10)}] }}}}'}}}}"
    for number in range(1, 10)
)


def one(step_type: str, settings: str) -> str:
    return flow(f"s: {{type: {step_type}, with: {settings}}}")


def shaped(expression: str) -> str:
    return one("transform", f'{{set: {{x: "{{{{ {expression} }}}}"}}}}')


FAILING = {
    "too deep for a step": (shaped(f"{BRACKETS[0]}input{BRACKETS[1]}"), DEEP, "value-refused"),
    "too deep for the output": (
        flow("s: {type: noop}", extra=f'  output: "{{{{ {BRACKETS[0]}input{BRACKETS[1]} }}}}"\n'),
        DEEP,
        "value-refused",
    ),
    "too large a sum": (
        one("list.aggregate", '{items: "{{ input }}", measures: {s: {function: sum}}}'),
        [2**62] * 4,
        "number-too-large",
    ),
    "a number without end": (
        one("json.parse", '{text: "{{ input }}", decimals: true}'),
        "[1e9999999999999999999999]",
        "unreadable-text",
    ),
    "a list of lists of the same list": (
        flow(f's0: {{type: noop, with: {{value: "{"x" * 1_000}"}}}}\n{SHARED}',
             links=", ".join(f"s{number} -> s{number + 1}" for number in range(9))),
        None,
        "too-much-data",
    ),
    "a moment beyond the calendar": (
        shaped("datetime(input).in_zone('UTC')"),
        "0001-01-01T00:00:00+14:00",
        "call-failed",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "data", "code"), FAILING.values(), ids=FAILING.keys())
async def test_a_run_fails_by_its_data_and_the_next_one_is_not_touched(
    house: House, text: str, data: Any, code: str
) -> None:
    ended = await asyncio.wait_for(house.engine.run(house.definitions.add(text), input=data), 20)
    assert ended.state == "failed"
    assert ended.error is not None
    assert ended.error.code == code
    after = await house.engine.run(house.definitions.add(shaped("input + 1")), input=1)
    assert (after.state, after.output) == ("succeeded", {"x": 2})


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (shaped("[*input, 1]"), list(range(1_000))),
        (shaped("{**input}"), {str(number): number for number in range(1_000)}),
        (shaped("input < now()"), datetime(1, 1, 1, tzinfo=UTC)),
        (shaped("text(input)"), Decimal("1e-6000")),
    ],
)
async def test_unusual_data_is_worked_with_all_the_same(house: House, text: str, data: Any) -> None:
    assert (await house.engine.run(house.definitions.add(text), input=data)).state == "succeeded"


@pytest.mark.parametrize("raised", [KeyError, SystemExit])
async def test_a_step_that_breaks_within_the_machine_fails_its_run_alone(
    house: House, raised: type[BaseException]
) -> None:
    def break_down(settings: dict[str, Any]) -> Any:
        raise raised(settings["value"])

    broken = StepType(
        name="test.broken", title="Broken", summary="It breaks.", behaviour=Behaviour.EVALUATE, effect=Effect.PURE,
        evaluate=break_down,
    )  # fmt: skip
    await house.close()
    house.use(Catalogue([*house.catalogue.all(), broken]))
    engine = await house.open()
    ended = await engine.run(house.definitions.add(one("test.broken", '{value: "{{ 7 }}"}')))
    assert ended.state == "failed"
    assert ended.error is not None
    assert (ended.error.class_, ended.error.code) == ("bug", "step-crashed")
    assert f"{raised.__name__}: 7" in ended.error.message
