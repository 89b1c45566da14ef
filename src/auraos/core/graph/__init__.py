"""The workflow as a graph: read out of a document, and checked with all its problems at once."""
