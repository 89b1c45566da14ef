"""kill -9 of the whole server at its writes and syncs (R01, R05), and between an effect and its record (R04)."""

import asyncio
from collections.abc import Sequence

import pytest
from checker import check, hash_input, read_folder
from served import Caller, NotReadyError, Served
from witness_process import Effect, WitnessProcess
from workflows import chain, post, put, version_of

from auraos.engine.client import EngineClient
from auraos.engine.ports import Version
from faults import needs

PURE = {"type": "transform", "with": {"set": {"n": "{{ input.n }}"}}}
NAMES = ("price", "reserve", "charge", "note", "ship", "tell")
WRITES, SYNCS = 46, 6
"""So many calls the writing thread makes at least, from the start of the process to the end of the run."""


def six_steps(place: str) -> Version:
    steps = {
        "price": PURE,
        "reserve": put(place, "reserve"),
        "charge": post(place, "charge"),
        "note": PURE,
        "ship": post(place, "ship"),
        "tell": put(place, "tell"),
    }
    return version_of("six", steps, chain(*NAMES))


def killing_at(call: str, number: int) -> list[str]:
    return [
        "strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}",
    ]  # fmt: skip


async def _start(client: EngineClient, version: Version) -> str:
    return await client.start(version, input={"n": 7}, run="run-1")


def run_through_a_kill(server: Served, outside: WitnessProcess, before: Sequence[str]) -> list[str]:
    """Start a run on a server that is killed somewhere, start the next one, and return what is wrong in the end."""
    server.start()
    assert server.stop() == 0  # the folder is set up: the sweep injures runs

    async def play() -> None:
        async with Caller(server.data) as caller:
            asked = asyncio.create_task(caller.ask(lambda client: _start(client, six_steps(outside.place))))
            try:
                await asyncio.to_thread(server.start, before)
                assert server.process is not None
                assert await asyncio.to_thread(server.process.wait, 30) == -9, "the fault happened"
            except NotReadyError as error:
                assert error.args[0] == -9  # noqa: PT017 (killed before it was ready: that is as good)
            await asyncio.to_thread(server.start, ())
            assert await asked == "run-1"
            assert (await caller.ask(lambda client: client.wait("run-1"))).state == "succeeded"

    asyncio.run(play())
    assert server.stop() == 0
    ledger = outside.ledger()
    names = {effect.name for effect in ledger}
    wrong = check(read_folder(server.data), acknowledged={"run-1": hash_input({"n": 7})}, ledger=ledger)
    return wrong + [f"{name} never happened" for name in {"reserve", "charge", "ship", "tell"} - names]


@needs.strace
@pytest.mark.parametrize("number", [2, 4, SYNCS])
def test_a_server_killed_at_a_sync_loses_nothing_and_repeats_nothing(
    server: Served, outside: WitnessProcess, number: int
) -> None:
    assert run_through_a_kill(server, outside, killing_at("fdatasync", number)) == []


@needs.strace
@pytest.mark.parametrize("number", [9, 30, WRITES])
def test_a_server_killed_at_a_write_loses_nothing_and_repeats_nothing(
    server: Served, outside: WitnessProcess, number: int
) -> None:
    assert run_through_a_kill(server, outside, killing_at("pwrite64", number)) == []


@pytest.mark.slow
@needs.strace
@pytest.mark.parametrize(
    ("call", "number"),
    [*(("fdatasync", n) for n in range(1, SYNCS + 1)), *(("pwrite64", n) for n in range(1, WRITES + 1))],
)
def test_a_server_killed_at_each_write_and_sync_loses_nothing(
    server: Served, outside: WitnessProcess, call: str, number: int
) -> None:
    assert run_through_a_kill(server, outside, killing_at(call, number)) == []


def times(ledger: Sequence[Effect], name: str) -> tuple[int, int]:
    """Return how often an effect was seen, and under how many keys."""
    found = [effect.key for effect in ledger if effect.name == name]
    return len(found), len(set(found))


def test_killed_between_an_effect_and_its_record_it_is_seen_again_under_its_key_or_verified(
    server: Served, outside: WitnessProcess
) -> None:
    outside.behave(reserve="hold", charge="hold")
    server.start()

    async def play() -> None:
        async with Caller(server.data) as caller:
            await caller.ask(lambda client: _start(client, six_steps(outside.place)))
            for effect in ("reserve", "charge"):
                assert await asyncio.to_thread(outside.wait_for, 1, effect) == 1
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(outside.release)
                if effect == "reserve":
                    await asyncio.to_thread(lambda: outside.behave(charge="hold"))
                await asyncio.to_thread(server.start)
            assert (await caller.ask(lambda client: client.wait("run-1"))).state == "succeeded"

    asyncio.run(play())
    assert (server.stop(), server.kills) == (0, 2)
    ledger = outside.ledger()
    assert times(ledger, "reserve") == (2, 1), "it may be repeated: twice, under one key"
    assert times(ledger, "charge") == (1, 1), "it may not be repeated: the other side was asked"
    assert check(read_folder(server.data), ledger=ledger) == []
