"""Follows types through an expression: what it yields, and what is certain to go wrong, before any value is there."""

import ast
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from auraos.core.expressions.errors import Site, find_line, suggest
from auraos.core.expressions.expression import Expression
from auraos.core.expressions.infer_calls import infer_call
from auraos.core.expressions.infer_operators import infer_arithmetic, infer_comparison, infer_unary
from auraos.core.expressions.library import LIBRARY
from auraos.core.expressions.parse import CONSTANT_NAMES
from auraos.core.expressions.types import (
    ANY,
    NULL,
    TEXT,
    Type,
    always,
    list_of,
    mapping_of,
    type_of_value,
    union,
)
from auraos.core.problems import Severity


class ExpressionProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One finding about an expression, with its place in the source (offsets from 0, line and column from 1)."""

    code: str
    message: str
    severity: Severity = Severity.ERROR
    hint: str = ""
    start: int = 0
    end: int = 0
    line: int = 1
    column: int = 1


def infer(expression: Expression, names: Mapping[str, Type]) -> tuple[Type, list[ExpressionProblem]]:
    """Return the type that an expression yields over names of these types, and all problems that are certain."""
    inference = Inference(expression, names)
    kind = inference.infer(expression.root)
    return kind, inference.problems


class Inference:
    """One walk over one expression; the parts of the language add their problems here."""

    def __init__(self, expression: Expression, names: Mapping[str, Type]) -> None:
        self.tree = expression.tree
        self.problems: list[ExpressionProblem] = []
        self._names = dict(names)

    def infer(self, node: ast.AST) -> Type:
        """Return the type of a part."""
        return _HOW[type(node)](self, node)

    def report(
        self, node: ast.AST, code: str, message: str, hint: str = "", severity: Severity = Severity.ERROR
    ) -> None:
        """Add a problem at a part."""
        site = self.site(node)
        line, column = find_line(site.source, site.start)
        found = ExpressionProblem(
            code=code,
            message=message,
            severity=severity,
            hint=hint,
            start=site.start,
            end=site.end,
            line=line,
            column=column,
        )
        self.problems.append(found)

    def site(self, node: ast.AST) -> Site:
        """Return where a part stands."""
        return self.tree.site(node)

    def words(self, node: ast.AST) -> str:
        """Return a part's source, to be quoted."""
        return self.tree.site(node).text

    def name(self, node: ast.Name) -> Type:
        """Return the type of a name; one that does not exist is a problem."""
        if node.id in self._names:
            return self._names[node.id]
        if node.id in CONSTANT_NAMES:
            return type_of_value(CONSTANT_NAMES[node.id])
        known = [name for name in self._names if name.isidentifier()]
        hint = (
            f"{node.id} is a function: write {node.id}(…)."
            if node.id in LIBRARY.functions
            else suggest(node.id, known)
        )
        self.report(node, "unknown-name", f"There is no name {node.id!r} here.",
                    hint or (f"Known here: {', '.join(sorted(known)[:12])}." if known else ""))  # fmt: skip
        return ANY

    def loop(self, generators: list[ast.comprehension], produce: Callable[[], Type]) -> Type:
        """Return what `produce` infers with the names of loops at hand."""
        before = dict(self._names)
        for generator in generators:
            self._enter(generator)
            for test in generator.ifs:
                self.condition(test)
        result = produce()
        self._names = before
        return result

    def _enter(self, generator: ast.comprehension) -> None:
        kind = self.infer(generator.iter)
        item = ANY
        if kind.kinds is not None:
            walked = kind.kinds & {"list", "mapping"}
            if not walked:
                self.report(generator.iter, "wrong-type", f"{self.words(generator.iter)} is {kind.words}: only lists and "
                            "mappings can be walked over.")  # fmt: skip
            elif walked == {"list"}:
                item = kind.items
            elif walked == {"mapping"}:
                item = TEXT
        target = generator.target
        if isinstance(target, ast.Name):
            self._names[target.id] = item
        else:
            for part in ast.walk(target):
                if isinstance(part, ast.Name):
                    self._names[part.id] = item.items if item.kinds == frozenset({"list"}) else ANY

    def condition(self, node: ast.expr) -> Type:
        """Return the type of a condition; one that has always the same answer is a problem."""
        kind = self.infer(node)
        answer = always(kind)
        if answer is not None:
            word = "true" if answer else "false"
            self.report(
                node, "constant-condition", f"{self.words(node)} is always {word}.", "", Severity.WARNING
            )
        return kind


def read_field(inference: Inference, node: ast.expr, owner: Type, name: str, written: ast.expr) -> Type:
    """Return the type of a field; one that cannot be there is a problem."""
    if owner.kinds is None:
        return ANY
    if owner.kinds == frozenset({"null"}):
        return NULL
    holders = owner.kinds & {"mapping", "file"}
    words = inference.words(written)
    if not holders:
        if not owner.kinds:
            return ANY
        hint = (
            f"Write {words}[0].{name} for the first, or [x.{name} for x in {words}] for all."
            if "list" in owner.kinds
            else ""
        )
        inference.report(node, "no-fields", f"{words} is {owner.words}, which has no field {name!r}.", hint)
        return ANY
    if "file" in holders:
        return ANY
    if owner.fields is not None and name in owner.fields:
        found = owner.fields[name]
        return found.or_null() if "null" in owner.kinds else found
    if owner.fields is not None and (owner.closed or owner.described):
        hint = (
            suggest(name, set(owner.fields))
            or f"It has {', '.join(sorted(owner.fields)[:12]) or 'no fields'}."
        )
        certain = owner.closed or hint.startswith("Did")
        inference.report(
            node,
            "unknown-field",
            f"{words} has no field {name!r}.",
            hint,
            Severity.ERROR if certain else Severity.WARNING,
        )
        return ANY
    return owner.extra.or_null() if owner.extra else ANY


def _infer_attribute(inference: Inference, node: ast.Attribute) -> Type:
    return read_field(inference, node, inference.infer(node.value), node.attr, node.value)


def _infer_subscript(inference: Inference, node: ast.Subscript) -> Type:
    owner = inference.infer(node.value)
    if isinstance(node.slice, ast.Slice):
        for bound in (node.slice.lower, node.slice.upper, node.slice.step):
            if bound:
                inference.infer(bound)
        return msgspec.structs.replace(owner, choices=None)
    key = inference.infer(node.slice)
    if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        return read_field(inference, node, owner, node.slice.value, node.value)
    if owner.kinds is None or key.kinds is None:
        return ANY
    holders = owner.kinds & {"mapping", "list", "text", "null", "file"}
    if not holders:
        inference.report(
            node,
            "no-fields",
            f"{inference.words(node.value)} is {owner.words}: nothing can be picked out of it.",
        )
    elif holders <= {"list", "text", "null"} and "int" not in key.kinds and holders != {"null"}:
        inference.report(node.slice, "wrong-type", f"{inference.words(node.value)} is {owner.words}: its places are numbers, "
                         f"and {inference.words(node.slice)} is {key.words}.")  # fmt: skip
    elif holders == {"list"}:
        return owner.items.or_null()
    elif holders == {"text"}:
        return TEXT.or_null()
    return ANY


def _infer_choice(inference: Inference, node: ast.IfExp) -> Type:
    inference.condition(node.test)
    return union(inference.infer(node.body), inference.infer(node.orelse))


def _infer_logic(inference: Inference, node: ast.BoolOp) -> Type:
    kinds = [inference.infer(value) for value in node.values]
    stops = isinstance(node.op, ast.Or)
    for value, kind in list(zip(node.values, kinds, strict=True))[:-1]:
        if always(kind) is stops:
            inference.report(value, "constant-condition", f"{inference.words(value)} is always {str(stops).lower()}: "
                             "what follows it is never reached.", "", Severity.WARNING)  # fmt: skip
            return kind
    reached = [kind for kind in kinds[:-1] if always(kind) is None]
    if stops:
        return union(*(kind.without_null() for kind in reached), kinds[-1])
    return union(*reached, kinds[-1])


def _infer_list(inference: Inference, node: ast.List | ast.Tuple | ast.Set) -> Type:
    items: list[Type] = []
    for item in node.elts:
        if isinstance(item, ast.Starred):
            items.append(inference.infer(item.value).items)
        else:
            items.append(inference.infer(item))
    return list_of(union(*items) if items else ANY)


def _infer_mapping(inference: Inference, node: ast.Dict) -> Type:
    fields: dict[str, Type] = {}
    whole = True
    for key, value in zip(node.keys, node.values, strict=True):
        kind = inference.infer(value)
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            fields[key.value] = kind
        elif key is None and kind.fields is not None and kind.closed:
            fields.update(kind.fields)
        else:
            whole = False
            if key is not None:
                _check_key(inference, key)
    return mapping_of(fields, closed=whole) if whole else Type(kinds=frozenset({"mapping"}))


def _check_key(inference: Inference, key: ast.expr) -> None:
    kind = inference.infer(key)
    if kind.kinds is not None and "text" not in kind.kinds:
        inference.report(key, "wrong-type", f"The keys of a mapping are texts, and {inference.words(key)} is {kind.words}.",
                         f"Write text({inference.words(key)}).")  # fmt: skip


def _infer_list_loop(inference: Inference, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Type:
    return list_of(inference.loop(node.generators, lambda: inference.infer(node.elt)))


def _infer_mapping_loop(inference: Inference, node: ast.DictComp) -> Type:
    def produce() -> Type:
        _check_key(inference, node.key)
        return inference.infer(node.value)

    return Type(kinds=frozenset({"mapping"}), extra=inference.loop(node.generators, produce))


def _infer_text(inference: Inference, node: ast.JoinedStr) -> Type:
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            inference.infer(part.value)
            if part.format_spec:
                inference.infer(part.format_spec)
    return TEXT


_HOW: dict[type[ast.AST], Callable[[Any, Any], Type]] = {
    ast.Constant: lambda _, node: type_of_value(node.value),
    ast.Name: lambda inference, node: inference.name(node),
    ast.Attribute: _infer_attribute,
    ast.Subscript: _infer_subscript,
    ast.Call: infer_call,
    ast.BinOp: infer_arithmetic,
    ast.UnaryOp: infer_unary,
    ast.BoolOp: _infer_logic,
    ast.Compare: infer_comparison,
    ast.IfExp: _infer_choice,
    ast.List: _infer_list,
    ast.Tuple: _infer_list,
    ast.Set: _infer_list,
    ast.Dict: _infer_mapping,
    ast.JoinedStr: _infer_text,
    ast.ListComp: _infer_list_loop,
    ast.SetComp: _infer_list_loop,
    ast.GeneratorExp: _infer_list_loop,
    ast.DictComp: _infer_mapping_loop,
}
