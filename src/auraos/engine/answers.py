"""From what a person asks of a run to the fact that follows from it, given how the run stands."""

from typing import assert_never

from auraos.core.errors import UserError
from auraos.core.run import RunState
from auraos.core.run.facts import (
    Answered,
    CancelRequested,
    OutsideFact,
    RunPaused,
    RunReleased,
    RunResumed,
    SignalReceived,
    StepResolved,
)
from auraos.core.run.state import MAILBOX_BOUND
from auraos.engine import asks
from auraos.engine.ports import RunRow


class RequestRefusedError(UserError):
    """The run is not in a state in which this can be asked of it."""

    code = "request-refused"


class MailboxFullError(UserError):
    """More signals came to a run than it has taken, and there is room for no more."""

    code = "mailbox-full"


def fact_of(ask: asks.FactAsk, state: RunState | None, at: int) -> OutsideFact:
    """Return the fact that an ask leads to; raise `RequestRefusedError` where the run does not allow it now."""
    match ask:
        case asks.Signal():
            if state is not None:
                _refuse_when_full(ask, state)
            return SignalReceived(at=at, name=ask.name, key=ask.key, data=ask.data, id=ask.id, by=ask.by)
        case asks.Pause():
            return RunPaused(at=at, by=ask.by, reason=ask.reason)
        case asks.Resume():
            _refuse_unheard(ask, state)
            return RunResumed(at=at, by=ask.by, variables=ask.variables)
        case asks.Cancel():
            return CancelRequested(at=at, by=ask.by, reason=ask.reason, undo=ask.undo, force=ask.force)
        case asks.Release():
            return RunReleased(at=at, by=ask.by)
        case asks.Approve():
            return _answer(ask, _known(ask, state), at)
        case asks.Resolve():
            return _resolution(ask, _known(ask, state), at)
        case _:
            assert_never(ask)


def over_words(row: RunRow) -> str:
    """Return why nothing is asked of a run that is over; of one that goes on as another one, as which."""
    if row.state == "moved":
        return f"Run {row.run} was moved. {row.why}"
    return f"Run {row.run} is over: it {row.state}."


def _refuse_unheard(ask: asks.Resume, state: RunState | None) -> None:
    """Refuse other variables for a run that is not paused: they would be told as taken, and change nothing."""
    if ask.variables and state is not None and state.phase != "paused":
        raise RequestRefusedError(
            f"Run {ask.run} is {state.status}; variables can be changed while it is paused.",
            hint="Pause it first, then resume it with them.",
        )


def _refuse_when_full(ask: asks.Signal, state: RunState) -> None:
    """Refuse a signal for which there is neither a wait nor room: it would be told as taken, and be lost."""
    if state.mailbox_size < MAILBOX_BOUND or ask.id in state.signal_ids:
        return
    wanted = ("signal", ask.name, ask.key)
    for activation in state.activations.values():
        waits_for = (activation.wait_kind, activation.wait_name, activation.wait_key)
        if activation.status == "waiting" and waits_for == wanted:
            return
    raise MailboxFullError(
        f"{MAILBOX_BOUND:,} signals lie in the mailbox of run {ask.run}, and it waits for none called {ask.name!r}.",
        hint="Send it again when the run has taken some, or look at what it waits for: auraos runs why",
    )


def _answer(ask: asks.Approve, state: RunState, at: int) -> Answered:
    asking = [
        path
        for path, activation in state.activations.items()
        if activation.wait_kind == "approval" and activation.status == "waiting"
    ]
    path = _pick(ask.run, asking, ask.path, "asks a person", ("does", "do"))
    return Answered(at=at, path=path, decision=ask.decision, by=ask.by, comment=ask.comment, data=ask.data)


def _resolution(ask: asks.Resolve, state: RunState, at: int) -> StepResolved:
    doubtful = [path for path, each in state.activations.items() if each.status in ("doubt", "asked")]
    path = _pick(ask.run, doubtful, ask.path, "is in doubt", ("is", "are"))
    present = state.activations[path].attempt
    if ask.attempt not in (0, present):
        raise RequestRefusedError(
            f"Attempt {ask.attempt} of step {path!r} is not in doubt: attempt {present} is.",
            hint="Find out what became of that one, then answer again.",
        )
    return StepResolved(
        at=at, path=path, outcome=ask.outcome, attempt=present, output=ask.output, message=ask.message, by=ask.by
    )  # fmt: skip


def _known(ask: asks.RunAsk, state: RunState | None) -> RunState:
    if state is None:
        raise RequestRefusedError(
            f"Run {ask.run} is being read again after a failed write.", hint="Try again."
        )
    return state


def _pick(run: str, candidates: list[str], path: str, what: str, verbs: tuple[str, str]) -> str:
    """Return the path that is meant; refuse when there is none, or when it is not clear which. The verbs say of one step,
    and of several, that they are such.
    """
    if path in candidates:
        return path
    if not path and len(candidates) == 1:
        return candidates[0]
    listed = " and ".join(repr(each) for each in sorted(candidates))
    known = f"; {listed} {verbs[len(candidates) > 1]}" if candidates else ""
    raise RequestRefusedError(
        f"No step {f'{path!r} ' if path else ''}of run {run} {what}{known}." if path or not candidates
        else f"Several steps of run {run} wait: {', '.join(sorted(candidates))}.",
        hint="Name its path." if candidates and not path else "",
        candidates=sorted(candidates),
    )  # fmt: skip
