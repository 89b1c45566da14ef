"""kill -9 at writes and syncs of a run that is moved: it goes on once, by the one version or by the other, and is never lost."""

from pathlib import Path

import pytest
from syscalls import HAS_STRACE, run_injured

PROGRAM = Path(__file__).parent / "tools" / "moving.py"
MOST_TELLING = ("fdatasync:signal=KILL:when=4", "fdatasync:signal=KILL:when=5")
"""Amid the write that ends the one run, and amid the one that begins the other."""
OTHERS = [f"pwrite64:signal=KILL:when={number}" for number in (23, 29, 35, 41, 44, 47)]
INJURIES = ["", *MOST_TELLING, *(pytest.param(one, marks=pytest.mark.slow) for one in OTHERS)]

pytestmark = pytest.mark.skipif(not HAS_STRACE, reason="strace is not installed")


@pytest.mark.parametrize("injury", INJURIES)
def test_a_run_that_is_moved_goes_on_once(folder: Path, injury: str) -> None:
    killed = run_injured(PROGRAM, [str(folder), "start"], injury)
    recovered = run_injured(PROGRAM, [str(folder), "recover"], "")
    assert recovered.code == 0, recovered.complained
    runs = [line.split() for line in recovered.after("RUN")]
    goes_on = [(run, parent) for run, _, state, *parent in runs if state == "waiting"]
    over = [run for run, _, state, *_ in runs if state == "moved"]
    began, moved = killed.after("BEGAN"), [line.split() for line in killed.after("ACK")]
    assert killed.code == (-9 if injury else 0)
    assert len(goes_on) + len(over) == len(runs)
    assert len(goes_on) == 1 or not began
    assert [parent for _, parent in goes_on] == [[run] for run in over] or not over
    for old, new in moved:
        assert over == [old]
        assert goes_on == [(new, [old])]
