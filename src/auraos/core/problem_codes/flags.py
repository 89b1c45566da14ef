"""Codes of feature flags."""

from auraos.core.problem_codes.code import ProblemCode

_CHECKED = "It is told of flags, by `auraos check` and by a server that keeps them; the page on feature flags shows a right one."

CODES = (
    ProblemCode(
        code="flag-variant",
        title="A variant that the flag does not have",
        why="Whoever should get it would get nothing. Name one of the `variants`.",
        reason=_CHECKED,
    ),
    ProblemCode(
        code="flag-value",
        title="A variant of another type than the flag",
        why="Programs that ask for a flag count on its type. Give each variant a value of it.",
        reason=_CHECKED,
    ),
    ProblemCode(
        code="flag-split",
        title="Shares that do not come to a hundred",
        why="Somebody would be given nothing, or it would not be clear what. Let the shares of a split come to 100.",
        reason=_CHECKED,
    ),
    ProblemCode(
        code="flag-rule",
        title="A rule that cannot be followed",
        why="A rule says `when` it fits, by an expression over `context`, and gives one `variant` or a `split`.",
        reason=_CHECKED,
    ),
)
