"""What the examples of problem codes really yield: the reference prints it, and the tests hold it."""

from collections.abc import Iterator

import msgspec

from auraos.app.definitions.files import CheckedFile, check_source
from auraos.app.outside.pure_steps import RealPureSteps
from auraos.core.catalogue import Catalogue
from auraos.core.document import read_document
from auraos.core.expressions import compile_expression
from auraos.core.expressions.errors import LocatedError
from auraos.core.expressions.meter import Meter
from auraos.core.graph import read_workflow
from auraos.core.problem_codes import ProblemCode
from auraos.core.run.facts import StepError
from auraos.core.workflow import Workflow
from auraos.engine.trial import World

SECRETS = ("stock-api",)
"""The secrets that there are for an example."""
_OTHER = "kind: workflow\nname: invoice\nspec:\n  steps:\n    a: {type: noop}\n"


class Yielded(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that an example yields: its code, where it stands, and what is said of it."""

    code: str
    severity: str = "error"
    where: str
    message: str
    hint: str = ""


def yield_of(code: ProblemCode, example: str, catalogue: Catalogue) -> list[Yielded]:
    """Return all that an example yields; an example of commands is run by whoever shows it."""
    match code.shown_by:
        case "check":
            return _checked(_check(example, catalogue))
        case "expression":
            return _evaluated(example)
        case "run":
            return _played(_check(example, catalogue), catalogue)
        case "console":
            return []


def document_of(example: str) -> str:
    """Return an example as a whole document."""
    if not example.startswith("steps:") and not _is_spec(example):
        return example
    return "kind: workflow\nname: example\nspec:\n" + "".join(f"  {line}\n" for line in example.split("\n"))


def _is_spec(example: str) -> bool:
    return example.partition(":")[0] in Workflow.__struct_fields__


def _check(example: str, catalogue: Catalogue) -> CheckedFile:
    def find(name: str) -> Workflow | None:
        document, _ = read_document(_OTHER)
        return read_workflow(document, catalogue)[0] if document is not None and name == "invoice" else None

    return check_source("example.yaml", document_of(example), catalogue, others=find, secrets=SECRETS)


def _checked(file: CheckedFile) -> list[Yielded]:
    return [
        Yielded(
            code=problem.code,
            severity=problem.severity.value,
            where=f"line {problem.place.line}, column {problem.place.column}"
            if problem.place
            else "the document",
            message=problem.message,
            hint=problem.hint,
        )
        for problem in file.problems
    ]


def _evaluated(expression: str) -> list[Yielded]:
    try:
        compile_expression(expression).evaluate({"input": None, "$meter": Meter()})
    except LocatedError as error:
        where = f"column {error.start + 1}"
        return [Yielded(code=error.code, where=where, message=error.message, hint=error.hint)]
    return []


def _played(file: CheckedFile, catalogue: Catalogue) -> list[Yielded]:
    """Play the one case of a document, and return the errors that its facts tell of, each once."""
    if file.errors or file.workflow is None:
        return _checked(file)
    with RealPureSteps(catalogue) as pure_steps:
        world = World(
            file.cases[0].case, file.workflow, catalogue, find_workflow=_no_workflow, pure_steps=pure_steps
        )
        world.play()
    found: dict[tuple[str, str], Yielded] = {}
    for fact in world.facts:
        results = getattr(fact, "results", ())
        for error in [getattr(fact, "error", None), *(result.error for result in results)]:
            for one in _with_causes(error):
                told = Yielded(code=one.code, where=_step_words(one), message=one.message, hint=one.hint)
                found.setdefault((one.code, one.path), told)
    return list(found.values())


def _with_causes(error: StepError | None) -> Iterator[StepError]:
    while error is not None:
        yield error
        error = error.cause


def _step_words(error: StepError) -> str:
    return f"step {error.path}" if error.path else "the run"


def _no_workflow(_name: str) -> Workflow | None:
    return None
