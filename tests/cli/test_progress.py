"""A run is told while it goes on: what began, what is tried again and why, what waits, how far a loop is."""

import io

import pytest

from auraos.app.definitions.versions import FolderDefinitions
from auraos.app.installed import load_installed
from auraos.cli.progress import Progress, show_row
from auraos.cli.screen import Screen
from auraos.cli.times import took_words
from auraos.core.run import compile_workflow
from auraos.core.workflow import TestCase
from auraos.engine.trial import World

CATALOGUE = load_installed().catalogue
SPEC = """kind: workflow
name: told
spec:
  steps:
    each: {type: foreach, with: {items: [a, b, c]}, steps: {one: {type: http.request, with: {url: "https://a.example"}}}}
    pay:
      type: http.request
      with: {url: "https://a.example"}
      retry: {attempts: 3, first: 10s, jitter: 0}
    ask: {type: human.approve, with: {title: May we?}}
    end: {type: noop}
    other: {type: noop}
  links: [each -> pay, pay -> ask, ask.approved -> end, ask.rejected -> other]
  output: null
"""


def told():
    """Play a case and return the lines that its facts make, without their times."""
    definitions = FolderDefinitions(None, CATALOGUE)
    definitions.add(SPEC)
    workflow = definitions.find_workflow("told")
    mocks = {
        "each/one": 1,
        "pay": [
            {"$fail": {"class": "transient", "message": "closed for lunch"}},
            {"$after": "2s", "$output": 2},
        ],
    }
    case = TestCase(name="x", mocks=mocks, answers={"ask": "approved"})
    world = World(case, workflow, CATALOGUE, find_workflow=lambda _: None)
    world.play()
    stream = io.StringIO()
    screen = Screen(stream)
    progress = Progress(compile_workflow(workflow, CATALOGUE), lambda row, at: show_row(screen, row, at))
    for fact in world.facts:
        progress.note_fact(fact)
    behind_the_time = len("2026-01-05 09:00:00 ")
    return progress, [line[behind_the_time:] for line in stream.getvalue().splitlines()]


def test_a_retry_is_told_with_its_reason_and_the_time_of_the_next_try():
    _, lines = told()
    assert [line for line in lines if "closed for lunch" in line and "(try 2 at " in line]
    assert "● pay  attempt 2" in lines
    assert [line for line in lines if "✓ pay (2 attempts)  12.0 s" in line]


def test_a_question_and_the_chosen_port_are_told():
    _, lines = told()
    assert [line for line in lines if "⧗ ask  asks: May we?" in line]
    assert [line for line in lines if "✓ ask  → approved" in line]


def test_a_loop_counts_its_items_and_skipped_steps_make_no_line():
    progress, lines = told()
    assert progress.rows["each"].total == 3
    assert [row.ended for row in progress.rows.values() if row.path == "each/one"] == [3]
    assert [line for line in lines if "other" in line] == []


@pytest.mark.parametrize(
    ("micros", "words"),
    [
        (900, "1 ms"),
        (212_000, "212 ms"),
        (1_500_000, "1.5 s"),
        (61_000_000, "1m 1s"),
        (7_200_000_000, "2h"),
        (93_600_000_000, "1d 2h"),
    ],
)
def test_how_long_it_took_is_said_briefly(micros, words):
    assert took_words(micros) == words
