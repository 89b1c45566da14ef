"""The workflow as a graph: read out of a document, and checked with all its problems at once."""

from auraos.core.graph.reading import read_workflow

__all__ = ["read_workflow"]
