"""People read times in the zone of their machine, to the second."""

import time

import pytest

from auraos.cli.times import clock, with_local_times

EPOCH_DAY = 1_767_600_000_000_000  # 2026-01-05T08:00:00Z


@pytest.fixture(params=[("UTC", "08:00:07"), ("Europe/Berlin", "09:00:07"), ("America/New_York", "03:00:07")])
def zone(request, monkeypatch):
    """A time zone of the machine, and what its clocks showed at the moment of these tests."""
    name, shown = request.param
    monkeypatch.setenv("TZ", name)
    time.tzset()
    yield shown
    monkeypatch.undo()
    time.tzset()


def test_a_time_of_another_day_has_its_date_and_its_seconds(zone):
    assert clock(EPOCH_DAY + 7_000_000) == f"2026-01-05 {zone}"


def test_the_moment_until_which_something_waits_is_said_in_local_time(zone):
    words = "It waits for the signal 'paid' until 2026-01-05T08:00:07.25Z."
    assert with_local_times(words) == f"It waits for the signal 'paid' until 2026-01-05 {zone}."


@pytest.mark.parametrize(
    "words", ["Attempt 1 is under way since {}.", "Attempt 1 of 3 failed (no answer). The next try is at {}."]
)
def test_the_moments_of_attempts_are_said_in_local_time(zone, words):
    assert with_local_times(words.format("2026-01-05T08:00:07Z")) == words.format(f"2026-01-05 {zone}")


def test_other_words_stay_as_they_are(zone):
    words = "It waits for an event of type '2026-01-05T08:00:07Z'."
    assert with_local_times(words) == words


def test_an_unknown_time_is_said_to_be_unknown():
    assert clock(None) == "?"
