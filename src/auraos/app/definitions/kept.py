"""The service of definitions, put together on a store."""

import secrets

from auraos.core.catalogue import Catalogue
from auraos.core.kind import Kinds
from auraos.documents.definitions.gate import Wants
from auraos.documents.definitions.service import Definitions
from auraos.documents.kinds import WORKFLOW
from auraos.engine.ports import Clock
from auraos.security.access.quotas import Most
from auraos.settings.flags.kind import FLAG
from auraos.storage.tables.definitions import DefinitionTables
from auraos.storage.tables.statement import Tables

KINDS = Kinds([WORKFLOW, FLAG])
"""The kinds of definitions that a store keeps."""
_CHANCE = 20
"""So many bits of a number are chance, so that two processes do not give the same one."""


class Numbers:
    """Gives whole numbers that no other process gives, each larger than those before it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def __call__(self) -> int:
        """Return another number: the milliseconds since 1970, and chance."""
        number = (self._clock.now() // 1000 << _CHANCE) | secrets.randbits(_CHANCE)
        self._last = max(number, self._last + 1)
        return self._last


def definitions_on(
    tables: Tables, catalogue: Catalogue, clock: Clock, *, wants_review: Wants | None = None, most: Most | None = None
) -> Definitions:  # fmt: skip
    """Return the definitions that the tables of a store keep. `wants_review` says which workspaces want four eyes, and `most`
    how many definitions there may be in one.
    """
    return Definitions(
        DefinitionTables(tables, most), KINDS, catalogue, now=clock.now, new_number=Numbers(clock), wants_review=wants_review
    )  # fmt: skip
