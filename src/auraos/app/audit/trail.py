"""The audit trail of a process, put together on its store."""

import os
from collections.abc import Callable
from pathlib import Path

from auraos.app.health import Finding, Look
from auraos.app.secrets.secrets import KEYS
from auraos.security.audit.checkpoints import Checkpoints
from auraos.security.audit.signing import SEED_BYTES
from auraos.security.audit.trail import AuditTrail
from auraos.storage.audit_folder import AuditFolder
from auraos.storage.tables.audit import AuditTables
from auraos.storage.tables.statement import Tables


def audit_on(tables: Tables, data: Path, installation: str, now: Callable[[], int]) -> AuditTrail:
    """Return the trail of a store; what signs its heads is kept in the data folder."""
    store = AuditTables(tables)
    checkpoints = Checkpoints(
        store, AuditFolder(data / KEYS), installation, now=now, new_seed=lambda: os.urandom(SEED_BYTES)
    )
    return AuditTrail(store, checkpoints, installation=installation, now=now)


def look_at_trail(trail: AuditTrail, end: Look) -> Look:
    """Return what sees how the trail stands: whether what signs it found it whole, and how its end looks."""

    async def look() -> Finding:
        if trail.checkpoints.broken:
            return Finding(
                standing="bad",
                message=trail.checkpoints.broken,
                hint="See what was done: auraos audit verify",
            )
        return await end()

    return look
