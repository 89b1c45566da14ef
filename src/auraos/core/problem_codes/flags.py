"""Codes of feature flags."""

from auraos.core.problem_codes.code import WARNING, ProblemCode

_KNOWN = "It takes a server, or a folder with files of flags. "
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
        code="unknown-flag",
        title="A flag that does not exist",
        why="The step would fail for want of it. In a folder it is a warning, for the flag may be published on a server.",
        reason=f"{_KNOWN}Publish the flag first, or give the step a `default`.",
    ),
    ProblemCode(
        code="flag-port",
        title="A port that only a boolean flag has",
        why="A flag of another type goes on at `out` alone, so what follows at `true` or `false` would never run.",
        reason=f"{_KNOWN}Use a `switch` over the value that the step brings.",
        severity=WARNING,
    ),
    ProblemCode(
        code="flag-release",
        title="A flag that is to give versions of a workflow and does not",
        why=(
            "A flag named `auraos-version-of-WORKFLOW` says on which version runs begin. It is of type number, its variants are"
            " versions that were published, and only such a flag has a `guard`."
        ),
        reason=_CHECKED,
    ),
    ProblemCode(
        code="flag-rule",
        title="A rule that cannot be followed",
        why="A rule says `when` it fits, by an expression over `context`, and gives one `variant` or a `split`.",
        reason=_CHECKED,
    ),
)
