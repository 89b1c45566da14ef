"""Making the state of a run from what is stored of it: the journal, or a snapshot and the rest of the journal."""

import asyncio
from collections.abc import Sequence

from auraos.core.run import LargeValues, Reading, RunState, decode_fact, has_references, refold
from auraos.engine.active import ActiveRun
from auraos.engine.ports import Batch, Blobs, Snapshot
from auraos.engine.snapshots import read_snapshot

FOLDED_HERE = 256 * 1024
"""A journal of more bytes is folded off the loop."""
OF_THE_TURN = ("$now", "$meter")


async def fold_into(
    run: ActiveRun, blobs: Blobs, journal: Sequence[Batch], snapshot: Snapshot | None = None
) -> bool:
    """Fold a journal, or what follows a snapshot, into the run's state; return False if the snapshot cannot be read."""
    size = sum(len(batch.facts) for batch in journal) + (len(snapshot.state) if snapshot is not None else 0)
    if size > FOLDED_HERE or any(has_references(batch.facts) for batch in journal):
        state = await asyncio.to_thread(_folded, run, blobs, journal, snapshot)
    else:
        state = _folded(run, blobs, journal, snapshot)
    if state is None:
        return False
    run.state, run.created = state, False
    while run.snapshot_at <= run.seq:
        run.snapshot_at *= 2
    return True


def _folded(
    run: ActiveRun, blobs: Blobs, journal: Sequence[Batch], snapshot: Snapshot | None
) -> RunState | None:
    """Return the state that a journal adds up to, large values fetched; and count its facts."""
    known = run.large = LargeValues(blobs.sealer(run.id))
    reading = Reading(lambda reference: blobs.fetch(run.workspace, run.id, reference.hash), known)
    run.seq, state = 0, RunState(run.program)
    if snapshot is not None:
        restored = read_snapshot(run, run.program, snapshot, reading)
        if restored is None or (journal and journal[0].seq > snapshot.seq + 1):
            return None
        run.seq, state = snapshot.seq, restored
    for batch in journal:
        lines = batch.facts.split(b"\n")
        for line in lines[max(0, run.seq + 1 - batch.seq) :]:
            fact = decode_fact(line, reading)
            refold(state, fact)
            run.note(fact)
            run.seq += 1
    run.draft.results = ()
    if not known.bytes:
        run.large = None
    return state


def lighten(run: ActiveRun) -> None:
    """Take from the frames of a run what only the latest turn needed: it would keep the whole turn in memory, in a circle."""
    if run.state is None or run.state.root is None:
        return
    for frame in (run.state.root, *(activation.frame for activation in run.state.activations.values())):
        for name in OF_THE_TURN:
            frame.values.pop(name, None)


def take_apart(run: ActiveRun) -> None:
    """Break the circles in the state of a run that nobody holds any more, so that its memory is free at once."""
    lighten(run)
    if run.state is not None:
        for activation in run.state.activations.values():
            if activation.frames:  # without any, it is one that all share
                activation.frames.clear()
            activation.frame.active.clear()
