"""What a move would do to a run, looked at from wherever the run is kept: nothing moves for it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from auraos.app.definitions.versions import FolderDefinitions
from auraos.app.house import House
from auraos.core.run.moving import Move
from auraos.engine import asks
from auraos.engine.beginnings import Beginnings
from auraos.engine.clock import SystemClock
from auraos.engine.definitions import Programs
from auraos.engine.migrating import Migrating
from auraos.engine.ports import RunRow, Version
from auraos.engine.shards import Shards
from auraos.storage.blobs import LocalBlobs


async def look_at_move(
    house: House, row: RunRow, version: Version | str, *, steps: Mapping[str, str], drop: Sequence[str],
    files: Path | None = None,
) -> Move:  # fmt: skip
    """Return what would become of each step of a run by another version; the version of a server is named. `files` is the
    folder whose workflows can be called by name.
    """
    if house.is_driven or isinstance(version, str):
        engine: Any = house.engine
        found: Move = await engine.check_move(row.run, version, steps=dict(steps), drop=drop)
        return found
    store: Any = house.store
    programs, clock = Programs(store, FolderDefinitions(files, house.installed.catalogue)), SystemClock()
    beginnings = Beginnings(store, clock, programs, Shards())
    looking = Migrating(store, clock, LocalBlobs(house.data / "blobs"), programs, beginnings)
    return await looking.look(
        row, asks.CheckMove(run=row.run, version=version, steps=dict(steps), drop=list(drop))
    )
