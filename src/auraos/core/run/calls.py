"""Calls: a step that runs another workflow, and pages of long loops, both as runs of their own."""

import msgspec

from auraos.core.run.commands import StartChild
from auraos.core.run.ending import drop
from auraos.core.run.evaluation import error_of, evaluate_or_error
from auraos.core.run.facts import (
    ChildFinished,
    StepError,
    UndoEntry,
    WaitStarted,
)
from auraos.core.run.identity import child_run_id
from auraos.core.run.loops import child_command, page_finished
from auraos.core.run.state import Activation
from auraos.core.run.tokens import OUT, count_success
from auraos.core.run.tries import note_child, numbered
from auraos.core.run.turn import Turn
from auraos.core.run.waits import plan_failure, settle_error

DEEPEST_CALL = 16


def decide_call(turn: Turn, activation: Activation) -> None:
    """Evaluate what a workflow is called with, and name the run that will carry it out."""
    state, path = turn.state, activation.path
    if activation.wait_name:  # another try: of the same workflow with the same input, in a run of its own
        run = child_run_id(state.run, numbered(path, activation), turn.at)
        turn.decide(WaitStarted(at=turn.at, path=path, kind="call", run=run))
        return
    settings, error = evaluate_or_error(
        turn, activation.frame, path, activation.step.settings.evaluate, kept=True
    )
    if error is None and state.depth + 1 > DEEPEST_CALL:
        message = f"Calls are nested more than {DEEPEST_CALL} deep."
        error = error_of(
            activation.step, path, class_="permanent", code="call-too-deep", message=message, at=turn.at
        )
    if error is not None:
        settle_error(turn, activation, error)
        return
    reference = str(settings.get("workflow", ""))
    name, _, pinned = reference.partition("@")
    turn.decide(
        WaitStarted(
            at=turn.at,
            path=path,
            kind="call",
            name=name,
            key=state.resolved.get(reference, pinned),
            run=child_run_id(state.run, numbered(path, activation), turn.at),
            details={"input": settings.get("input"), "wait": settings.get("wait", True)},
        )
    )


def call_started(turn: Turn, activation: Activation, fact: WaitStarted) -> None:
    if not activation.wait_name:
        activation.wait_name, activation.wait_key = fact.name, fact.key
        activation.wait_details = fact.details
    details = activation.wait_details
    if details["wait"]:
        activation.status = "calling"
        activation.since = turn.at
        activation.child = fact.run
        turn.commands.append(child_command(turn.state, activation))
    else:
        turn.commands.append(
            StartChild(activation.path, fact.run, fact.name, fact.key, details["input"], wait=False)
        )
        count_success(turn, activation, {"run": fact.run}, OUT)


def child_finished(turn: Turn, fact: ChildFinished) -> None:
    """A called run came to its end."""
    activation = turn.state.activations.get(fact.path)
    if activation is None or activation.child != fact.run:
        return
    if fact.page is not None:
        page_finished(turn, activation, fact)
        return
    activation.child = ""
    undo = UndoEntry(path=fact.path, entries=within(fact.path, fact.undo)) if fact.undo else None
    note_child(turn, activation, fact.run, undo)
    if undo is not None:
        activation.frame.undo.append(undo)
    if fact.state == "succeeded":
        count_success(turn, activation, fact.output, OUT)
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
