"""The workflow kind: what the rest of the house needs to treat workflows like any other document."""

from collections.abc import Callable

from auraos.core.catalogue import Catalogue, Schema
from auraos.core.document import Document
from auraos.core.graph.check import check_workflow
from auraos.core.kind import Kind
from auraos.core.problems import Problem


def workflow_kind(schema: Callable[[Catalogue], Schema]) -> Kind:
    """Return the kind of workflows; its JSON Schema is drawn by whoever publishes schemas."""
    return Kind(name="workflow", title="Workflow", schema=schema, check=_check)


def _check(document: Document, catalogue: Catalogue) -> list[Problem]:
    return check_workflow(document, catalogue)
