"""Steps that are executed but have no effect, such as code: in a test they are really carried out, without any way out."""

import asyncio
import tempfile
from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn, Self

from auraos.app.outside.sandbox import LateSandbox
from auraos.core.catalogue import Catalogue, Chosen
from auraos.core.run.commands import ExecuteStep
from auraos.engine.clock import SystemClock
from auraos.engine.context import AttemptContext, Doors, Progress
from auraos.engine.ports import LogLine
from auraos.engine.trial import MockError, Outcome
from auraos.sdk import Answer, StepFailed
from auraos.storage.blobs import LocalBlobs


class RealPureSteps:
    """Carries out pure steps one after the other, with a sandbox and a folder for files, and nothing else.

    Use it in a `with`: it keeps a loop and the sandbox's processes from one step to the next.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._sandbox = LateSandbox()
        self._clock = SystemClock()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._sandbox.close())
        self._runner.close()
        if self._folder is not None:
            self._folder.cleanup()

    def execute(self, command: ExecuteStep, now: datetime) -> Outcome:  # noqa: ARG002 (the command knows its time)
        """Return what the step brings, or how it failed."""
        step_type = self._catalogue.find(command.type, command.version)
        if step_type is None or step_type.execute is None:
            raise MockError(
                f"The step {command.path!r} cannot be carried out in a test.", hint="Give it a mock."
            )
        context = AttemptContext(
            "test", "test", command, doors=self._doors(), listener=_Deaf(), clock=self._clock
        )
        try:
            output = self._runner.run(
                _within(command.timeout, step_type.execute(command.parameters, context))
            )
        except StepFailed as failed:
            told = {"class": failed.error_class, "code": failed.error_code, "message": failed.message}
            return Outcome(failure={**told, "data": failed.error_data})
        except TimeoutError:
            message = f"no answer within {command.timeout:g} s"
            return Outcome(failure={"class": "timeout", "code": "timeout", "message": message})
        if isinstance(output, Chosen):
            return Outcome(output=output.output, ports=output.ports)
        return Outcome(output=output)

    def _doors(self) -> Doors:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="auraos-test-", ignore_cleanup_errors=True)
        blobs = LocalBlobs(Path(self._folder.name))
        return Doors(
            http=_NoHttp(), secrets=_NoSecrets(), sandbox=self._sandbox, blobs=blobs, redact=_as_it_is
        )


async def _within(seconds: float | None, work: Awaitable[Any]) -> Any:
    return await asyncio.wait_for(work, seconds)


def _as_it_is(value: Any) -> Any:
    return value


def _refuse(what: str) -> NoReturn:
    raise MockError(f"A test has no {what}.", hint="Give the step that wants it a mock.")


class _NoHttp:
    def request(self, method: str, url: str, **_options: Any) -> AbstractAsyncContextManager[Answer]:
        _refuse(f"network, and {method} {url} wants one")


class _NoSecrets:
    async def reveal(self, name: str, *, host: str) -> str:  # noqa: ARG002
        _refuse(f"secrets, and {name!r} is asked for")


class _Deaf:
    def logged(self, line: LogLine) -> None:
        """Forget the line; a test shows none."""

    def progressed(self, run: str, progress: Progress) -> None:
        """Forget it; a test shows no progress."""
