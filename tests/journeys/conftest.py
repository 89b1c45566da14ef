"""Journeys: the real command line in processes of its own, in an empty folder."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from command_line import CommandLine


@pytest.fixture
def auraos(tmp_path: Path) -> Iterator[CommandLine]:
    made = CommandLine(tmp_path)
    yield made
    made.end()


@pytest.fixture
def command_line_in(tmp_path: Path) -> Iterator[Callable[[str], CommandLine]]:
    """What makes a person with a folder of their own, and a memory of their own."""
    people: list[CommandLine] = []

    def make(name: str) -> CommandLine:
        (tmp_path / name).mkdir()
        people.append(CommandLine(tmp_path / name))
        return people[-1]

    yield make
    for person in people:
        person.end()
