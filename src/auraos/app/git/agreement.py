"""What a workspace and a repository last agreed on, definition by definition. A change since then is one that somebody made."""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from auraos.app.git.rows import Agreed, Side
from auraos.core.errors import OperationalError
from auraos.security.row_store import Add, Remove, Replace, RowStore, Write

Key: TypeAlias = tuple[str, str]
"""Kind and name."""
AT_ONCE = 200


class AgreementLostError(OperationalError):
    """Another process synchronised the same workspace meanwhile."""

    code = "git-busy"


class Agreement:
    """The agreement of one workspace."""

    def __init__(self, rows: RowStore, workspace: str) -> None:
        self._rows = rows
        self._workspace = workspace

    async def texts(self, side: Side) -> dict[Key, str]:
        """Return the text of each definition that both sides had last."""
        found = await self._rows.all(Agreed, workspace=self._workspace, side=side)
        return {(row.kind, row.name): row.text for row in found}

    async def note(self, side: Side, before: Mapping[Key, str], now: Mapping[Key, str | None]) -> None:
        """Keep what both sides have now, None for what neither has any more, in place of what they had."""
        writes: list[Write] = []
        for key, text in now.items():
            former = before.get(key)
            if former == text:
                continue
            if text is None:
                writes.append(Remove(self._row(side, key, former or "")))
            elif former is None:
                writes.append(Add(self._row(side, key, text)))
            else:
                old = self._row(side, key, former)
                writes.append(Replace(old, msgspec.structs.replace(old, text=text)))
        for start in range(0, len(writes), AT_ONCE):
            if await self._rows.save(writes[start : start + AT_ONCE]) is not None:
                raise AgreementLostError(
                    "Another process synchronised the same workspace meanwhile.", hint="Try again."
                )

    def _row(self, side: Side, key: Key, text: str) -> Agreed:
        return Agreed(workspace=self._workspace, side=side, kind=key[0], name=key[1], text=text)
