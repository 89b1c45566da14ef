"""Mistakes planted in the machine and in the engine: every one must be noticed, else the simulator proves nothing."""

import pytest

from simulation.campaign import catch
from simulation.mutants import MUTANTS


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_mistake_is_noticed(name):
    assert catch(name) is not None
