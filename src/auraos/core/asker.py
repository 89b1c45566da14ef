"""On whose behalf a step reaches the world."""

import msgspec


class Asker(msgspec.Struct, frozen=True):
    """A run, by the version of the workflow that it lives by."""

    workspace: str
    workflow: str = ""
    version: str = ""
    run: str = ""
    names: frozenset[str] | None = None
    """The secrets that the text of the step names: it gets at no others. None where no text says what it gets at."""
