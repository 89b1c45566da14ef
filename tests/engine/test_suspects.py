"""Who killed the process before is known to the next one, and only to the next one in its place."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from auraos.engine.suspects import Suspects

WORKING = """
import sys
from pathlib import Path
from auraos.engine.suspects import Suspects
suspects = Suspects(Path(sys.argv[1]))
suspects.work_on(sys.argv[2])
print("at work", flush=True)
sys.stdin.read()
"""


class Working:
    """A process that works on a run until it is killed."""

    def __init__(self, file: Path, run: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKING, str(file), run], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"at work\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "engine.work"


@pytest.fixture
def other(file: Path) -> Iterator[Working]:
    """Another process of the same folder, amid its work."""
    begun = Working(file, "busy")
    yield begun
    begun.kill()


def test_a_run_is_set_apart_when_three_processes_died_while_they_worked_on_it(file: Path) -> None:
    for deaths in (1, 2, 3):
        Working(file, "deadly").kill()
        suspects = Suspects(file)
        assert suspects.deaths == {"deadly": deaths}
        assert bool(suspects.words("deadly")) == (deaths == 3)
        del suspects


def test_what_a_living_process_of_the_same_folder_works_on_is_not_suspected(
    file: Path, other: Working
) -> None:
    assert Suspects(file).deaths == {}
    other.kill()
    assert Suspects(file).deaths == {"busy": 1}, "who came meanwhile took no note away"


def test_each_process_of_a_folder_leaves_a_note_of_its_own(file: Path, other: Working) -> None:
    second = Working(file, "deadly")
    second.kill()
    other.kill()
    one, two = Suspects(file), Suspects(file)
    assert (one.deaths, two.deaths) == ({"busy": 1}, {"deadly": 1})
