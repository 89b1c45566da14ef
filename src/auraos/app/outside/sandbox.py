"""The sandbox for code, made when a step first wants it: most runs have no code, and loading it takes time."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from auraos.core.values import Value
from auraos.sdk.protocols import SandboxResult

if TYPE_CHECKING:
    from auraos.engine.sandbox import Sandbox


class LateSandbox:
    """A sandbox that is not there until it is used."""

    def __init__(self) -> None:
        self._sandbox: Sandbox | None = None

    async def run(
        self,
        code: str,
        inputs: Mapping[str, Value],
        *,
        timeout: timedelta,  # noqa: ASYNC109 (as in the port: the sandbox keeps it)
        memory: int,
        now: datetime | None = None,
        seed: str = "",
    ) -> SandboxResult:
        """Run statements in the sandbox."""
        if self._sandbox is None:
            from auraos.engine.sandbox import Sandbox  # noqa: PLC0415 (see above)

            self._sandbox = Sandbox()
        return await self._sandbox.run(code, inputs, timeout=timeout, memory=memory, now=now, seed=seed)

    async def close(self) -> None:
        """Let go of the sandbox's processes, if there are any."""
        if self._sandbox is not None:
            await self._sandbox.close()
            self._sandbox = None
