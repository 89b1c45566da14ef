"""A serving process that is ended, starved and cut off: what was acknowledged is there, nothing is done twice, it says so."""

import asyncio
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from auraos.core.errors import AuraError
from auraos.engine.client import EngineClient
from auraos.engine.clock import SystemClock
from server_process import HeldAnswers, Server, until

QUICK = """kind: workflow
name: quick
spec:
  steps:
    a: {type: noop, with: {value: "{{ input.n }}"}}
    nap: {type: wait.for, with: {duration: 50ms}}
  links: [a -> nap]
  output: "{{ steps.a }}"
"""
GONE = ("engine-closed", "engine-gone")
LEAST = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


@pytest.fixture
def place(tmp_path):
    """A folder with a workflow, and what starts processes there."""
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "quick.yaml").write_text(QUICK)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AURAOS_")}
    return SimpleNamespace(
        folder=tmp_path,
        binary=str(Path(sys.executable).parent / "auraos"),
        environment={**kept, "AURAOS_STATE_HOME": str(tmp_path / "state")},
        socket=tmp_path / ".auraos" / "engine.sock",
    )


def call(place, *words, before=()):
    return subprocess.run(
        [*before, place.binary, *words],
        cwd=place.folder, env=place.environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


async def start_often(path, stop, done):
    """Start runs one after the other, trying again what a process that leaves refuses; note those acknowledged in `done`."""
    client = None
    while not stop.is_set():
        run = SystemClock().new_id()
        while run not in done:
            try:
                if client is None:
                    client = await EngineClient.connect(path)
                if await client.find(run) is None:
                    await client.start("quick", input={"n": len(done)}, run=run)
                done.append(run)
            except AuraError as error:
                if error.code not in GONE:
                    raise
                if client is not None:
                    await client.close()
                client = None
                await asyncio.sleep(0.05)
    if client is not None:
        await client.close()


async def until_more(acknowledged):
    """Return when each client was told of ten runs more."""
    goals = [len(done) + 10 for done in acknowledged]
    async with asyncio.timeout(60):
        while any(len(done) < goal for done, goal in zip(acknowledged, goals, strict=True)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_clients_that_try_again_never_fail_while_processes_are_restarted_under_load(place):
    """R35: three restarts by SIGTERM while four clients start runs without a pause."""
    server = await asyncio.to_thread(Server, place, "--files", "flows")
    stop = asyncio.Event()
    acknowledged = [[] for _ in range(4)]
    async with asyncio.TaskGroup() as clients:
        for done in acknowledged:
            clients.create_task(start_often(place.socket, stop, done))
        for _ in range(3):
            await until_more(acknowledged)
            code, log = await asyncio.to_thread(server.stop)
            assert (code, "serve.left" in log) == (0, True)
            server = await asyncio.to_thread(Server, place, "--files", "flows")
        await until_more(acknowledged)
        stop.set()
    client = await EngineClient.connect(place.socket)
    for run in itertools.chain.from_iterable(acknowledged):
        ended = await asyncio.wait_for(client.wait(run), 30)
        assert ended.state == "succeeded"
    await client.close()
    assert (await asyncio.to_thread(server.stop))[0] == 0
    assert call(place, "journal", "verify", "--all").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_a_process_that_is_ended_while_it_drains_leaves_a_write_that_is_asked_for_and_not_repeated(
    place, number
):
    """R36: the request of the step is under way when the second signal comes."""
    outside = HeldAnswers()
    (place.folder / "write.yaml").write_text(outside.workflow)
    server = Server(place, "--allow-net", outside.address)
    assert call(place, "start", "write.yaml").returncode == 0
    until(lambda: outside.asked)
    server.process.send_signal(signal.SIGTERM)
    until(lambda: server.get("/health/ready")[1]["phase"] == "draining")
    assert server.stop(number)[0] == -number
    outside.answer.set()
    again = Server(place, "--allow-net", outside.address)
    until(lambda: '"asked"' in call(place, "runs", "why", "1", "--json").stdout)
    assert again.stop()[0] == 0
    assert len(outside.asked) == 1
    outside.close()


def test_health_is_red_while_the_disk_takes_no_write_and_green_again_by_itself(place):
    """I12, R37: a limit on the size of files makes every write fail; nothing is acknowledged meanwhile."""
    server = Server(place, "--files", "flows")
    assert server.get("/health/ready")[0] == 200
    pid = str(server.process.pid)
    subprocess.run(["prlimit", "--pid", pid, "--fsize=1:unlimited"], check=True)
    began = time.monotonic()
    until(lambda: server.get("/health/ready")[0] == 503)
    assert time.monotonic() - began < 5
    status, told = server.get("/health/ready")
    assert (status, [reason["code"] for reason in told["reasons"]]) == (503, ["store-unavailable"])
    assert server.get("/health/live")[0] == 200
    refused = call(place, "start", "quick", "--input", "n=1")
    assert (refused.returncode, "error[start-unknown]" in refused.stderr) == (4, True)
    assert "could not be written: disk I/O error" in refused.stderr
    subprocess.run(["prlimit", "--pid", pid, "--fsize=unlimited:unlimited"], check=True)
    until(lambda: server.get("/health/ready")[0] == 200)
    done = call(place, "start", "quick", "--input", "n=2", "--wait")
    assert (done.returncode, done.stdout) == (0, "2\n")
    assert server.stop()[0] == 0


@pytest.mark.skipif(
    bool(LEAST) and shutil.which("setpriv") is None, reason="an administrator needs setpriv to give up rights"
)
def test_a_folder_that_may_not_be_written_is_refused_at_the_start(place):
    """R37: said plainly, and the port is free again."""
    (place.folder / "sealed").mkdir(mode=0o500)
    done = call(place, "serve", "--port", "0", "--data", "sealed/data", before=LEAST)
    assert done.returncode == 4
    assert (
        "error[folder-refused]: sealed/data cannot be used as a data folder: Permission denied."
        in done.stderr
    )


def test_a_process_without_file_handles_says_so_and_recovers(place):
    """R45: connections take all handles; the engine goes on when they are gone."""
    server = Server(place, "--files", "flows", before=["prlimit", "--nofile=64"])
    address = urlsplit(server.url)
    held = [socket.create_connection((address.hostname, address.port), timeout=5) for _ in range(80)]
    until(lambda: len(os.listdir(f"/proc/{server.process.pid}/fd")) >= 60)  # noqa: PTH208
    for one in held:
        one.close()
    until(lambda: _answers(server))
    done = call(place, "start", "quick", "--input", "n=3", "--wait")
    assert (done.returncode, done.stdout) == (0, "3\n")
    assert server.stop()[0] == 0


def test_too_few_file_handles_are_a_clear_end(place):
    """R45: there are not even enough to begin."""
    done = call(place, "serve", "--port", "0", before=["prlimit", "--nofile=12"])
    assert done.returncode not in (0, 70)
    assert "Traceback" not in done.stderr


def _answers(server):
    try:
        return server.get("/health/ready", timeout=2)[0] == 200
    except OSError:
        return False
