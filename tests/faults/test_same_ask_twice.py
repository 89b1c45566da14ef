"""The same start and signal more than once (R22, R23, R33): at once, with a lost answer, before the wait, after a restart."""

import asyncio
import json
import socket

from checker import check, hash_input, read_folder
from served import Caller, Served
from witness_process import WitnessProcess
from workflows import chain, put, version_of

from auraos.core.errors import AuraError

AT_ONCE = 50


def test_fifty_starts_under_one_id_and_another_after_a_restart_are_one_run(
    server: Served, outside: WitnessProcess
) -> None:
    version = version_of("one", {"a": put(outside.place, "a")})
    server.start()

    async def start_all() -> set[str]:
        callers = [Caller(server.data) for _ in range(AT_ONCE)]
        started = await asyncio.gather(
            *(caller.ask(lambda client: client.start(version, input=1, run="order-7")) for caller in callers)
        )
        await callers[0].ask(lambda client: client.wait("order-7"))
        await asyncio.gather(*(caller.close() for caller in callers))
        return set(started)

    async def start_again() -> str:
        async with Caller(server.data) as caller:
            return await caller.ask(lambda client: client.start(version, input=1, run="order-7"))

    assert asyncio.run(start_all()) == {"order-7"}
    server.kill()
    server.start()
    assert asyncio.run(start_again()) == "order-7"
    assert server.stop() == 0
    kept = read_folder(server.data)
    assert len(kept.runs) == 1
    assert len(outside.ledger()) == 1
    assert check(kept, acknowledged={"order-7": hash_input(1)}, ledger=outside.ledger()) == []


def test_a_caller_that_hangs_up_before_the_answer_left_one_run_or_none_and_asking_again_gives_it(
    server: Served, outside: WitnessProcess
) -> None:
    version = version_of("one", {"a": put(outside.place, "a")})
    server.start()
    ask = {"ask": "Start", "number": 1, "run": "order-8", "version": {
        "hash": version.hash, "kind": version.kind, "name": version.name, "text": version.text,
        "step_types": version.step_types,
    }}  # fmt: skip
    for _ in range(20):
        line = socket.socket(socket.AF_UNIX)
        line.connect(str(server.data / "engine.sock"))
        line.sendall(json.dumps(ask).encode() + b"\n")
        line.close()

    async def start_again() -> str:
        async with Caller(server.data) as caller:
            run = await caller.ask(lambda client: client.start(version, run="order-8"))
            await caller.ask(lambda client: client.wait(run))
            return run

    assert asyncio.run(start_again()) == "order-8"
    assert server.stop() == 0
    assert len(read_folder(server.data).runs) == 1
    assert len(outside.ledger()) == 1


def test_a_signal_is_kept_until_the_wait_taken_once_and_lasts_through_a_kill(
    server: Served, outside: WitnessProcess
) -> None:
    outside.behave(before="hold")
    wait = {"type": "wait.signal", "with": {"name": "go"}}
    steps = {
        "before": put(outside.place, "before"),
        "first": wait,
        "second": wait,
        "after": put(outside.place, "after"),
    }
    version = version_of(
        "waiting",
        steps,
        chain("before", "first", "second", "after"),
        output="{{ [steps.first.data, steps.second.data] }}",
    )
    server.start()

    async def play() -> object:
        async with Caller(server.data) as caller:
            run = await caller.ask(lambda client: client.start(version, run="run-1"))
            await asyncio.to_thread(outside.wait_for, 1, "before")
            for _ in range(3):
                await caller.ask(lambda client: client.signal(run, "go", id="one", data=1))
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(outside.release)
            await asyncio.to_thread(server.start)
            await caller.ask(lambda client: client.signal(run, "go", id="one", data=1))
            await caller.ask(lambda client: client.signal(run, "go", id="two", data=2))
            ended = await caller.ask(lambda client: client.wait(run))
            await caller.ask(lambda client: client.signal(run, "go", id="two", data=2))
            try:
                await caller.ask(lambda client: client.signal(run, "go", id="three", data=3))
            except AuraError as error:
                assert error.code == "request-refused"  # noqa: PT017 (what the process answers)
            return ended.output

    assert asyncio.run(play()) == [1, 2]
    assert server.stop() == 0
    assert [effect.name for effect in outside.ledger()].count("after") == 1
    assert check(read_folder(server.data), ledger=outside.ledger()) == []
