"""On whose behalf a step reaches the world."""

import msgspec


class Asker(msgspec.Struct, frozen=True):
    """A run, by the version of the workflow that it lives by."""

    workspace: str
    workflow: str = ""
    version: str = ""
    run: str = ""
