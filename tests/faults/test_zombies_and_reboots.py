"""A process that stands still and wakes (R14), and a machine that was started anew under another name (R50)."""

import asyncio
import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest
from checker import check, hash_input, read_folder
from served import Caller, NotReadyError, Served, until
from witness_process import WitnessProcess
from workflows import put, version_of

from auraos.core.errors import AuraError
from faults import needs


async def start(server: Served, outside: WitnessProcess, number: int) -> str:
    version = version_of("one", {"a": put(outside.place, "a")})
    async with Caller(server.data) as caller:
        return await caller.ask(
            lambda client: client.start(version, input={"n": number}, run=f"run-{number}"), once=True
        )


def begin_a_write(server: Served, outside: WitnessProcess) -> None:
    """Let a run begin to write, and the witness hold its answer back."""
    outside.behave(a="hold")
    server.start()
    asyncio.run(start(server, outside, 1))
    assert outside.wait_for(1) == 1


async def end_of(server: Served, run: str) -> str:
    async with Caller(server.data) as caller:
        return (await caller.ask(lambda client: client.wait(run))).state


def count_facts(data: Path) -> int:
    connection = sqlite3.connect(f"file:{data / 'auraos.db'}?mode=ro", uri=True)
    (found,) = connection.execute("select sum(count) from journal").fetchone()
    connection.close()
    return int(found)


def stand_still_and_lose_the_folder(server: Served) -> None:
    """Stop the process, and let another own its folder; not in the midst of a commit, of which the lock would stay."""
    for _ in range(50):
        os.kill(server.pid, signal.SIGSTOP)
        try:
            connection = sqlite3.connect(server.data / "auraos.db", isolation_level=None, timeout=0.1)
            connection.execute("update meta set value='another' where name='owner'")
            connection.close()
        except sqlite3.OperationalError:
            os.kill(server.pid, signal.SIGCONT)
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("The process was in the midst of a commit each time it was stopped.")


def test_while_a_process_stands_still_nobody_takes_its_folder_and_it_goes_on_when_it_wakes(
    server: Served, outside: WitnessProcess, tmp_path: Path
) -> None:
    begin_a_write(server, outside)
    os.kill(server.pid, signal.SIGSTOP)
    other = Served(tmp_path, "--allow-net", outside.place)
    with pytest.raises(NotReadyError) as refused:
        other.start()
    assert refused.value.args[1] == "folder-in-use"
    outside.release()
    os.kill(server.pid, signal.SIGCONT)
    assert asyncio.run(end_of(server, "run-1")) == "succeeded"
    assert server.stop() == 0
    assert check(read_folder(server.data), ledger=outside.ledger()) == []


def test_a_process_that_wakes_after_another_took_over_writes_nothing_more(
    server: Served, outside: WitnessProcess
) -> None:
    begin_a_write(server, outside)
    stand_still_and_lose_the_folder(server)
    before = count_facts(server.data)
    outside.release()
    os.kill(server.pid, signal.SIGCONT)
    with pytest.raises(AuraError):
        asyncio.run(start(server, outside, 2))
    until(
        lambda: (
            server.process is not None and (server.process.poll() is not None or server.health()[0] == 503)
        )
    )
    assert count_facts(server.data) == before, "the zombie wrote"
    server.kill()
    server.start()
    assert asyncio.run(end_of(server, "run-1")) == "succeeded"
    assert server.stop() == 0
    told = {"run-1": hash_input({"n": 1})}
    assert check(read_folder(server.data), acknowledged=told, ledger=outside.ledger()) == []


@needs.boot_clock
def test_a_folder_is_served_again_at_once_after_a_reboot_under_another_name(
    server: Served, outside: WitnessProcess
) -> None:
    begin_a_write(server, outside)
    server.kill()
    outside.release()
    reborn = 'hostname elsewhere && exec "$@"'
    server.start(
        [
            "unshare",
            "-UrT",
            "--uts",
            "--monotonic",
            "100000",
            "--boottime",
            "100000",
            "sh",
            "-c",
            reborn,
            "sh",
        ]
    )
    assert asyncio.run(end_of(server, "run-1")) == "succeeded"
    assert (server.stop(), server.kills) == (0, 1)
    assert check(read_folder(server.data), ledger=outside.ledger()) == []
