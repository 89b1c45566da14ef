"""The hand that drives the machine, as fixtures."""

from collections.abc import Callable

import machine_hand
import pytest
from machine_hand import Hand

from auraos.core.run import Program


@pytest.fixture
def read_program() -> Callable[..., Program]:
    return machine_hand.read_program


@pytest.fixture
def drive() -> type[Hand]:
    return Hand
