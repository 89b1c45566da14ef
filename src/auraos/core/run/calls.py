"""Calls: a step that runs another workflow, and pages of long loops, both as runs of their own."""

import msgspec

from auraos.core.run.commands import StartChild
from auraos.core.run.ending import drop
from auraos.core.run.evaluation import error_of, evaluate_or_error
from auraos.core.run.facts import (
    CallJoined,
    ChildFinished,
    StepError,
    UndoEntry,
    WaitStarted,
)
from auraos.core.run.identity import child_run_id, keyed_run_id, value_text
from auraos.core.run.loops import child_command, page_finished
from auraos.core.run.state import Activation, RunState
from auraos.core.run.tokens import OUT, count_success
from auraos.core.run.tries import note_child, numbered
from auraos.core.run.turn import Turn
from auraos.core.run.waits import plan_failure, settle_error
from auraos.core.values import Value

DEEPEST_CALL = 16
LONGEST_KEY = 1_000


def decide_call(turn: Turn, activation: Activation) -> None:
    """Evaluate what a workflow is called with, and name the run that will carry it out."""
    if activation.wait_name:  # another try: of the same workflow with the same input
        run = _run_of(turn, activation)
        turn.decide(WaitStarted(at=turn.at, path=activation.path, kind="call", run=run))
        return
    planned = _plan(turn, activation)
    if isinstance(planned, StepError):
        settle_error(turn, activation, planned)
    else:
        turn.decide(planned)


def _plan(turn: Turn, activation: Activation) -> WaitStarted | StepError:
    """Return the call, or why there is none."""
    state, path, step = turn.state, activation.path, activation.step
    settings, error = evaluate_or_error(turn, activation.frame, path, step.settings.evaluate, kept=True)
    if error is not None:
        return error
    if state.depth + 1 > DEEPEST_CALL:
        message = f"Calls are nested more than {DEEPEST_CALL} deep."
        return error_of(step, path, class_="permanent", code="call-too-deep", message=message, at=turn.at)
    reference = str(settings.get("workflow", ""))
    name, _, pinned = reference.partition("@")
    details = {"input": settings.get("input"), "wait": settings.get("wait", True)}
    if step.key is not None:
        details["key"], error = _key_of(turn, activation)
        if error is None and details["wait"]:
            error = _refuse_circle(turn, activation, name, details["key"])
        if error is not None:
            return error
    return WaitStarted(
        at=turn.at,
        path=path,
        kind="call",
        name=name,
        key=state.resolved.get(reference, pinned),
        run=_run_of(turn, activation, name, details),
        details=details,
    )


def _run_of(turn: Turn, activation: Activation, name: str = "", details: Value = None) -> str:
    """Return the run that carries a call out: one of its own for each try, or the one that has its key."""
    known = details or activation.wait_details
    if isinstance(known, dict) and "key" in known:
        return keyed_run_id(turn.state.workspace, name or activation.wait_name, known["key"])
    return child_run_id(turn.state.run, numbered(activation.path, activation), turn.at)


def _key_of(turn: Turn, activation: Activation) -> tuple[str, StepError | None]:
    """Return the key of a call as JSON, or why it has none."""
    step, path = activation.step, activation.path
    assert step.key is not None
    value, error = evaluate_or_error(turn, activation.frame, path, step.key.evaluate)
    if error is not None:
        return "", error
    text = value_text(value)
    message = ""
    if value is None or value == "":
        message = "The `key` of the call is empty, so it does not say which run is meant."
    elif len(text) > LONGEST_KEY:
        message = f"The `key` of the call has {len(text):,} characters, and {LONGEST_KEY:,} are allowed."
    if message:
        error = error_of(step, path, class_="data", code="call-without-key", message=message, at=turn.at)
    return text, error


def _refuse_circle(turn: Turn, activation: Activation, name: str, key: str) -> StepError | None:
    """Return why a run with this key cannot be awaited here: it, or one that it called, is the one that would wait."""
    if keyed_run_id(turn.state.workspace, name, key) not in awaiting_runs(turn.state):
        return None
    message = f"The run of {name!r} with the key {key} waits for this one, so both would wait for ever."
    return error_of(
        activation.step, activation.path, class_="permanent", code="call-in-circle", message=message, at=turn.at
    )  # fmt: skip


def awaiting_runs(state: RunState) -> tuple[str, ...]:
    """Return the runs with a key that do not end before this one does, itself among them."""
    above = () if state.parent is None else state.parent.awaiting
    return above if state.keyed is None else (*above, state.run)


def call_started(turn: Turn, activation: Activation, fact: WaitStarted) -> None:
    if not activation.wait_name:
        activation.wait_name, activation.wait_key = fact.name, fact.key
        activation.wait_details = fact.details
    details = activation.wait_details
    if details["wait"] or "key" in details:
        activation.status = "calling"
        activation.since = turn.at
        activation.child = fact.run
        turn.commands.append(child_command(turn.state, activation))
    else:
        turn.commands.append(
            StartChild(activation.path, fact.run, fact.name, fact.key, details["input"], wait=False)
        )
        count_success(turn, activation, {"run": fact.run}, OUT)


def call_joined(turn: Turn, fact: CallJoined) -> None:
    """One more run awaits the end of this one; a step that calls anew does not count twice."""
    state, new = turn.state, fact.caller
    others = [own for own in state.callers if (own.run, own.path) != (new.run, new.path)]
    state.callers = (*others, new)


def child_finished(turn: Turn, fact: ChildFinished) -> None:
    """A called run came to its end; of one with a key that is not awaited, it is certain that it is there."""
    activation = turn.state.activations.get(fact.path)
    if activation is None or activation.child != fact.run:
        return
    if fact.page is not None:
        page_finished(turn, activation, fact)
        return
    shared = activation.is_shared
    activation.child = ""
    undo = UndoEntry(path=fact.path, entries=within(fact.path, fact.undo)) if fact.undo else None
    note_child(turn, activation, fact.run, undo)
    if undo is not None:
        activation.frame.undo.append(undo)
    if fact.state == "succeeded":
        is_end = not shared or activation.wait_details["wait"]
        count_success(turn, activation, fact.output if is_end else {"run": fact.run}, OUT)
    elif fact.state == "refused" and fact.error is not None:
        activation.error = msgspec.structs.replace(
            fact.error, step=activation.step.id, path=fact.path, at=turn.at
        )
        plan_failure(turn, activation)
    elif activation.cancelled:
        drop(turn, activation)
    else:
        cause = fact.error
        activation.error = activation.error or StepError(
            class_=cause.class_ if cause is not None else "permanent",
            code=f"called-run-{fact.state}",
            message=f"The called run {fact.state}" + (f": {cause.message}" if cause is not None else "."),
            step=activation.step.id,
            path=fact.path,
            at=turn.at,
            cause=cause,
        )
        plan_failure(turn, activation)


def within(path: str, entries: tuple[UndoEntry, ...]) -> tuple[UndoEntry, ...]:
    """Return the undos of a called run under the path of its call: two runs of one workflow have the same paths within."""
    return tuple(
        msgspec.structs.replace(entry, path=f"{path}/{entry.path}", entries=within(path, entry.entries))
        for entry in entries
    )
