"""Checks of loops, tries and races, and of what the outputs of scopes are."""

import msgspec

from auraos.core.catalogue import Behaviour
from auraos.core.graph.findings import did_you_mean, join_names, nearest
from auraos.core.graph.uses import Use
from auraos.core.graph.views import ScopeView, StepView, WorkflowView
from auraos.core.problems import Path

_CHANGING = ("now(", "today(", "random", "uuid")


def check_containers(view: WorkflowView, uses: list[Use]) -> None:
    """Report loops without bound, outputs that nobody can know, and containers that change nothing."""
    read = {path[1] for use in uses for path in use.expression.reads if path[0] == "steps" and len(path) > 1}
    _check_ends(
        view, view.root, "The output of the workflow", is_said=view.workflow.output is not msgspec.UNSET
    )
    for step in view.steps:
        is_read = step.id in read or _is_only_end(view, step, read)
        match step.behaviour:
            case Behaviour.FOREACH:
                _check_collected(view, step, "collect", is_read=is_read)
            case Behaviour.WHILE:
                _check_collected(view, step, "output", is_read=is_read)
                _check_loop(view, step, uses)
            case Behaviour.TRY:
                _check_try(view, step)
                _check_inner_ends(view, step, is_read=is_read)
            case Behaviour.RACE:
                _check_race(view, step)


def _is_only_end(view: WorkflowView, step: StepView, read: set[str]) -> bool:
    """Return whether a step's output becomes that of its scope, which somebody reads."""
    scope = step.scope
    ends = scope.ends()
    if len(ends) != 1 or ends[0].id != step.id:
        return False
    if scope.owner is None:
        return view.workflow.output is msgspec.UNSET
    return scope.owner.id in read or _is_only_end(view, scope.owner, read)


def _check_ends(view: WorkflowView, scope: ScopeView, what: str, *, is_said: bool) -> None:
    ends = scope.ends()
    written = view.findings.tree.find((*scope.path, "links"))
    if is_said or (written and len(written.items) != len(scope.scope.links)):
        return
    if any(link.source not in scope.steps or link.target not in scope.steps for link in scope.scope.links):
        return  # a misspelt link is reported where it stands
    if len(ends) < 2:
        _check_end_of_failures(view, scope, scope.path, what)
        return
    names = ", ".join(repr(end.id) for end in ends[:4]) + (" …" if len(ends) > 4 else "")
    path = scope.path
    hint = 'Write `output: "{{ steps.… }}"`, or `output: null` if there is none.'
    view.findings.add(
        "several-ends", path, f"{what} is null, for several steps are the last: {names}.", hint=hint, key=True
    )


def _check_end_of_failures(view: WorkflowView, scope: ScopeView, path: Path, what: str) -> None:
    """Report an output that is always null when nothing fails, for the only last step comes after a failure."""
    ends = [end.id for end in scope.ends()]
    if len(ends) == 1 and ends[0] in _reached(scope) - _reached(scope, without="error"):
        message = (
            f"{what} is null when nothing fails: {ends[0]!r}, the last step, comes after a failure only."
        )
        view.findings.add("several-ends", path, message, hint="Say whose output it is.", key=True)


def _reached(scope: ScopeView, *, without: str = "") -> set[str]:
    """Return the steps that links lead to from the first ones, links from one port left out; what collects runs anyway."""
    following: dict[str, list[str]] = {}
    for link in scope.scope.links:
        if link.port != without or scope.steps[link.source].ports == ():  # `fail` always goes on at its error
            following.setdefault(link.source, []).append(link.target)
    collecting = {name for name, step in scope.steps.items() if step.step.join == "collect"}
    waiting = list(set(scope.steps) - {link.target for link in scope.scope.links} | collecting)
    reached = set(waiting)
    for name in waiting:
        fresh = set(following.get(name, ())) - reached
        reached |= fresh
        waiting.extend(fresh)
    return reached


def _check_inner_ends(view: WorkflowView, step: StepView, *, is_read: bool) -> None:
    for scope in step.inner:
        if scope.section != "body" or not is_read:
            continue
        _check_end_of_failures(view, scope, step.path, f"The output of {step.id!r}")
        if len(scope.ends()) > 1:
            names = join_names([repr(end.id) for end in scope.ends()[:4]])
            message = f"The output of {step.id!r} is null, for its last step could be {names}."
            hint = "Link them to one last step."
            view.findings.add("several-ends", step.path, message, hint=hint, key=True)


def _check_collected(view: WorkflowView, step: StepView, field: str, *, is_read: bool) -> None:
    body = next((scope for scope in step.inner if scope.section == "body"), None)
    name = step.step.settings.get(field)
    path = (*step.path, "with", field)
    if body is None:
        return
    if isinstance(name, str) and "{{" not in name:
        if name not in body.steps:
            near = nearest(name, body.steps)
            fix = view.findings.fix_value(path, f"Write {near}", near) if near else None
            hint = did_you_mean(name, body.steps)
            view.findings.add(
                "unknown-step", path, f"{step.id!r} has no inner step {name!r}.", hint=hint, fix=fix
            )
        elif field == "collect" and not is_read:
            message = f"Nobody reads the output of {step.id!r}."
            view.findings.add("field-without-effect", path, f"'collect' has no effect. {message}", key=True)
    elif isinstance(name, str):
        view.findings.add(
            "no-expression-here", path, f"{field!r} is the name of a step; it cannot be an expression."
        )
    elif len(body.ends()) == 1 and (is_read or field == "output"):
        _check_end_of_failures(view, body, step.path, f"What {step.id!r} keeps")
    elif len(body.ends()) > 1 and (is_read or field == "output"):
        names = join_names([repr(end.id) for end in body.ends()[:4]])
        message = f"Which output {step.id!r} keeps is not clear; its last step could be {names}."
        view.findings.add("several-ends", step.path, message, hint=f"Write `with: {{{field}: …}}`.", key=True)


def _check_loop(view: WorkflowView, step: StepView, uses: list[Use]) -> None:
    settings = step.step.settings
    if settings.get("limit") is None:
        message = f"{step.id!r} has no limit: it could go on for ever."
        hint = "Write the most rounds there may be, as `limit: 100`."
        view.findings.add("unbounded-loop", (*step.path, "with"), message, hint=hint, key=True)
    for use in uses:
        if use.reader is not step or use.role != "condition" or use.path[-1] != "condition":
            continue
        roots = {read[0] for read in use.expression.reads}
        if (
            roots
            and not roots & {"last", "index"}
            and not any(word in use.expression.source for word in _CHANGING)
        ):
            message = (
                f"This never changes while {step.id!r} runs: the loop ends after one round or at its limit."
            )
            hint = "Read `last`, the output of the round before."
            view.findings.add(
                "constant-condition", use.path, message, hint=hint, place=use.place(view.findings)
            )


def _check_try(view: WorkflowView, step: StepView) -> None:
    own = step.step
    is_linked = any(link.source == own.id and link.port == "error" for link in step.scope.scope.links)
    if own.catch is None and own.finally_ is None and own.fallback is msgspec.UNSET and not is_linked:
        message = (
            f"{own.id!r} catches nothing: it has no `catch`, no `finally`, and its error port is not linked."
        )
        view.findings.add("try-without-catch", step.path, message, key=True)


def _check_race(view: WorkflowView, step: StepView) -> None:
    branches = step.step.branches
    if branches is None or view.findings.tree.find((*step.path, "branches")) is None:
        return
    if len(branches) < 2:
        said = "one branch" if branches else "no branches"
        message = f"{step.id!r} has {said}; a race needs two."
        view.findings.add("race-of-one", (*step.path, "branches"), message, key=True)
