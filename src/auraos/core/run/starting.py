"""How a run begins, pauses, is cancelled and ends."""

from collections import deque
from datetime import datetime
from typing import Any

from auraos.core.run.calls import DEEPEST_CALL, awaiting_runs
from auraos.core.run.commands import (
    AskPerson,
    AwaitAdmission,
    CancelChild,
    CancelStep,
    EndGathered,
    EndRun,
    StartChild,
    StartTimer,
    StopTimer,
)
from auraos.core.run.ending import fail_frame, stop_waiting
from auraos.core.run.evaluation import evaluate_or_error
from auraos.core.run.facts import (
    CancelRequested,
    Carried,
    Parent,
    RunAdmitted,
    RunFinished,
    RunMoved,
    RunPaused,
    RunQuarantined,
    RunRefused,
    RunReleased,
    RunResumed,
    RunStarted,
    StepError,
    StepSettled,
)
from auraos.core.run.identity import hearing_run_id
from auraos.core.run.program import static_path
from auraos.core.run.state import Frame, RunState
from auraos.core.run.tokens import error_value, queue_command, retire, start_frame
from auraos.core.run.turn import Turn


def run_started(turn: Turn, fact: RunStarted) -> None:
    """Begin the run: open its scope, or the one loop that a page of it carries out."""
    state = turn.state
    if state.root is not None:
        return
    state.run, state.number, state.workspace = fact.run, fact.number, fact.workspace
    state.origin, state.depth, state.parent = fact.origin or fact.run, fact.depth, fact.parent
    state.semantics, state.resolved = fact.semantics, fact.resolved
    state.input, state.started_at, state.page, state.trial = fact.input, fact.at, fact.page, fact.trial
    if fact.trace:
        state.trace = fact.trace
    if fact.keyed is not None:
        state.keyed = fact.keyed
        state.callers = (fact.keyed.caller,) if fact.keyed.caller.wants_end else ()
    state.variables = {**state.program.variables, **fact.variables}
    state.inherited = {inherited.path: inherited for inherited in fact.inherited}
    values: dict[str, Any] = {
        "input": fact.input,
        "vars": state.variables,
        "steps": {},
        "errors": {},
        "run": describe_run(fact, state.program.moment(fact.at)),
        "trigger": fact.trigger,
    }
    scope, prefix = state.program.root, ""
    if fact.page is not None:
        scope = state.program.alone(static_path(fact.page.path))
        prefix = fact.page.path[: -len(scope.steps[0].id)]
        names = fact.page.names
        values |= {**names, "steps": dict(names.get("steps", ())), "errors": dict(names.get("errors", ()))}
    state.root = Frame(scope, prefix, None, values)
    if fact.page is not None:
        state.root.loop_names = {name: values[name] for name in ("item", "index", "last") if name in values}
    if fact.gates:
        state.gates, state.is_admitted = fact.gates, fact.moved is not None
        turn.commands.append(AwaitAdmission())
    if fact.moved is not None:
        _take_place(turn, fact.moved)
    elif not fact.gates:
        _begin(turn)


def run_admitted(turn: Turn, fact: RunAdmitted) -> None:
    """Begin, unless the run is paused; then it begins when it is resumed."""
    state, root = turn.state, turn.state.root
    if state.is_admitted or root is None:
        return
    state.is_admitted = True
    if fact.gathered:
        state.input = root.values["input"] = fact.input
        message = f"Its input went into run {state.run}, as one of {len(fact.gathered)}."
        turn.commands.extend(EndGathered(run, message) for run in fact.gathered if run != state.run)
    if state.phase == "queued":
        _begin(turn)


def run_refused(turn: Turn, fact: RunRefused) -> None:
    """End a run that has not begun."""
    state, root = turn.state, turn.state.root
    if state.is_admitted or root is None:
        return
    class_ = "cancelled" if fact.outcome == "cancelled" else "permanent"
    root.failure = StepError(class_=class_, code=fact.code, message=fact.message, at=fact.at)
    root.failing, root.phase = fact.outcome, "over"
    state.phase, state.agenda[""] = "running", ("finish", None, None)


def _begin(turn: Turn, since: int = 0) -> None:
    state = turn.state
    assert state.root is not None
    state.phase, state.begun_at = "running", since or turn.at
    if state.program.timeout is not None:
        turn.commands.append(StartTimer("", "timeout", state.begun_at + state.program.timeout))
    start_frame(turn, state.root)


def _take_place(turn: Turn, carried: Carried) -> None:
    """Go on in the place of another run: with its mail, within its limit of time, and paused where it was."""
    state = turn.state
    for signal in carried.signals:
        state.mailbox.setdefault((signal.name, signal.key), deque()).append(signal)
    state.mailbox_size = len(carried.signals)
    state.signal_ids.update(carried.signal_ids)
    state.event_ids.update(carried.event_ids)
    _begin(turn, carried.begun_at)
    if carried.paused:
        state.phase, state.pause_reason = "paused", carried.reason


def _go_on(turn: Turn) -> None:
    """Go on with what was held up: steps that stood in line, or the beginning of the run."""
    state = turn.state
    if state.begun_at:
        state.phase = "running"
        _queue_again(turn)
    elif state.is_admitted:
        _begin(turn)
    else:
        state.phase = "queued"


def run_paused(turn: Turn, fact: RunPaused) -> None:
    """Let nothing new start; what runs brings its result, and waits go on waiting."""
    if turn.state.phase in ("running", "queued"):
        turn.state.phase, turn.state.pause_reason = "paused", fact.reason


def run_resumed(turn: Turn, fact: RunResumed) -> None:
    """Go on, with changed variables where there are some."""
    state = turn.state
    if state.phase != "paused":
        return
    state.pause_reason = ""
    state.variables.update(fact.variables)
    _go_on(turn)


def run_quarantined(turn: Turn, fact: RunQuarantined) -> None:
    """Set the run apart until a person decides."""
    state = turn.state
    state.was_paused = state.phase == "paused"
    state.phase, state.quarantine = "quarantined", fact.reason


def run_released(turn: Turn, _: RunReleased) -> None:
    """Go on after quarantine; a run that had been paused stays paused."""
    state = turn.state
    if state.phase != "quarantined":
        return
    state.quarantine = ""
    if state.was_paused:
        state.phase = "paused"
    else:
        _go_on(turn)


def cancel_requested(turn: Turn, fact: CancelRequested) -> None:
    """End the run. During compensation an ordinary cancel changes nothing; `force` ends it as it stands."""
    state, root = turn.state, turn.state.root
    assert root is not None
    is_ending = bool(root.failing) or root.phase != "open"
    if is_ending and not fact.force:
        return
    if state.phase in ("paused", "quarantined", "queued"):
        state.phase, state.was_paused, state.is_admitted = "running", False, True
        _queue_again(turn)
    if fact.force:
        _force(turn, fact)
        return
    message = fact.reason or f"Cancelled by {fact.by or 'somebody'}."
    error = StepError(class_="cancelled", code="cancelled", message=message, at=fact.at)
    fail_frame(turn, root, error, how="cancelled", undo=fact.undo)


def run_moved(turn: Turn, fact: RunMoved) -> None:
    """End the run as it stands, for another one goes on in its place: what it waits for is left to that one."""
    state = turn.state
    for activation in list(state.activations.values()):
        if activation.status == "granted":
            turn.commands.append(CancelStep(activation.path, activation.attempt))
        elif activation.status == "waiting":
            stop_waiting(turn, activation)
        retire(turn, activation)
        turn.outcomes.append((activation.path, "cancelled", None, (), None))
    state.moved = fact
    state.phase, state.is_admitted = "running", True
    state.agenda.clear()
    state.agenda[""] = ("finish", None, None)


def decide_end(turn: Turn) -> None:
    """Decide how the run ended, and evaluate its output where it went well."""
    state, root = turn.state, turn.state.root
    assert root is not None
    if state.moved is not None:
        turn.decide(RunFinished(at=turn.at, state="moved"))
    elif state.forced or root.failing == "cancelled":
        turn.decide(RunFinished(at=turn.at, state="cancelled", error=state.error or root.failure))
    elif root.failing == "failed":
        whole = state.undone > 0 and not state.undo_failed
        turn.decide(RunFinished(at=turn.at, state="compensated" if whole else "failed", error=root.failure))
    elif root.failing == "stopped":
        output = state.stop_output if state.page is None else {"stopped": state.stop_output}
        turn.decide(RunFinished(at=turn.at, state="succeeded", output=output))
    elif state.program.output is None or state.page is not None:
        output = root.outputs.get(root.scope.end) if root.scope.end else None
        turn.decide(RunFinished(at=turn.at, state="succeeded", output=output))
    else:
        output, error = evaluate_or_error(turn, root, "output", state.program.output.evaluate, kept=True)
        if error is None:
            turn.decide(RunFinished(at=turn.at, state="succeeded", output=output))
        else:
            turn.decide(StepSettled(at=turn.at, path="", error=error))


def output_failed(turn: Turn, error: StepError) -> None:
    """The output of the run could not be evaluated: its scope fails as it would with any of its steps."""
    root = turn.state.root
    assert root is not None
    root.phase = "open"
    fail_frame(turn, root, error)


def run_finished(turn: Turn, fact: RunFinished) -> None:
    """The run is final; whoever waits is told, and a failure starts the workflow that is to hear of it."""
    state = turn.state
    state.phase, state.output, state.error = fact.state, fact.output, fact.error
    state.agenda.clear()
    state.activations.clear()
    if state.root is not None:
        state.root.active.clear()
    if state.program.timeout is not None:
        turn.commands.append(StopTimer("", "timeout"))
    turn.commands.append(EndRun(fact.state, fact.output, fact.error))
    if fact.state in ("failed", "compensated"):
        _start_hearing(turn, fact)


def _start_hearing(turn: Turn, fact: RunFinished) -> None:
    """Start the workflow that `on_failure` names. It goes into the commit of the end, so neither is there alone."""
    state, parent = turn.state, turn.state.parent
    handler = state.program.workflow.settings.on_failure
    unheard = parent is None or not (parent.hearing or parent.kind in ("failure", "page"))
    if not handler or not unheard or state.trial or state.depth >= DEEPEST_CALL:
        return
    name, _, pinned = handler.partition("@")
    given = {
        "run": state.run,
        "number": state.number,
        "workflow": state.program.workflow.name,
        "version": state.program.version,
        "state": fact.state,
        "error": None if fact.error is None else error_value(fact.error),
        "input": state.input,
        "failed_at": state.program.moment(fact.at),
    }
    child, version = hearing_run_id(state.run, fact.at), state.resolved.get(handler, pinned)
    turn.commands.append(StartChild("", child, name, version, given, wait=False, kind="failure"))


def parent_of(state: RunState, wish: StartChild) -> Parent:
    """Return what a run that this one starts knows of where it comes from."""
    own = state.parent
    hearing = wish.kind == "failure" or (own is not None and own.hearing)
    return Parent(
        run=state.run, kind=wish.kind, path=wish.path, takes_over=wish.takes_over, hearing=hearing,
        awaiting=awaiting_runs(state) if wish.wait else (),
    )  # fmt: skip


def _force(turn: Turn, fact: CancelRequested) -> None:
    """End the run as it stands; what may have had its effect, or was to be undone, becomes a task for a person."""
    state = turn.state
    state.forced = True
    state.error = StepError(
        class_="cancelled", code="forced", message=fact.reason or "Ended by force.", at=fact.at
    )
    left: list[dict[str, Any]] = []
    for activation in state.activations.values():
        if activation.status == "granted":
            turn.commands.append(CancelStep(activation.path, activation.attempt))
            left.append({"path": activation.path, "state": "outcome not known"})
        elif activation.status in ("asked", "doubt"):
            left.append({"path": activation.path, "state": "outcome not known"})
        elif activation.child and not activation.is_shared:
            turn.commands.append(CancelChild(activation.child, force=True))
    left.extend(
        {"path": entry.path, "state": "not undone"} for queue in state.undo_queues.values() for entry in queue
    )
    state.undo_queues.clear()
    if left:
        turn.commands.append(AskPerson("", "forced", left, state.error))
    state.agenda.clear()
    state.agenda[""] = ("finish", None, None)


def _queue_again(turn: Turn) -> None:
    for activation in turn.state.activations.values():
        if activation.status == "queued":
            turn.commands.append(queue_command(activation))


def describe_run(fact: RunStarted, started_at: datetime) -> dict[str, Any]:
    """Return what expressions read as `run`."""
    return {
        "id": fact.run,
        "number": fact.number,
        "workflow": fact.workflow,
        "version": fact.version,
        "started_at": started_at,
    }
