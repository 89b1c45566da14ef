"""What the reference says of one problem code."""

from typing import Literal, TypeAlias

import msgspec

from auraos.core.problems import Severity

ShownBy: TypeAlias = Literal["check", "expression", "run", "console"]
"""What shows an example: `auraos check`, `auraos expressions eval`, a test case that is played, or commands in a terminal."""


class ProblemCode(msgspec.Struct, frozen=True, kw_only=True):
    """One code: how bad it is, what it is called, why it matters, and one example each of wrong and right.

    An example that is checked or run and begins with `kind:` is a whole document; one that begins with a field of a
    workflow's spec (`steps:`, `links:`, `input:` …) is such a spec. An example that is run ends with the one test case
    that leads to the error. A code without an example says why in `reason`, and what to do instead.
    """

    code: str
    title: str
    why: str
    bad: str = ""
    good: str = ""
    reason: str = ""
    shown_by: ShownBy = "check"
    severity: Severity = Severity.ERROR


WARNING = Severity.WARNING
