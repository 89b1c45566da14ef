"""The process itself runs out of memory (R27), or somebody sends what has no end (R26): honest, bounded, nothing is lost."""

import asyncio
import socket
import subprocess
from collections import Counter
from pathlib import Path

from checker import check, hash_input, read_folder
from served import Caller, Served, until
from witness_process import WitnessProcess
from workflows import chain, put, version_of

from auraos.core.errors import AuraError
from faults import needs

MEGABYTE = 1024 * 1024


def of_memory(process: int, what: str) -> int:
    """Return what the system says of a process, in bytes."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) * 1024
    return 0


def limit_memory(process: int, most: str) -> None:
    subprocess.run(["prlimit", "--pid", str(process), f"--as={most}:unlimited"], check=True)


@needs.limits
def test_out_of_memory_it_refuses_or_dies_and_what_was_acknowledged_ends(
    server: Served, outside: WitnessProcess
) -> None:
    """The limit is set below what the starts that come at once need; then it is lifted, by a restart if need be."""
    steps = {
        "keep": {"type": "noop", "with": {"value": "{{ input.text }}"}},
        "a": put(outside.place, "a/{{ input.n }}"),
    }
    version = version_of("large", steps, chain("keep", "a"))
    server.start()
    told: dict[str, str] = {}
    came: Counter[str] = Counter()

    async def start(caller: Caller, number: int, size: int, *, once: bool = False) -> None:
        run, given = f"run-{number}", {"n": number, "text": f"{number}" * size}
        try:
            await caller.ask(lambda client: client.start(version, input=given, run=run), once=once)
        except AuraError as error:
            came[error.code] += 1
        else:
            came["told"] += 1
            told[run] = hash_input(given)

    async def starve() -> None:
        async with Caller(server.data) as caller:
            await start(caller, 0, 1)
            limit_memory(server.pid, str(of_memory(server.pid, "VmSize") + 48 * MEGABYTE))
            await asyncio.gather(*(start(caller, number, 4 * MEGABYTE, once=True) for number in range(1, 25)))

    async def go_on() -> set[str]:
        async with Caller(server.data) as caller:
            await start(caller, 100, 1)
            return {(await caller.ask(lambda client, one=run: client.wait(one))).state for run in told}

    asyncio.run(starve())
    assert server.process is not None
    if server.process.poll() is None:
        limit_memory(server.pid, "unlimited")
    else:
        server.start()
    assert came.total() - came["told"] > 0, "the fault happened"
    ends = asyncio.run(go_on())
    until(lambda: server.health()[0] == 200)
    assert ends == {"succeeded"}
    assert server.stop() == 0
    assert check(read_folder(server.data), acknowledged=told, ledger=outside.ledger()) == []


def send_for_ever(path: Path) -> int:
    """Send an ask whose input does not end; return after how many megabytes the other side hung up."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(path))
        connection.sendall(b'{"ask": "Start", "number": 1, "workflow": "x", "input": "')
        for sent in range(300):
            try:
                connection.sendall(b"x" * MEGABYTE)
            except OSError:
                return sent
    return 300


def test_an_ask_without_end_is_cut_off_and_costs_no_more_memory_than_a_value_may_have(server: Served) -> None:
    """300 MB where 2 MB are allowed."""
    server.words = (*server.words, "--largest-value", "2MB")
    server.start()
    before = of_memory(server.pid, "VmHWM")
    assert send_for_ever(server.data / "engine.sock") < 100
    assert of_memory(server.pid, "VmHWM") - before < 40 * MEGABYTE
    version = version_of("quick", {"a": {"type": "noop"}})

    async def play() -> str:
        async with Caller(server.data) as caller:
            run = await caller.ask(lambda client: client.start(version))
            return (await caller.ask(lambda client: client.wait(run))).state

    assert asyncio.run(play()) == "succeeded"
    assert server.stop() == 0
