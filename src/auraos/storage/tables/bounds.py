"""Bounds of a workspace: how many rows of a table it may have. Changes that make more of them go one after the other."""

from auraos.storage.tables.statement import Statement

QUOTA = "quota"
"""The name of a statement that says that a bound was met."""


def hold(workspace: str) -> Statement:
    """Return what lets no other change that is bound come between: it goes first."""
    return Statement("update workspaces set name=name where name=?", (workspace,))


def bound(table: str, workspace: str, most: int, name: str = QUOTA) -> Statement:
    """Return what must hold after a change: it goes last."""
    sql = (
        "update workspaces set name=name where name=?"
        f" and (select count(*) from {table} where workspace=?) <= ?"
    )
    return Statement(sql, (workspace, workspace, most), expect=1, name=name)
