"""The hand that drives the machine, as fixtures."""

from collections.abc import Callable

import machine_hand
import pytest
from machine_hand import Hand

from auraos.core.run import Program, loops


@pytest.fixture
def read_program() -> Callable[..., Program]:
    return machine_hand.read_program


@pytest.fixture
def drive() -> type[Hand]:
    return Hand


@pytest.fixture
def small_pages_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let loops be cut into pages of two, so that small ones have several."""
    for name, size in (("PAGE_ABOVE", 3), ("PAGE_SIZE", 2), ("ROUNDS_IN_ONE_JOURNAL", 2)):
        monkeypatch.setattr(loops, name, size)
