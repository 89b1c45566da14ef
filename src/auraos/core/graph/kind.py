"""The workflow kind: what the rest of the house needs to treat workflows like any other document."""

from auraos.core.catalogue import Catalogue
from auraos.core.document import Document
from auraos.core.graph.check import check_workflow
from auraos.core.graph.schema import workflow_schema
from auraos.core.kind import Kind
from auraos.core.problems import Problem


def _check(document: Document, catalogue: Catalogue) -> list[Problem]:
    return check_workflow(document, catalogue)


WORKFLOW = Kind(name="workflow", title="Workflow", schema=workflow_schema, check=_check)
