"""Following a run: what is durable is shown before the last word is said, however late the stream brings it."""

import asyncio

from auraos.app.runs.following import follow
from auraos.core.run import RunView
from auraos.core.run.facts import RunPaused
from auraos.engine.ports import RunRow
from auraos.engine.stream import Change

FACTS = [RunPaused(at=1), RunPaused(at=2), RunPaused(at=3)]


class LateHouse:
    """A house with one paused run, whose stream is read long after the store can be."""

    own_engine = None
    is_driven = False

    @property
    def engine(self):
        return self

    @property
    def store(self):
        return self

    async def find(self, run):
        return RunRow(
            workspace="default",
            run=run,
            number=1,
            workflow="w",
            version="v",
            state="paused",
            started_at=0,
            changed_at=0,
        )

    async def view(self, row):
        return RunView(status="paused", why=[], steps=[], unread=[])

    async def facts(self, run):
        return FACTS

    async def fetching(self, run):
        return bytes

    async def is_private(self, run):
        return False

    async def subscribe(self, run, after):
        for seq, fact in enumerate(FACTS[after:], start=after + 1):
            for _ in range(50):
                await asyncio.sleep(0)
            yield Change(run=run, seq=seq, fact=fact)
        await asyncio.Event().wait()


async def follow_late(after):
    shown = []
    told = await follow(
        LateHouse(), "r", patience="never", show=lambda one: shown.append(one.seq), after=after
    )
    return told.state, shown


async def test_all_that_is_durable_is_shown_first(monkeypatch):
    monkeypatch.setattr("auraos.app.runs.following._PAUSE", 0.0)
    assert await follow_late(0) == ("paused", [1, 2, 3])


async def test_what_was_seen_before_is_not_waited_for(monkeypatch):
    monkeypatch.setattr("auraos.app.runs.following._PAUSE", 0.0)
    assert await follow_late(3) == ("paused", [])
