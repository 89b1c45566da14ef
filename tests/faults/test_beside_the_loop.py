"""Steps that leave processes behind (R28), hang in threads, or find no threads any more (R45): nobody else notices."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from served import Caller, Served, until
from witness_process import WitnessProcess

from faults import needs

PLUGIN = Path(__file__).parent / "tools" / "plugin"
FLOWS = {
    "detaching": "steps: {a: {type: faulty.detach, with: {note: '{{ input.note }}'}}}",
    "hung": "steps: {a: {type: faulty.detach, timeout: 2s, with: {note: '{{ input.note }}', hangs: true}}}",
    "stuck": "steps: {a: {type: faulty.hang, timeout: 500ms, with: {until: '{{ input.until }}'}}}",
    "blocking": "steps: {a: {type: faulty.hang, with: {until: '{{ input.until }}'}}}",
    "quick": "steps: {a: {type: wait.for, with: {duration: 1ms}}}",
}


@pytest.fixture
def faulty(tmp_path: Path, outside: WitnessProcess) -> Iterator[Served]:
    """Return a server with step types that behave badly."""
    (tmp_path / "flows").mkdir()
    for name, spec in FLOWS.items():
        (tmp_path / "flows" / f"{name}.yaml").write_text(f"kind: workflow\nname: {name}\nspec: {{{spec}}}\n")
    paths = os.pathsep.join([str(PLUGIN), os.environ.get("PYTHONPATH", "")])
    made = Served(tmp_path, "--files", "flows", environment={"PYTHONPATH": paths.strip(os.pathsep)})
    yield made
    made.kill()


def check_with_plugin(server: Served) -> str:
    """Return what is wrong: the checker as a program of its own, which knows the step types of the plugin."""
    done = subprocess.run(
        [sys.executable, PLUGIN.parent / "checker.py", server.data],
        env={**os.environ, **server.environment}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stdout + done.stderr


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


async def end_of(caller: Caller, workflow: str, **given: object) -> tuple[str, str]:
    run = await caller.ask(lambda client: client.start(workflow, input=given))
    ended = await asyncio.wait_for(caller.ask(lambda client: client.wait(run)), 60)
    return ended.state, ended.error.code if ended.error else ""


@pytest.mark.parametrize(
    ("workflow", "end"), [("detaching", ("succeeded", "")), ("hung", ("failed", "timeout"))]
)
def test_what_a_step_left_running_ends_with_the_step(
    faulty: Served, tmp_path: Path, workflow: str, end: tuple[str, str]
) -> None:
    note = tmp_path / "note"
    faulty.start()

    async def play() -> tuple[tuple[str, str], tuple[str, str]]:
        async with Caller(faulty.data) as caller:
            came = await end_of(caller, workflow, note=str(note))
            own, left = map(int, note.read_text().split())
            assert own != left, "the fault happened"
            await asyncio.to_thread(until, lambda: not is_alive(left), 10)
            return came, await end_of(caller, "detaching", note=str(note))

    assert asyncio.run(play()) == (end, ("succeeded", ""))
    processes = [int(number) for number in note.read_text().split()]
    assert faulty.stop() == 0
    until(lambda: not any(map(is_alive, processes)), 10)
    assert check_with_plugin(faulty) == ""


def test_what_steps_left_running_ends_also_with_a_server_that_is_killed(
    faulty: Served, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    faulty.start()

    async def start() -> str:
        async with Caller(faulty.data) as caller:
            return await caller.ask(
                lambda client: client.start("hung", input={"note": str(note)}, run="run-1")
            )

    asyncio.run(start())
    processes = [int(number) for number in until(lambda: note.exists() and note.read_text().split())]
    assert all(map(is_alive, processes)), "the fault happened"
    faulty.kill()
    until(lambda: not any(map(is_alive, processes)), 10)


def test_threads_that_hang_are_left_behind_up_to_a_number_and_others_go_on(
    faulty: Served, tmp_path: Path
) -> None:
    release = tmp_path / "release"
    faulty.start()

    async def play() -> tuple[Counter[tuple[str, str]], set[tuple[str, str]]]:
        async with Caller(faulty.data) as caller:
            ends: Counter[tuple[str, str]] = Counter()
            others = set()
            while ("failed", "places-full") not in ends and ends.total() < 1000:
                hanging = [end_of(caller, "stuck", until=str(release)) for _ in range(50)]
                playing = asyncio.gather(*hanging)
                others |= {await end_of(caller, "quick") for _ in range(10)}
                ends.update(await playing)
            assert faulty.health()[0] == 200
            release.touch()
            while await end_of(caller, "blocking", until=str(release)) != ("succeeded", ""):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            return ends, others

    ends, others = asyncio.run(play())
    assert set(ends) == {("failed", "timeout"), ("failed", "places-full")}, "the fault happened"
    assert ends["failed", "timeout"] >= 64
    assert others == {("succeeded", "")}
    assert faulty.stop() == 0
    assert check_with_plugin(faulty) == ""


@needs.strace
def test_without_threads_for_more_blocking_steps_they_are_tried_again_and_others_go_on(
    faulty: Served, tmp_path: Path
) -> None:
    """From its n-th thread on the system gives no more of them to the process."""
    release = tmp_path / "release"
    refusing = "trace=clone,clone3", "inject=clone,clone3:error=EAGAIN:when=20+"
    faulty.start(["strace", "-f", "-qq", "-o", str(tmp_path / "calls"), "-e", refusing[0], "-e", refusing[1]])

    async def play() -> tuple[Counter[tuple[str, str]], set[tuple[str, str]]]:
        async with Caller(faulty.data) as caller:
            blocking = [
                asyncio.create_task(end_of(caller, "blocking", until=str(release))) for _ in range(30)
            ]
            others = {await end_of(caller, "quick") for _ in range(30)}
            assert faulty.health()[0] == 200
            release.touch()
            return Counter(await asyncio.gather(*blocking)), others

    ends, others = asyncio.run(play())
    assert "EAGAIN" in (tmp_path / "calls").read_text(), "the fault happened"
    assert set(ends) == others == {("succeeded", "")}
    assert faulty.stop() == 0
    assert check_with_plugin(faulty) == ""
