"""Random workflows, and anything that could happen to a run in any order: what must hold of the machine whatever comes.

`Chaos` checks after every turn: facts survive storing, folding the journal gives the state again, a run restored from a
snapshot decides and wishes the same, counters count what there is, each step settles once, nothing begins after a cancel.
"""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auraos.core.run import advance, encode_fact, fold, snapshot, view
from auraos.core.values import to_plain
from simulation.chaos import Chaos
from simulation.random_workflows import DICE, random_program, small_pages
from simulation.soundness import BrokenPromiseError

CALLS = ((), (), ("child",))


@pytest.fixture(scope="module", autouse=True)
def _short_pages():
    with small_pages():
        yield


def chaos_of(chance: random.Random, turns: int) -> Chaos:
    """Return a run of a random workflow to which as many things as that have happened."""
    program = random_program(chance, calls=chance.choice(CALLS))
    items = [1, 2, 3, 4][: chance.randint(0, 4)]
    chaos = Chaos(program, chance, {"n": chance.randint(0, 6), "zero": 0, "items": items})
    chaos.stir(turns)
    return chaos


many = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@many
@given(st.randoms(use_true_random=False), st.sampled_from((5, 15, 40)))
def test_whatever_happens_the_state_is_sound_and_the_open_wishes_lead_to_the_end(chance, turns):
    chaos = chaos_of(chance, turns)
    chaos.finish()
    assert chaos.state.is_final


@pytest.mark.parametrize("first", range(0, 600, 200))
def test_the_same_holds_for_many_runs_of_plain_chance(first):
    for seed in range(first, first + 200):
        chance = random.Random(seed)
        chaos = chaos_of(chance, chance.choice((5, 15, 40)))
        chaos.finish()
        assert chaos.reader.finished == 1, seed


@many
@given(st.integers(0, 2**32))
def test_the_same_things_told_to_the_same_workflow_give_the_same_facts(seed):
    DICE.thrown = 0
    one = chaos_of(random.Random(seed), 15)
    DICE.thrown = 0
    other = chaos_of(random.Random(seed), 15)
    assert other.reader.journal == one.reader.journal
    assert snapshot(other.state) == snapshot(one.state)


@many
@given(st.integers(0, 2**32))
def test_every_part_of_a_journal_folds_to_a_state_that_can_be_shown(seed):
    chaos = chaos_of(random.Random(seed), 15)
    journal = chaos.reader.journal
    shown = [view(chaos.program, journal[:length]) for length in range(1, len(journal) + 1)]
    assert all(step.path for steps in shown for step in steps.steps)
    assert snapshot(fold(chaos.program, journal)) == snapshot(chaos.state)


@many
@given(st.integers(0, 2**32))
def test_what_a_run_puts_out_can_be_sent_as_json(seed):
    chaos = chaos_of(random.Random(seed), 15)
    chaos.finish()
    shown = view(chaos.program, chaos.reader.journal)
    plain: list[Any] = [to_plain(shown.output), *(to_plain(step.output) for step in shown.steps)]
    assert msgspec.json.decode(msgspec.json.encode(plain)) == plain


@many
@given(st.integers(0, 2**32))
def test_a_run_that_is_over_takes_no_notice_of_anything(seed):
    chaos = chaos_of(random.Random(seed), 15)
    chaos.finish()
    before = snapshot(chaos.state)
    made = [advance(chaos.program, chaos.state, told).facts for told in chaos.told]
    assert made == [[]] * len(chaos.told)
    assert snapshot(chaos.state) == before


def test_the_checks_notice_a_counter_that_is_wrong():
    chaos = chaos_of(random.Random(1), 0)
    chaos.reader.state.mailbox_size = 7
    with pytest.raises(BrokenPromiseError, match="mailbox"):
        chaos.reader.read([])


def test_facts_are_json_lines():
    chaos = chaos_of(random.Random(3), 15)
    assert all(isinstance(msgspec.json.decode(encode_fact(fact)), dict) for fact in chaos.reader.journal)
