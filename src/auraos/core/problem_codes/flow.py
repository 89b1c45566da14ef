"""Codes of runs that did not begin, for a setting of their workflow says how many go on."""

from auraos.core.problem_codes.code import ProblemCode

_WHY = "It takes several starts of one workflow, and an example is one run; see how to limit runs."

CODES = (
    ProblemCode(
        code="key-refused",
        title="A key without a value",
        why="The key of a setting, such as `concurrency`, has no value for this start, so nobody can say what it counts with.",
        reason=_WHY,
    ),
    ProblemCode(
        code="skipped",
        title="There was no room for it",
        why="A setting of its workflow allows so many runs, and says to leave further ones out.",
        reason=_WHY,
    ),
    ProblemCode(
        code="limit-reached",
        title="There was no room for it, which counts as a failure",
        why="A setting of its workflow allows so many runs, and says that further ones fail.",
        reason=_WHY,
    ),
    ProblemCode(
        code="replaced",
        title="Another run took its place",
        why="A later start of the same key runs instead, as `debounce` and `cancel_oldest` say.",
        reason=_WHY,
    ),
    ProblemCode(
        code="gathered",
        title="Its input went into another run",
        why="The workflow gathers starts by `batch`; the run that the message names carries this input along.",
        reason=_WHY,
    ),
)
