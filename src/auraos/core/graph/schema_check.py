"""Holds settings against the JSON Schema of their step type, place by place; an expression may stand for any value."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from auraos.core.catalogue import Schema
from auraos.core.graph.fields import describe, has_template
from auraos.core.graph.findings import Findings, did_you_mean, join_names, nearest
from auraos.core.problems import Path
from auraos.core.values import Value, ValueRefusedError, parse_datetime, parse_duration

_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "empty",
}
_MOST_LEVELS = 30
WholeTemplate: TypeAlias = Callable[[Schema, Path, str], None]
"""Is asked about each value that holds an expression: its schema, its path, its text."""


def resolve(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Return the schema that a reference points to, or the schema itself."""
    for _ in range(_MOST_LEVELS):
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/$defs/"):
            return schema
        schema = definitions.get(reference.removeprefix("#/$defs/"), {})
    return {}


class SchemaCheck:
    """One comparison of settings with a schema. `whole` is asked about each value that is one expression alone."""

    def __init__(
        self,
        schema: Schema,
        findings: Findings,
        *,
        whole: WholeTemplate | None = None,
        ignore: frozenset[str] = frozenset(),
    ) -> None:
        self.definitions: Mapping[str, Schema] = schema.get("$defs", {})
        self.schema = schema
        self.findings = findings
        self.whole = whole
        self.ignore = ignore
        """Required fields of the outermost mapping whose absence another check reports in better words."""

    def check(self, value: Value, path: Path, what: str) -> None:
        """Report all that does not fit; `what` names the outermost mapping in messages."""
        self._check(self.schema, value, path, what, 0)

    def fits(self, schema: Schema, value: Value, level: int = 0) -> bool:
        """Return whether a value fits, reporting nothing."""
        trial = SchemaCheck({**schema, "$defs": self.definitions}, Findings(self.findings.tree))
        trial._check(schema, value, (), "", level)
        return not trial.findings.problems

    def resolve(self, schema: Schema) -> Schema:
        """Return the schema that a reference points to, or the schema itself."""
        return resolve(schema, self.definitions)

    def _check(self, schema: Any, value: Value, path: Path, what: str, level: int) -> None:
        if not isinstance(schema, dict) or level > _MOST_LEVELS:
            return
        schema = self.resolve(schema)
        if has_template(value):
            self._check_template(schema, value, path)
            return
        options = schema.get("anyOf") or schema.get("oneOf")
        if isinstance(options, list):
            self._check_options(options, value, path, what, level)
        if not self._has_type(schema, value):
            self._refuse_type(allowed_types(schema), value, path)
            return
        self._check_words(schema, value, path)
        match value:
            case dict():
                self._check_mapping(schema, value, path, what, level)
            case list():
                self._check_list(schema, value, path, level)
            case str():
                self._check_text(schema, value, path)
            case int() | float() if not isinstance(value, bool):
                self._check_number(schema, value, path)

    def _check_template(self, schema: Schema, value: str, path: Path) -> None:
        if self.whole is not None:
            self.whole({**schema, "$defs": self.definitions} if self.definitions else schema, path, value)

    def _check_options(self, options: list[Any], value: Value, path: Path, what: str, level: int) -> None:
        resolved = [self.resolve(option) for option in options if isinstance(option, dict)]
        if any(self.fits(option, value, level + 1) for option in resolved):
            return
        near = [option for option in resolved if self._has_type(option, value) and "enum" not in option]
        if len(near) == 1:
            self._check(near[0], value, path, what, level + 1)
            return
        types = [name for option in resolved for name in allowed_types(option)]
        if types and not any(self._has_type(option, value) for option in resolved):
            self._refuse_type(types, value, path)
        else:
            self.findings.add("wrong-type", path, f"{_name(path)} has none of the possible shapes.")

    def _has_type(self, schema: Schema, value: Value) -> bool:
        types = allowed_types(schema)
        return not types or any(_is_of(value, name) for name in types)

    def _refuse_type(self, types: list[str], value: Value, path: Path) -> None:
        words = join_names(dict.fromkeys(_WORDS.get(name, name) for name in types))
        hint, fix = "", None
        node = self.findings.tree.find(path)
        if node is not None and node.kind == "scalar" and isinstance(value, str):
            is_number = bool(re.fullmatch(r"-?\d{1,15}", value, re.ASCII)) and {"integer", "number"} & set(
                types
            )
            if is_number or ("boolean" in types and value in ("true", "false")):
                hint, fix = (
                    "Remove the quotes.",
                    self.findings.fix_value(path, "Remove the quotes", value, safe=True),
                )
        elif types == ["string"] and node is not None and node.kind == "scalar" and node.style == "plain":
            hint, fix = "Put quotes around it.", self.findings.quote(path)
        elif "array" in types and not isinstance(value, dict | list):
            hint = "Write it between [ and ]."
        self.findings.add(
            "wrong-type", path, f"{_name(path)} must be {words}, not {describe(value)}.", hint=hint, fix=fix
        )

    def _check_words(self, schema: Schema, value: Value, path: Path) -> None:
        options = schema.get("enum", [schema["const"]] if "const" in schema else None)
        if not isinstance(options, list) or any(_same(value, option) for option in options):
            return
        words = [option for option in options if isinstance(option, str)]
        near = nearest(value, words) if isinstance(value, str) else None
        if isinstance(value, str) and near is None:
            near = next((word for word in words if word.casefold() == value.casefold()), None)
        fix = self.findings.fix_value(path, f"Write {near}", near) if near else None
        hint = f"Choose {join_names(map(str, options))}." if len(options) <= 20 else ""
        self.findings.add(
            "unknown-choice", path, f"{_name(path)} cannot be {describe(value)}.", hint=hint, fix=fix
        )

    def _check_mapping(
        self, schema: Schema, value: dict[str, Any], path: Path, what: str, level: int
    ) -> None:
        properties = schema.get("properties", {})
        for name in schema.get("required", ()):
            if name not in value and not (level == 0 and name in self.ignore):
                self.findings.add("missing-field", path, f"{what} needs a field {name!r}.", key=True)
        others = schema.get("additionalProperties", True)
        for name, item in value.items():
            inner = (*path, name)
            if name in properties:
                self._check(properties[name], item, inner, repr(name), level + 1)
            elif others is False:
                self._refuse_field(name, properties, inner, what)
            elif isinstance(others, dict):
                self._check(others, item, inner, repr(name), level + 1)
        least = schema.get("minProperties", 0)
        if len(value) < least:
            self.findings.add("out-of-range", path, f"{_name(path)} needs at least {least} entry.", key=True)

    def _refuse_field(self, name: str, known: Mapping[str, Any], path: Path, what: str) -> None:
        near = nearest(name, known)
        fix = self.findings.fix_key(path, near) if near else None
        hint = did_you_mean(name, known)
        self.findings.add(
            "unknown-field", path, f"{what} has no field {name!r}.", hint=hint, fix=fix, key=True
        )

    def _check_list(self, schema: Schema, value: list[Any], path: Path, level: int) -> None:
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        if len(value) < least or (most is not None and len(value) > most):
            bounds = f"at least {least}" if len(value) < least else f"at most {most}"
            self.findings.add(
                "out-of-range", path, f"{_name(path)} must have {bounds} items, not {len(value)}."
            )
        first = schema.get("prefixItems", ())
        for index, item in enumerate(value):
            of_item = first[index] if index < len(first) else schema.get("items")
            self._check(of_item, item, (*path, index), f"Item {index} of {_name(path)}", level + 1)

    def _check_text(self, schema: Schema, value: str, path: Path) -> None:
        kind = schema.get("x-kind")
        if kind in ("duration", "datetime"):
            self._check_time(kind, value, path)
            return
        least, most = schema.get("minLength", 0), schema.get("maxLength")
        if len(value) < least:
            said = (
                f"{_name(path)} is empty."
                if not value
                else f"{_name(path)} must have at least {least} characters."
            )
            self.findings.add("out-of-range", path, said)
        elif most is not None and len(value) > most:
            self.findings.add("out-of-range", path, f"{_name(path)} must have at most {most:,} characters.")
        pattern = schema.get("pattern")
        if isinstance(pattern, str) and not _matches(pattern, value):
            self.findings.add(
                "wrong-type",
                path,
                f"{_name(path)} cannot be {describe(value)}.",
                hint=f"It must match {pattern}.",
            )

    def _check_time(self, kind: str, value: str, path: Path) -> None:
        try:
            if kind == "duration":
                parse_duration(value)
            else:
                parse_datetime(value)
        except ValueRefusedError as error:
            self.findings.add(f"bad-{kind}", path, error.message, hint=error.hint)

    def _check_number(self, schema: Schema, value: float, path: Path) -> None:
        least, most = schema.get("minimum"), schema.get("maximum")
        above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
        said = ""
        if least is not None and value < least:
            said = f"at least {least:,}"
        elif most is not None and value > most:
            said = f"at most {most:,}"
        elif above is not None and value <= above:
            said = f"more than {above:,}"
        elif below is not None and value >= below:
            said = f"less than {below:,}"
        if said:
            self.findings.add("out-of-range", path, f"{_name(path)} must be {said}, not {value}.")


def allowed_types(schema: Schema) -> list[str]:
    """Return the JSON types a schema allows at its top; none listed means any."""
    types = schema.get("type")
    if isinstance(types, str):
        return [types]
    return [name for name in types if isinstance(name, str)] if isinstance(types, list) else []


def _is_of(value: Value, name: str) -> bool:
    match name:
        case "string":
            return isinstance(value, str)
        case "integer":
            return type(value) is int or (type(value) is float and value.is_integer())
        case "number":
            return type(value) in (int, float)
        case "boolean":
            return isinstance(value, bool)
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
        case "null":
            return value is None
    return True


def _same(left: Value, right: Value) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _matches(pattern: str, value: str) -> bool:
    import re2  # noqa: PLC0415 (few settings have a pattern)

    try:
        return re2.search(pattern, value) is not None
    except re2.error:
        return True


def _name(path: Path) -> str:
    if path and isinstance(path[-1], int):
        return f"Item {path[-1]} of {path[-2]!r}" if len(path) > 1 else f"Item {path[-1]}"
    return repr(path[-1]) if path else "The value"
