"""Documents: YAML text with the place of everything in it, and the envelope that all kinds share."""

from auraos.core.canonical import canonical_json
from auraos.core.document.envelope import Document, read_document, read_envelope, suggest
from auraos.core.document.hashing import content_hash
from auraos.core.document.parser import parse
from auraos.core.document.tree import Entry, Lines, Node, Parsed

__all__ = [
    "Document",
    "Entry",
    "Lines",
    "Node",
    "Parsed",
    "canonical_json",
    "content_hash",
    "parse",
    "read_document",
    "read_envelope",
    "suggest",
]
