"""Checks of conditions: those that are text, and those whose answer is known beforehand."""

from typing import Any

from auraos.core.catalogue import Behaviour
from auraos.core.expressions import ExpressionError, LocatedError, compile_expression
from auraos.core.expressions.types import always, type_of_value
from auraos.core.graph.fields import has_template
from auraos.core.graph.names import say_why_no_port
from auraos.core.graph.types import Types, say_type
from auraos.core.graph.uses import CONDITIONS, WORKFLOW_NAMES, Use, arrival_names, loop_names
from auraos.core.graph.views import StepView, WorkflowView
from auraos.core.problems import Path

_UNKNOWN = object()
_MUST_BE_BOOLEAN: dict[Behaviour | None, tuple[str, ...]] = {
    Behaviour.WHILE: ("condition",),
    Behaviour.FOREACH: ("enough",),
}
"""Conditions that the run machine does not take for true or false when they are something else."""


class _Answers:
    """The answers of conditions that are the same in every run."""

    def __init__(self, whole: dict[Path, Use], types: Types) -> None:
        self.whole = whole
        self.types = types

    def refuse_others(self, view: WorkflowView, value: Any, path: Path) -> bool:
        """Report a condition that is certain to be neither true nor false."""
        kind = self.types.type_of(self.whole[path]) if path in self.whole else type_of_value(value)
        if kind.kinds is None or "bool" in kind.kinds or (value is None and path[-1] == "enough"):
            return False
        message = f"{str(path[-1])!r} must be true or false, and this is {say_type(kind)}."
        view.findings.add("type-mismatch", path, message, hint="Compare it with something, as in `… > 0`.")
        return True

    def find(self, value: Any, path: Path) -> Any:
        """Return true or false, or that nobody can know."""
        if isinstance(value, bool | int | float) or value is None:
            return bool(value)
        use = self.whole.get(path)
        if use is None:
            return _UNKNOWN
        if not use.expression.is_constant:
            answer = always(self.types.type_of(use))
            return _UNKNOWN if answer is None else answer
        try:
            return bool(use.expression.evaluate({}))
        except LocatedError:
            return _UNKNOWN


def check_conditions(view: WorkflowView, uses: list[Use], types: Types) -> None:
    """Report conditions that are text or never vary; note which ports are never live because of them."""
    answers = _Answers({use.path: use for use in uses if use.is_whole}, types)
    for step in view.steps:
        deferred = step.type.deferred if step.type else {}
        for name in CONDITIONS & deferred.keys() & step.step.settings.keys():
            value, path = step.step.settings[name], (*step.path, "with", name)
            names = {*WORKFLOW_NAMES, *deferred[name], *arrival_names(step), *loop_names(step.scope)}
            if name == "cases":
                _check_cases(view, step, value, path, answers, names)
            else:
                _check_condition(view, step, value, path, answers, names)
        if step.step.verify is not None and step.step.verify.done:
            path = (*step.path, "verify", "done")
            _refuse_text(view, step.step.verify.done, path, {*WORKFLOW_NAMES, "output"})


def _check_condition(
    view: WorkflowView, step: StepView, value: Any, path: Path, answers: _Answers, names: set[str]
) -> None:
    if _refuse_text(view, value, path, names):
        return
    if path[-1] in _MUST_BE_BOOLEAN.get(step.behaviour, ()) and answers.refuse_others(view, value, path):
        return
    answer = answers.find(value, path)
    if answer is _UNKNOWN or value is None:
        return
    if step.behaviour is Behaviour.WHILE:
        if not answer:
            view.findings.add("constant-condition", path, "This is never true: the loop has one round only.")
        return
    said = "always true" if answer else "never true"
    if step.ports and {"true", "false"} <= set(step.ports):
        step.dead_ports.add("false" if answer else "true")
        said += f": one branch of {step.id!r} never runs"
    if not view.findings.has("constant-condition", path):
        view.findings.add("constant-condition", path, f"This is {said}.")


def _check_cases(
    view: WorkflowView, step: StepView, cases: Any, path: Path, answers: _Answers, names: set[str]
) -> None:
    if not isinstance(cases, dict):
        return
    is_first = step.step.settings.get("mode", "first") == "first"
    seen: dict[str, str] = {}
    taken = ""
    for name, value in cases.items():
        inner = (*path, name)
        reason = say_why_no_port(name, ("else", "error"))
        if reason:
            view.findings.add(reason[0], inner, f"A case cannot be named {name!r}. {reason[1]}", key=True)
        if taken and is_first:
            step.dead_ports.add(name)
            view.findings.add(
                "constant-condition", inner, f"This case is never reached: {taken!r} always holds.", key=True
            )
            continue
        if _refuse_text(view, value, inner, names):
            continue
        answer = answers.find(value, inner)
        if answer is not _UNKNOWN:
            said = "always true" if answer else "never true"
            if not view.findings.has("constant-condition", inner):
                view.findings.add("constant-condition", inner, f"This is {said}.")
            if answer:
                taken = name
            else:
                step.dead_ports.add(name)
        elif isinstance(value, str):
            first = seen.setdefault("".join(value.split()), name)
            if first != name and is_first:
                step.dead_ports.add(name)
                view.findings.add(
                    "constant-condition", inner, f"This is the same condition as that of {first!r}."
                )
    if taken:
        step.dead_ports.add("else")


def _refuse_text(view: WorkflowView, value: Any, path: Path, names: set[str]) -> bool:
    """Report a condition that is a text without braces, which always counts as true."""
    if not isinstance(value, str):
        return False
    if has_template(value):
        if value.strip().startswith("{{") and value.strip().endswith("}}") and value.count("{{") == 1:
            return _mend_spaces(view, value, path)
        message = (
            "This condition is a text with expressions in it, and a text that is not empty counts as true."
        )
        view.findings.add("text-condition", path, message, hint="Write one expression: `{{ … }}`.")
        return True
    fix, hint = None, "Put the expression between {{ and }}."
    if _looks_like_expression(value, names):
        node = view.findings.tree.find(path)
        written = "'" + value.replace("'", "''").join(("{{ ", " }}")) + "'"
        if '"' not in value and "\\" not in value:
            written = f'"{{{{ {value} }}}}"'
        if node is not None and node.start < node.end:
            fix = view.findings.fix_value(path, "Put it between {{ and }}", written, safe=True)
        hint = f"Write {written}."
    message = (
        "This condition is a text, which always counts as true." if value else "This condition is empty."
    )
    view.findings.add("text-condition", path, message, hint=hint, fix=fix)
    return True


def _mend_spaces(view: WorkflowView, value: str, path: Path) -> bool:
    if value == value.strip():
        return False
    message = "Around this expression stand spaces, which make it a text, and that counts as true."
    view.findings.add("text-condition", path, message, hint="Remove what stands before {{ and behind }}.")
    return True


def _looks_like_expression(text: str, names: set[str]) -> bool:
    try:
        reads = compile_expression(text).reads
    except ExpressionError:
        return False
    return bool(reads) and all(read[0] in names for read in reads)
