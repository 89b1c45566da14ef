"""kill -9 at the writes and syncs of a run of six steps (R01, R04): an outside witness sees what must hold."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from invariants import check
from syscalls import HAS_STRACE, run_injured
from witness import Witness

PROGRAM = Path(__file__).parent / "tools" / "six_steps.py"
SYNCS = range(1, 9)
WRITES = range(1, 34)

pytestmark = pytest.mark.skipif(not HAS_STRACE, reason="strace is not installed")


def kill_and_recover(folder: Path, witness: Witness, injury: str) -> tuple[int, list[str]]:
    """Kill a run at one call, let the next process go on, and return the exit code and what is wrong."""
    killed = run_injured(PROGRAM, [str(folder), str(witness.port), "start"], injury)
    recovered = run_injured(PROGRAM, [str(folder), str(witness.port), "recover"], "")
    assert recovered.code == 0, recovered.complained
    return killed.code, check(folder, witness, killed.after("ACK"))


@pytest.mark.parametrize("call", SYNCS)
def test_killed_at_a_sync_nothing_acknowledged_is_lost_and_no_effect_repeats(
    folder: Path, witness: Witness, call: int
) -> None:
    assert kill_and_recover(folder, witness, f"fdatasync:signal=KILL:when={call}") == (-9, [])


@pytest.mark.parametrize("call", WRITES[::5])
def test_killed_at_a_write_nothing_acknowledged_is_lost_and_no_effect_repeats(
    folder: Path, witness: Witness, call: int
) -> None:
    assert kill_and_recover(folder, witness, f"pwrite64:signal=KILL:when={call}") == (-9, [])


@pytest.mark.slow
@pytest.mark.parametrize("call", WRITES)
def test_killed_at_each_write_nothing_acknowledged_is_lost_and_no_effect_repeats(
    folder: Path, witness: Witness, call: int
) -> None:
    assert kill_and_recover(folder, witness, f"pwrite64:signal=KILL:when={call}") == (-9, [])


def test_killed_between_an_effect_and_its_record_the_effect_is_seen_and_not_repeated(
    folder: Path, witness: Witness
) -> None:
    witness.hold.clear()
    arguments = [sys.executable, str(PROGRAM), str(folder), str(witness.port), "start"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        acknowledged = process.stdout.readline().split()[1]
        witness.wait_for(1)
        process.send_signal(signal.SIGKILL)
    witness.hold.set()
    recovered = run_injured(PROGRAM, [str(folder), str(witness.port), "recover"], "")
    assert recovered.after("END") == [f"{acknowledged} succeeded"]
    assert check(folder, witness, [acknowledged]) == []
    assert witness.times("reserve") == 2
    assert witness.times("charge") == 1
