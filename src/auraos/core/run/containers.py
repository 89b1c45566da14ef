"""Containers: steps with scopes of their own. How they open, what the end of each inner scope means, and how they end.

foreach   a scope for each item, some at a time        while   a scope for each round
try       body, then catch, then finally               race    a scope for each branch; the first to succeed wins
"""

from typing import Any

from auraos.core.catalogue import Behaviour
from auraos.core.run.commands import CancelChild, StartChild
from auraos.core.run.ending import begin_undo, cancelled_error, drop, fail_frame
from auraos.core.run.evaluation import error_of, evaluate_or_error
from auraos.core.run.facts import ChildFinished, LoopEntered, Page, StepError, UndoEntry
from auraos.core.run.identity import child_run_id
from auraos.core.run.program import ScopeProgram
from auraos.core.run.state import Activation, Frame, RunState
from auraos.core.run.tokens import OUT, error_value, fail, retire, settle, start_frame
from auraos.core.run.turn import Turn
from auraos.core.values import Value, to_plain, type_name

PAGE_ABOVE = 1_000
PAGE_SIZE = 500
ROUNDS_IN_ONE_JOURNAL = 1_000


def open_container(turn: Turn, activation: Activation) -> None:
    """Open the first scopes of a container."""
    step = activation.step
    match step.behaviour:
        case Behaviour.TRY:
            _open(turn, activation, step.body, "", {})
        case Behaviour.RACE:
            for branch in step.branches.values():
                _open(turn, activation, branch, "", {})
        case Behaviour.WHILE:
            page = turn.state.page
            if page is not None and step.scope.section == "page":
                activation.rounds, activation.last = page.rounds, page.last
                activation.next_item = page.rounds
            open_round(turn, activation)
        case Behaviour.FOREACH:
            _open_page(turn, activation)


def enter_loop(turn: Turn, activation: Activation, fact: LoopEntered) -> None:
    """Enter a `foreach` with its items: all in this run, or, when they are many, page by page in runs of their own."""
    activation.status = "open"
    activation.items, activation.keys, activation.parallel = fact.items, fact.keys, fact.parallel
    if len(fact.items) > PAGE_ABOVE:
        _start_page(turn, activation)
    else:
        activation.results = [None] * len(fact.items)
        _launch_items(turn, activation)


def open_round(turn: Turn, activation: Activation) -> None:
    """Open the next round of a `while`, here or, after many, in a run with a fresh journal."""
    activation.status = "open"
    if (
        activation.rounds - activation.next_item >= ROUNDS_IN_ONE_JOURNAL
        and activation.step.scope.section != "page"
    ):
        _start_page(turn, activation)
        return
    activation.rounds += 1
    number = activation.rounds
    _open(
        turn, activation, activation.step.body, f"[{number}]", {"index": number - 1, "last": activation.last}
    )


def close_inner(turn: Turn, frame: Frame) -> None:
    """An inner scope came to its end well."""
    owner = frame.owner
    assert owner is not None
    _remove(owner, frame)
    output = frame.outputs.get(frame.scope.end) if frame.scope.end else None
    if frame.undo and frame.section != "finally":
        owner.undo.append(UndoEntry(path=frame.prefix.rstrip("/"), entries=tuple(frame.undo)))
    if frame.section == "finally" or owner.cancelled:
        leave(turn, owner)
        return
    match owner.step.behaviour:
        case Behaviour.FOREACH:
            owner.results[frame.item_index] = _collected(owner, frame)
            _next_item(turn, owner)
        case Behaviour.WHILE:
            name = owner.step.step.settings.get("output") or frame.scope.end
            owner.last = frame.outputs.get(name) if name else None
            decide_round(turn, owner)
        case Behaviour.TRY:
            owner.pending = (output, OUT)
            leave(turn, owner)
        case Behaviour.RACE:
            if owner.winner:
                leave(turn, owner)
                return
            owner.winner = frame.section
            owner.pending = ({"winner": frame.section, "output": output}, ("out", frame.section))
            for loser in list(owner.frames.values()):
                fail_frame(turn, loser, cancelled_error(owner.path), how="cancelled")
            leave(turn, owner)


def inner_failed(turn: Turn, frame: Frame) -> None:
    """An inner scope failed or was cancelled, and is undone."""
    owner = frame.owner
    assert owner is not None
    _remove(owner, frame)
    error = frame.failure or cancelled_error(owner.path)
    if owner.cancelled:
        leave(turn, owner)
        return
    match owner.step.behaviour:
        case Behaviour.FOREACH:
            _item_failed(turn, owner, frame, error)
        case Behaviour.TRY:
            _try_failed(turn, owner, frame, error)
        case Behaviour.RACE:
            if not owner.winner and owner.error is None:
                owner.failures.append(error)
                if not owner.frames:
                    owner.error = owner.failures[0]
            leave(turn, owner)
        case _:
            owner.error = owner.error or error
            leave(turn, owner)


def give_up(turn: Turn, activation: Activation, error: StepError) -> None:
    """Fail a whole container (or a called run), for its time is over."""
    if activation.error is not None or activation.cancelled:
        return
    activation.error = error
    turn.state.agenda.pop(activation.path, None)
    if activation.child:
        turn.commands.append(CancelChild(activation.child, undo=True))
        return
    for frame in list(activation.frames.values()):
        fail_frame(turn, frame, error, how="cancelled")
    leave(turn, activation)


def leave(turn: Turn, activation: Activation) -> None:
    """End a container once no scope of it is open: `finally` first, then undo where it failed, then its outcome."""
    if activation.frames or activation.child or activation.status in ("undoing", "ended"):
        return
    step = activation.step
    if step.finally_ is not None and not activation.finally_begun:
        activation.finally_begun = True
        _open(turn, activation, step.finally_, "", _failures_seen(activation))
        return
    if activation.cancelled:
        _hand_over_undo(activation)
        drop(turn, activation)
    elif activation.error is not None:
        activation.status = "undoing"
        undo, activation.undo = activation.undo, []
        begin_undo(turn, activation, undo)
    else:
        assert activation.pending is not None
        output, ports = activation.pending
        _hand_over_undo(activation)
        retire(turn, activation)
        settle(turn, activation.frame, step, activation.path, output, ports)


def container_undone(turn: Turn, activation: Activation) -> None:
    """What a failed container had done is undone; now it fails, unless a fallback stands in."""
    assert activation.error is not None
    activation.undone = True
    if activation.step.fallback is not None and not activation.cancelled:
        activation.status = "deciding"
        turn.state.agenda[activation.path] = ("outcome", activation, None)
        return
    retire(turn, activation)
    fail(turn, activation.frame, activation.step, activation.path, activation.error)


def page_finished(turn: Turn, activation: Activation, fact: ChildFinished) -> None:
    """A page of a long loop came to its end in its own run."""
    activation.child = ""
    if fact.undo:
        activation.undo.append(
            UndoEntry(path=f"{activation.path}[page {activation.pages}]", entries=fact.undo)
        )
    if activation.cancelled or activation.error is not None:
        leave(turn, activation)
    elif fact.state != "succeeded":
        activation.error = fact.error or cancelled_error(activation.path)
        leave(turn, activation)
    elif activation.step.behaviour is Behaviour.WHILE:
        activation.last, activation.rounds = fact.output["last"], fact.output["rounds"]
        activation.next_item = activation.rounds
        activation.pages += 1
        if fact.output["more"]:
            _start_page(turn, activation)
        else:
            activation.pending = (activation.last, OUT)
            leave(turn, activation)
    else:
        activation.results.extend(fact.output["results"])
        activation.failures.extend(fact.output["failures"])
        activation.pages += 1
        if activation.pages * PAGE_SIZE < len(activation.items):
            _start_page(turn, activation)
        else:
            _complete_loop(turn, activation)


def child_command(state: RunState, activation: Activation) -> StartChild:
    """Return the wish for the run that an activation waits for: a called one, or the next page of a long loop."""
    path, child = activation.path, activation.child
    if activation.step.behaviour is Behaviour.CALL:
        details = activation.wait_details
        return StartChild(path, child, activation.wait_name, activation.wait_key, details["input"], wait=True)
    workflow, version = state.program.workflow.name, state.program.version
    return StartChild(path, child, workflow, version, state.input, page=_page(activation), kind="page")


def decide_entry(turn: Turn, activation: Activation) -> LoopEntered | StepError:
    """Evaluate the items of a `foreach`, and the names of its items where the step has a `key`."""
    step, frame, path = activation.step, activation.frame, activation.path
    settings, error = evaluate_or_error(turn, frame, path, step.settings.evaluate)
    if error is not None:
        return error
    items, parallel = settings.get("items"), settings.get("parallel", 1)
    message = ""
    if not isinstance(items, list):
        message = f"`items` must be a list, not {type_name(items)}."
    elif type(parallel) is not int or parallel < 1:
        message = f"`parallel` must be a whole number from 1, not {type_name(parallel)}."
    keys: list[str] = []
    if not message and step.key is not None:
        for index, item in enumerate(items):
            frame.values["item"], frame.values["index"] = item, index
            key, error = evaluate_or_error(turn, frame, path, step.key.evaluate)
            if error is not None:
                break
            keys.append(_key_text(key))
        _restore_names(frame)
        if error is None and len(set(keys)) < len(keys):
            message = "Two items have the same `key`, so their paths could not be told apart."
    if message:
        error = error_of(step, path, class_="data", code="items-refused", message=message, at=turn.at)
    if error is not None:
        return error
    return LoopEntered(at=turn.at, path=path, items=items, keys=keys, parallel=parallel)


def decide_go_on(turn: Turn, activation: Activation) -> tuple[bool, StepError | None]:
    """Evaluate whether a `while` goes on; past its limit it fails instead."""
    step, frame, path = activation.step, activation.frame, activation.path
    frame.values["last"], frame.values["index"] = activation.last, activation.rounds

    def decide(names: dict[str, Any]) -> Any:
        settings = step.settings.evaluate(names)
        condition = settings["condition"]
        return condition(last=activation.last, index=activation.rounds) if callable(
            condition
        ) else condition, settings["limit"]

    decided, error = evaluate_or_error(turn, frame, path, decide)
    _restore_names(frame)
    if error is not None:
        return False, error
    go_on, limit = decided
    code, message = "", ""
    if not isinstance(go_on, bool):
        code, message = "condition-not-boolean", f"`condition` must be true or false, not {type_name(go_on)}."
    elif type(limit) is not int or limit < 1:
        code, message = "limit-refused", f"`limit` must be a whole number from 1, not {type_name(limit)}."
    elif go_on and activation.rounds >= limit:
        code, message = "loop-limit", f"The loop would go on past its limit of {limit} rounds."
    if not code:
        return go_on, None
    return False, error_of(step, path, class_="data", code=code, message=message, at=turn.at)


def decide_round(turn: Turn, activation: Activation) -> None:
    """Plan the decision whether a `while` goes on."""
    activation.status = "deciding"
    turn.state.agenda[activation.path] = ("round", activation, None)


def round_decided(turn: Turn, activation: Activation, *, go_on: bool) -> None:
    """Go on with another round, or end the loop with the last output."""
    in_page = activation.step.scope.section == "page"
    full = in_page and activation.rounds - activation.next_item >= ROUNDS_IN_ONE_JOURNAL
    if go_on and not full:
        open_round(turn, activation)
        return
    activation.status = "open"
    output: Value = activation.last
    if in_page:
        output = {"last": activation.last, "rounds": activation.rounds, "more": go_on}
    activation.pending = (output, OUT)
    leave(turn, activation)


def _open(
    turn: Turn, activation: Activation, scope: ScopeProgram | None, suffix: str, names: dict[str, Any]
) -> Frame:
    """Open an inner scope: it sees what the scope around it had put out so far, and the loop's names."""
    assert scope is not None
    outer = activation.frame
    values = {
        **outer.values,
        "steps": dict(outer.outputs),
        "errors": dict(outer.errors),
        **names,
    }
    frame = Frame(scope, f"{activation.path}{suffix}/", activation, values)
    frame.loop_names = names if suffix else outer.loop_names
    activation.frames[frame.name] = frame
    start_frame(turn, frame)
    return frame


def _remove(owner: Activation, frame: Frame) -> None:
    frame.phase = "over"
    owner.frames.pop(frame.name, None)
    if owner.step.behaviour is Behaviour.TRY and frame.section == "body":
        owner.last = {"steps": frame.outputs, "errors": frame.errors}


def _failures_seen(activation: Activation) -> dict[str, Any]:
    """Return the names that `catch` and `finally` see besides: what the body put out and how it failed."""
    if activation.last is None:
        return {}
    outputs, errors = activation.last["steps"], activation.last["errors"]
    own = {activation.step.id: error_value(activation.error)} if activation.error is not None else {}
    return {"steps": dict(outputs), "errors": {**errors, **own}}


def _restore_names(frame: Frame) -> None:
    """Take the loop's own names out again; the scope around may have names of the same kind, of a loop around it."""
    outer = frame.loop_names
    for name in ("item", "index", "last"):
        if name in outer:
            frame.values[name] = outer[name]
        else:
            frame.values.pop(name, None)


def _key_text(value: Value) -> str:
    text = value if isinstance(value, str) else str(to_plain(value))
    return text.replace("[", "(").replace("]", ")").replace("/", "|")[:80]


def _launch_items(turn: Turn, activation: Activation) -> None:
    """Open scopes for the next items, as many at a time as the step allows."""
    items, page = activation.items, turn.state.page
    first = page.first if page is not None and activation.step.scope.section == "page" else 0
    while (
        activation.next_item < len(items)
        and len(activation.frames) < activation.parallel
        and activation.error is None
    ):
        index = activation.next_item
        activation.next_item += 1
        name = activation.keys[index] if activation.keys else str(first + index)
        names = {"item": items[index], "index": first + index}
        frame = _open(turn, activation, activation.step.body, f"[{name}]", names)
        frame.item_index = index
    if activation.done == len(items):
        _complete_loop(turn, activation)


def _next_item(turn: Turn, activation: Activation) -> None:
    activation.done += 1
    if activation.error is not None:
        leave(turn, activation)
    else:
        _launch_items(turn, activation)


def _item_failed(turn: Turn, activation: Activation, frame: Frame, error: StepError) -> None:
    if activation.error is not None:
        leave(turn, activation)
        return
    if activation.step.step.settings.get("on_error", "stop") == "stop":
        activation.error = error
        for other in list(activation.frames.values()):
            fail_frame(turn, other, cancelled_error(activation.path), how="cancelled")
        leave(turn, activation)
        return
    index = frame.values["index"]
    activation.failures.append({"index": index, "item": frame.values["item"], "error": error_value(error)})
    _next_item(turn, activation)


def _complete_loop(turn: Turn, activation: Activation) -> None:
    output: Any = activation.results
    failures = sorted(activation.failures, key=lambda failure: failure["index"])
    if activation.step.step.settings.get("on_error") == "report" or activation.step.scope.section == "page":
        output = {"results": activation.results, "failures": failures}
    activation.pending = (output, OUT)
    leave(turn, activation)


def _collected(activation: Activation, frame: Frame) -> Value:
    name = activation.step.step.settings.get("collect") or frame.scope.end
    return frame.outputs.get(name) if name else None


def _try_failed(turn: Turn, activation: Activation, frame: Frame, error: StepError) -> None:
    """The body failed: `catch` has its turn, once. `catch` or `finally` failed: so does the step, with what they said."""
    if frame.section == "body":
        activation.error = activation.error or error
        if activation.step.catch is not None and frame.failing == "failed":
            names = _failures_seen(activation)
            activation.error = None
            _open(turn, activation, activation.step.catch, "", names)
            return
    else:
        activation.error = error
    leave(turn, activation)


def _hand_over_undo(activation: Activation) -> None:
    """Give what is to be undone to the scope around, as one unit."""
    if activation.undo:
        activation.frame.undo.append(UndoEntry(path=activation.path, entries=tuple(activation.undo)))
        activation.undo = []


def _start_page(turn: Turn, activation: Activation) -> None:
    """Let a run of its own carry out the next part of a long loop, under this run's paths, names and keys."""
    activation.child = child_run_id(turn.state.run, f"{activation.path}#page{activation.pages}", turn.at)
    activation.status = "calling"
    activation.since = turn.at
    turn.commands.append(child_command(turn.state, activation))


def _page(activation: Activation) -> Page:
    """Return the part of a loop that its next page carries out."""
    hidden = ("input", "vars", "run", "trigger")
    values = activation.frame.values
    names = {name: value for name, value in values.items() if name[0] != "$" and name not in hidden}
    names |= {"steps": dict(values["steps"]), "errors": dict(values["errors"])}
    path, number = activation.path, activation.pages
    if activation.step.behaviour is Behaviour.WHILE:
        return Page(
            path=path, number=number, first=0, last=activation.last, rounds=activation.rounds, names=names
        )
    first, end = number * PAGE_SIZE, (number + 1) * PAGE_SIZE
    return Page(
        path=path,
        number=number,
        first=first,
        items=activation.items[first:end],
        keys=activation.keys[first:end],
        parallel=activation.parallel,
        names=names,
    )


def _open_page(turn: Turn, activation: Activation) -> None:
    """Begin the loop of a page's own run with the items it was given."""
    page = turn.state.page
    assert page is not None
    activation.items, activation.keys, activation.parallel = page.items, page.keys, page.parallel
    activation.results = [None] * len(page.items)
    _launch_items(turn, activation)
