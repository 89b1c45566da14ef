"""The demo that anyone can run (`make demo-crash`) holds what it shows, in a smaller house."""

from pathlib import Path

from faults.demo_crash import play


def test_the_demo_ends_with_nothing_lost_and_nothing_recorded_twice(tmp_path: Path) -> None:
    assert play(tmp_path, runs=40, kills=2) == []
