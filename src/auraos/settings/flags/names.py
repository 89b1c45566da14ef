"""The names of flags that guide the product itself."""

from typing import Any, Final

START_RUNS: Final = "auraos-start-runs"
"""The flag of a workspace that says whether runs begin in it over the API; they do where there is none."""
VERSION_OF: Final = "auraos-version-of-"
"""So begins the name of a flag that says on which version runs of a workflow begin; the name of the workflow follows."""


def workflow_of(name: str) -> str:
    """Return the name of the workflow that a flag releases; nothing for one that releases none."""
    return name.removeprefix(VERSION_OF) if name.startswith(VERSION_OF) else ""


def version_of(value: Any) -> int | None:
    """Return the number of a version that a variant names; None for what is none."""
    is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return int(value) if is_whole and not isinstance(value, bool) and 0 < value < 2**31 else None
