"""A power cut at any moment of a serving process (R02), with its last writes torn or garbled (R03): what was told is there."""

import asyncio
import random
from pathlib import Path

import msgspec
import pytest
from powercut import Event, events_before, events_of, image, look_at_disk
from served import Caller, Served
from witness_process import WitnessProcess
from workflows import chain, put, version_of

from faults import needs

IMAGES = 300
RUNS = 8


class Tally(msgspec.Struct):
    """What was found in the images, and what the images were."""

    images: int = 0
    with_acknowledged: int = 0
    torn: int = 0
    garbled: int = 0
    lost: int = 0
    damaged: int = 0


@pytest.fixture
def recorded(server: Served, outside: WitnessProcess, tmp_path: Path) -> tuple[list[Event], dict[str, bytes]]:
    """Return what a server did to its folder and told its callers, and the folder as it was before."""
    server.start()
    assert server.stop() == 0
    before = {str(file): file.read_bytes() for file in server.data.glob("auraos.*")}
    log = tmp_path / "calls.log"
    version = version_of(
        "three", {name: put(outside.place, name) for name in ("a", "b", "c")}, chain("a", "b", "c")
    )

    async def play() -> None:
        async with Caller(server.data) as caller:
            for number in range(RUNS):
                run = await caller.ask(lambda client, n=number: client.start(version, run=f"run-{n}"))
                await caller.ask(lambda client, one=run: client.wait(one))
            await caller.ask(lambda client: client.drain())

    watched = "openat,close,pwrite64,write,sendto,fdatasync,fsync,ftruncate,unlink"
    server.start(["strace", "-f", "-qq", "-xx", "-s", "1000000", "-o", str(log), "-e", f"trace={watched}"])
    asyncio.run(play())
    assert server.process is not None
    server.process.wait(30)
    return events_of(log, server.data), before


@needs.strace
def test_no_power_cut_loses_a_run_that_a_caller_was_told_of(
    recorded: tuple[list[Event], dict[str, bytes]], tmp_path: Path
) -> None:
    events, before = recorded
    chance, tally = random.Random(7), Tally()
    start = events_before(before)
    for number in range(IMAGES):
        moment = chance.randrange(1, len(events) + 1)
        keep = chance.choice(["none", "some", "garbled"])
        verdict, runs = look_at_disk(
            image(start + events[:moment], keep, chance), tmp_path / f"image{number}"
        )
        told = b"".join(event.data for event in events[:moment] if event.kind == "say")
        acknowledged = {f"run-{n}" for n in range(RUNS) if f'"ok":"run-{n}"'.encode() in told}
        tally.images += 1
        tally.with_acknowledged += bool(acknowledged)
        tally.torn += keep == "some"
        tally.garbled += keep == "garbled"
        tally.lost += not acknowledged <= runs
        tally.damaged += verdict != "ok"
    assert (tally.images, tally.lost, tally.damaged) == (IMAGES, 0, 0)
    assert min(tally.with_acknowledged, tally.torn, tally.garbled) > IMAGES // 5
