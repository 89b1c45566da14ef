"""Long works over a real store, for tests."""

from auraos.app.chores.chores import Chores
from auraos.app.chores.opening import chores_on
from auraos.app.runs.runs import Runs
from auraos.documents.definitions.service import Definitions
from auraos.engine.clock import SystemClock
from auraos.storage.blobs import LocalBlobs
from houses import House


def chores_over(house: House, runs: Runs, definitions: Definitions) -> Chores:
    """Return what exports and deletes the workspaces of an installation."""
    assert house.store is not None
    blobs = LocalBlobs(house.folder / "blobs")
    return chores_on(
        house.tables, house.store, blobs, house.folder, runs=runs, definitions=definitions, access=house.identity.access,
        keys=house.keys, now=house.clock.now, new_id=SystemClock().new_id,
    )  # fmt: skip
