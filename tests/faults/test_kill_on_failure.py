"""kill -9 at each write and sync of a run that fails: whoever is to hear of it hears once, never twice and never not (C13)."""

from pathlib import Path

import pytest
from syscalls import HAS_STRACE, run_injured

PROGRAM = Path(__file__).parent / "tools" / "failing.py"
CALLS = [
    *(("fdatasync", number) for number in (2, 3, 4, 5)),
    *(("pwrite64", number) for number in (14, 17, 20, 23, 26)),
]
INJURIES = [f"{call}:signal=KILL:when={number}" for call, number in CALLS]

pytestmark = pytest.mark.skipif(not HAS_STRACE, reason="strace is not installed")


@pytest.mark.parametrize("injury", ["", *INJURIES])
def test_a_failed_run_and_the_run_that_hears_of_it_are_there_together(folder: Path, injury: str) -> None:
    killed = run_injured(PROGRAM, [str(folder), "start"], injury)
    recovered = run_injured(PROGRAM, [str(folder), "recover"], "")
    assert recovered.code == 0, recovered.complained
    runs = [line.split() for line in recovered.after("RUN")]
    failed = [run for run, workflow, state, *_ in runs if (workflow, state) == ("breaking", "failed")]
    heard = [parent for _, workflow, state, *parent in runs if (workflow, state) == ("tell", "succeeded")]
    assert killed.code == (-9 if injury else 0)
    assert set(killed.after("ACK")) <= set(failed)
    assert heard == [[run] for run in failed]
    assert len(runs) == 2 * len(failed)
