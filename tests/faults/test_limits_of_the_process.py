"""A serving process with too few files (R45), told to leave twice or in a hurry (R36), and beside a long reader (R40)."""

import asyncio
import signal
import socket
import sqlite3
from contextlib import suppress

import pytest
from checker import check, hash_input, read_folder
from served import Caller, Served, until
from witness_process import WitnessProcess
from workflows import chain, post, put, version_of

from faults import needs


@needs.limits
def test_without_files_it_answers_nobody_new_and_comes_back_by_itself(
    server: Served, outside: WitnessProcess
) -> None:
    server.start(["prlimit", "--nofile=64"])
    connections = []
    with suppress(OSError):
        for _ in range(100):
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(1)
            connection.connect(str(server.data / "engine.sock"))
            connections.append(connection)
    until(lambda: "serve.too_many_files" in server.log.read_text())
    for connection in connections:
        connection.close()
    version = version_of("one", {"a": put(outside.place, "a")})

    async def play() -> str:
        async with Caller(server.data) as caller:
            await caller.ask(lambda client: client.start(version, run="run-1"))
            return (await caller.ask(lambda client: client.wait("run-1"))).state

    assert asyncio.run(play()) == "succeeded"
    assert server.stop() == 0
    assert check(read_folder(server.data)) == []


@pytest.mark.parametrize(
    ("signals", "codes"),
    [
        ((signal.SIGTERM,), {0}),
        ((signal.SIGINT, signal.SIGINT), {0, -2}),
        ((signal.SIGHUP,), {0}),
        ((signal.SIGTERM, signal.SIGTERM), {0, -15}),
        ((signal.SIGTERM, signal.SIGKILL), {0, -9}),
    ],
    ids=lambda value: "-".join(each.name for each in value) if isinstance(value, tuple) else "",
)
def test_however_it_is_told_to_leave_amid_work_everything_ends_once(
    server: Served, outside: WitnessProcess, signals: tuple[signal.Signals, ...], codes: set[int]
) -> None:
    outside.behave(**{"": "late/0.1"})
    steps = {"a": put(outside.place, "a/{{ input.n }}"), "b": post(outside.place, "b/{{ input.n }}")}
    version = version_of("two", steps, chain("a", "b"))
    server.start()

    async def play() -> None:
        async with Caller(server.data) as caller:

            async def one(number: int) -> str:
                run = f"run-{number}"
                await caller.ask(lambda client: client.start(version, input={"n": number}, run=run))
                return (await caller.ask(lambda client: client.wait(run))).state

            playing = asyncio.gather(*(one(number) for number in range(60)))
            await asyncio.to_thread(outside.wait_for, 20)
            for each in signals:
                assert server.process is not None
                server.process.send_signal(each)
                await asyncio.sleep(0.05)
            assert await asyncio.to_thread(server.process.wait, 40) in codes
            await asyncio.to_thread(server.start)
            assert set(await playing) == {"succeeded"}
            assert caller.retried > 0, "it was away for a while"

    asyncio.run(play())
    assert server.stop() == 0
    told = {f"run-{number}": hash_input({"n": number}) for number in range(60)}
    assert check(read_folder(server.data), acknowledged=told, ledger=outside.ledger()) == []


def test_a_reader_of_its_own_that_never_reads_does_not_let_the_log_of_writes_grow(
    server: Served, outside: WitnessProcess
) -> None:
    """Its callers' readers are paged; one from outside holds the log back, but nothing else, and only while it is there."""
    version = version_of("text", {"a": {"type": "noop", "with": {"value": "{{ input }}"}}})
    server.start()

    async def load(first: int) -> None:
        async with Caller(server.data) as caller:
            for start in range(first, first + 400, 50):
                await asyncio.gather(
                    *(caller.ask(lambda client, n=n: client.start(version, input="x" * 20_000, run=f"run-{n}"))
                      for n in range(start, start + 50))
                )  # fmt: skip

    asyncio.run(load(0))
    deaf = socket.socket(socket.AF_UNIX)
    deaf.connect(str(server.data / "engine.sock"))
    deaf.sendall(b'{"ask": "EveryRun", "number": 1}\n' * 50)
    asyncio.run(load(400))
    log = server.data / "auraos.db-wal"
    assert log.stat().st_size < 80 * 1024 * 1024
    outside_reader = sqlite3.connect(
        f"file:{server.data / 'auraos.db'}?mode=ro", uri=True, isolation_level=None
    )
    outside_reader.execute("begin")
    outside_reader.execute("select count(*) from runs").fetchone()
    asyncio.run(load(800))
    grown = log.stat().st_size
    outside_reader.execute("commit")
    outside_reader.close()
    asyncio.run(load(1200))
    asyncio.run(load(1600))
    assert log.stat().st_size < max(grown + 40 * 1024 * 1024, 80 * 1024 * 1024)
    deaf.close()
    assert server.stop() == 0
    assert len(read_folder(server.data).runs) == 2000
