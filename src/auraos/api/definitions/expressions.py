"""What editors ask about expressions: what one gives over sample data, and what can stand at a place of it."""

from typing import Annotated, Any

import msgspec

from auraos.api.definitions.definitions import Text
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import END
from auraos.api.protocol.routes import Routes
from auraos.api.runs.run_shapes import Number, RunName
from auraos.api.runs.runs import reaches_of
from auraos.app.runs.runs import NoRunError
from auraos.core.errors import UserError
from auraos.core.expressions import ExpressionProblem
from auraos.core.expressions.complete import Option
from auraos.core.values import Value, from_wire

routes = Routes()

Source = Annotated[
    str,
    msgspec.Meta(max_length=20_000, description="An expression, or a text with expressions in `{{ … }}`."),
]
Samples = Annotated[
    dict[str, Any],
    msgspec.Meta(
        max_length=50,
        description="Data by name, as `{input: {…}, steps: {…}}`; what JSON lacks is written as in journals, as `{$date: …}`.",
    ),
]
FromRun = Annotated[
    RunName, msgspec.Meta(description="A run whose data is used, where the samples do not say otherwise.")
]
MOST_OPTIONS = 200
TELLS = ("not-found", "ambiguous-run", "value-refused")


class OffsetError(UserError):
    """The cursor is not within the text."""

    code = "beyond-the-text"


class Evaluation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An expression, and the data that it is evaluated over."""

    source: Source
    names: Samples = {}
    run: FromRun | None = None


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What an expression gives, or what is wrong with it. `is_cut`: its value is too large to be shown."""

    ok: bool
    value: Any
    type: str
    is_cut: bool
    problems: tuple[ExpressionProblem, ...]


class Writing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An expression that somebody writes, and where the cursor is: after so many characters."""

    source: Source
    offset: Number
    names: Samples = {}
    run: FromRun | None = None
    text: Annotated[Text, msgspec.Meta(description="The workflow that it is part of.")] | None = None
    step: Annotated[
        str,
        msgspec.Meta(
            pattern=rf"^[^\x00]*{END}",
            max_length=1000,
            description="The step it belongs to, as `each/price`; empty: none.",
        ),
    ] = ""
    field: Annotated[
        str, msgspec.Meta(pattern=rf"^[^\x00]*{END}", max_length=200, description="The setting of the step.")
    ] = ""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What can stand there, the likely first, in place of the characters from `start` up to the cursor."""

    start: int
    options: tuple[Option, ...]


@routes.post("/api/v1/expressions/evaluate", may="definitions.check", tells=TELLS)
async def evaluate_expression(ask: Ask, body: Evaluation) -> Given:
    """Evaluate an expression over sample data, within the bounds of every expression; secrets are out of its reach."""
    names = await _names(ask, body.run, body.names)
    found = await ask.desk.expressions.evaluate(body.source, names)
    return Given(
        ok=found.ok, value=found.value, type=found.type, is_cut=found.is_cut, problems=found.problems
    )


@routes.post("/api/v1/expressions/complete", may="definitions.check", tells=(*TELLS, "beyond-the-text"))
async def complete_expression(ask: Ask, body: Writing) -> Options:
    """Say what can stand at a place of an expression: names, fields of what is known, methods and functions."""
    if body.offset > len(body.source):
        raise OffsetError(
            f"The text has {len(body.source)} characters, and the cursor is after {body.offset}."
        )
    names = await _names(ask, body.run, body.names)
    found = await ask.desk.expressions.complete(
        body.source, body.offset, names, text=body.text or "", step=body.step, field=body.field
    )
    return Options(start=found.start, options=found.options[:MOST_OPTIONS])


async def _names(ask: Ask, run: str | None, samples: dict[str, Any]) -> dict[str, Value]:
    """Return the data that is meant: of a run that whoever asks may read, and what was sent along."""
    given = {name: from_wire(value) for name, value in samples.items()}
    if run is None:
        return given
    row = await ask.desk.runs.find(ask.workspace, run)
    reaches = reaches_of(ask, "runs.read")
    if reaches is not None and not await reaches(row):
        raise NoRunError.of(run)
    return {**await ask.desk.runs.names(row), **given}
