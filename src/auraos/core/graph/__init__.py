"""The workflow as a graph: read out of a document, and checked with all its problems at once."""

from auraos.core.graph.check import check_text, check_workflow, read_workflow
from auraos.core.graph.fixes import apply_safe_fixes
from auraos.core.graph.kind import resolved_types, workflow_kind

__all__ = [
    "apply_safe_fixes",
    "check_text",
    "check_workflow",
    "read_workflow",
    "resolved_types",
    "workflow_kind",
]
