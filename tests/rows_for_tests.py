"""Rows and writes in their shortest form, for tests that only care about a few of their fields."""

from typing import Any

import msgspec

from auraos.engine.ports import RunRow, Write


def row(run: str = "r1", number: int = 1, **other: Any) -> RunRow:
    return msgspec.structs.replace(
        RunRow(
            workspace="default", run=run, number=number, workflow="w", version="v1", state="running",
            started_at=10, changed_at=10,
        ),
        **other,
    )  # fmt: skip


def write(run: str = "r1", seq: int = 1, **other: Any) -> Write:
    return Write(workspace="default", run=run, seq=seq, **other)


def started(run: str = "r1", number: int = 1, **other: Any) -> Write:
    return write(run, 1, count=1, facts=b"{}", created=True, row=row(run, number, **other))
