"""Checks of field tags: they mean something where they stand, and what they protect does not stand elsewhere in the clear."""

from collections.abc import Iterator

from auraos.core.catalogue import Behaviour, Schema
from auraos.core.graph.schema_check import allowed_types
from auraos.core.graph.views import StepView, WorkflowView
from auraos.core.privacy import TAGS, has_tags, schemas_in
from auraos.core.problems import Path

_SCALARS = frozenset(("string", "integer", "null"))


def check_privacy(view: WorkflowView) -> None:
    """Report tags that mean nothing, and ways by which private data would get where it is not sealed."""
    tagged = list(_tagged_schemas(view))
    for schema, path in tagged:
        _check_tags(view, schema, path)
    if not any(has_tags(schema) for schema, _ in tagged):
        return
    _check_subjects(view)
    _check_settings(view)
    for step in view.steps:
        _check_step(view, step)


def _tagged_schemas(view: WorkflowView) -> Iterator[tuple[Schema, Path]]:
    if view.workflow.input:
        yield view.workflow.input, ("spec", "input")
    for step in view.steps:
        if step.step.expect:
            yield step.step.expect, (*step.path, "expect")


def _check_tags(view: WorkflowView, schema: Schema, path: Path) -> None:
    for part, inner in schemas_in(schema):
        here = (*path, *inner)
        for tag in TAGS:
            if tag in part and not isinstance(part[tag], bool):
                message = f"{tag!r} is a tag: it must be true or false."
                hint = (
                    f"Write {tag}: true; a field of the data that bears this name stands under `properties`."
                )
                view.findings.add("bad-tag", (*here, tag), message, hint=hint)
        if part.get("subject") is not True:
            continue
        if path != ("spec", "input"):
            message = (
                "Whom a run is about is known from its input: 'subject' says nothing of what a step puts out."
            )
            view.findings.add("bad-tag", (*here, "subject"), message, hint="Write personal: true.", key=True)
        elif not _SCALARS.issuperset(allowed_types(part)):
            message = "A person is named by a text or a whole number."
            hint = "Put the tag on the field that names the person, as an address or a number does."
            view.findings.add("bad-tag", (*here, "subject"), message, hint=hint, key=True)


def _check_subjects(view: WorkflowView) -> None:
    schema = view.workflow.input or {}
    if has_tags(schema) and not any(part.get("subject") is True for part, _ in schemas_in(schema)):
        message = "The input tells of a person, and no field says of whom."
        hint = "Put `subject: true` on the field that names the person, as an address or a number does."
        view.findings.add("nobody-named", ("spec", "input"), message, hint=hint, key=True)


def _check_settings(view: WorkflowView) -> None:
    if view.workflow.settings.batch is not None:
        message = "A batch puts the data of several starts into one run, which is sealed for the first one's person only."
        hint = "Leave out `batch`, or gather what is not private."
        view.findings.add("private-data-spread", ("spec", "settings", "batch"), message, hint=hint, key=True)


def _check_step(view: WorkflowView, step: StepView) -> None:
    if step.behaviour is Behaviour.FOREACH and step.step.key is not None:
        message = "The value of this key becomes part of paths, which stand in the clear."
        hint = "Leave it out: items are then named by their number."
        view.findings.add("private-data-spread", (*step.path, "key"), message, hint=hint, key=True)
    if step.step.cache is not None:
        message = "'cache' has no effect: what private runs bring is not kept for others."
        view.findings.add("field-without-effect", (*step.path, "cache"), message, key=True)
