"""What is looked at before a run exists: the input against its schema, the variables against those there are."""

from difflib import get_close_matches
from typing import Any

from auraos.core.errors import UserError
from auraos.core.privacy import HIDDEN, has_tags
from auraos.core.schemas import SchemaCheck, given_input
from auraos.core.values import Value
from auraos.core.workflow import Workflow


class StartRefusedError(UserError):
    """The input or the variables do not fit the workflow; `problems` lists everything that does not."""

    code = "input-refused"


def check_start(workflow: Workflow, given: Value, variables: dict[str, Any]) -> None:
    """Raise `StartRefusedError` with everything that does not fit."""
    problems = [*_input_problems(workflow, given), *_variable_problems(workflow, variables)]
    if not problems:
        return
    listed = "\n".join(f"  {one['path']}: {one['message']}" for one in problems)
    of_variables = all(one["path"].startswith("variables.") for one in problems)
    raise StartRefusedError(
        f"The run was not started, for what it was given does not fit {workflow.name!r}:\n{listed}",
        hint="Give it with --var key=value."
        if of_variables
        else "Give it with --input '{…}', --input @file.json or --input key=value.",
        problems=problems,
    )


def _input_problems(workflow: Workflow, given: Value) -> list[dict[str, str]]:
    if not workflow.input:
        return []
    check = SchemaCheck(workflow.input, mask=HIDDEN if has_tags(workflow.input) else "")
    mismatches = check.mismatches(given_input(workflow.input, given))
    if mismatches and given is None:
        return [{"path": "input", "message": "none was given, and the workflow wants one"}]
    return [{"path": f"input{mismatch.path}", "message": mismatch.message} for mismatch in mismatches]


def _variable_problems(workflow: Workflow, variables: dict[str, Any]) -> list[dict[str, str]]:
    problems = []
    for name in variables:
        if name not in workflow.variables:
            near = get_close_matches(name, workflow.variables, n=1)
            meant = f" Did you mean {near[0]!r}?" if near else ""
            problems.append(
                {"path": f"variables.{name}", "message": f"There is no variable {name!r}.{meant}"}
            )
    return problems
