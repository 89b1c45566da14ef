"""`Releases`: on which version a run begins where a flag of the workspace says so, so that some begin on a new one first."""

import logging

from auraos.core.values import Value
from auraos.settings.flags.model import KEY
from auraos.settings.flags.names import VERSION_OF, version_of
from auraos.settings.flags.service import Flags

log = logging.getLogger("auraos.flags")


class Releases:
    """Chooses versions by the flags `auraos-version-of-WORKFLOW`."""

    def __init__(self, flags: Flags) -> None:
        self._flags = flags

    async def choose(self, workspace: str, workflow: str, run: str, given: Value) -> str:
        """Return the name of a workflow with the version that a run of it begins on; the name as it is where no flag says
        which, or the name pins one itself.
        """
        if "@" in workflow:
            return workflow
        fields = given if isinstance(given, dict) else {}
        context = {**fields, "workflow": workflow, KEY: run}
        found = await self._flags.guide(workspace, f"{VERSION_OF}{workflow}", context)
        if found is None:
            return workflow
        version = version_of(found.value)
        if version is None:
            log.warning("flags.no_version", extra={"workspace": workspace, "flag": found.key})
            return workflow
        return f"{workflow}@{version}"
