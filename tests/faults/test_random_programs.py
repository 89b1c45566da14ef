"""Random programs on a server that is killed again and again (R01, I1-I5, I7, I9): each counter is what its author expects."""

from pathlib import Path

import pytest

from faults.random_programs import play_round
from faults.tools.variants import VARIANTS


def test_five_hundred_programs_on_a_server_that_is_killed_sixty_times_do_what_their_authors_expect(
    tmp_path: Path,
) -> None:
    played = play_round(tmp_path, seed=1, programs=500, kills=60)
    assert played.wrong == []
    assert (played.programs, played.kills >= 60) == (500, True)
    assert played.repeated > 20, "the kills came between an effect and its record"
    assert played.asked_again > 20, "the kills cut answers off"
    assert played.early_kills > 0, "some kills hit a process that was taking up what is there"


@pytest.mark.parametrize(
    ("programs", "kills"),
    [(60, 5), pytest.param(300, 30, marks=pytest.mark.slow)],
    ids=["sixty", "three hundred"],
)
def test_programs_on_postgresql_do_what_their_authors_expect(
    tmp_path: Path, postgres_url: str, programs: int, kills: int
) -> None:
    played = play_round(tmp_path, seed=3, programs=programs, kills=kills, database=postgres_url)
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
