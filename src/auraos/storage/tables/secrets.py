"""The tables of secrets, of the keys that seal them, and of who used them."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from auraos.core.audit import Entry
from auraos.security.secrets.rows import Consent, DataKey, Secret, SecretUse, SecretVersion
from auraos.storage.tables.rows import RowTables, Shape
from auraos.storage.tables.statement import NotAsExpectedError, Statement, Tables

_SECRETS: Final = Shape(Secret, "secrets", ("id",))
_SHAPES: Final[dict[type[msgspec.Struct], Shape[Any]]] = {
    shape.kind: shape
    for shape in (
        _SECRETS,
        Shape(SecretVersion, "secret_versions", ("secret", "version")),
        Shape(SecretUse, "secret_uses", ("secret", "workflow")),
        Shape(DataKey, "data_keys", ("id",)),
        Shape(Consent, "consents", ("digest",)),
    )
}
_DELETE = (
    "delete from secrets where id=? and revision=? and not exists (select 1 from uses"
    " where uses.workspace=? and used_kind='secret' and used_name=? and is_live=1)"
)
_IN_FLIGHT = (
    "select workflow, version, count(*) from (select workflow, version from runs where workspace=? and finished_at is null"
    " limit ?) as open group by workflow, version order by workflow, version"
)
MOST_IN_FLIGHT: Final = 100_000
"""So many runs are looked at for the versions that are under way."""
_NOTE = (
    "insert into secret_uses(secret, workflow, workspace, version, run, at, count)"
    " select ?, ?, ?, ?, ?, ?, ? where exists (select 1 from secrets where id=?)"
    " on conflict(secret, workflow) do update set version=excluded.version, run=excluded.run, at=excluded.at,"
    " count=secret_uses.count + excluded.count"
)


class SecretTables(RowTables):
    """Keeps secrets in the tables of a store."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables, _SHAPES)

    async def delete_secret(self, secret: Secret, entries: Sequence[Entry]) -> bool:
        """Delete a secret with its versions and uses, unless it changed or a live definition names it; return whether it did."""
        here = (secret.id, secret.revision, secret.workspace, secret.name)
        statements = [
            Statement(_DELETE, here, expect=1, name="secret"),
            Statement("delete from secret_versions where secret=?", (secret.id,)),
            Statement("delete from secret_uses where secret=?", (secret.id,)),
        ]
        try:
            await self._tables.change(statements, entries)
        except NotAsExpectedError:
            return False
        return True

    async def note_uses(self, uses: Sequence[SecretUse]) -> None:
        """Add to what is known of uses: counts are summed, the latest run stands."""
        await self._tables.change(
            [
                Statement(
                    _NOTE,
                    (
                        use.secret, use.workflow, use.workspace, use.version, use.run, use.at, use.count, use.secret,
                    ),
                )
                for use in sorted(uses, key=lambda use: (use.secret, use.workflow))
            ]
        )  # fmt: skip

    async def expiring(self, before: int, limit: int, workspace: str = "") -> Sequence[Secret]:
        """Return secrets of a workspace, or of all, that expire before a time, the first to expire first."""
        of, values = (" and workspace=?", (workspace,)) if workspace else ("", ())
        sql = f"{_SECRETS.select} where ends_at > 0 and ends_at < ?{of} order by ends_at, id limit ?"
        return await self._tables.all(sql, (before, *values, limit), _SECRETS.make)

    async def in_flight(self, workspace: str) -> Sequence[tuple[str, str, int]]:
        """Return the workflows and versions of the runs of a workspace that are not over, and how many there are of each."""
        return await self._tables.all(
            _IN_FLIGHT, (workspace, MOST_IN_FLIGHT), lambda row: (str(row[0]), str(row[1]), int(row[2]))
        )
