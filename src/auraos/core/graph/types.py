"""How types flow: from the input's schema, variables and the outputs of steps into every expression that reads them.

A step type says what its output looks like by its `output` schema, which may be a function of the settings as written. Where
a part of the output is a setting passed on, the schema says so by `x-type-of`, the path of that setting, as in
`{"x-type-of": ["set", "amount"]}`: the checks put the type of what is written there in its place.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from auraos.core.catalogue import Behaviour, Schema
from auraos.core.expressions import infer
from auraos.core.expressions.types import (
    ANY,
    INT,
    NULL,
    TEXT,
    Type,
    forget_choices,
    list_of,
    mapping_of,
    type_from_schema,
    type_of_value,
    union,
)
from auraos.core.graph.fields import has_template
from auraos.core.graph.uses import Use
from auraos.core.graph.views import ScopeView, StepView, WorkflowView, ask_type
from auraos.core.problem_codes import PROBLEM_CODES
from auraos.core.problems import Path

_MOST_LEVELS = 40
_TIMES = {"duration": frozenset({"text", "duration"}), "datetime": frozenset({"text", "datetime", "date"})}
_WORDS = {"text": "text", "int": "a whole number", "float": "a number", "bool": "true or false", "list": "a list",
          "mapping": "a mapping", "null": "empty"}  # fmt: skip
RUN = mapping_of(
    {"id": TEXT, "number": INT, "workflow": TEXT, "version": TEXT, "started_at": ANY}, closed=False
)


class Types:
    """The types of everything that expressions can name, worked out when asked for."""

    def __init__(self, view: WorkflowView, uses: list[Use]) -> None:
        self.view = view
        self.uses = uses
        self.whole = {use.path: use for use in uses if use.is_whole}
        self._outputs: dict[str, Type | None] = {}
        self._results: dict[int, Type] = {}
        self._input = type_from_schema(view.workflow.input)
        self._is_batch = view.workflow.settings.batch is not None
        self._variables = {
            name: type_from_schema(view.variable_types[name])
            if name in view.variable_types
            else forget_choices(type_of_value(value))
            for name, value in view.workflow.variables.items()
        }

    def check(self) -> None:
        """Report what is certain to go wrong in any expression, and fallbacks unlike what they stand in for."""
        for use in self.uses:
            self.type_of(use)
        read = {
            path[1] for use in self.uses for path in use.expression.reads if path[0] == "steps" and path[1:]
        }
        for step in self.view.steps:
            if step.id in read and step.step.fallback is not msgspec.UNSET:
                self._check_fallback(step)

    def check_whole(self, schema: Schema, path: Path, value: str) -> None:
        """Report a setting whose expressions yield a value of another type than the setting has."""
        allowed = type_from_schema(schema).kinds
        allowed = allowed if allowed is None else allowed | _TIMES.get(schema.get("x-kind", ""), frozenset())
        given = self.type_of_setting(value, path).without_null()
        if allowed is None or not given.kinds or given.kinds & allowed:
            return
        if "float" in allowed and given.kinds <= {"int", "decimal"}:
            return
        use = self.whole.get(path)
        what = "This expression yields" if use else "An expression within a text yields"
        hint = "" if use else "Write the expression alone, without spaces or words around it."
        self.view.findings.add(
            "type-mismatch",
            path,
            f"{what} {say_type(given)}; {path[-1]!r} must be {say_type(Type(kinds=allowed))}.",
            hint=hint,
            place=use.place(self.view.findings) if use else None,
        )

    def type_of(self, use: Use) -> Type:
        """Return the type of what an expression yields; the first time its problems are reported."""
        known = self._results.get(id(use))
        if known is not None:
            return known
        self._results[id(use)] = ANY  # whoever asks again while this is worked out learns nothing
        kind, problems = infer(use.expression, self._names(use))
        self._results[id(use)] = kind
        for problem in problems:
            place = self.view.findings.place_within(
                use.path, use.offset, use.expression.source, problem.start, problem.end
            )
            self.view.findings.add(
                problem.code if problem.code in PROBLEM_CODES else "type-mismatch",
                use.path,
                problem.message,
                hint=problem.hint,
                place=place,
                fix=self.view.findings.fix_from_hint(place, problem.hint),
                severity=problem.severity,
            )
        return kind

    def type_of_setting(self, value: Any, path: Path, level: int = 0) -> Type:
        """Return the type of a setting as it will be once evaluated."""
        if level > _MOST_LEVELS:
            return ANY
        if has_template(value):
            use = self.whole.get(path)
            return self.type_of(use) if use else TEXT
        if isinstance(value, dict):
            return mapping_of(
                {key: self.type_of_setting(item, (*path, key), level + 1) for key, item in value.items()}
            )
        if isinstance(value, list):
            items = [
                self.type_of_setting(item, (*path, index), level + 1) for index, item in enumerate(value[:50])
            ]
            return list_of(union(*items) if items and len(value) <= 50 else ANY)
        return type_of_value(value)

    def output_of(self, step: StepView) -> Type:
        """Return the type of a step's output."""
        if step.id in self._outputs:
            return self._outputs[step.id] or ANY
        self._outputs[step.id] = None  # whoever asks again while this is worked out learns nothing
        kind = self._work_out(step)
        self._outputs[step.id] = kind
        return kind

    def names_at(self, use: Use, steps: Iterable[StepView]) -> dict[str, Type]:
        """Return the types of all names that may be used in a place, where these steps are read."""
        outputs = mapping_of({step.id: self.output_of(step) for step in steps}, closed=False)
        return {name: outputs if name == "steps" else self._name(use, name) for name in sorted(use.names())}

    def _names(self, use: Use) -> dict[str, Type]:
        roots = {read[0] for read in use.expression.reads}
        names = dict.fromkeys(roots, ANY)
        for name in roots:
            names[name] = self._name(use, name)
        return names

    def _name(self, use: Use, name: str) -> Type:
        match name:
            case "input":
                return self._input if use.role == "flow" or not self._is_batch else list_of(self._input)
            case "vars":
                return mapping_of(self._variables, closed=False)
            case "steps":
                read = {path[1] for path in use.expression.reads if path[0] == "steps" and path[1:]}
                steps = {name: self.view.by_id[name] for name in read if name in self.view.by_id}
                # a step that was skipped put out null, and a condition may ask for just that
                outputs = {name: self.output_of(step).or_null() for name, step in steps.items()}
                return mapping_of(outputs, closed=False)
            case "run":
                return RUN
            case "index":
                return INT
            case "item" if use.role == "key" and use.reader and use.reader.behaviour is Behaviour.FOREACH:
                return self._items_of(use.reader)
            case "item" if "item" in use.extra and use.reader:
                return self._items_of(use.reader)
            case "item":
                return self._item(use.scope)
            case "arrived" if use.reader:
                return list_of(self._arrival(use.reader))
            case "last" if use.role == "condition" and use.reader and use.reader.behaviour is Behaviour.WHILE:
                return self.output_of(use.reader)
        return ANY

    def _work_out(self, step: StepView) -> Type:
        own, step_type = step.step, step.type
        if own.disabled:
            return NULL
        if step_type is None:
            return ANY
        kind = self._declared(step)
        if own.expect and kind.fields is None:
            kind = type_from_schema(own.expect)
        if own.fallback is not msgspec.UNSET:
            kind = union(kind, self.type_of_setting(own.fallback, (*step.path, "fallback")))
        return kind

    def _declared(self, step: StepView) -> Type:
        own, step_type = step.step, step.type
        match step.behaviour:
            case Behaviour.FOREACH:
                results = list_of(self._inner_output(step, own.settings.get("collect")).or_null())
                if own.settings.get("on_error") != "report":
                    return results
                failure = mapping_of({"index": INT, "item": ANY, "error": ANY})
                return mapping_of({"results": results, "failures": list_of(failure)})
            case Behaviour.WHILE:
                return self._inner_output(step, own.settings.get("output"))
            case Behaviour.TRY:
                return ANY if own.catch is not None else self._inner_output(step, None)
        if step_type is None:
            return ANY
        schema = ask_type(lambda: step_type.output_of(own.settings))
        return self._filled(schema, step) if schema and _passes_on(schema) else type_from_schema(schema)

    def _filled(self, schema: Any, step: StepView, level: int = 0) -> Type:
        """Return the type of an output, with the types of settings where the schema says that they are passed on."""
        if not isinstance(schema, dict) or level > _MOST_LEVELS:
            return ANY
        source = schema.get("x-type-of")
        if isinstance(source, list | tuple):
            value: Any = step.step.settings
            for name in source:
                value = value.get(name, msgspec.UNSET) if isinstance(value, dict) else msgspec.UNSET
            return (
                ANY if value is msgspec.UNSET else self.type_of_setting(value, (*step.path, "with", *source))
            )
        properties = schema.get("properties")
        if isinstance(properties, dict):
            fields = {name: self._filled(part, step, level + 1) for name, part in properties.items()}
            return mapping_of(fields, closed=schema.get("additionalProperties") is False)
        if "items" in schema:
            return list_of(self._filled(schema["items"], step, level + 1))
        return type_from_schema(schema)

    def _inner_output(self, step: StepView, name: Any) -> Type:
        body = next((scope for scope in step.inner if scope.section == "body"), None)
        if body is None:
            return ANY
        if isinstance(name, str):
            found = body.steps.get(name)
            return self.output_of(found) if found else ANY
        ends = body.ends()
        return self.output_of(ends[0]) if len(ends) == 1 else NULL if ends else ANY

    def _item(self, scope: ScopeView) -> Type:
        for around in scope.chain():
            if around.owner and around.owner.behaviour is Behaviour.FOREACH:
                return self._items_of(around.owner)
        return ANY

    def _arrival(self, step: StepView) -> Type:
        """Return the type of one of the things that arrived at a step that collects."""
        links = [link for link in step.scope.scope.links if link.target == step.id]
        sources = [step.scope.steps.get(link.source) if link.port != "error" else None for link in links]
        output = union(*(self.output_of(source) if source else ANY for source in sources)) if sources else ANY
        names = (
            union(*(type_of_value(name) for name in dict.fromkeys(link.source for link in links)))
            if links
            else TEXT
        )
        ports = (
            union(*(type_of_value(name) for name in dict.fromkeys(link.port for link in links)))
            if links
            else TEXT
        )
        return mapping_of({"step": names, "port": ports, "output": output})

    def _items_of(self, step: StepView) -> Type:
        """Return the type of one of the items that a loop or a list step works on; of a loop with batches it is a list."""
        items = step.step.settings.get("items")
        kind = self.type_of_setting(items, (*step.path, "with", "items"))
        item = forget_choices(kind.items) if kind.without_null().kinds == frozenset({"list"}) else ANY
        is_list = step.behaviour is Behaviour.FOREACH and "batch" in step.step.settings
        return list_of(item) if is_list else item

    def _check_fallback(self, step: StepView) -> None:
        path = (*step.path, "fallback")
        given = self.type_of_setting(step.step.fallback, path).without_null()
        declared = self._declared(step).without_null()
        if not given.kinds or not declared.kinds or given.kinds & declared.kinds:
            return
        message = (
            f"The fallback is {say_type(given)}, while the output of {step.id!r} is {say_type(declared)}."
        )
        hint = "Give it the shape that the steps reading it expect."
        self.view.findings.add("fallback-mismatch", path, message, hint=hint)


def _passes_on(schema: Any, level: int = 0) -> bool:
    if isinstance(schema, dict) and level <= _MOST_LEVELS:
        return "x-type-of" in schema or any(_passes_on(part, level + 1) for part in schema.values())
    return False


def say_type(kind: Type) -> str:
    """Say in words what a value of a type is."""
    words = dict.fromkeys(_WORDS.get(name, f"a {name}") for name in sorted(kind.kinds or ()))
    if {"a number", "a whole number"} <= words.keys():
        words = {word: None for word in words if word not in ("a whole number", "a decimal")}
    return " or ".join(words)
