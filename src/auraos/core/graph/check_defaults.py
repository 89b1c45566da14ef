"""Checks of the defaults in the schema of a workflow's input: they are put in as they are written, so they must fit."""

from collections.abc import Iterator
from typing import Any

from auraos.core.catalogue import Schema
from auraos.core.graph.fields import has_template
from auraos.core.graph.views import WorkflowView
from auraos.core.problems import Path
from auraos.core.schemas import SchemaCheck, SchemaRefusedError, given_input

DEEPEST = 30


def check_defaults(view: WorkflowView) -> None:
    """Report defaults that no run could begin with."""
    schema = view.workflow.input
    if not schema:
        return
    definitions = {"$defs": schema["$defs"]} if "$defs" in schema else {}
    for part, path in _parts(schema, ("spec", "input"), 0):
        if "default" in part:
            _check_default(view, {**part, **definitions}, (*path, "default"))


def _check_default(view: WorkflowView, schema: Schema, path: Path) -> None:
    written = schema["default"]
    if has_template(written):
        message = "A default is put in as it is written: an expression in it is not evaluated."
        hint = "Leave it out, and write `coalesce(input.field, …)` where the value is read."
        view.findings.add("no-expression-here", path, message, hint=hint)
        return
    bare = {key: part for key, part in schema.items() if key != "default"}
    try:
        wrong = SchemaCheck(bare).first(given_input(bare, written) if isinstance(written, dict) else written)
    except SchemaRefusedError:
        return  # the schema itself is at fault, which is reported where it stands
    if wrong is not None:
        view.findings.add("wrong-type", path, f"The default does not fit its own schema: {wrong.message}.")


def _parts(schema: Any, path: Path, level: int) -> Iterator[tuple[Schema, Path]]:
    """Yield every schema in a schema, with its path."""
    if not isinstance(schema, dict) or level > DEEPEST:
        return
    yield schema, path
    for field in ("properties", "$defs"):
        inner = schema.get(field)
        for name, part in inner.items() if isinstance(inner, dict) else ():
            yield from _parts(part, (*path, field, name), level + 1)
    yield from _parts(schema.get("items"), (*path, "items"), level + 1)
    listed = schema.get("allOf")
    for number, part in enumerate(listed if isinstance(listed, list) else ()):
        yield from _parts(part, (*path, "allOf", number), level + 1)
