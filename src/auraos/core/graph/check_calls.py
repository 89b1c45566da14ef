"""Checks of calls: the called workflow exists, takes the input it is given, and the chain of calls comes to an end."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from auraos.core.catalogue import Behaviour
from auraos.core.graph.names import split_called
from auraos.core.graph.read import Reading
from auraos.core.graph.read_scope import Written
from auraos.core.graph.schema_check import SchemaCheck, WholeTemplate
from auraos.core.graph.views import StepView, WorkflowView, plain_settings
from auraos.core.privacy import has_tags
from auraos.core.problems import Path
from auraos.core.schemas import given_input
from auraos.core.workflow import Scope, Step, Workflow

FindWorkflow: TypeAlias = Callable[[str], Workflow | None]
MOST_CALLS = 16


def check_calls(
    view: WorkflowView, others: FindWorkflow | None, whole: WholeTemplate, *, numbered: bool = False
) -> None:
    """Report calls that cannot work; `others` None: nobody knows which workflows there are."""
    chains = _Chains(view, others or _nobody)
    calls = _Calls(view, others, numbered)
    for step in view.steps:
        if step.behaviour is Behaviour.CALL:
            _check_call(calls, step, whole, chains)
    on_failure = view.workflow.settings.on_failure
    if on_failure is not None:
        path: Path = ("spec", "settings", "on_failure", "workflow")
        if view.findings.tree.find(path) is None:
            path = path[:-1]
        _find_called(calls, on_failure, path)


class _Calls(NamedTuple):
    """What is known where calls are checked."""

    view: WorkflowView
    others: FindWorkflow | None
    numbered: bool


def _check_call(calls: _Calls, step: StepView, whole: WholeTemplate, chains: "_Chains") -> None:
    view, path = calls.view, (*step.path, "with", "workflow")
    name = plain_settings(step.step.settings, "workflow")
    if not isinstance(name, str):
        if isinstance(step.step.settings.get("workflow"), str):
            message = (
                "Which workflow is called is fixed when this one is published; it cannot be an expression."
            )
            view.findings.add(
                "no-expression-here", path, message, hint="Use a `switch` with a `call` at each port."
            )
        return
    called = _find_called(calls, name, path)
    if called is None:
        return
    _check_input(view, step, called, whole)
    if has_tags(called.input) and not has_tags(view.workflow.input):
        message = f"The workflow {called.name!r} protects what it is given, and this one would keep it in the clear."
        hint = "Put the tags of its input on the input of this workflow, too."
        view.findings.add("private-call", path, message, hint=hint)
    if "@" in name.removesuffix("@latest"):
        return  # a version that is published already: what it calls was checked then
    chain = chains.back_from(called) if is_certain(step) else []
    if chain:
        message = f"Every run of this calls itself again: {' -> '.join(chain)}. At {MOST_CALLS} calls deep it fails."
        hint = "Let an `if` decide whether it goes on, or repeat steps by a `foreach` or a `while`."
        view.findings.add("call-recursion", path, message, hint=hint)
    elif chains.depth_of(called) + 1 > MOST_CALLS:
        view.findings.add("call-too-deep", path, f"Calls would be more than {MOST_CALLS} deep.")


def _find_called(calls: _Calls, name: str, path: Path) -> Workflow | None:
    view, others = calls.view, calls.others
    name = name.removesuffix("@latest")
    parts = split_called(name)
    if parts is None:
        hint = "Write small letters, digits and -, as `invoice`."
        view.findings.add("bad-name", path, f"{name!r} cannot be the name of a workflow.", hint=hint)
        return None
    if parts[1] is not None and calls.numbered:
        return _find_pinned(calls, name, path)
    if parts[1] is not None:
        message = f"{name!r} pins a version, and files have no version numbers."
        fix = view.findings.fix_value(path, f"Write {parts[0]}", parts[0])
        hint = f"Write {parts[0]}: a run stays with what the file says when it starts."
        view.findings.add("pinned-call", path, message, hint=hint, fix=fix)
    if parts[0] == view.workflow.name:
        return view.workflow
    if others is None:
        return None
    called = others(parts[0])
    if called is None:
        message = f"There is no workflow {parts[0]!r}."
        view.findings.add("unknown-workflow", path, message, hint="Is it misspelt, or not there yet?")
    return called


def _find_pinned(calls: _Calls, name: str, path: Path) -> Workflow | None:
    called = calls.others(name) if calls.others is not None else None
    if called is None and calls.others is not None:
        message = f"There is no published version {name!r}."
        calls.view.findings.add(
            "unknown-workflow", path, message, hint="See which versions the workflow has."
        )
    return called


def _nobody(_name: str) -> Workflow | None:
    return None


def _check_input(view: WorkflowView, step: StepView, called: Workflow, whole: WholeTemplate) -> None:
    if not called.input:
        return
    given = given_input(called.input, step.step.settings.get("input"))
    path = (*step.path, "with", "input")
    if "input" not in step.step.settings:
        there = given if isinstance(given, dict) else ()
        required = [name for name in called.input.get("required", ()) if name not in there]
        if required:
            names = ", ".join(map(repr, required))
            message = f"The workflow {called.name!r} needs an input with {names}."
            view.findings.add(
                "missing-field", (*step.path, "with"), message, hint="Write it as `input: {…}`.", key=True
            )
        return
    SchemaCheck(called.input, view.findings, whole=whole).check(given, path, f"The input of {called.name!r}")


class _Chains:
    """Where the calls of called workflows lead, worked out once for each."""

    def __init__(self, view: WorkflowView, others: FindWorkflow) -> None:
        self.view = view
        self.others = others
        self._back: dict[str, list[str]] = {}
        self._depths: dict[str, int] = {}

    def back_from(self, called: Workflow) -> list[str]:
        """Return the names of a chain of calls, each made in every run, that leads back to the caller; empty for none."""
        if called.name not in self._back:
            self._back[called.name] = self._find_way_back(called)
        return self._back[called.name]

    def depth_of(self, called: Workflow) -> int:
        """Return how many calls deep a called workflow goes."""
        if called.name not in self._depths:
            self._depths[called.name] = depth_of_calls(called, self.others)
        return self._depths[called.name]

    def _find_way_back(self, called: Workflow) -> list[str]:
        caller = self.view.workflow
        trails: list[list[Workflow]] = [[called]]
        seen = {called.name}
        while trails:
            trail = trails.pop()
            if trail[-1].name == caller.name:
                return [caller.name, *(workflow.name for workflow in trail)]
            reading = Reading(workflow=trail[-1], written=Written())
            inner = WorkflowView(reading, self.view.catalogue, self.view.findings)
            for name in sorted(_certain_calls(inner) - seen):
                following = caller if name == caller.name else self.others(name)
                seen.add(name)
                if following is not None:
                    trails.append([*trail, following])
        return []


def _certain_calls(view: WorkflowView) -> set[str]:
    calls = (step for step in view.steps if step.behaviour is Behaviour.CALL and is_certain(step))
    names = (plain_settings(step.step.settings, "workflow") for step in calls)
    return {name.removesuffix("@latest") for name in names if isinstance(name, str)}


def is_certain(step: StepView) -> bool:
    """Return whether a step runs in every run that does not fail."""
    flow = step.scope.flow
    number = flow.number[step.id]
    if flow.steps[number] is not step.step or not flow.always >> number & 1:
        return False
    owner = step.scope.owner
    if owner is None:
        return True
    is_entered = step.scope.section == "body" and owner.behaviour in (Behaviour.TRY, Behaviour.WHILE)
    return is_entered and is_certain(owner)


def depth_of_calls(workflow: Workflow, others: FindWorkflow) -> int:
    """Return how many calls deep a workflow goes, up to just beyond what is allowed.

    A call that leads back to a workflow of its own chain is left out: how often that happens, the run decides.
    """
    known: dict[str, int] = {}

    def depth(current: Workflow, chain: tuple[str, ...]) -> int:
        if current.name not in known and len(chain) <= MOST_CALLS:
            names = sorted(called_names(current.scope) - {*chain, current.name})
            called = [found for name in names if (found := others(name)) is not None]
            inner = (depth(one, (*chain, current.name)) + 1 for one in called)
            known[current.name] = max(inner, default=0)
        return known.get(current.name, 0)

    return depth(workflow, ())


def called_names(scope: Scope) -> set[str]:
    """Return the names of all workflows that the steps of a scope call."""
    names: set[str] = set()
    waiting = [scope]
    while waiting:
        for step in waiting.pop().steps.values():
            if step.type == "call" and isinstance(step.settings.get("workflow"), str):
                names.add(step.settings["workflow"].removesuffix("@latest"))
            waiting.extend(_inner_scopes(step))
    return names


def _inner_scopes(step: Step) -> list[Scope]:
    parts = (step.body, step.catch, step.finally_, *(step.branches or {}).values())
    return [part for part in parts if part is not None]
