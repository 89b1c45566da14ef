"""Loops: `foreach` opens a scope for each item, some at a time; `while` one for each round. Long ones go page by page."""

import hashlib
from typing import Any

from auraos.core.catalogue import Behaviour
from auraos.core.run.commands import StartChild
from auraos.core.run.containers import leave, open_inner
from auraos.core.run.ending import cancelled_error, fail_frame, stop_run
from auraos.core.run.evaluation import error_of, evaluate_or_error, refuse_deep
from auraos.core.run.facts import ChildFinished, LoopEntered, Page, StepError, UndoEntry
from auraos.core.run.identity import child_run_id
from auraos.core.run.parts import UnderWay
from auraos.core.run.program import JOIN_COLLECT
from auraos.core.run.state import Activation, Frame, RunState
from auraos.core.run.tokens import OUT, error_value
from auraos.core.run.tries import are_other_items, note_items, note_page, numbered
from auraos.core.run.turn import Turn
from auraos.core.values import Value, ValueRefusedError, to_plain, type_name

PAGE_ABOVE = 1_000
PAGE_SIZE = 500
ROUNDS_IN_ONE_JOURNAL = 1_000
LONGEST_KEY = 80


def decide_entry(turn: Turn, activation: Activation) -> LoopEntered | StepError:
    """Evaluate the items of a `foreach`, and the names of its items where the step has a `key`.

    With `batch` the items are cut into lists of at most that many; from here on such a list is one item of the loop.
    """
    step, frame, path = activation.step, activation.frame, activation.path
    begun = _begun(turn.state, activation)
    if begun is not None and begun.items is not None:
        return LoopEntered(at=turn.at, path=path, items=begun.items, keys=begun.keys, parallel=begun.parallel)
    settings, error = evaluate_or_error(turn, frame, path, step.settings.evaluate)
    if error is not None:
        return error
    items, parallel, batch = settings.get("items"), settings.get("parallel", 1), settings.get("batch", 1)
    message = _refusal_of_number("parallel", parallel) or _refusal_of_number("batch", batch)
    if not message and "batch" in settings and isinstance(items, list):
        items = [items[first : first + batch] for first in range(0, len(items), batch)]
    message = message or _refusal_of(items)
    if not message and "enough" in settings and len(items) > PAGE_ABOVE:
        what = "there may be {:,} batches" if "batch" in settings else "`items` may be {:,}"
        message = f"With `enough`, {what.format(PAGE_ABOVE)} at most; these are {len(items):,}."
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
    if not message and not keys and are_other_items(turn.state, path, items):
        message = (
            "The items are others than in the try before, and what was done for some of those stands. "
            "Give the loop a `key`, so that an item can be told from the one that had its place."
        )
    if message:
        error = error_of(step, path, class_="data", code="items-refused", message=message, at=turn.at)
    if error is not None:
        return error
    return LoopEntered(at=turn.at, path=path, items=items, keys=keys, parallel=parallel)


def _begun(state: RunState, activation: Activation) -> UnderWay | None:
    """Return how far a loop had come in the run in whose place this one goes on."""
    taken = state.inherited.get(activation.path) if state.inherited else None
    return None if taken is None or activation.attempt else taken.under_way


def _refusal_of(items: Value) -> str:
    if not isinstance(items, list):
        return f"`items` must be a list, not {type_name(items)}."
    try:
        refuse_deep(items)
    except ValueRefusedError as refused:
        return str(refused)
    return ""


def _refusal_of_number(name: str, value: Value) -> str:
    if type(value) is int and value >= 1:
        return ""
    said = value if type(value) is int else type_name(value)
    return f"`{name}` must be a whole number from 1, not {said}."


def enter_loop(turn: Turn, activation: Activation, fact: LoopEntered) -> None:
    """Enter a `foreach` with its items: all in this run, or, when they are many, page by page in runs of their own."""
    activation.status = "open"
    activation.items, activation.keys, activation.parallel = fact.items, fact.keys, fact.parallel
    note_items(turn, activation)
    begin_items(turn, activation)


def begin_items(turn: Turn, activation: Activation) -> None:
    """Begin with the first items of a loop, in this run or in its first page."""
    if len(activation.items) > PAGE_ABOVE:
        start_page(turn, activation)
    else:
        activation.results = [None] * len(activation.items)
        launch_items(turn, activation)


def launch_items(turn: Turn, activation: Activation) -> None:
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
        frame = open_inner(turn, activation, activation.step.body, f"[{name}]", names)
        frame.item_index = index
    if activation.done == len(items):
        complete_loop(turn, activation)


def next_item(turn: Turn, activation: Activation) -> None:
    """An item is done: the loop is over, has enough, or goes on with the next one."""
    activation.done += 1
    if activation.error is not None or activation.has_enough:
        leave(turn, activation)
    elif "enough" in activation.step.step.settings and activation.done < len(activation.items):
        turn.state.agenda[activation.path] = ("enough", activation, None)
    else:
        launch_items(turn, activation)


def item_failed(turn: Turn, activation: Activation, frame: Frame, error: StepError) -> None:
    if activation.error is not None:
        leave(turn, activation)
        return
    if activation.has_enough:
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
    next_item(turn, activation)


def decide_enough(turn: Turn, activation: Activation) -> bool | StepError:
    """Evaluate whether a `foreach` has enough results."""
    results = [activation.results[index] for index in sorted(activation.finished)]

    def decide(names: dict[str, Any]) -> Any:
        enough = activation.step.settings.evaluate(names)["enough"]
        return enough(results=results) if callable(enough) else enough

    enough, error = evaluate_or_error(turn, activation.frame, activation.path, decide)
    if error is None and not isinstance(enough, bool):
        message = f"`enough` must be true or false, not {type_name(enough)}."
        error = error_of(
            activation.step, activation.path, class_="data", code="condition-not-boolean", message=message
        )
    return error if error is not None else enough


def _end_early(turn: Turn, activation: Activation) -> None:
    """Take what is there: items that are under way are cancelled and undone, the others never begin."""
    activation.has_enough = True
    _prepare_output(activation)
    for other in list(activation.frames.values()):
        fail_frame(turn, other, cancelled_error(activation.path), how="cancelled")
    leave(turn, activation)


def complete_loop(turn: Turn, activation: Activation) -> None:
    _prepare_output(activation)
    leave(turn, activation)


def _prepare_output(activation: Activation) -> None:
    output: Any = activation.results
    failures = sorted(activation.failures, key=lambda failure: failure["index"])
    if activation.step.step.settings.get("on_error") == "report" or activation.step.scope.section == "page":
        output = {"results": activation.results, "failures": failures}
    activation.pending = (output, OUT)


def collected(activation: Activation, frame: Frame) -> Value:
    name = activation.step.step.settings.get("collect") or frame.scope.end
    return frame.outputs.get(name) if name else None


def open_round(turn: Turn, activation: Activation) -> None:
    """Open the next round of a `while`, here or, after many, in a run with a fresh journal."""
    activation.status = "open"
    if (
        activation.rounds - activation.next_item >= ROUNDS_IN_ONE_JOURNAL
        and activation.step.scope.section != "page"
    ):
        start_page(turn, activation)
        return
    activation.rounds += 1
    number = activation.rounds
    open_inner(
        turn, activation, activation.step.body, f"[{number}]", {"index": number - 1, "last": activation.last}
    )


def decide_round(turn: Turn, activation: Activation) -> None:
    """Plan the decision whether a `while` goes on."""
    activation.status = "deciding"
    turn.state.agenda[activation.path] = ("round", activation, None)


def decide_go_on(turn: Turn, activation: Activation) -> tuple[bool, StepError | None]:
    """Evaluate whether a `while` goes on; past its limit it fails instead."""
    step, frame, path = activation.step, activation.frame, activation.path
    begun = _begun(turn.state, activation)
    if begun is not None and activation.rounds < begun.rounds:
        return True, None
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


def round_decided(turn: Turn, activation: Activation, *, go_on: bool) -> None:
    """Go on with another round or item, or end the loop with what there is."""
    if activation.step.behaviour is Behaviour.FOREACH:
        if go_on:
            launch_items(turn, activation)
        else:
            _end_early(turn, activation)
        return
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


def open_page(turn: Turn, activation: Activation) -> None:
    """Begin the loop of a page's own run with the items it was given."""
    page = turn.state.page
    assert page is not None
    activation.items, activation.keys, activation.parallel = page.items, page.keys, page.parallel
    activation.results = [None] * len(page.items)
    launch_items(turn, activation)


def start_page(turn: Turn, activation: Activation) -> None:
    """Let a run of its own carry out the next part of a long loop, under this run's paths, names and keys."""
    name = numbered(f"{activation.path}#page{activation.pages}", activation)
    activation.child = child_run_id(turn.state.run, name, turn.at)
    activation.status = "calling"
    activation.since = turn.at
    turn.commands.append(child_command(turn.state, activation))


def page_finished(turn: Turn, activation: Activation, fact: ChildFinished) -> None:
    """A page of a long loop came to its end in its own run."""
    activation.child = ""
    note_page(turn, activation, fact.run)
    if fact.undo:
        activation.undo.append(
            UndoEntry(path=f"{activation.path}[page {activation.pages}]", entries=fact.undo)
        )
    if activation.cancelled or activation.error is not None:
        leave(turn, activation)
    elif fact.state != "succeeded":
        activation.error = fact.error or cancelled_error(activation.path)
        leave(turn, activation)
    elif "stopped" in fact.output:
        activation.pending = (None, ())
        leave(turn, activation)
        stop_run(turn, activation.path, fact.output["stopped"])
    elif activation.step.behaviour is Behaviour.WHILE:
        activation.last, activation.rounds = fact.output["last"], fact.output["rounds"]
        activation.next_item = activation.rounds
        activation.pages += 1
        if fact.output["more"]:
            start_page(turn, activation)
        else:
            activation.pending = (activation.last, OUT)
            leave(turn, activation)
    else:
        activation.results.extend(fact.output["results"])
        activation.failures.extend(fact.output["failures"])
        activation.pages += 1
        if activation.pages * PAGE_SIZE < len(activation.items):
            start_page(turn, activation)
        else:
            complete_loop(turn, activation)


def child_command(state: RunState, activation: Activation) -> StartChild:
    """Return the wish for the run that an activation waits for: a called one, or the next page of a long loop."""
    path, child = activation.path, activation.child
    taken = state.inherited.get(path)
    if activation.step.behaviour is Behaviour.CALL:
        details = activation.wait_details
        name, version = activation.wait_name, activation.wait_key
        if activation.is_shared:
            key, wait = details["key"], details["wait"]
            return StartChild(path, child, name, version, details["input"], wait=wait, key=key)
        earlier = None if taken is None else taken.child
        return StartChild(path, child, name, version, details["input"], wait=True, takes_over=earlier)
    earlier = (
        taken.pages[activation.pages] if taken is not None and activation.pages < len(taken.pages) else None
    )
    name, version = state.program.workflow.name, state.program.version
    page = _page(activation)
    return StartChild(path, child, name, version, state.input, page=page, kind="page", takes_over=earlier)


def _page(activation: Activation) -> Page:
    """Return the part of a loop that its next page carries out."""
    hidden = ("input", "vars", "run", "trigger")
    values = activation.frame.values
    names = {name: value for name, value in values.items() if name[0] != "$" and name not in hidden}
    names |= {"steps": dict(values["steps"]), "errors": dict(values["errors"])}
    if activation.step.join == JOIN_COLLECT:
        names["arrived"] = activation.frame.arrived(activation.step)
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
    name = text.translate(_KEPT_FOR_PATHS)
    if len(name) <= LONGEST_KEY:
        return name
    return f"{name[: LONGEST_KEY - 13]}~{hashlib.sha256(text.encode()).hexdigest()[:12]}"


_KEPT_FOR_PATHS = str.maketrans("[]/!", "()|.")
