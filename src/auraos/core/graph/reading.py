"""`read_workflow`: the door for whoever needs a workflow rather than its problems."""

from auraos.core.catalogue import Catalogue
from auraos.core.document import Document
from auraos.core.graph.findings import Findings
from auraos.core.graph.read import read_tree
from auraos.core.problems import Problem
from auraos.core.workflow import Workflow


def read_workflow(document: Document, catalogue: Catalogue) -> tuple[Workflow | None, list[Problem]]:
    """Return the workflow of a document, None if reading it found an error, and all that reading found."""
    findings = Findings(document.tree)
    reading = read_tree(document.tree, catalogue, findings)
    return (None if findings.has_errors else reading.workflow), findings.problems
