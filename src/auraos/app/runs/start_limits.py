"""`StartLimits`: whether one more run may begin in a workspace now, by its quotas and by the flag that switches starts off."""

from auraos.app.runs.quotas import RunQuotas
from auraos.core.errors import OperationalError
from auraos.core.values import Value
from auraos.settings.flags.model import KEY
from auraos.settings.flags.names import START_RUNS
from auraos.settings.flags.service import Flags


class StartsOffError(OperationalError):
    """The flag `auraos-start-runs` of the workspace keeps runs of this workflow from beginning."""

    code = "starts-off"


class StartLimits:
    """What is asked before a run begins."""

    def __init__(self, quotas: RunQuotas | None, flags: Flags | None) -> None:
        self._quotas = quotas
        self._flags = flags

    async def admit(self, workspace: str, workflow: str) -> None:
        """Count one more run of a workflow; raise where none may begin."""
        await self._refuse_when_off(workspace, workflow)
        await self.count(workspace)

    async def count(self, workspace: str) -> None:
        """Count one more run; raise where the workspace may have none more."""
        if self._quotas is not None:
            await self._quotas.take(workspace)

    async def look(self, workspace: str) -> None:
        """Raise where the workspace has no room for anything that runs; for what counts as no run."""
        if self._quotas is not None:
            await self._quotas.look(workspace)

    async def _refuse_when_off(self, workspace: str, workflow: str) -> None:
        """Raise `StartsOffError` where the flag of the workspace says that no run of this workflow begins now."""
        if self._flags is None:
            return
        name = workflow.partition("@")[0]
        context: dict[str, Value] = {KEY: name, "workflow": name}
        if not await self._flags.decide(workspace, START_RUNS, True, context):
            raise StartsOffError(
                f"No run of {name!r} is started now: the flag {START_RUNS} is off for it.",
                hint="Try again later, or ask whoever switched it.",
                retry_after=30,
            )
