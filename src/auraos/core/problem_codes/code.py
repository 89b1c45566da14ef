"""What the reference says of one problem code."""

import msgspec

from auraos.core.problems import Severity


class ProblemCode(msgspec.Struct, frozen=True, kw_only=True):
    """One code: how bad it is, what it is called, why it matters, and one example each of wrong and right.

    An example that begins with `kind:` is a whole document; one that begins with a field of a workflow's spec
    (`steps:`, `links:`, `input:` …) is such a spec; anything else is a fragment that speaks for itself.
    """

    code: str
    title: str
    why: str
    bad: str = ""
    good: str = ""
    severity: Severity = Severity.ERROR


WARNING = Severity.WARNING
