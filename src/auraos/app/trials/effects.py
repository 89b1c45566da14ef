"""Which steps of a draft would do something to the world: what is not let through where nobody has reviewed the text."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from auraos.core.catalogue import Catalogue, Effect
from auraos.core.errors import UserError
from auraos.core.workflow import Scope, Step, Workflow

HARMLESS = (Effect.PURE, Effect.READ)


class TrialUnreviewedError(UserError):
    """A trial would do something to the world by a text that nobody has reviewed, and the workspace wants four eyes."""

    code = "trial-unreviewed"


def effects_of(workflow: Workflow, names: Collection[str], catalogue: Catalogue) -> list[str]:
    """Return the paths of what writes among these steps at the top, with what is within them and what takes them back."""
    top = workflow.scope.steps
    return [path for name in top if name in names for path in _effects(top[name], name, catalogue)]


def _effects(step: Step, path: str, catalogue: Catalogue) -> Iterator[str]:
    if step.disabled:
        return
    if not _is_harmless(catalogue, step.type, step.version, step.settings):
        yield path
    for kind, beside in (("verify", step.verify), ("undo", step.undo)):
        if beside is not None and not _is_harmless(catalogue, beside.type, beside.version, beside.settings):
            yield f"{path}!{kind}"
    for scope in _scopes(step):
        for name, inner in scope.steps.items():
            yield from _effects(inner, f"{path}/{name}", catalogue)


def _scopes(step: Step) -> Iterator[Scope]:
    yield from (scope for scope in (step.body, step.catch, step.finally_) if scope is not None)
    yield from (step.branches or {}).values()


def _is_harmless(catalogue: Catalogue, name: str, version: int | None, settings: Mapping[str, Any]) -> bool:
    """Return whether a step only reads or computes; of a type that is not known nothing is believed."""
    found = catalogue.find(name, version)
    return found is not None and found.effect_of(settings) in HARMLESS
