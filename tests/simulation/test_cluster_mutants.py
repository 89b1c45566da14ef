"""Mistakes planted in the engine: every one must be noticed, else the worlds of processes prove nothing."""

import pytest

from simulation.campaign import is_caught_again
from simulation.cluster_mutants import CLUSTER_MUTANTS


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", CLUSTER_MUTANTS)
def test_a_mistake_planted_in_the_engine_is_noticed(name):
    assert is_caught_again(name)
