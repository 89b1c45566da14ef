"""Reads one step: every field that a step may have, whatever its type."""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

import jsonschema_rs
import msgspec

from auraos.core.catalogue import Behaviour, Catalogue, Schema, StepType
from auraos.core.graph.fields import Fields, describe
from auraos.core.graph.findings import did_you_mean, nearest
from auraos.core.graph.names import split_type
from auraos.core.problems import Path
from auraos.core.workflow import Cache, Join, Retry, Step, Undo, Verify

COMMON_FIELDS: Final = (
    "type",
    "title",
    "notes",
    "with",
    "join",
    "retry",
    "timeout",
    "deadline",
    "key",
    "uncertain",
    "verify",
    "fallback",
    "undo",
    "expect",
    "pool",
    "resources",
    "priority",
    "cache",
    "disabled",
)
CONTAINER_FIELDS: Final[dict[Behaviour, tuple[str, ...]]] = {
    Behaviour.FOREACH: ("steps", "links"),
    Behaviour.WHILE: ("steps", "links"),
    Behaviour.TRY: ("steps", "links", "catch", "finally"),
    Behaviour.RACE: ("branches",),
}
_ALL_CONTAINER_FIELDS = ("steps", "links", "catch", "finally", "branches")
RETRY_FIELDS = ("attempts", "first", "factor", "max", "jitter", "on")
ERROR_CLASSES = ("transient", "permanent", "data", "credential", "timeout", "cancelled", "unknown", "bug")
UNCERTAIN = ("verify", "retry", "ask", "fail")
_MEANT_BY = {
    **dict.fromkeys(("next", "depends_on", "after", "needs"), "Steps are joined under `links`, as `a -> b`."),
    **dict.fromkeys(
        ("except", "rescue", "on_error"),
        "Failures are caught by a `try` with `catch`, or at the port `error`.",
    ),
    **dict.fromkeys(
        ("if", "when", "condition"), "Whether a step runs is said by an `if` or `switch` before it."
    ),
    **dict.fromkeys(
        ("settings", "config", "parameters", "params", "args"), "The settings of a step stand under `with`."
    ),
    **dict.fromkeys(
        ("foreach", "loop", "repeat"), "To repeat steps, put them into a `foreach` or a `while`."
    ),
    **dict.fromkeys(("retries", "max_attempts"), "Write `retry: {attempts: 3}`."),
    **dict.fromkeys(("name", "label", "description"), "Write `title`, or `notes` for more."),
}
_SCHEMA_TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")
_SCHEMA_WORDS = {"text": "string", "list": "array", "mapping": "object", "bool": "boolean", "int": "integer"}
_ERROR_CODE = re.compile(r"[a-z][a-z0-9_-]*", re.ASCII)
_POOL = re.compile(r"[a-z][a-z0-9_-]*", re.ASCII)


def read_step(name: str, fields: Fields, catalogue: Catalogue) -> Step:
    """Read a step without the scopes inside it; what has the wrong shape reads as if it were not there."""
    type_name, version, step_type = read_type(fields, catalogue, f"The step {name!r}")
    _refuse_unknown(fields, name, step_type)
    return Step(
        id=name,
        type=type_name,
        version=version,
        title=fields.text("title"),
        notes=fields.text("notes"),
        settings=fields.mapping("with"),
        join=_read_join(fields),
        retry=_read_retry(fields),
        timeout=fields.duration("timeout"),
        deadline=fields.duration("deadline"),
        key=_read_key(fields),
        uncertain=fields.choice("uncertain", UNCERTAIN),
        verify=_read_verify(fields, catalogue),
        fallback=fields.value("fallback") if "fallback" in fields else msgspec.UNSET,
        undo=_read_undo(fields, catalogue),
        expect=read_schema(fields, "expect"),
        pool=_read_pool(fields),
        resources=_read_resources(fields),
        priority=fields.whole("priority", 5, 0, 9) if "priority" in fields else None,
        cache=_read_cache(fields),
        disabled=fields.flag("disabled"),
    )


def read_type(fields: Fields, catalogue: Catalogue, what: str) -> tuple[str, int | None, StepType | None]:
    """Read `type`; the type is None where none is installed under that name and version."""
    written = fields.text("type")
    path: Path = (*fields.path, "type")
    findings = fields.findings
    if not written:
        if "type" not in fields or fields.value("type") in (None, ""):
            findings.add(
                "missing-field",
                fields.path,
                f"{what} needs a field 'type'.",
                hint="Write `type: noop`, or another type.",
                key=True,
            )
        return "", None, None
    parts = split_type(written)
    if parts is None:
        hint = _suggest_type(written.partition("@")[0], catalogue)
        findings.add(
            "unknown-type",
            path,
            f"{written!r} is no step type.",
            hint=hint or "A type is written as `http.request` or `http.request@2`.",
        )
        return "", None, None
    name, version = parts
    step_type = catalogue.find(name, version)
    if step_type is not None:
        return name, version, step_type
    newest = catalogue.find(name)
    if newest is not None:
        message = f"The step type {name!r} has no version {version} here."
        fix = findings.fix_value(path, f"Write {name}@{newest.version}", f"{name}@{newest.version}")
        findings.add(
            "unknown-version", path, message, hint=f"The newest is {name}@{newest.version}.", fix=fix
        )
        return name, None, newest
    near = nearest(name, catalogue.names())
    fix = findings.fix_value(path, f"Write {near}", near) if near else None
    findings.add(
        "unknown-type", path, f"There is no step type {name!r}.", hint=_suggest_type(name, catalogue), fix=fix
    )
    return name, version, None


def read_schema(fields: Fields, name: str) -> Schema | None:
    """Read a JSON Schema, which must be one and must not point outside of itself."""
    if name not in fields:
        return None
    value = fields.value(name)
    if not isinstance(value, dict):
        fields.wrong_type(name, "a JSON Schema", value)
        return None
    path: Path = (*fields.path, name)
    foreign = _find_foreign_reference(value, path)
    if foreign is not None:
        fields.findings.add(
            "bad-schema",
            foreign,
            "A schema cannot point outside of its own document.",
            hint="Write `$ref: '#/$defs/…'`.",
        )
        return None
    try:
        jsonschema_rs.validator_for(value)
    except jsonschema_rs.ValidationError as error:
        inner = (*path, *error.instance_path)
        message, hint = _say_what_is_wrong(error, inner, fields)
        fields.findings.add("bad-schema", inner, message, hint=hint)
        return None
    except (jsonschema_rs.ReferencingError, ValueError) as error:
        fields.findings.add("bad-schema", path, f"This is no JSON Schema: {str(error).rstrip('.')}.")
        return None
    return value


def _say_what_is_wrong(error: jsonschema_rs.ValidationError, path: Path, fields: Fields) -> tuple[str, str]:
    node = fields.findings.tree.find(path)
    if path[-1] != "type" or node is None or not isinstance(node.value, str):
        return f"This is no JSON Schema: {error.message}.", ""
    near = _SCHEMA_WORDS.get(node.value)
    hint = f"Did you mean {near!r}?" if near else did_you_mean(node.value, _SCHEMA_TYPES)
    return f"JSON Schema has no type {node.value!r}.", hint


def _refuse_unknown(fields: Fields, name: str, step_type: StepType | None) -> None:
    own = CONTAINER_FIELDS.get(step_type.behaviour, ()) if step_type else _ALL_CONTAINER_FIELDS
    elsewhere: dict[str, str] = {}
    if step_type is not None:
        for field in fields.names():
            if field in COMMON_FIELDS or field in own:
                continue
            if field in step_type.settings.get("properties", {}):
                elsewhere[field] = f"It belongs under `with`: write `with: {{{field}: …}}`."
            elif field in _ALL_CONTAINER_FIELDS:
                elsewhere[field] = f"A {step_type.name!r} step holds no inner {field}."
            elif field in _MEANT_BY:
                elsewhere[field] = _MEANT_BY[field]
    fields.refuse_unknown((*COMMON_FIELDS, *own), f"The step {name!r}", elsewhere)


def _read_join(fields: Fields) -> Join:
    value = fields.value("join", "all")
    if type(value) is int:
        return fields.whole("join", 1, 1, 10_000)
    if value in ("all", "any", "collect"):
        return value  # type: ignore[no-any-return]  # one of the words that were just compared
    fields.findings.add(
        "unknown-choice",
        (*fields.path, "join"),
        f"'join' cannot be {describe(value)}.",
        hint="Write all, any, collect, or a number of links.",
    )
    return "all"


def _read_retry(fields: Fields) -> Retry | None:
    value = fields.value("retry")
    if type(value) is int:
        path = (*fields.path, "retry")
        fix = fields.findings.fix_value(
            path, f"Write {{attempts: {value}}}", f"{{attempts: {value}}}", safe=True
        )
        fields.findings.add(
            "wrong-type",
            path,
            f"'retry' must be a mapping, not {describe(value)}.",
            hint=f"Write `retry: {{attempts: {value}}}`.",
            fix=fix,
        )
        return None
    retry = fields.fields("retry")
    if retry is None:
        return None
    retry.refuse_unknown(RETRY_FIELDS, "'retry'")
    retry.require("attempts", "'retry'", "It is the number of attempts in all, as `attempts: 5`.")
    default = Retry()
    return Retry(
        attempts=retry.whole("attempts", 1, 1, 1_000),
        first=retry.duration("first", default.first, zero=True) or timedelta(0),
        factor=retry.number("factor", default.factor, 1, 100),
        max=retry.duration("max", default.max) or default.max,
        jitter=retry.number("jitter", default.jitter, 0, 1),
        on=_read_on(retry),
    )


def _read_on(retry: Fields) -> tuple[str, ...]:
    if "on" not in retry:
        return Retry().on
    names: list[str] = []
    for index, node in enumerate(retry.items("on")):
        path = (*retry.path, "on", index)
        if not isinstance(node.value, str) or not _ERROR_CODE.fullmatch(node.value):
            retry.findings.add(
                "wrong-type",
                path,
                f"'on' lists classes and codes of errors, not {describe(node.value)}.",
                hint=f"Classes are {', '.join(ERROR_CLASSES)}.",
            )
            continue
        near = nearest(node.value, ERROR_CLASSES)
        if near and near != node.value and abs(len(near) - len(node.value)) <= 1:
            fix = retry.findings.fix_value(path, f"Write {near}", near)
            retry.findings.add(
                "unknown-error-class",
                path,
                f"{node.value!r} is no class of errors; it is taken for a code.",
                hint=f"Did you mean {near!r}?",
                fix=fix,
            )
        names.append(node.value)
    return tuple(names)


def _read_key(fields: Fields) -> Any:
    value = fields.value("key")
    if isinstance(value, dict | bool | float) or ("key" in fields and value is None):
        fields.wrong_type("key", "a text, a number, an expression or a list of these", value)
        return None
    return value


def _read_verify(fields: Fields, catalogue: Catalogue) -> Verify | None:
    verify = fields.fields("verify")
    if verify is None:
        return None
    verify.refuse_unknown(("type", "with", "done"), "'verify'")
    type_name, version, _ = read_type(verify, catalogue, "'verify'")
    verify.require(
        "done",
        "'verify'",
        'It says, over the step\'s output, whether the effect took place: `done: "{{ output.found }}"`.',
    )
    return Verify(
        type=type_name, version=version, settings=verify.mapping("with"), done=_read_condition(verify, "done")
    )


def _read_condition(fields: Fields, name: str) -> str:
    value = fields.value(name, "")
    if isinstance(value, bool):
        return "{{ true }}" if value else "{{ false }}"
    return fields.text(name)


def _read_undo(fields: Fields, catalogue: Catalogue) -> Undo | None:
    undo = fields.fields("undo")
    if undo is None:
        return None
    undo.refuse_unknown(("type", "with", "retry", "timeout"), "'undo'")
    type_name, version, _ = read_type(undo, catalogue, "'undo'")
    return Undo(
        type=type_name,
        version=version,
        settings=undo.mapping("with"),
        retry=_read_retry(undo),
        timeout=undo.duration("timeout"),
    )


def _read_cache(fields: Fields) -> Cache | None:
    cache = fields.fields("cache")
    if cache is None:
        return None
    cache.refuse_unknown(("ttl", "key"), "'cache'")
    cache.require("ttl", "'cache'", "It is how long an output may be used again, as `ttl: 10m`.")
    ttl = cache.duration("ttl")
    return Cache(ttl=ttl, key=cache.value("key")) if ttl else None


def _read_pool(fields: Fields) -> str | None:
    pool = fields.optional_text("pool")
    if pool is not None and not _POOL.fullmatch(pool):
        fields.findings.add(
            "bad-name",
            (*fields.path, "pool"),
            f"A pool cannot be named {pool!r}.",
            hint="Write small letters, digits, - and _.",
        )
        return None
    return pool


def _read_resources(fields: Fields) -> dict[str, int] | None:
    resources = fields.fields("resources")
    if resources is None:
        return None
    found = {}
    for name in resources.names():
        if _POOL.fullmatch(name):
            found[name] = resources.whole(name, 1, 1, 1_000_000)
        else:
            message = f"A pool cannot be named {name!r}."
            hint = "Write small letters, digits, - and _."
            fields.findings.add("bad-name", (*resources.path, name), message, hint=hint, key=True)
    return found or None


def _suggest_type(name: str, catalogue: Catalogue) -> str:
    return did_you_mean(name, catalogue.names(), lambda names: _same_family(name, names))


def _same_family(name: str, names: Iterable[str]) -> str:
    family = [known for known in names if known.partition(".")[0] == name.partition(".")[0]]
    return f"Of this family there are: {', '.join(family)}." if family else ""


def _find_foreign_reference(schema: Any, path: Path) -> Path | None:
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str) and not value.startswith("#"):
                return (*path, key)
            if key == "$schema" and isinstance(value, str) and "//json-schema.org/" not in value:
                return (*path, key)
            found = _find_foreign_reference(value, (*path, key))
            if found is not None:
                return found
    elif isinstance(schema, list):
        for index, value in enumerate(schema):
            found = _find_foreign_reference(value, (*path, index))
            if found is not None:
                return found
    return None
