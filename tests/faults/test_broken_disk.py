"""A disk that is full or fails (R07, R08): no acknowledgement without a durable fact, and it goes on by itself."""

from pathlib import Path

import pytest
from invariants import check
from syscalls import HAS_STRACE, Finished, run_injured
from witness import Witness

PROGRAM = Path(__file__).parent / "tools" / "six_steps.py"

pytestmark = pytest.mark.skipif(not HAS_STRACE, reason="strace is not installed")


def run_on_broken_disk(folder: Path, witness: Witness, injury: str) -> Finished:
    return run_injured(PROGRAM, [str(folder), str(witness.port), "start"], injury, timeout=30)


@pytest.mark.parametrize("call", range(1, 9))
def test_a_sync_that_fails_is_not_acknowledged_and_the_run_goes_on(
    folder: Path, witness: Witness, call: int
) -> None:
    finished = run_on_broken_disk(folder, witness, f"fdatasync:error=EIO:when={call}")
    acknowledged = finished.after("ACK")
    recovered = run_injured(PROGRAM, [str(folder), str(witness.port), "recover"], "")
    assert recovered.code == 0, recovered.complained
    assert bool(acknowledged) != bool(finished.after("REFUSED"))
    assert check(folder, witness, acknowledged) == []


@pytest.mark.parametrize("first", [9, 18, 20, 22, 25, 28])
def test_a_disk_that_was_full_for_a_while_holds_the_run_up_and_nothing_more(
    folder: Path, witness: Witness, first: int
) -> None:
    finished = run_on_broken_disk(folder, witness, f"pwrite64:error=ENOSPC:when={first}..{first + 3}")
    recovered = run_injured(PROGRAM, [str(folder), str(witness.port), "recover"], "")
    assert recovered.code == 0, recovered.complained
    assert bool(finished.after("ACK")) != bool(finished.after("REFUSED"))
    assert check(folder, witness, finished.after("ACK")) == []


def test_on_a_disk_that_stays_full_a_start_is_refused(folder: Path, witness: Witness) -> None:
    finished = run_on_broken_disk(folder, witness, "pwrite64:error=ENOSPC:when=1+")
    assert finished.after("REFUSED") == ["store-unavailable"]
    assert finished.after("ACK") == []
    assert witness.effects == []
