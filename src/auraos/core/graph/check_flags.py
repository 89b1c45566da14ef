"""Checks of the feature flags that steps ask for: that there are such flags, and that they are what links reckon with."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from auraos.core.catalogue import StepType
from auraos.core.graph.fields import has_template
from auraos.core.graph.names import DOCUMENT_NAME
from auraos.core.graph.schema_check import resolve
from auraos.core.graph.views import StepView, WorkflowView
from auraos.core.kind import OF_FLAGS
from auraos.core.problems import Path, Severity

FindFlag: TypeAlias = Callable[[str], str | None]
"""Returns the type of a flag, None where there is no such flag."""
STANDS_IN = "default"
"""The setting that stands in for a flag that is not there."""


def check_flags(view: WorkflowView, flags: FindFlag | None, *, are_all: bool = False) -> None:
    """Report flags that cannot be asked for; `flags` None: nobody knows which there are. Unless they `are_all` that there can
    be, one that is missing may be published elsewhere.
    """
    for step in view.steps:
        own = step.step
        if step.type is not None:
            for path, flag in find_flags(step.type, own.settings, (*step.path, "with")):
                _check_name(view, path, flag)
                _check_known(view, path, flag, own.settings, flags, are_all=are_all)
                _check_ports(view, step, flag, flags)
        for name, attached in (("undo", own.undo), ("verify", own.verify)):
            found = view.catalogue.find(attached.type, attached.version) if attached is not None else None
            if attached is not None and found is not None:
                inner = (*step.path, name, "with")
                for path, flag in find_flags(found, attached.settings, inner):
                    _check_name(view, path, flag)
                    _check_known(view, path, flag, attached.settings, flags, are_all=are_all)


def find_flags(step_type: StepType, settings: dict[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    """Yield the settings that name a flag, each with its path."""
    definitions = step_type.settings.get("$defs", {})
    for field, schema in step_type.settings.get("properties", {}).items():
        name = settings.get(field)
        if resolve(schema, definitions).get("x-kind") == OF_FLAGS and isinstance(name, str):
            yield (*path, field), name


def _check_name(view: WorkflowView, path: Path, flag: str) -> None:
    if has_template(flag):
        message = "Which flag a step asks for cannot depend on data."
        hint = "Write its name, as `new-price`; what it gives whom can depend on `key` and `context`."
        view.findings.add("no-expression-here", path, message, hint=hint)
    elif not DOCUMENT_NAME.fullmatch(flag):
        message = "This cannot be the name of a flag."
        view.findings.add("bad-name", path, message, hint="A name is small letters, digits and -.")


def _check_known(
    view: WorkflowView,
    path: Path,
    flag: str,
    settings: dict[str, Any],
    flags: FindFlag | None,
    *,
    are_all: bool,
) -> None:
    if flags is None or STANDS_IN in settings or not DOCUMENT_NAME.fullmatch(flag) or flags(flag) is not None:
        return
    view.findings.add(
        "unknown-flag",
        path,
        f"There is no flag {flag!r} in this {'workspace' if are_all else 'folder'}.",
        hint="Publish it first, or say with `default` what stands in for it.",
        severity=Severity.ERROR if are_all else Severity.WARNING,
    )


def _check_ports(view: WorkflowView, step: StepView, name: str, flags: FindFlag | None) -> None:
    """Report links from the ports of a boolean flag where the flag is none."""
    type_ = flags(name) if flags is not None else None
    if type_ in (None, "", "boolean") or step.type is None or step.type.ports_by is None:
        return
    ports = {link.port for link in step.scope.scope.links if link.source == step.id}
    for port in sorted(ports & set(step.ports or ()) - {"out"}):
        message = f"The flag {name!r} is of type {type_}, so nothing ever goes on at {port!r}."
        hint = f"Use a `switch` over steps.{step.id}.value, or let the flag be boolean."
        view.findings.add("flag-port", step.path, message, hint=hint, key=True)
