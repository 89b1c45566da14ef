"""Streams: each fact once and in order, wherever one begins to listen; who does not keep up is cut off."""

import asyncio

import pytest

from auraos.core.run import encode_fact
from auraos.core.run.facts import AnyFact, RunFinished, RunPaused
from auraos.engine import stream
from auraos.engine.ports import Batch
from auraos.engine.stream import Change, StreamFellBehindError, Streams


def fact(number: int, last: int = 4) -> AnyFact:
    return RunFinished(at=number, state="succeeded") if number == last else RunPaused(at=number)


class Journal:
    """Facts up to a number are durable."""

    def __init__(self, durable: int) -> None:
        self.durable = durable
        self.asked = asyncio.Event()

    async def __call__(self, run: str, after: int) -> list[Batch]:
        found = [Batch(number, 1, encode_fact(fact(number))) for number in range(1, self.durable + 1)]
        self.asked.set()
        return found


async def collect(streams: Streams, after: int = 0) -> list[int]:
    return [change.seq async for change in streams.follow("r", after)]


async def test_what_came_while_the_journal_was_read_is_seen_once() -> None:
    journal = Journal(3)
    streams = Streams(journal)
    seen = asyncio.create_task(collect(streams))
    await journal.asked.wait()
    for number in (2, 3, 4):
        streams.publish(Change(run="r", seq=number, fact=fact(number)))
    assert await seen == [1, 2, 3, 4]
    assert streams.listeners == {}


async def test_one_may_begin_after_a_fact() -> None:
    assert await collect(Streams(Journal(4)), after=2) == [3, 4]


async def test_a_closed_stream_ends() -> None:
    journal = Journal(1)
    streams = Streams(journal)
    seen = asyncio.create_task(collect(streams))
    await journal.asked.wait()
    streams.close()
    assert await seen == [1]


async def test_who_does_not_keep_up_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LONGEST_QUEUE", 5)
    streams = Streams(Journal(0))
    following = streams.follow("r")
    first = asyncio.ensure_future(anext(following))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for number in range(1, 20):
        streams.publish(Change(run="r", seq=number, fact=RunPaused(at=number)))
    assert (await first).seq == 1
    with pytest.raises(StreamFellBehindError):
        _ = [change async for change in following]
