"""The hash of a version: the same for texts that mean the same, however they are spelled and wherever things are drawn."""

import hashlib
from collections.abc import Mapping

from auraos.core.canonical import canonical_json
from auraos.core.document.envelope import Document


def content_hash(document: Document, resolved: Mapping[str, int]) -> str:
    """Return the SHA-256 over kind, name, spec and the versions that its step types were resolved to, as hexadecimal digits.

    Title, description, labels, layout, tests, comments, order of keys and spelling do not count.
    """
    meaning = {"kind": document.kind, "name": document.name, "spec": document.spec, "steps": dict(resolved)}
    return hashlib.sha256(canonical_json(meaning).encode()).hexdigest()
