"""The port of what keeps definitions."""

from collections.abc import Sequence
from typing import Protocol

from auraos.core.audit import Entry
from auraos.documents.definitions.rows import (
    Definition,
    Listed,
    Published,
    Query,
    Ref,
    Revision,
    Saving,
    UsedBy,
)


class DefinitionStore(Protocol):
    """Keeps definitions, their revisions and versions, and who names whom."""

    async def find(self, ref: Ref) -> Definition | None: ...

    async def page(self, query: Query) -> Sequence[Listed]:
        """Return a page of definitions by kind and name."""
        ...

    async def save(self, savings: Sequence[Saving], entries: Sequence[Entry]) -> bool:
        """Write changes, all or none, with what the audit trail says of them; return whether all was still as it was."""
        ...

    async def versions(self, ref: Ref, *, before: int = 0, limit: int = 50) -> Sequence[Published]:
        """Return the published versions, the newest first, below a number if one is given."""
        ...

    async def version(self, ref: Ref, number: int) -> Published | None: ...

    async def revision(self, ref: Ref, number: int) -> Revision | None:
        """Return a draft as it was; the oldest are forgotten."""
        ...

    async def used_by(self, ref: Ref) -> Sequence[UsedBy]: ...
