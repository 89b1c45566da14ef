"""The input of a case, as a start would take it."""

from auraos.core.schemas import SchemaCheck, given_input
from auraos.core.values import Value
from auraos.core.workflow import Workflow
from auraos.engine.definitions import InputRefusedError


def take_input(workflow: Workflow, given: Value) -> Value:
    """Return an input with the defaults of the workflow's schema; raise `InputRefusedError` where no run would begin with it.

    A case of a workflow with `batch` plays the one run, whose input is the list of what the starts were given.
    """
    schema = workflow.input
    if not schema:
        return given
    if workflow.settings.batch is not None:
        schema = {"type": "array", "items": schema, "$defs": schema.get("$defs", {})}
    value = given_input(schema, given)
    found = [
        f"input{mismatch.path}: {mismatch.message}" for mismatch in SchemaCheck(schema).mismatches(value)
    ]
    if found:
        raise InputRefusedError(
            f"The workflow {workflow.name!r} would refuse this input: {'; '.join(found[:20])}.",
            hint="See the schema under `spec.input` of the workflow.",
            problems=found,
        )
    return value
