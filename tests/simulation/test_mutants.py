"""Mistakes planted in the machine and in the engine: every one must be noticed, else the simulator proves nothing."""

import pytest

from simulation.campaign import is_caught_again
from simulation.mutants import MUTANTS


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_mistake_is_noticed(name):
    assert is_caught_again(name)
