"""How runs begin: what is asked for is made a start, refused where it cannot be, and durable before anybody hears of it."""

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from auraos.core.run import LARGEST, refuse_vast
from auraos.core.run.facts import RunStarted
from auraos.core.values import Value
from auraos.engine.answers import RequestRefusedError
from auraos.engine.definitions import Programs
from auraos.engine.ports import Clock, FencedError, Store, Version, WriteRefusedError
from auraos.engine.remote import FIRST_LOOK, LONGEST_WAIT
from auraos.engine.requests import Requests
from auraos.engine.shards import Shards

AGAIN = 0.1
DEFAULT_WORKSPACE = "default"
_NAME = re.compile(r"(?![0-9]+$)[A-Za-z0-9_][A-Za-z0-9_.~-]{0,127}", re.ASCII)


class Beginnings:
    """Lets runs begin that somebody asks for."""

    def __init__(
        self, store: Store, clock: Clock, programs: Programs, requests: Requests, shards: Shards
    ) -> None:
        self.largest_value = LARGEST
        self._store = store
        self._clock = clock
        self._programs = programs
        self._requests = requests
        self._shards = shards
        self._under_way: dict[str, asyncio.Future[None]] = {}
        """Those whose ids were given."""

    async def prepare(  # noqa: PLR0913 (as for a start)
        self, workflow: str | Version, *, input: Value, workspace: str, variables: dict[str, Any] | None,  # noqa: A002
        trigger: Value, by: str, run: str, called: Sequence[Version],
    ) -> RunStarted:  # fmt: skip
        """Return the start that is asked for; refuse one that cannot be."""
        for name in (workspace, run):
            if name and name != DEFAULT_WORKSPACE and not _NAME.fullmatch(name):
                raise RequestRefusedError(
                    f"{name[:60]!r} cannot be the id of a run, or the name of a workspace.",
                    hint="Use letters, digits, dots and hyphens, 128 at most, not digits alone.",
                )
        for value in (input, variables, trigger):
            if value is not None:
                refuse_vast(value, self.largest_value)
        if isinstance(workflow, str):
            version = await self._programs.resolve(workspace, workflow)
        else:
            version = self._programs.take(workflow)
        program = self._programs.known(version)
        return RunStarted(
            at=self._clock.now(),
            run=run or self._clock.new_id(),
            workflow=program.workflow.name,
            version=version,
            workspace=workspace,
            input=self._programs.take_input(version, input),
            variables=variables or {},
            trigger=trigger,
            by=by,
            resolved={each.name: self._programs.take(each) for each in called} if called else {},
        )

    async def begin(self, started: RunStarted, *, shard: int | None = None) -> None:
        """Begin a run; return when its start is durable. While this process owns nothing, it waits a little."""
        program = self._programs.known(started.version)
        while True:
            if not self._shards.own:
                await self._shards.ready()
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            try:
                await self._requests.begin(started, program, waiter, shard=shard)
                await waiter
                return await self._until_there(started.run)
            except FencedError:  # certainly not written
                await asyncio.sleep(AGAIN)

    async def _until_there(self, run: str) -> None:
        """Let whoever asked find the run, where it is another process that begins it: that is a matter of milliseconds, or of
        seconds while nobody leads its shard.
        """
        if not self._requests.is_sent(run):
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_WAIT):
                while not await self._requests.is_begun(run):  # noqa: ASYNC110 (the other process tells nobody)
                    await asyncio.sleep(FIRST_LOOK)

    async def begin_once(self, started: RunStarted) -> None:
        """Begin a run whose id was given, unless there is one of that id."""
        run = started.run
        while (other := self._under_way.get(run)) is not None:
            await asyncio.wait([other])
        self._under_way[run] = done = asyncio.get_running_loop().create_future()
        try:
            if not await self._requests.is_begun(run):
                await self.begin(started)
        except WriteRefusedError:
            if not await self._requests.is_begun(run):  # else another start under this id came first
                raise
        finally:
            del self._under_way[run]
            done.set_result(None)
