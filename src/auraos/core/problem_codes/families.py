"""Codes that stand for a whole family of errors: they are given where nothing gave a more exact one."""

from auraos.core.problem_codes.code import ProblemCode

CODES = (
    ProblemCode(
        code="error",
        title="An error",
        why="The base of all errors; a more exact code stands in most places.",
        reason="It is the base of all errors, and nothing raises it by itself.",
    ),
    ProblemCode(
        code="user-error",
        title="Something that cannot be done as asked",
        why="Whoever wrote or asked it can mend it.",
        reason="It is the base of a family: what is reported has a code of its own.",
    ),
    ProblemCode(
        code="operational-error",
        title="The world failed",
        why="Trying again later may help.",
        reason=(
            "It is the base of a family: what is reported has a code of its own, such as `folder-in-use`."
        ),
    ),
    ProblemCode(
        code="unexpected-error",
        title="A mistake of this program",
        why="Please report it, with the message.",
        reason=(
            "No input is known that leads to it; if one were, it would be mended. `--debug` shows the traceback for "
            "the report."
        ),
    ),
    ProblemCode(
        code="step-crashed",
        title="A step that broke on its data",
        why="A mistake in the step's own code, or data that nobody foresaw; nothing is known of what it would have given.",
        reason=(
            "No step type of AuraOS is known to break. Look at the data it was given with `auraos runs journal`; if "
            "the step type is your own, raise `StepFailed` with a class and a code."
        ),
    ),
    ProblemCode(
        code="step-failed",
        title="A step failed",
        why="Certainly without effect.",
        reason=(
            "Every step type of AuraOS gives a more exact code. One of your own gives this when it raises `StepFailed` "
            "without a code; name one, so that `retry.on` can choose."
        ),
    ),
    ProblemCode(
        code="step-unknown",
        title="The outcome of a step is not known",
        why="It may or may not have had its effect.",
        reason=(
            "Every step type of AuraOS gives a more exact code, such as `no-definite-answer`. Say what became of the "
            "attempt with `auraos runs resolve`."
        ),
    ),
    ProblemCode(
        code="not-compilable",
        title="A workflow that its checks would refuse",
        why="Check it and mend what is found.",
        reason=(
            "The check finds the same first, so a run does not get as far. Run `auraos check FILE` and mend what it "
            "finds."
        ),
    ),
)
