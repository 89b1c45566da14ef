"""kill -9 in the middle of many runs, again and again (R01): each effect once, each run to its end."""

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from invariants import check
from syscalls import run_injured
from witness import Witness

PROGRAM = Path(__file__).parent / "tools" / "six_steps.py"
RUNS = 30


def kill_after(folder: Path, witness: Witness, mode: str, effects: int) -> list[str]:
    """Run the program until the witness saw this many effects, kill it, and return the acknowledged runs."""
    arguments = [sys.executable, str(PROGRAM), str(folder), str(witness.port), mode, str(RUNS)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        witness.wait_for(effects, ended=process.poll)
        process.send_signal(signal.SIGKILL)
        said = process.communicate()[0].splitlines()
    return [line.split()[1] for line in said if line.startswith("ACK")]


def campaign(folder: Path, witness: Witness, seed: int) -> list[str]:
    """Kill the first process and one that recovers, let a third one finish, and return what is wrong."""
    chance = random.Random(seed)
    first, second = chance.randrange(1, RUNS * 3), chance.randrange(1, 5)
    acknowledged = kill_after(folder, witness, "start", first)
    kill_after(folder, witness, "recover", min(len(witness.effects) + second, RUNS * 4 - 1))
    recovered = run_injured(PROGRAM, [str(folder), str(witness.port), "recover"], "")
    assert recovered.code == 0, recovered.complained
    assert len(recovered.after("END")) >= len(acknowledged)
    return check(folder, witness, acknowledged)


@pytest.mark.parametrize("seed", range(3))
def test_runs_that_were_killed_twice_end_with_each_effect_once(
    folder: Path, witness: Witness, seed: int
) -> None:
    assert campaign(folder, witness, seed) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 100))
def test_many_killed_campaigns_end_with_each_effect_once(folder: Path, witness: Witness, seed: int) -> None:
    assert campaign(folder, witness, seed) == []
