"""Two thousand worlds in which everything fails that may; and the worlds that once found a mistake, first of all."""

import pytest

from simulation.campaign import SITUATIONS, play_worlds, seeds_that_failed_once
from simulation.world import SimWorld

CHUNK = 250


def test_worlds_that_once_found_a_mistake_find_none():
    assert play_worlds(seeds_that_failed_once()).failed == {}


@pytest.mark.parametrize("first", range(0, 2_000, CHUNK))
def test_every_promise_holds_whatever_fails_and_every_kind_of_fault_occurs(first):
    campaign = play_worlds(range(first, first + CHUNK))
    assert campaign.failed == {}
    assert campaign.never == []
    assert campaign.faults > CHUNK


def test_a_world_follows_from_its_seed():
    told: list[list[str]] = [[], []]
    SimWorld(9, told[0].append).play()
    SimWorld(9, told[1].append).play()
    assert told[0] == told[1]
    assert len(told[0]) > 20


def test_a_campaign_says_what_it_never_visited():
    assert play_worlds([]).never == sorted(SITUATIONS)
