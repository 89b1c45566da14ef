"""What the language promises of a whole workflow, of the states of a run and of why it is not further."""

from pathlib import Path

import pytest
from language_cases import CATALOGUE, check, codes, play

from auraos.app.definitions.files import check_source
from auraos.core.run import explain
from auraos.core.run.facts import RunPaused, RunQuarantined, RunReleased, RunResumed
from auraos.engine.trial import play_case
from core.run.machine_hand import Hand

INTAKE = (Path(__file__).parents[1] / "order-intake.yaml").read_text(encoding="utf-8")


def test_the_example_of_the_language_has_no_error_and_only_an_unused_variable():
    others = {"tell-the-team": "steps: {a: {type: noop}}"}
    assert [(problem.code, str(problem.severity)) for problem in check(INTAKE, others)] == [
        ("unused-variable", "warning")
    ]


def test_the_case_of_the_example_of_the_language_passes():
    found = check_source("order-intake.yaml", INTAKE, CATALOGUE)
    assert found.workflow is not None
    (placed,) = found.cases
    result = play_case(placed.case, found.workflow, CATALOGUE, find_workflow=lambda _: None)
    assert result.passed, result


@pytest.mark.parametrize(
    "answers",
    [
        "answers: {ask: {decision: approved, after: 2h}}, expect: {path: [size, ask, reserve, each_line, total]}",
        "answers: {ask: rejected}, expect: {path: [size, ask], output: null}",
        "expect: {error: {class: timeout, code: expired, path: ask}, took: 3d}",
    ],
)
def test_a_large_order_of_the_example_waits_for_a_person(answers):
    spec = INTAKE.partition("spec:\n")[2].partition("tests:\n")[0]
    lines = "order: {id: 7, customer: c1, total: 2000, lines: [{sku: A, qty: 1}]}"
    mocks = "reserve: {json: {id: r1}}, each_line/price: {json: {price: 20}}, on_failure: {}"
    result = play(
        "\n".join(line.removeprefix("  ") for line in spec.splitlines()),
        f"input: {{{lines}}}, mocks: {{{mocks}}}, {answers}",
        {"tell-the-team": "steps: {a: {type: noop}}"},
    )
    assert result.passed, result


# --- the states of a run, and why it is not further ---


def words(hand):
    return [why.words for why in explain(hand.state)]


def test_a_run_that_works_says_on_which_attempt_since_when():
    hand = Hand("steps: {a: {type: act}}")
    assert (hand.status, words(hand)) == ("running", ["Attempt 1 is under way since 1970-01-01T00:16:40Z."])


def test_a_run_that_waits_says_for_whom_until_when():
    hand = Hand("steps: {a: {type: human.approve, with: {title: May I, group: sales-lead, expires: 1h}}}")
    (why,) = explain(hand.state)
    assert hand.status == "waiting"
    assert why.words == "It waits for sales-lead to approve until 1970-01-01T01:16:40Z: May I"
    assert (why.path, why.until, why.data["kind"]) == ("a", 4_600_000_000, "approval")


def test_a_run_between_two_attempts_says_when_the_next_one_is():
    hand = Hand("steps: {a: {type: act, with: {effect: read}, retry: {attempts: 3, first: 10s, jitter: 0}}}")
    hand.fail("a", "transient")
    assert hand.status == "waiting"
    assert words(hand) == ["Attempt 1 of 3 failed (a broke). The next try is at 1970-01-01T00:16:50Z."]


def test_a_paused_run_starts_nothing_and_goes_on_with_changed_variables():
    text = """
variables: {x: 1}
steps: {a: {type: act}, b: {type: noop, with: {value: "{{ vars.x }}"}}}
links: [a -> b]
"""
    hand = Hand(text).tell(RunPaused(at=1_000_000_000, reason="lunch")).succeed("a")
    assert (hand.status, words(hand)[0]) == ("paused", "Somebody paused the run: lunch")
    hand.tell(RunResumed(at=1_000_000_000, variables={"x": 2}))
    assert (hand.status, hand.state.output) == ("succeeded", 2)


def test_a_quarantined_run_waits_until_a_person_releases_or_cancels_it():
    hand = Hand("steps: {a: {type: act}}").tell(RunQuarantined(at=1_000_000_000, reason="It crashed."))
    assert (hand.status, words(hand)[0]) == (
        "quarantined",
        "The run is set apart: It crashed. Release or cancel it.",
    )
    assert hand.tell(RunReleased(at=1_000_000_000)).status == "running"


def test_a_run_that_is_cancelled_awaits_the_write_that_is_under_way():
    hand = Hand("steps: {a: {type: act}, b: {type: act, with: {effect: read}}}").cancel()
    assert (hand.status, hand.cancelled) == ("cancelling", ["b"])
    assert "it may have its effect" in " ".join(words(hand))
    hand.fail("b", "cancelled").succeed("a")
    assert (hand.status, hand.state.error.class_) == ("cancelled", "cancelled")


def test_a_run_that_is_undone_is_compensating_and_then_compensated():
    text = "steps: {a: {type: act, undo: {type: act}}, b: {type: act}}\nlinks: [a -> b]"
    hand = Hand(text).succeed("a").fail("b")
    assert hand.status == "compensating"
    assert hand.succeed("a!undo").status == "compensated"


def test_an_undo_that_keeps_failing_becomes_a_question_and_never_silence():
    text = "steps: {a: {type: act, undo: {type: act}}, b: {type: act}}\nlinks: [a -> b]"
    hand = Hand(text).succeed("a").fail("b").fail("a!undo")
    assert words(hand) == ["The undo keeps failing; a person is to say. a!undo broke"]
    assert [asked.about for asked in hand.asked if hasattr(asked, "about")] == ["undo"]


def test_a_doubt_says_that_nobody_knows_and_a_verification_that_it_is_looked_at():
    hand = Hand("steps: {a: {type: act}}").doubt("a")
    assert words(hand) == ["Nobody knows whether it took effect; a person is to say. no answer came"]
    verified = "verify: {type: act, with: {effect: read}, done: '{{ output.there }}'}"
    hand = Hand(f"steps: {{a: {{type: act, {verified}}}}}").doubt("a")
    assert "that is being verified" in words(hand)[0]
    assert hand.succeed("a!verify", {"there": True}).state.output == {"there": True}
    hand = Hand(f"steps: {{a: {{type: act, {verified}}}}}").doubt("a").succeed("a!verify", {"there": False})
    assert (hand.status, hand.state.error.code) == ("failed", "verified-not-done")


@pytest.mark.parametrize(
    ("uncertain", "status", "class_"), [("fail", "failed", "unknown"), ("ask", "waiting", "")]
)
def test_uncertain_decides_what_becomes_of_a_write_of_unknown_outcome(uncertain, status, class_):
    hand = Hand(f"steps: {{a: {{type: act, uncertain: {uncertain}, retry: {{attempts: 3}}}}}}").doubt("a")
    assert (hand.status, hand.state.error.class_ if hand.state.error else "") == (status, class_)


def test_a_run_stays_final():
    hand = Hand("steps: {a: {type: noop}}").cancel()
    assert hand.status == "succeeded"


def test_the_key_is_the_same_for_every_attempt_and_another_for_another_step():
    hand = Hand("steps: {a: {type: act, retry: {attempts: 2, first: 1s}}, b: {type: act}}")
    hand.fail("a", "transient").wait(10)
    first, other, second = hand.executed
    assert first.key == second.key != other.key
    assert (len(first.key) <= 64, first.parameters) == (True, second.parameters)


def test_a_key_of_the_author_is_the_same_in_every_run_and_differs_by_its_value():
    text = "steps: {a: {type: act, key: '{{ input }}'}}"
    keys = [Hand(text, given, run=run).open["a"].key for given, run in ((1, "r1"), (1, "r2"), (2, "r1"))]
    assert keys[0] == keys[1] != keys[2]


def test_the_checks_of_a_hundred_steps_find_nothing_to_say():
    steps = ", ".join(f"s{n}: {{type: noop}}" for n in range(100))
    links = ", ".join(f"s{n} -> s{n + 1}" for n in range(99))
    assert codes(f"steps: {{{steps}}}\nlinks: [{links}]") == []
