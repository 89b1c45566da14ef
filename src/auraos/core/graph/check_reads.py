"""Checks of what expressions read: names that exist, and steps that have run by then."""

from auraos.core.graph.findings import Findings, did_you_mean, nearest
from auraos.core.graph.flow import Choice, Flow
from auraos.core.graph.uses import Use, arrival_names, find_part, is_guarded
from auraos.core.graph.views import ScopeView, StepView, WorkflowView
from auraos.core.problems import Fix, Place, TextEdit

RUN_FIELDS = ("id", "number", "workflow", "version", "started_at")
_LOOP_NAMES = {
    "item": "`item` is there within a `foreach` only.",
    "index": "`index` is there within a loop only.",
    "last": "`last` is there within a `while` only.",
    "output": "`output` is there in the `done` of a `verify` only.",
    "event": "`event` is there in the `match` of a `wait.event` only; what started the run is `trigger`.",
    "secrets": "A secret is not a value; a step that needs one names it in a field of its own, as `secret: stock-api`.",
    "env": "The environment cannot be read; pass what is needed as input or as a variable.",
}


def check_reads(view: WorkflowView, uses: list[Use]) -> None:
    """Report everything that expressions read and that is not there, or may not be there yet."""
    for use in uses:
        names = use.names()
        for read in sorted(use.expression.reads):
            _check_read(view, use, read, names)


def _check_read(view: WorkflowView, use: Use, read: tuple[str, ...], names: set[str]) -> None:
    root = read[0]
    if root not in names:
        _report_unknown_name(view, use, root, names)
        return
    if len(read) == 1:
        return
    match root:
        case "steps":
            _check_step(view, use, read[1])
        case "errors":
            _check_error(view, use, read[1])
        case "vars":
            if read[1] not in view.workflow.variables:
                known = view.workflow.variables
                _report(view, use, read[:2], "unknown-variable", f"There is no variable {read[1]!r}.", known)
        case "run":
            if read[1] not in RUN_FIELDS:
                _report(view, use, read[:2], "unknown-field", f"'run' has no field {read[1]!r}.", RUN_FIELDS)


def _report_unknown_name(view: WorkflowView, use: Use, name: str, names: set[str]) -> None:
    place = _place(view, use, (name,))
    properties = (view.workflow.input or {}).get("properties", {})
    candidates = []
    if name in view.by_id:
        candidates.append(f"steps.{name}")
    if name in view.workflow.variables:
        candidates.append(f"vars.{name}")
    if isinstance(properties, dict) and name in properties:
        candidates.append(f"input.{name}")
    if name in ("variables", "var"):
        candidates.append("vars")
    if name in ("inputs", "payload", "params"):
        candidates.append("input")
    if len(candidates) == 1:
        hint, fix = f"Did you mean {candidates[0]!r}?", _rewrite(view, place, name, candidates[0])
    elif name in _LOOP_NAMES:
        hint, fix = _LOOP_NAMES[name], None
    elif name == "arrived":
        hint, fix = _collect_first(view, use)
    else:
        near = nearest(name, names)
        hint, fix = did_you_mean(name, sorted(names)), _rewrite(view, place, name, near) if near else None
    view.findings.add(
        "unknown-name", use.path, f"There is no name {name!r} here.", hint=hint, fix=fix, place=place
    )


def _collect_first(view: WorkflowView, use: Use) -> tuple[str, Fix | None]:
    """Say how a step comes to the name `arrived`."""
    said = "`arrived` is there in the fields of a step with `join: collect` only"
    around = next(
        (scope.owner for scope in use.scope.chain() if scope.owner and arrival_names(scope.owner)), None
    )
    if around is not None:
        return (
            f"{said}, not in the steps within it; {around.id!r} can pass it on, or a step before it keep it.",
            None,
        )
    if use.reader is None:
        return f"{said}.", None
    fix = view.findings.fix_value((*use.reader.path, "join"), "Write collect", "collect")
    return f"{said}: write `join: collect` on {use.reader.id!r}.", fix


def _check_step(view: WorkflowView, use: Use, name: str) -> None:
    if use.role == "flow":
        return
    read = view.by_id.get(name)
    path = ("steps", name)
    if read is None:
        _report(view, use, path, "unknown-step", f"There is no step {name!r}.", view.by_id)
        return
    if read is use.reader:
        if use.role != "undo":
            message = f"{name!r} reads its own output, which is not there before it has ended."
            hint = "In a `while`, the round before is `last`." if "last" in use.names() else ""
            _add(view, use, path, "reads-later", message, hint)
        return
    found = _find_in_chain(use, read)
    if found is None:
        _check_hidden(view, use, read)
        return
    scope, reader = found
    if reader is read:
        message = f"{name!r} is the container around this step; its output is not there before it has ended."
        _add(view, use, path, "reads-later", message, "")
    elif reader is not None:
        _check_order(view, use, read, reader, scope.flow)


def _find_in_chain(use: Use, read: StepView) -> tuple[ScopeView, StepView | None] | None:
    """Return the scope around the reader that holds the step, and which of its steps the reading takes place in."""
    inside: StepView | None = use.reader
    for scope in use.scope.chain():
        if read.scope is scope:
            return scope, inside
        inside = scope.owner
    return None


def _check_hidden(view: WorkflowView, use: Use, read: StepView) -> None:
    if _is_in_body_of_try(use, read):
        return
    owner = read.scope.owner
    container = owner.id if owner else ""
    if any(scope.owner is owner for scope in use.scope.chain()):
        message = f"{read.id!r} stands in another part of {container!r}; its output is not seen from here."
        _add(view, use, ("steps", read.id), "reads-inner", message, "")
        return
    _add(
        view,
        use,
        ("steps", read.id),
        "reads-inner",
        f"{read.id!r} stands within {container!r}; its output is not seen from outside.",
        f"Read the output of the container, `steps.{container}`.",
    )


def _is_in_body_of_try(use: Use, read: StepView) -> bool:
    """Return whether the reader stands in the `catch` or `finally` of the `try` whose body holds the step."""
    return any(
        scope.section in ("catch", "finally")
        and read.scope.owner is scope.owner
        and read.scope.section == "body"
        for scope in use.scope.chain()
    )


def _check_order(view: WorkflowView, use: Use, read: StepView, reader: StepView, flow: Flow) -> None:
    early, late = flow.number[read.id], flow.number[reader.id]
    if flow.scope.steps.get(read.id) is not read.step or not (flow.can_fire[early] and flow.can_fire[late]):
        return
    path = ("steps", read.id)
    via = "" if reader is use.reader else f" {reader.id!r}, around it,"
    if not flow.is_before(early, late):
        _report_no_order(view, use, read, reader, flow)
        return
    if read.step.disabled:
        hint = "Enable it, or remove the reading of it."
        _add(view, use, path, "reads-disabled", f"{read.id!r} is disabled: its output always is null.", hint)
        return
    if is_guarded(use, path):
        return
    with_output, without = flow.find_ways(early, late)
    if not with_output:
        hint = f"Read `errors.{read.id}`." if "error" in {arrow.port for arrow in flow.out_of[early]} else ""
        message = f"Whenever{via or ' this step'} runs, {read.id!r} has no output."
        _add(view, use, path, "reads-later", message, hint)
    elif without is not None:
        why = _explain(flow, without, early)
        message = f"{read.id!r} may not have run: {why}. Then its output is null."
        _add(
            view,
            use,
            path,
            "reads-maybe",
            message,
            f"Say what holds then: `steps.{read.id}.… if steps.{read.id} else …`.",
        )
    elif not flow.decided[late] >> early & 1:
        message = f"{reader.id!r} does not wait for {read.id!r}, which may still be running then."
        _add(view, use, path, "reads-maybe", message, "Write `join: all`, or reckon with null.")


def _report_no_order(view: WorkflowView, use: Use, read: StepView, reader: StepView, flow: Flow) -> None:
    early, late = flow.number[read.id], flow.number[reader.id]
    path = ("steps", read.id)
    if flow.is_before(late, early):
        _add(
            view,
            use,
            path,
            "reads-later",
            f"{read.id!r} runs after {reader.id!r}, so its output is not there yet.",
            "",
        )
    elif not flow.ever_together(early, late):
        message = f"{read.id!r} and {reader.id!r} are on different branches: they never run in the same run."
        _add(view, use, path, "reads-later", message, "")
    else:
        message = f"Nothing says that {read.id!r} has ended before {reader.id!r} starts."
        _add(view, use, path, "reads-unordered", message, f"Add the link `{read.id} -> {reader.id}`.")


def _explain(flow: Flow, way: dict[int, Choice], early: int) -> str:
    """Say what must happen in a run for a step to have no output."""
    if early in way:
        return f"{flow.steps[early].id!r} may have failed"
    told = []
    for number, choice in way.items():
        if len(flow.choices[number]) < 2 or not flow.before[early] >> number & 1:
            continue
        if any(arrow.port not in choice.ports for arrow in flow.out_of[number]):
            ports = " and ".join(sorted(choice.ports))
            told.append(f"{flow.steps[number].id!r} may go on at {ports!r}")
    return " while ".join(told[-2:]) or "the steps before it may go another way"


def _check_error(view: WorkflowView, use: Use, name: str) -> None:
    step = view.by_id.get(name)
    path = ("errors", name)
    if step is None:
        _report(view, use, path, "unknown-step", f"There is no step {name!r}.", view.by_id)
        return
    in_try = any(
        scope.section in ("catch", "finally") and (step.scope.owner is scope.owner or step is scope.owner)
        for scope in use.scope.chain()
    )
    if in_try:
        return
    if _find_in_chain(use, step) is None:
        message = f"{name!r} stands in another scope; its error is not seen from here."
        _add(view, use, path, "reads-inner", message, "")
    elif not any(link.source == name and link.port == "error" for link in step.scope.scope.links):
        message = f"`errors.{name}` always is null here: nothing goes on when {name!r} fails."
        _add(view, use, path, "reads-no-error", message, f"Link its error port: `{name}.error -> …`.")


def _report(
    view: WorkflowView, use: Use, path: tuple[str, ...], code: str, message: str, known: object
) -> None:
    names = [name for name in known if isinstance(name, str)] if isinstance(known, dict | tuple) else []
    place = _place(view, use, path)
    near = nearest(path[-1], names)
    fix = _rewrite_last(view, path, place, near) if near else None
    view.findings.add(code, use.path, message, hint=did_you_mean(path[-1], names), fix=fix, place=place)


def _add(view: WorkflowView, use: Use, path: tuple[str, ...], code: str, message: str, hint: str) -> None:
    view.findings.add(code, use.path, message, hint=hint, place=_place(view, use, path))


def _place(view: WorkflowView, use: Use, path: tuple[str, ...]) -> Place | None:
    return use.place(view.findings, find_part(use, path))


def _rewrite(view: WorkflowView, place: Place | None, old: str, new: str) -> Fix | None:
    if place is None or not _reads(view.findings, place, old):
        return None
    return Fix(f"Write {new}", (TextEdit(place.start, place.end, new),))


def _rewrite_last(view: WorkflowView, path: tuple[str, ...], place: Place | None, new: str) -> Fix | None:
    """Return the fix that replaces the last name of a path, where it is written with a dot."""
    written = ".".join(path)
    if place is None or not _reads(view.findings, place, written):
        return None
    return Fix(f"Write {new}", (TextEdit(place.end - len(path[-1]), place.end, new),))


def _reads(findings: Findings, place: Place, text: str) -> bool:
    return findings.text[place.start : place.end] == text
