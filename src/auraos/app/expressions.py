"""`Expressions`: what an editor asks about an expression that somebody writes. Each answer is bounded in time and size, and
reads nothing but what is sent along: there is no way from an expression to a secret, a file or the network.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

import msgspec

from auraos.core.catalogue import Catalogue
from auraos.core.expressions import (
    ANY,
    Expression,
    ExpressionProblem,
    LocatedError,
    Meter,
    Type,
    compile_expression,
    compile_template,
    find_expressions,
    infer,
    type_of_value,
)
from auraos.core.expressions.complete import Completion, complete, complete_text
from auraos.core.expressions.errors import find_line
from auraos.core.graph.places import names_at
from auraos.core.problems import Severity
from auraos.core.values import Value, to_plain, type_name
from auraos.documents.definitions.checking import Checker

LARGEST_ANSWER: Final = 256 * 1024
MOST_TYPED: Final = 10_000
"""So many values of a sample are looked at for what they are."""
MOST_ITEMS: Final = 200
"""So many of a list."""
AT_ONCE: Final = 4
"""So many are worked on at a time."""
T = TypeVar("T")
NAMES: Final[Mapping[str, Value]] = {
    "input": None, "vars": {}, "steps": {}, "errors": {}, "run": {}, "trigger": None,
}  # fmt: skip
"""The names that every place has; what is not sent of them is empty."""


class Evaluated(msgspec.Struct, frozen=True, kw_only=True):
    """What an expression gives over sample data: its value and the type of that, or what is wrong with it."""

    ok: bool
    value: Any = None
    type: str = ""
    is_cut: bool = False
    """The value is too large to be shown."""
    problems: tuple[ExpressionProblem, ...] = ()


class Expressions:
    """Evaluates and completes expressions."""

    def __init__(self, checker: Checker, catalogue: Catalogue) -> None:
        self._checker = checker
        self._catalogue = catalogue
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def evaluate(self, source: str, names: Mapping[str, Value]) -> Evaluated:
        """Return what an expression, or a text with `{{ … }}` in it, gives over these names."""
        async with self._turns:
            return await asyncio.to_thread(_evaluate_text, source, {**NAMES, **names})

    async def complete(
        self, source: str, offset: int, names: Mapping[str, Value], *, text: str = "", step: str = "", field: str = ""
    ) -> Completion:  # fmt: skip
        """Return what can stand at an offset. What is known of the names comes from the text of a workflow, where one is
        given, and from the samples, which are believed first.
        """
        read = (await self._checker.read(text, "workflow")) if text else None
        document = read.document if read is not None else None

        def work() -> Completion:
            known: dict[str, Type] = {}
            if document is not None and document.kind == "workflow":
                known = names_at(document, self._catalogue, step, field)
            given = names if known else {**NAMES, **names}
            kinds = {
                **known,
                **{name: _joined(known.get(name), _Sample(value)) for name, value in given.items()},
            }
            return (complete_text if "{{" in source else complete)(source, offset, kinds)

        async with self._turns:
            return await asyncio.to_thread(work)


def evaluate_settings(settings: Mapping[str, Any], names: Mapping[str, Value]) -> dict[str, Evaluated]:
    """Return what each setting of a step is over these names; of one that is evaluated later, as for each item, what it lacks."""
    return {name: _evaluate(value, {**NAMES, **names}) for name, value in settings.items()}


class _Sample:
    """A value, as far as it is looked at for its type: to know that of very much that is not alike takes long."""

    def __init__(self, value: Value) -> None:
        self._left = MOST_TYPED
        self.is_whole = True
        self.value = self._cut(value)

    @property
    def kind(self) -> Type:
        """Return the type of what is looked at."""
        return type_of_value(self.value)

    def _cut(self, value: Value) -> Value:
        if isinstance(value, dict):
            return {key: self._cut(value[key]) for key in self._some(value, MOST_TYPED)}
        if isinstance(value, list):
            return [self._cut(item) for item in self._some(value, MOST_ITEMS)]
        return value

    def _some(self, parts: Collection[T], most: int) -> list[T]:
        taken = list(islice(parts, min(most, self._left)))
        self.is_whole = self.is_whole and len(taken) == len(parts)
        self._left -= len(taken)
        return taken


def _joined(known: Type | None, sample: _Sample) -> Type:
    """Return the type of a sample, with the fields that are known to be there besides."""
    kind = sample.kind
    if known is None or known.fields is None or kind.fields is None:
        return kind
    return msgspec.structs.replace(known, fields={**known.fields, **kind.fields})


def _evaluate_text(source: str, names: dict[str, Value]) -> Evaluated:
    found = _evaluate(source, names, as_text="{{" in source)
    if not found.ok:
        return found
    samples = {name: _Sample(given) for name, given in names.items()}
    kinds = {name: sample.kind if sample.is_whole else ANY for name, sample in samples.items()}
    return msgspec.structs.replace(found, problems=(*found.problems, *_foreseen(source, kinds)))


def _evaluate(source: Any, names: dict[str, Value], *, as_text: bool = True) -> Evaluated:
    """Return what a template gives, or, not as a text, a bare expression."""
    scope = {**names, "$meter": Meter()}
    try:
        value = (compile_template if as_text else compile_expression)(source).evaluate(scope)
    except LocatedError as error:
        return Evaluated(
            ok=False, problems=(_problem(error, source if isinstance(source, str) else error.source),)
        )
    shown = to_plain(value)
    is_cut = len(msgspec.json.encode(shown)) > LARGEST_ANSWER
    return Evaluated(ok=True, value=None if is_cut else shown, type=type_name(value), is_cut=is_cut)


def _foreseen(source: str, kinds: Mapping[str, Type]) -> Sequence[ExpressionProblem]:
    """Return what is sure to go wrong, or never to differ, with other data of the same types."""
    if "{{" not in source:
        return infer(compile_expression(source), kinds)[1]
    found: list[ExpressionProblem] = []
    for placed in find_expressions(source)[0]:
        found += [_moved(each, source, placed.offset) for each in _problems(placed.expression, kinds)]
    return found


def _problems(expression: Expression, kinds: Mapping[str, Type]) -> list[ExpressionProblem]:
    return infer(expression, kinds)[1]


def _moved(problem: ExpressionProblem, source: str, offset: int) -> ExpressionProblem:
    start, end = problem.start + offset, problem.end + offset
    line, column = find_line(source, start)
    return msgspec.structs.replace(problem, start=start, end=end, line=line, column=column)


def _problem(error: LocatedError, source: str) -> ExpressionProblem:
    start = int(error.data.get("offset", 0)) + error.start
    line, column = find_line(source, start)
    return ExpressionProblem(
        code=error.code, message=error.message, severity=Severity.ERROR, hint=error.hint, start=start,
        end=start + max(1, error.end - error.start), line=line, column=column,
    )  # fmt: skip
