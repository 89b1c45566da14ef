"""Writes that are more than a few facts: with large values, which are kept in blobs first, or with a snapshot."""

import asyncio
import logging
from collections.abc import Callable

import msgspec

from auraos.core.errors import OperationalError
from auraos.core.run import LARGE, LargeValues, decode_fact, encode_fact
from auraos.engine.active import ActiveRun
from auraos.engine.draft import Draft
from auraos.engine.ports import Blobs, FencedError, RequestRow, StoreUnavailableError, Write
from auraos.engine.snapshots import take_snapshot

log = logging.getLogger("auraos.engine")


class HeavyWrites:
    """Prepares such writes. `post` sends one off, `failed` hears of one that cannot be."""

    def __init__(
        self,
        blobs: Blobs,
        post: Callable[[ActiveRun, Write], None],
        failed: Callable[[ActiveRun, Draft, BaseException], None],
    ) -> None:
        self._blobs = blobs
        self._post = post
        self._failed = failed
        self._at_work: set[asyncio.Task[None]] = set()

    @property
    def is_busy(self) -> bool:
        return bool(self._at_work)

    def takes(self, run: ActiveRun, write: Write) -> bool:
        """Take a sealed write over, if there is something to do before it is sent off."""
        if _is_large(write):
            task = asyncio.create_task(self._send(run, write))
            self._at_work.add(task)
            task.add_done_callback(self._at_work.discard)
            return True
        if run.seq < run.snapshot_at or run.state is None or run.state.is_final:
            return False
        taken = take_snapshot(run)
        self._post(run, write if taken is None else msgspec.structs.replace(write, snapshot=taken))
        return True

    async def _send(self, run: ActiveRun, write: Write) -> None:
        draft = run.writing
        assert draft is not None
        try:
            divided = await asyncio.to_thread(self._divide, run, draft, write)
        except Exception as error:  # noqa: BLE001 (the border: as of a write that failed)
            log.warning("large.refused", extra={"run": run.id, "reason": str(error)})
            known = error if isinstance(error, OperationalError) else StoreUnavailableError(str(error))
            run.writing = None
            self._failed(run, draft, known)
            return
        draft.sealed = (divided.seq, divided.facts)
        if run.is_lost:
            run.writing = None
            self._failed(run, draft, FencedError("Another process has taken over this run."))
            return
        self._post(run, divided)

    def _divide(self, run: ActiveRun, draft: Draft, write: Write) -> Write:
        """Keep what is large in blobs, durably, and return the write with references in its place."""
        large = run.large
        if large is None:
            large = run.large = LargeValues(self._blobs.sealer(run.id))
        lines = write.facts.split(b"\n") if write.facts else []
        for place, fact in enumerate(draft.facts):
            if len(lines[place]) > LARGE:
                lines[place] = encode_fact(fact, large)
        requests = [divide_request(request, large) for request in write.requests]
        fresh, large.fresh = large.fresh, {}
        self._blobs.keep(run.workspace, run.id, fresh)
        return msgspec.structs.replace(write, facts=b"\n".join(lines), requests=requests)


def _is_large(write: Write) -> bool:
    if any(len(request.body) > LARGE for request in write.requests):
        return True
    return len(write.facts) > LARGE and any(len(line) > LARGE for line in write.facts.split(b"\n"))


def divide_request(request: RequestRow, large: LargeValues) -> RequestRow:
    """Return a request with references in place of what is large; `large` holds what is to be kept before it is sent."""
    if len(request.body) <= LARGE:
        return request
    return msgspec.structs.replace(request, body=encode_fact(decode_fact(request.body), large))
