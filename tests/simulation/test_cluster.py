"""Worlds of real engines on one database in which everything fails that may."""

import pytest

from simulation.campaign import CLUSTER_SITUATIONS, play_clusters
from simulation.cluster import ClusterWorld

CHUNK = 125


@pytest.mark.parametrize("first", range(0, 250, CHUNK))
def test_every_promise_holds_among_processes_whatever_fails_and_every_kind_of_fault_occurs(first):
    campaign = play_clusters(range(first, first + CHUNK))
    assert campaign.failed == {}
    assert campaign.never == []
    assert campaign.faults > CHUNK


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1_000, 6_000, 500))
def test_every_promise_holds_in_many_more_worlds(first):
    assert play_clusters(range(first, first + 500)).failed == {}


def test_a_world_of_processes_follows_from_its_seed():
    told: list[list[str]] = [[], []]
    ClusterWorld(9, told[0].append).play()
    ClusterWorld(9, told[1].append).play()
    assert told[0] == told[1]
    assert len(told[0]) > 20


def test_a_campaign_of_processes_says_what_it_never_visited():
    assert play_clusters([]).never == sorted(CLUSTER_SITUATIONS)
