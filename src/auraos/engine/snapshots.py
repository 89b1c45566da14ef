"""Snapshots of long runs, at doubling distances: a cache, so that a long journal need not be folded from its beginning."""

import logging

import msgspec

from auraos import __version__
from auraos.core.errors import AuraError
from auraos.core.run import Program, Reading, RunState, restore, snapshot
from auraos.core.run.facts import SEMANTICS
from auraos.core.run.snapshot import FORMAT
from auraos.engine.active import ActiveRun
from auraos.engine.ports import SNAPSHOT_FROM, Snapshot

log = logging.getLogger("auraos.engine")
STAMP = f"{__version__}/{FORMAT}/{SEMANTICS}"
"""Who can read a snapshot: the release that wrote it. Every other one folds the journal."""


class Image(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of a run: its state, and what its engine counted of effects."""

    state: bytes
    grants: list[tuple[str, int, int]]
    counted: list[tuple[str, int]]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Image).decode


def take_snapshot(run: ActiveRun) -> Snapshot | None:
    """Return a snapshot of a run as it stands, all its facts written or being written; None when that fails."""
    assert run.state is not None
    run.snapshot_at = 2 * run.seq
    try:
        state = snapshot(run.state, run.large)
    except Exception:  # the border: a run goes on without
        log.exception("snapshot.failed", extra={"run": run.id})
        return None
    grants = [(path, attempt, generation) for path, (attempt, generation) in run.grants.items()]
    return Snapshot(run.seq, STAMP, _encode(Image(state, grants, sorted(run.counted))))


def read_snapshot(
    run: ActiveRun, program: Program, taken: Snapshot, reading: Reading | None
) -> RunState | None:
    """Return the state of a snapshot, and let the run know what was counted; None for one that cannot be read."""
    if taken.stamp != STAMP or taken.seq < SNAPSHOT_FROM:
        return None
    try:
        image = _decode(taken.state)
        state = restore(program, image.state, reading)
    except (AuraError, msgspec.MsgspecError, LookupError, TypeError, ValueError, AttributeError) as error:
        log.warning("snapshot.unreadable", extra={"run": run.id, "reason": str(error)})
        return None
    run.grants = {path: (attempt, generation) for path, attempt, generation in image.grants}
    run.counted = set(image.counted)
    return state
