"""What can be read at a place of a workflow that somebody writes: the names there are, with what is known of each."""

from collections.abc import Iterator

from auraos.core.catalogue import Catalogue
from auraos.core.document import Document
from auraos.core.expressions import Type, compile_expression
from auraos.core.graph.findings import Findings
from auraos.core.graph.read import read_tree
from auraos.core.graph.types import Types
from auraos.core.graph.uses import Use, collect_uses
from auraos.core.graph.views import ScopeView, StepView, WorkflowView

_NOTHING = compile_expression("null")


def names_at(document: Document, catalogue: Catalogue, step: str = "", field: str = "") -> dict[str, Type]:
    """Return the names that may be used in a step (by its path, as `each/price`), or in the output of the workflow.

    `field` is the setting that is written, for some fields have names of their own. A step that is not there yet may read
    what the whole workflow may.
    """
    findings = Findings(document.tree, document.text)
    view = WorkflowView(read_tree(document.tree, catalogue, findings), catalogue, findings)
    reader = _find(view, step)
    scope = reader.scope if reader is not None else view.root
    deferred = reader.type.deferred if reader is not None and reader.type is not None else {}
    use = Use(
        expression=_NOTHING, path=(), offset=0, is_whole=True, role="settings" if reader is not None else "output",
        scope=scope, reader=reader, extra=tuple(deferred.get(field, ())),
    )  # fmt: skip
    return Types(view, collect_uses(view)).names_at(use, _readable(scope, reader))


def _find(view: WorkflowView, path: str) -> StepView | None:
    name = path.rpartition("/")[2]
    known = [step for step in view.steps if step.id == name]
    same = [step for step in known if _path_of(step) == path]
    return next(iter(same or known), None)


def _path_of(step: StepView) -> str:
    owner = step.scope.owner
    return f"{_path_of(owner)}/{step.id}" if owner is not None else step.id


def _readable(scope: ScopeView, reader: StepView | None) -> Iterator[StepView]:
    """Yield the steps that have run by then: before the reader in its scope, and before what is around it further out."""
    inside = reader
    for around in scope.chain():
        flow = around.flow
        late = flow.number.get(inside.id) if inside is not None else None
        for name, step in around.steps.items():
            if late is None or flow.is_before(flow.number[name], late):
                yield step
        inside = around.owner
