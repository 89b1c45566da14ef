"""Random programs on a server that is killed again and again (R01, I1-I5, I7, I9): each counter is what its author expects."""

from pathlib import Path

import pytest

from faults.random_programs import play_round
from faults.tools.variants import VARIANTS

SHORT = 2_000
"""Milliseconds: no wait of a round in the short part is longer, for it would outlast the kills."""


@pytest.mark.parametrize(
    ("programs", "kills", "longest_wait"),
    [(500, 60, SHORT), pytest.param(500, 60, 12_000, marks=pytest.mark.slow)],
    ids=["five hundred", "five hundred with long waits"],
)
def test_programs_on_a_server_that_is_killed_again_and_again_do_what_their_authors_expect(
    tmp_path: Path, programs: int, kills: int, longest_wait: int
) -> None:
    played = play_round(tmp_path, seed=1, programs=programs, kills=kills, longest_wait=longest_wait)
    assert played.wrong == []
    assert (played.programs, played.kills >= kills) == (programs, True)
    assert played.repeated > 20, "the kills came between an effect and its record"
    assert played.asked_again > 20, "the kills cut answers off"
    assert played.early_kills > 0, "some kills hit a process that was taking up what is there"


@pytest.mark.parametrize(
    ("programs", "kills", "longest_wait"),
    [(40, 4, SHORT), pytest.param(300, 30, 12_000, marks=pytest.mark.slow)],
    ids=["forty", "three hundred"],
)
def test_programs_on_postgresql_do_what_their_authors_expect(
    tmp_path: Path, postgres_url: str, programs: int, kills: int, longest_wait: int
) -> None:
    played = play_round(
        tmp_path, seed=3, programs=programs, kills=kills, database=postgres_url, longest_wait=longest_wait
    )
    assert played.wrong == []
    assert played.kills >= kills
    assert played.repeated > 0, "the kills came between an effect and its record"
    assert played.asked_again > 0, "the kills cut answers off"


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_programs_do_the_same_whatever_stays_in_memory_and_however_many_work(
    tmp_path: Path, variant: str
) -> None:
    played = play_round(tmp_path, seed=2, programs=200, kills=20, variant=variant)
    assert played.wrong == []
    assert played.kills >= 20
    assert played.repeated > 5
    assert (played.replays > 100) == (variant == "replayed")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 110))
def test_many_rounds_of_programs_do_what_their_authors_expect(tmp_path: Path, seed: int) -> None:
    played = play_round(tmp_path, seed=seed, programs=500, kills=60)
    assert (played.wrong, played.kills >= 60) == ([], True)
