"""The workflow kind: what the rest of the house needs to treat workflows like any other document."""

from collections.abc import Callable, Iterator

from auraos.core.catalogue import Behaviour, Catalogue, Schema
from auraos.core.document import Document
from auraos.core.graph.check import check_workflow, read_roughly, read_workflow
from auraos.core.graph.check_calls import FindWorkflow
from auraos.core.graph.check_flags import STANDS_IN, FindFlag, find_flags
from auraos.core.graph.check_secrets import goes_to
from auraos.core.graph.names import DOCUMENT_NAME, split_called
from auraos.core.graph.secret_places import used_secrets
from auraos.core.kind import OF_FLAGS, OF_SECRETS, Kind, Meaning, Named, Others
from auraos.core.problems import Path, Problem
from auraos.core.workflow import Scope, Step, Workflow


def workflow_kind(schema: Callable[[Catalogue], Schema]) -> Kind:
    """Return the kind of workflows; its JSON Schema is drawn by whoever publishes schemas."""
    return Kind(name="workflow", title="Workflow", schema=schema, check=_check, read=_read, names=_names)


def resolved_types(workflow: Workflow, catalogue: Catalogue) -> dict[str, int]:
    """Return the versions that the step types of a workflow stand for in this catalogue, by how the workflow writes them."""
    types: dict[str, int] = {}
    for _, step in _steps_of(workflow.scope, ("spec",)):
        used = [(step.type, step.version)]
        used += [(one.type, one.version) for one in (step.undo, step.verify) if one is not None]
        for name, pinned in used:
            found = catalogue.find(name, pinned)
            if found is not None:
                types[name if pinned is None else f"{name}@{pinned}"] = found.version
    return types


def _check(document: Document, catalogue: Catalogue, others: Others | None = None) -> list[Problem]:
    if others is None:
        return check_workflow(document, catalogue)
    return check_workflow(
        document, catalogue, others=_finder(others, catalogue), flags=_flag_finder(others), numbered=True
    )


def _finder(others: Others, catalogue: Catalogue) -> FindWorkflow | None:
    """Return what finds called workflows as they are written, each read once."""
    known: dict[str, Workflow | None] = {}
    found = others.find
    if found is None:
        return None

    def find(written: str) -> Workflow | None:
        if written not in known:
            parts = split_called(written)
            document = found("workflow", parts[0], parts[1] or 0) if parts is not None else None
            known[written] = read_workflow(document, catalogue)[0] if document is not None else None
        return known[written]

    return find


def _flag_finder(others: Others) -> FindFlag | None:
    """Return what finds the type of a flag."""
    found = others.find
    if found is None:
        return None

    def find(name: str) -> str | None:
        document = found(OF_FLAGS, name, 0)
        return None if document is None else str(document.spec.get("type", ""))

    return find


def _read(document: Document, catalogue: Catalogue) -> Meaning | None:
    workflow, _ = read_workflow(document, catalogue)
    if workflow is None:
        return None
    return Meaning(resolved_types(workflow, catalogue), tuple(_named(workflow, catalogue)))


def _names(document: Document, catalogue: Catalogue) -> tuple[Named, ...]:
    return tuple(_named(read_roughly(document, catalogue), catalogue))


def _named(workflow: Workflow, catalogue: Catalogue) -> Iterator[Named]:
    """Yield the workflows that a workflow calls, and the secrets and flags that its steps use, by names that stand in its
    text.
    """
    for path, step in _steps_of(workflow.scope, ("spec",)):
        yield from _used(step, path, catalogue)
        found = catalogue.find(step.type, step.version)
        if found is not None and found.behaviour is Behaviour.CALL:
            yield from _name(step.settings.get("workflow"), (*path, "with", "workflow"))
    yield from _name(workflow.settings.on_failure, ("spec", "settings", "on_failure"))


def _used(step: Step, path: Path, catalogue: Catalogue) -> Iterator[Named]:
    attached = (("undo", step.undo), ("verify", step.verify))
    used = [(step.type, step.version, step.settings, (*path, "with"))]
    used += [
        (one.type, one.version, one.settings, (*path, part, "with"))
        for part, one in attached
        if one is not None
    ]
    for name, version, settings, at in used:
        found = catalogue.find(name, version)
        if found is None:
            continue
        for one in used_secrets(found.settings, settings, at):
            if DOCUMENT_NAME.fullmatch(one.name):
                yield Named(OF_SECRETS, one.name, one.path, goes_to=goes_to(one))
        for inner, flag in find_flags(found, settings, at):
            if DOCUMENT_NAME.fullmatch(flag):
                yield Named(OF_FLAGS, flag, inner, is_needed=STANDS_IN not in settings)


def _name(written: object, path: Path) -> Iterator[Named]:
    parts = split_called(written.removesuffix("@latest")) if isinstance(written, str) else None
    if parts is not None:
        yield Named("workflow", parts[0], path, parts[1] or 0)


def _steps_of(scope: Scope, path: Path) -> Iterator[tuple[Path, Step]]:
    """Yield all steps of a scope and of those within it, each with its path in the text."""
    for name, step in scope.steps.items():
        at: Path = (*path, "steps", name)
        yield at, step
        for inner, below in (
            (step.body, at),
            (step.catch, (*at, "catch")),
            (step.finally_, (*at, "finally")),
        ):
            if inner is not None:
                yield from _steps_of(inner, below)
        for branch, inner in (step.branches or {}).items():
            yield from _steps_of(inner, (*at, "branches", branch))
