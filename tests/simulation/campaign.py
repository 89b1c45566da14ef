"""Campaigns: many worlds, one after the other; what they visited; and the seeds that once found a mistake."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from simulation import cluster_mutants, where_mutants_show
from simulation.cluster import ClusterWorld
from simulation.cluster_mutants import CLUSTER_MUTANTS
from simulation.mutants import MUTANTS, planted
from simulation.soundness import BrokenPromiseError
from simulation.world import SimWorld

FAILED_ONCE = Path(__file__).with_name("failed_seeds.txt")
SITUATIONS = frozenset(
    {
        "a call was tried again",
        "a called run or a page ended",
        "a cancel was recorded",
        "a commit failed",
        "a commit was slow",
        "a container was tried again",
        "a crash came after the commit and before its reply",
        "a doubt was raised",
        "a doubt was resolved",
        "a grant turned out to be durable",
        "a late result came",
        "a live run was compared with its journal",
        "a loop was entered",
        "a person answered",
        "a person resolved a doubt",
        "a result was delivered twice",
        "a retry took over an open effect",
        "a round was decided",
        "a run ended cancelled",
        "a run ended compensated",
        "a run ended failed",
        "a run ended succeeded",
        "a run was cancelled",
        "a run was ended by force",
        "a run was paused",
        "a run was quarantined",
        "a run was retried",
        "a signal came early",
        "a start was sent twice",
        "a step was granted",
        "a timer fired",
        "a timer fired late",
        "a timer fired twice",
        "a verify was granted",
        "a wait began",
        "a zombie acted",
        "a zombie engine was fenced",
        "a zombie woke",
        "an approval was answered twice",
        "an attempt failed",
        "an attempt waited for a slot",
        "an attempt was lost with its process",
        "an effect took place and its process died",
        "an effect took place and was not heard of",
        "an effect was attempted again",
        "an effect was taken back",
        "an event was looked at",
        "an undo was granted",
        "another attempt was planned",
        "nobody knows what became of an attempt",
        "runs were open at the last fault",
        "the engine crashed",
        "the engine was paused and another took over",
        "the reply to a commit was lost",
    }
)


CLUSTER_SITUATIONS = frozenset(
    {
        "a called run ended",
        "a commit failed",
        "a doubt was resolved",
        "a loop stood still",
        "a person answered",
        "a pool was used up",
        "a process began anew under another token",
        "a process crashed",
        "a process left in good order",
        "a process was paused",
        "a query failed",
        "a run ended cancelled",
        "a run ended failed",
        "a run ended succeeded",
        "a run that waits was preferred",
        "a run was cancelled",
        "a run was cancelled for a later one",
        "a run was let in",
        "a run was paused",
        "a run was retried",
        "a signal came",
        "a start was accepted",
        "a start was refused as gathered",
        "a start was refused as limit-reached",
        "a start was refused as replaced",
        "a start was refused as skipped",
        "a timer fired",
        "a write was refused",
        "an ask was kept for later",
        "an attempt failed",
        "an effect was repeated under its key",
        "an event came",
        "everything was held for a while",
        "nobody heard what became of an attempt",
        "nobody knew what became of an attempt",
        "runs were open at the last fault",
        "several starts went into one batch",
        "the database was away",
        "the reply to a commit was lost",
    }
)


class Campaign(msgspec.Struct):
    """What came of many worlds."""

    seeds: int = 0
    faults: int = 0
    runs: int = 0
    seconds: float = 0.0
    sometimes: Counter[str] = msgspec.field(default_factory=Counter)
    failed: dict[int, str] = {}
    claims: frozenset[str] = SITUATIONS

    @property
    def never(self) -> list[str]:
        """Return the situations that this campaign claims to visit and did not."""
        return sorted(self.claims - {name for name, count in self.sometimes.items() if count})


def play_worlds(seeds: Iterable[int], watch: Callable[[Campaign], None] | None = None) -> Campaign:
    """Play these worlds; a seed that fails is kept for ever after."""
    campaign = Campaign()
    began = time.monotonic()
    for seed in seeds:
        world = SimWorld(seed)
        try:
            world.play()
        except BrokenPromiseError as error:
            campaign.failed[seed] = str(error)
            remember(seed)
        campaign.seeds += 1
        campaign.faults += world.faults
        campaign.runs += len(world.readers)
        campaign.sometimes += world.sometimes
        campaign.seconds = time.monotonic() - began
        if watch is not None:
            watch(campaign)
    return campaign


def play_clusters(seeds: Iterable[int], watch: Callable[[Campaign], None] | None = None) -> Campaign:
    """Play these worlds of one to three processes, each with a whole engine."""
    campaign = Campaign(claims=CLUSTER_SITUATIONS)
    began = time.monotonic()
    for seed in seeds:
        world = ClusterWorld(seed)
        try:
            world.play()
        except BrokenPromiseError as error:
            campaign.failed[seed] = str(error)
        campaign.seeds += 1
        campaign.faults += world.faults
        campaign.runs += len(world.watch.readers)
        campaign.sometimes += world.sometimes
        campaign.seconds = time.monotonic() - began
        if watch is not None:
            watch(campaign)
    return campaign


def seeds_that_failed_once() -> list[int]:
    """Return the seeds that once found a mistake, the oldest first."""
    lines = FAILED_ONCE.read_text(encoding="utf-8").splitlines()
    return [int(line.partition("#")[0]) for line in lines if line.partition("#")[0].strip()]


def remember(seed: int) -> None:
    """Keep a seed that failed."""
    if seed not in seeds_that_failed_once():
        with FAILED_ONCE.open("a", encoding="utf-8") as kept:
            kept.write(f"{seed}\n")


def catch(name: str, most: int = 2_000, *, first: int = 0) -> int | None:
    """Return after how many worlds a planted mistake was noticed; None when it was not."""
    make, world = _planted_in(name)
    with planted(make):
        for count, seed in enumerate(range(first, first + most)):
            try:
                world(seed).play()
            except BrokenPromiseError:
                return count + 1
    return None


def is_caught_again(name: str) -> bool:
    """Return whether a planted mistake is noticed in the world that noticed it before, or else in one of many others.

    Whatever changes in what is played changes the course of each world, so the world of before may be about something else.
    """
    known = {**where_mutants_show.FOUND_BY, **cluster_mutants.FOUND_BY}.get(name, 0)
    return catch(name, 1, first=known) is not None or catch(name) is not None


def _planted_in(name: str) -> tuple[Any, Callable[[int], SimWorld | ClusterWorld]]:
    if name in MUTANTS:
        return MUTANTS[name], SimWorld
    return CLUSTER_MUTANTS[name], partial(ClusterWorld, about=cluster_mutants.ABOUT.get(name, ""))


def catch_all(*, in_clusters: bool = False) -> tuple[dict[str, int | None], float]:
    """Return for each planted mistake after how many worlds it was noticed, and the median of these."""
    caught = {name: catch(name) for name in (CLUSTER_MUTANTS if in_clusters else MUTANTS)}
    return caught, median(2_000 if needed is None else needed for needed in caught.values())
