"""Attempts of steps with `cache`: an output that an earlier attempt brought stands in for carrying them out.

Two attempts that want the same at the same time both do the work: it only reads, and nobody waits for another run.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import msgspec

from auraos.core.catalogue import StepType
from auraos.core.run import LARGE
from auraos.core.run.commands import Cached, ExecuteStep
from auraos.core.run.facts import StepSucceeded
from auraos.core.values import Value, from_wire, to_wire
from auraos.engine.active import ActiveRun
from auraos.engine.attempts import Attempt, Ended, Outcome
from auraos.engine.cache import CacheRow, OutputCache
from auraos.engine.context import AttemptContext
from auraos.engine.ports import Redact

log = logging.getLogger("auraos.engine")


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """An output as it is kept, in its wire form."""

    ports: tuple[str, ...]
    output: Any


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Kept).decode
_FILE = b'{"$file":'
"""What a file begins with in the wire form; a text that says so stands there with its quotes escaped."""


class CachedAttempt(Attempt):
    """An attempt that looks into the cache first, and leaves its output there when it succeeds."""

    __slots__ = ("_cache", "_cached", "_run")

    def __init__(  # noqa: PLR0913 (as an attempt, and the cache)
        self,
        run: ActiveRun,
        command: ExecuteStep,
        step_type: StepType | None,
        context: AttemptContext,
        redact: Redact,
        now: Callable[[], int],
        ended: Ended,
        *,
        cache: OutputCache,
    ) -> None:
        assert command.cache is not None
        super().__init__(run, command, step_type, context, redact, now, ended)
        self._run = run
        self._cached: Cached = command.cache
        self._cache = cache

    async def carry_out(self, task: "asyncio.Task[None]") -> None:
        """Bring the output of an earlier attempt, if there is one; else do it."""
        kept = None if self.is_cancelled else await self._find()
        if kept is None or self.is_cancelled:
            await super().carry_out(task)
            return
        self._end(
            StepSucceeded(
                at=self._now(), path=self.command.path, attempt=self.command.attempt,
                output=kept.output, ports=kept.ports, cached=True,
            )
        )  # fmt: skip

    async def _find(self) -> _Kept | None:
        """Return what is kept; a cache that cannot be read is an empty one."""
        try:
            value = await self._cache.cached(self._run.workspace, self._cached.key, self._now())
            if value is None:
                return None
            kept = _decode(value)
            output = from_wire(kept.output)
            return _Kept(kept.ports, output) if self._is_expected(output) else None
        except Exception as error:  # noqa: BLE001 (the border: the work can be done without)
            log.warning("cache.unreadable", extra={"run": self._run.id, "reason": str(error)})
            return None

    def _succeeded(self, output: Any) -> Outcome:
        outcome = super()._succeeded(output)
        if isinstance(outcome, StepSucceeded) and self._is_expected(outcome.output):
            value = _encode(_Kept(outcome.ports, to_wire(outcome.output)))
            if len(value) <= LARGE and _FILE not in value:  # a file lies with its run, and goes with it
                expires = outcome.at + int(self._cached.ttl * 1_000_000)
                self._run.draft.keep(CacheRow(self._cached.key, expires, value))
        return outcome

    def _is_expected(self, output: Value) -> bool:
        """Return whether the step will take this output: one that it refuses is a failure, and failures are not kept."""
        step = self._run.program.find(self.command.path)
        return step is None or step.expect is None or step.expect.first(output) is None
