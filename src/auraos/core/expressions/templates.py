"""Templates: any tree of settings whose texts may hold `{{ … }}`. Compiled once, evaluated many times.

A text that is exactly one `{{ e }}` yields the value of e; any other is joined as text. What an expression yields is data:
it is never looked through for further expressions.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import msgspec

from auraos.core.expressions.compile import compile_expression
from auraos.core.expressions.errors import ExpressionError, LocatedError
from auraos.core.expressions.expression import Expression
from auraos.core.expressions.meter import SMALL, Meter
from auraos.core.expressions.source import find_end
from auraos.core.expressions.texts import to_text
from auraos.core.problems import Path
from auraos.core.values import Value

Scope: TypeAlias = dict[str, Any]
_Evaluate: TypeAlias = Callable[[Scope], Value]


class PlacedExpression(msgspec.Struct, frozen=True):
    """An expression in a template: the path to its text, the offset of its source in that text, and itself."""

    path: Path
    offset: int
    expression: Expression


class PlacedError(msgspec.Struct, frozen=True):
    """What is wrong with a template: the path to the text, the offset of the expression in it, and the error."""

    path: Path
    offset: int
    error: ExpressionError


class Template:
    """A tree of settings ready to be evaluated. Parts without expressions are handed out as they are, not copied."""

    def __init__(self, value: Any, evaluate: _Evaluate | None, expressions: list[PlacedExpression]) -> None:
        self.value = value
        self.expressions = expressions
        self.is_constant = all(placed.expression.is_constant for placed in expressions)
        self._evaluate = evaluate
        self._shares_meter = len(expressions) > 1 and any(
            placed.expression.may_grow for placed in expressions
        )

    def evaluate(self, scope: Scope) -> Value:
        """Return the tree with every expression in its place evaluated over the scope."""
        if self._evaluate is None:
            return self.value
        if self._shares_meter and "$meter" not in scope:
            scope = {**scope, "$meter": Meter()}
        return self._evaluate(scope)

    @property
    def reads(self) -> frozenset[tuple[str, ...]]:
        """The names that its expressions read, each with its constant fields."""
        return frozenset().union(*(placed.expression.reads for placed in self.expressions))

    def leaf_callable(self, scope: Scope, names: Sequence[str] = ()) -> Callable[..., Value]:
        """Return `f(item=…, index=…) -> value`: the template over this scope with further names; those left out are null.

        Thousands of calls are cheap. They share the scope's meter; where it has none, each call has its own.
        """
        base = {**scope, **dict.fromkeys(names)}
        evaluate = self.evaluate

        def call(**values: Value) -> Value:
            return evaluate({**base, **values})

        return call


def compile_template(value: Any) -> Template:
    """Return the template of a tree; raise the first `ExpressionError`, with the path to its text as `data["path"]`."""
    found: list[PlacedExpression] = []
    errors: list[PlacedError] = []
    evaluate = _compile(value, (), found, errors)
    if errors:
        raise _placed(errors[0].error, errors[0].path, errors[0].offset)
    return Template(value, evaluate, found)


def find_expressions(value: Any) -> tuple[list[PlacedExpression], list[PlacedError]]:
    """Return all expressions of a tree that can be read, and what is wrong with the others."""
    found: list[PlacedExpression] = []
    errors: list[PlacedError] = []
    _compile(value, (), found, errors)
    return found, errors


def scan_template_reads(value: Any) -> frozenset[tuple[str, ...]]:
    """Return the names that the readable expressions of a tree read; unreadable ones are passed over."""
    found, _ = find_expressions(value)
    return frozenset().union(*(placed.expression.reads for placed in found))


def _compile(
    value: Any, path: Path, found: list[PlacedExpression], errors: list[PlacedError]
) -> _Evaluate | None:
    if isinstance(value, str):
        return _compile_text(value, path, found, errors) if "{{" in value else None
    if isinstance(value, dict):
        parts = {key: _compile(item, (*path, key), found, errors) for key, item in value.items()}
        if not any(parts.values()):
            return None
        return _mapping([(key, part or _just(value[key])) for key, part in parts.items()])
    if isinstance(value, list):
        items = [_compile(item, (*path, index), found, errors) for index, item in enumerate(value)]
        if not any(items):
            return None
        whole = [part or _just(item) for part, item in zip(items, value, strict=True)]
        return lambda scope: [part(scope) for part in whole]
    return None


def _mapping(fields: list[tuple[str, _Evaluate]]) -> _Evaluate:
    """Return the closure that builds a mapping; one of few fields, the commonest, without a loop."""
    match fields:
        case [(only, evaluate)]:
            return lambda scope: {only: evaluate(scope)}
        case [(one, first), (two, second)]:
            return lambda scope: {one: first(scope), two: second(scope)}
        case [(one, first), (two, second), (three, third)]:
            return lambda scope: {one: first(scope), two: second(scope), three: third(scope)}
    return lambda scope: {key: part(scope) for key, part in fields}


def _just(value: Any) -> _Evaluate:
    return lambda _: value


def _compile_text(
    text: str, path: Path, found: list[PlacedExpression], errors: list[PlacedError]
) -> _Evaluate | None:
    parts: list[str | PlacedExpression] = []
    failures = len(errors)
    position = 0
    while (opening := text.find("{{", position)) >= 0:
        offset = opening + 2
        ending = find_end(text, offset)
        if ending < 0:
            errors.append(PlacedError(path, offset, _unclosed(text[offset:])))
            break
        parts.append(text[position:opening])
        try:
            placed = PlacedExpression(path, offset, compile_expression(text[offset:ending]))
        except ExpressionError as error:
            errors.append(PlacedError(path, offset, error))
        else:
            found.append(placed)
            parts.append(placed)
        position = ending + 2
    if len(errors) > failures:
        return None
    parts.append(text[position:])
    kept = [part for part in parts if part]
    if len(kept) == 1 and isinstance(kept[0], PlacedExpression):
        return _single(kept[0])
    return _joined(kept)


def _unclosed(source: str) -> ExpressionError:
    return ExpressionError(
        "unclosed", "This `{{` is never closed.", hint="Add `}}`; for the signs themselves write {{ '{{' }}.",
        source=source, end=min(len(source), 20),
    )  # fmt: skip


def _single(placed: PlacedExpression) -> _Evaluate:
    evaluate = placed.expression.evaluate

    def run(scope: Scope) -> Value:
        try:
            return evaluate(scope)
        except LocatedError as error:
            raise _placed(error, placed.path, placed.offset) from None

    return run


def _joined(parts: list[str | PlacedExpression]) -> _Evaluate:
    pairs = [(part, None) if isinstance(part, str) else ("", _single(part)) for part in parts]

    def run(scope: Scope) -> str:
        meter = scope.get("$meter") or Meter()
        written: list[str] = []
        for text, evaluate in pairs:
            part = to_text(evaluate(scope), meter) if evaluate else text
            if len(part) > SMALL:
                meter.grow(len(part))
            written.append(part)
        return "".join(written)

    return run


def _placed(error: LocatedError, path: Path, offset: int) -> Any:
    error.data.update(path=path, offset=offset)
    return error
