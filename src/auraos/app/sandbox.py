"""The sandbox for code, made when a step first wants it: most runs have no code, and loading it takes time."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from auraos.core.values import Value
from auraos.sdk import Sandbox
from auraos.sdk.protocols import SandboxResult


class LateSandbox:
    """A sandbox that is not there until it is used."""

    def __init__(self) -> None:
        self._sandbox: Any = None

    async def run(
        self,
        code: str,
        inputs: Mapping[str, Value],
        *,
        timeout: timedelta,  # noqa: ASYNC109 (as in the port: the sandbox keeps it)
        memory: int,
    ) -> SandboxResult:
        """Run statements in the sandbox."""
        if self._sandbox is None:
            from auraos.engine.sandbox import MontySandbox  # noqa: PLC0415 (see above)

            self._sandbox = MontySandbox()
        result: SandboxResult = await self._sandbox.run(code, inputs, timeout=timeout, memory=memory)
        return result

    async def close(self) -> None:
        """Let go of the sandbox's processes, if there are any."""
        if self._sandbox is not None:
            await self._sandbox.close()


def make_sandbox() -> Sandbox:
    """Return a sandbox that costs nothing until it is used."""
    return LateSandbox()
