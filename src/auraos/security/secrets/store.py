"""The port of what keeps secrets."""

from collections.abc import Sequence
from typing import Protocol

from auraos.core.audit import Entry
from auraos.security.row_store import RowStore
from auraos.security.secrets.rows import Secret, SecretUse


class SecretStore(RowStore, Protocol):
    """Keeps the rows of secrets, versions, uses and data keys."""

    async def delete_secret(self, secret: Secret, entries: Sequence[Entry]) -> bool:
        """Delete a secret with its versions and uses, unless it changed or a live definition names it; return whether it did."""
        ...

    async def note_uses(self, uses: Sequence[SecretUse]) -> None:
        """Add to what is known of uses: counts are summed, the latest run stands."""
        ...

    async def expiring(self, before: int, limit: int, workspace: str = "") -> Sequence[Secret]:
        """Return secrets of a workspace, or of all, that expire before a time, the first to expire first."""
        ...

    async def in_flight(self, workspace: str) -> Sequence[tuple[str, str, int]]:
        """Return the workflows and versions of the runs of a workspace that are not over, and how many there are of each."""
        ...
