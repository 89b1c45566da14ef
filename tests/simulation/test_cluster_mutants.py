"""Mistakes planted in the engine: every one must be noticed, else the worlds of processes prove nothing."""

import pytest

from simulation.campaign import catch, is_caught_again
from simulation.cluster_mutants import CLUSTER_MUTANTS, RARE


@pytest.mark.parametrize("name", [name for name in CLUSTER_MUTANTS if name not in RARE])
def test_a_mistake_planted_in_the_engine_is_noticed(name):
    assert is_caught_again(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(RARE))
def test_a_mistake_that_shows_itself_rarely_is_noticed_too(name):
    assert catch(name, 10_000) is not None
