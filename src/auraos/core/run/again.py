"""Again: the decision whether a container, a call or a wait that failed is tried once more, and how its next try begins."""

from auraos.core.catalogue import Behaviour
from auraos.core.run.attempts import settle_final
from auraos.core.run.facts import RetryPlanned, StepSettled
from auraos.core.run.loops import begin_items
from auraos.core.run.program import CONTAINERS, WAITS
from auraos.core.run.retries import delay, may_retry
from auraos.core.run.state import Activation
from auraos.core.run.tries import set_limit, take_over
from auraos.core.run.turn import Turn


def decide_again(turn: Turn, activation: Activation) -> None:
    """Decide what follows a try that failed: another one, the port `expired` of a wait, a fallback, or the end of the step."""
    error = activation.error
    assert error is not None
    if may_retry(turn, activation, error, unknown=False):
        due = turn.at + delay(turn, activation, error)
        turn.decide(RetryPlanned(at=turn.at, path=activation.path, attempt=activation.attempt + 1, due=due))
    elif error.code == "expired" and activation.step.is_linked("expired"):
        turn.decide(StepSettled(at=turn.at, path=activation.path, ports=("expired",)))
    else:
        settle_final(turn, activation, error)


def begin_again(turn: Turn, activation: Activation) -> None:
    """Begin the next try, with nothing of the one before but what it takes over."""
    state, path = turn.state, activation.path
    if state.activations.get(path) is not activation or activation.status != "retrying":
        return
    activation.error, activation.undone, activation.since = None, False, turn.at
    set_limit(turn, activation)
    if activation.step.behaviour in CONTAINERS:
        take_over(state, path)
        _begin_scopes(turn, activation)
    else:
        activation.status = "deciding"
        state.agenda[path] = ("wait" if activation.step.behaviour in WAITS else "call", activation, None)


def _begin_scopes(turn: Turn, activation: Activation) -> None:
    """Open a container anew; a `foreach` goes over the items of its first try."""
    activation.results, activation.failures, activation.finished, activation.undo = [], [], [], []
    activation.next_item = activation.done = activation.rounds = activation.pages = 0
    activation.last = activation.pending = None
    activation.winner, activation.child = "", ""
    activation.has_enough = activation.finally_begun = False
    activation.status = "open"
    if activation.step.behaviour is not Behaviour.FOREACH:
        turn.todo.append(("open", activation, None))
    elif activation.items:
        begin_items(turn, activation)
    else:
        activation.status = "deciding"
        turn.state.agenda[activation.path] = ("enter", activation, None)
