"""The kinds of documents that the house itself brings."""

from typing import Final

from auraos.core.graph import workflow_kind
from auraos.core.kind import Kind, Kinds
from auraos.documents.schemas import workflow_spec_schema

WORKFLOW: Final[Kind] = workflow_kind(workflow_spec_schema)
KINDS: Final = Kinds([WORKFLOW])
