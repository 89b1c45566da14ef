"""How types flow: from the input's schema, variables and the outputs of steps into every expression that reads them.

A step type says what its output looks like by its `output` schema, which may be a function of the settings as written. Where a
part of the output is a setting passed on, the schema says so by `x-type-of`, the path of that setting, as in
`{"x-type-of": ["set", "amount"]}`: the checks put the type of what is written there in its place.
"""

import ast
from typing import Any

import msgspec

from auraos.core.catalogue import Behaviour, Schema
from auraos.core.graph.check_calls import FindWorkflow
from auraos.core.graph.fields import has_template
from auraos.core.graph.findings import did_you_mean, nearest
from auraos.core.graph.shapes import ANYTHING, Lost, Shape, shape_of_schema, shape_of_value
from auraos.core.graph.uses import Use, find_part
from auraos.core.graph.views import ScopeView, StepView, WorkflowView, ask_type
from auraos.core.problems import Fix, Path, TextEdit

_MOST_LEVELS = 40
UNKNOWN = Shape(ANYTHING, {})


class Types:
    """The shapes of everything that expressions can name, worked out when asked for."""

    def __init__(self, view: WorkflowView, uses: list[Use], others: FindWorkflow | None) -> None:
        self.view = view
        self.uses = uses
        self.others = others
        self.whole = {use.path: use for use in uses if use.is_whole}
        self._outputs: dict[str, Shape | None] = {}
        self._input = shape_of_schema(view.workflow.input)
        self._variables = {
            name: shape_of_schema(view.variable_types[name])
            if name in view.variable_types
            else shape_of_value(value)
            for name, value in view.workflow.variables.items()
        }

    def check(self) -> None:
        """Report every field that is read and cannot be there."""
        for use in self.uses:
            for read in sorted(use.expression.reads):
                self._check_read(use, read)

    def check_whole(self, schema: Schema, path: Path, value: str) -> None:
        """Report a setting whose expression yields a value of another type than the setting has."""

    def find(self, use: Use, read: tuple[str, ...]) -> tuple[Shape, int]:
        """Return the shape that a path begins in, and how many of its names lead there."""
        match read[0]:
            case "input":
                return self._input, 1
            case "vars" if len(read) > 1:
                return self._variables.get(read[1], UNKNOWN), 2
            case "steps" if len(read) > 1:
                step = self.view.by_id.get(read[1])
                return (self.output_of(step) if step else UNKNOWN), 2
            case "item" if "item" not in use.extra:
                return self._item(use.scope), 1
            case "item" if use.role == "key" and use.reader:
                return self._items_of(use.reader), 1
            case "last" if use.role == "condition" and use.reader:
                return self.output_of(use.reader), 1
        return UNKNOWN, 1

    def output_of(self, step: StepView) -> Shape:
        """Return the shape of a step's output."""
        if step.id in self._outputs:
            return self._outputs[step.id] or UNKNOWN
        self._outputs[step.id] = None  # whoever asks again while this is worked out gets no answer
        shape = self._work_out(step)
        self._outputs[step.id] = shape
        return shape

    def shape_of_setting(self, value: Any, path: Path, level: int = 0) -> Shape:
        """Return the shape of a setting as it will be once evaluated."""
        if has_template(value):
            use = self.whole.get(path)
            return self.shape_of_expression(use) if use else Shape({"type": "string"}, {})
        if isinstance(value, dict) and level < _MOST_LEVELS:
            parts = {key: self.shape_of_setting(item, (*path, key), level + 1) for key, item in value.items()}
            if all(not part.definitions for part in parts.values()):
                return Shape(
                    {"type": "object", "properties": {key: part.schema for key, part in parts.items()}},
                    {},
                    True,
                )
            return UNKNOWN
        return shape_of_value(value) if not _holds_template(value) else UNKNOWN

    def shape_of_expression(self, use: Use) -> Shape:
        """Return the shape of what an expression yields, as far as it simply names a value."""
        root = use.expression.root
        if not isinstance(root, ast.Name | ast.Attribute | ast.Subscript) or len(use.expression.reads) != 1:
            return UNKNOWN
        (read,) = use.expression.reads
        if find_part(use, read) is not root:
            return UNKNOWN
        shape, used = self.find(use, read)
        found = shape.follow(read[used:])
        return UNKNOWN if isinstance(found, Lost) else found

    def _work_out(self, step: StepView) -> Shape:
        own = step.step
        if step.type is None or own.disabled or own.fallback is not msgspec.UNSET:
            return UNKNOWN
        match step.behaviour:
            case Behaviour.FOREACH:
                return self._list_of(step)
            case Behaviour.WHILE:
                return self._inner_output(step, own.settings.get("output"))
            case Behaviour.TRY:
                return UNKNOWN if own.catch is not None else self._inner_output(step, None)
        step_type = step.type
        schema = ask_type(lambda: step_type.output_of(own.settings)) or ANYTHING
        if own.expect and not schema.get("properties"):
            return shape_of_schema(own.expect)
        return shape_of_schema(self._filled(schema, step), closed=True)

    def _list_of(self, step: StepView) -> Shape:
        inner = self._inner_output(step, step.step.settings.get("collect"))
        results = {"type": "array", "items": inner.schema}
        if step.step.settings.get("on_error") != "report":
            return Shape(results, inner.definitions, inner.closed)
        failure = {"properties": {"index": {"type": "integer"}, "item": {}, "error": {}}}
        schema = {"properties": {"results": results, "failures": {"type": "array", "items": failure}}}
        return Shape(schema, inner.definitions, closed=True)

    def _inner_output(self, step: StepView, name: Any) -> Shape:
        body = next((scope for scope in step.inner if scope.section == "body"), None)
        if body is None:
            return UNKNOWN
        if isinstance(name, str):
            found = body.steps.get(name)
            return self.output_of(found) if found else UNKNOWN
        ends = body.ends()
        return self.output_of(ends[0]) if len(ends) == 1 else UNKNOWN

    def _item(self, scope: ScopeView) -> Shape:
        for around in scope.chain():
            if around.owner and around.owner.behaviour is Behaviour.FOREACH:
                return self._items_of(around.owner)
        return UNKNOWN

    def _items_of(self, step: StepView) -> Shape:
        items = step.step.settings.get("items")
        return self.shape_of_setting(items, (*step.path, "with", "items")).item()

    def _filled(self, schema: Any, step: StepView, level: int = 0) -> Any:
        """Put the types of settings where an output schema says that they are passed on."""
        if level > _MOST_LEVELS:
            return ANYTHING
        if isinstance(schema, list):
            return [self._filled(part, step, level + 1) for part in schema]
        if not isinstance(schema, dict):
            return schema
        source = schema.get("x-type-of")
        if isinstance(source, list | tuple):
            value: Any = step.step.settings
            for name in source:
                value = value.get(name) if isinstance(value, dict) else None
            shape = self.shape_of_setting(value, (*step.path, "with", *source))
            return shape.schema if not shape.definitions else ANYTHING
        return {key: self._filled(part, step, level + 1) for key, part in schema.items()}

    def _check_read(self, use: Use, read: tuple[str, ...]) -> None:
        shape, used = self.find(use, read)
        lost = shape.follow(read[used:])
        if not isinstance(lost, Lost):
            return
        near = nearest(lost.name, lost.known)
        if not lost.is_closed and near is None:
            return
        path = read[: used + lost.depth + 1]
        owner = ".".join(path[:-1])
        place = use.place(self.view.findings, find_part(use, path))
        fix = None
        if near and place and self.view.findings.text[place.start : place.end] == ".".join(path):
            fix = Fix(f"Write {near}", (TextEdit(place.end - len(lost.name), place.end, near),))
        if lost.is_closed:
            message = f"'{owner}' has no field {lost.name!r}."
            self.view.findings.add(
                "unknown-member",
                use.path,
                message,
                hint=did_you_mean(lost.name, lost.known),
                fix=fix,
                place=place,
            )
        else:
            message = f"The schema of '{owner}' names no field {lost.name!r}."
            self.view.findings.add(
                "undeclared-field", use.path, message, hint=f"Did you mean {near!r}?", fix=fix, place=place
            )


def _holds_template(value: Any) -> bool:
    if isinstance(value, list):
        return any(_holds_template(item) for item in value)
    if isinstance(value, dict):
        return any(_holds_template(item) for item in value.values())
    return has_template(value)
