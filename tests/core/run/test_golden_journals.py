"""Journals that were written by each release: today's machine folds them to the same projection, and finishes them."""

import pathlib
from typing import get_args

import msgspec
import pytest
from golden_scenes import SCENES, project

from auraos.core.run import UnreadableFactError, decode_fact, encode_fact, fold, snapshot
from auraos.core.run.facts import AnyFact

FOLDER = pathlib.Path(__file__).parent / "golden"
JOURNALS = sorted(FOLDER.rglob("*.jsonl"))
NAMES = [str(path.relative_to(FOLDER).with_suffix("")) for path in JOURNALS]
MAKERS = {scene.__name__: scene for scene in SCENES}


def read(path):
    return [decode_fact(line) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize("path", JOURNALS, ids=NAMES)
def test_a_golden_journal_shows_what_it_always_showed(path):
    program = MAKERS[path.stem]().program
    assert project(program, read(path)) == msgspec.json.decode(path.with_suffix(".json").read_bytes())


@pytest.mark.parametrize("path", JOURNALS, ids=NAMES)
def test_a_golden_journal_reads_back_as_it_was_written(path):
    assert b"\n".join(encode_fact(fact) for fact in read(path)) + b"\n" == path.read_bytes()


@pytest.mark.parametrize("path", JOURNALS, ids=NAMES)
def test_a_golden_run_that_was_under_way_comes_to_its_end(path, drive):
    maker = MAKERS[path.stem]()
    hand = drive.resume(maker.program, read(path), maker.programs).finish()
    assert hand.state.is_final
    assert snapshot(fold(hand.program, hand.journal)) == snapshot(hand.state)


def test_the_golden_journals_hold_every_kind_of_fact():
    held = {type(fact) for path in JOURNALS for fact in read(path)}
    assert held == set(get_args(AnyFact))


@pytest.mark.parametrize(
    "stored",
    [b'{"fact":"NeverHeardOf","at":1}', b'{"fact":"TimerFired","at":1,"v":2,"path":"a","timer":"due"}', b"{"],
)
def test_a_fact_that_cannot_be_read_is_refused_and_not_guessed_at(stored):
    with pytest.raises(UnreadableFactError):
        decode_fact(stored)
