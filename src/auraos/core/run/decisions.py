"""The decisions that the machine plans for activations, each by its verb: what is due is decided, and the decision is a fact."""

from collections.abc import Callable
from typing import Any

from auraos.core.run import acceptance, again, attempts, calls, loops, starting, waits
from auraos.core.run.facts import RoundDecided, StepError, StepSettled
from auraos.core.run.state import Activation, RunState
from auraos.core.run.turn import Turn


def _enter(turn: Turn, activation: Activation) -> None:
    entered = loops.decide_entry(turn, activation)
    if isinstance(entered, StepError):
        waits.settle_error(turn, activation, entered)
    else:
        turn.decide(entered)


def _round(turn: Turn, activation: Activation) -> None:
    go_on, error = loops.decide_go_on(turn, activation)
    if error is not None:
        turn.decide(StepSettled(at=turn.at, path=activation.path, error=error))
    else:
        turn.decide(RoundDecided(at=turn.at, path=activation.path, go_on=go_on))


def _enough(turn: Turn, activation: Activation) -> None:
    enough = loops.decide_enough(turn, activation)
    if isinstance(enough, StepError):
        turn.decide(StepSettled(at=turn.at, path=activation.path, error=enough))
    else:
        turn.decide(RoundDecided(at=turn.at, path=activation.path, go_on=not enough))


DECISIONS: dict[str, Callable[[Turn, Any], None]] = {
    "enter": _enter,
    "round": _round,
    "enough": _enough,
    "wait": waits.decide_wait,
    "again": again.decide_again,
    "call": calls.decide_call,
    "match": waits.decide_match,
    "accept": acceptance.decide_acceptance,
    "verified": acceptance.decide_verified,
    "outcome": lambda turn, activation: attempts.decide_outcome(turn, activation, lost=False),
    "lost": lambda turn, activation: attempts.decide_outcome(turn, activation, lost=True),
    "finish": lambda turn, _: starting.decide_end(turn),
}


def take_up_waits(turn: Turn) -> None:
    """Take up what was under way in the run whose place this one takes, though it is paused: waits go on in a pause."""
    agenda = turn.state.agenda
    while begun := [
        path for path, (verb, subject, _) in agenda.items() if _was_begun(turn.state, verb, subject)
    ]:
        for path in begun:
            verb, subject, _ = agenda.pop(path)
            DECISIONS[verb](turn, subject)


def _was_begun(state: RunState, verb: str, subject: Any) -> bool:
    """Return whether another run had decided already what is planned here."""
    if verb not in ("wait", "enter", "round"):
        return False
    known = state.inherited.get(subject.path)
    begun = None if known is None else known.under_way
    return begun is not None and (subject.rounds < begun.rounds if verb == "round" else bool(begun.since))
