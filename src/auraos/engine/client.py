"""The asking side of `engine.sock`: the same methods as `Engine` and `RunStore`, for a process that does not
hold the folder.
"""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from auraos.core.errors import OperationalError
from auraos.core.run.moving import Move
from auraos.core.values import Value, from_wire, to_wire
from auraos.engine import asks
from auraos.engine.clock import SystemClock
from auraos.engine.counting import RunsCounted, RunWindow
from auraos.engine.engine import Ended
from auraos.engine.log_lines import KeptLine, LinePlace, RunsMet, RunStretch
from auraos.engine.ports import Batch, LogLine, RunQuery, RunRow, Version
from auraos.engine.retention import Pruned
from auraos.engine.socket import with_short_name
from auraos.engine.stewardship import Status, Unfinished
from auraos.engine.stream import Change

T = TypeVar("T")


class EngineGoneError(OperationalError):
    """Nobody listens at the socket, or the process behind it ended."""

    code = "engine-gone"


class EngineClient:
    """A connection to the process that holds a folder."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: Path) -> None:
        self.path = path
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Queue[asks.Answer | None]] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def connect(cls, path: Path) -> "EngineClient":
        """Connect to the engine of a folder; raise `EngineGoneError` when there is none."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with_short_name(path, connection.connect)
            reader, writer = await asyncio.open_unix_connection(sock=connection, limit=asks.LONGEST_ANSWER)
        except OSError as error:
            connection.close()
            raise EngineGoneError(f"No engine answers at {path}.", hint="Start one, or try again.") from error
        return cls(reader, writer, path)

    async def close(self) -> None:
        """Hang up."""
        self._reading.cancel()
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except ConnectionError:
            return

    # --- the engine ---

    async def start(
        self, workflow: str | Version, *, input: Value = None, workspace: str = "default",  # noqa: A002
        variables: dict[str, Any] | None = None, by: str = "", run: str = "", called: Sequence[Version] = (),
    ) -> str:  # fmt: skip
        """Start a run and return its id when the start is durable."""
        name, version = (workflow, None) if isinstance(workflow, str) else ("", workflow)
        ask = asks.Start(
            workflow=name,
            version=version,
            called=list(called),
            input=to_wire(input),
            workspace=workspace,
            variables=to_wire(variables or {}),
            by=by,
            run=run,
        )
        return await self._ask(ask, str)

    async def retry(
        self, run: str, *, kind: Literal["retry", "fork"] = "retry", start_at: str | None = None,
        changes: dict[str, Value] | None = None, again: bool = False, workflow: Version | None = None, by: str = "",
    ) -> str:  # fmt: skip
        """Start a new run that goes on where this one failed, or begins again at a step; return its id."""
        ask = asks.Retry(
            run=run, kind=kind, start_at=start_at or "", changes=to_wire(changes or {}), again=again,
            version=workflow, by=by,
        )  # fmt: skip
        return await self._ask(ask, str)

    async def move(
        self, run: str, version: Version, *, steps: dict[str, str] | None = None, drop: Sequence[str] = (), by: str = "",
        reason: str = "",
    ) -> str:  # fmt: skip
        """Let a run go on by another version of its workflow, as a new run; return its id."""
        ask = asks.Move(
            run=run,
            made=SystemClock().new_id(),
            version=version,
            steps=dict(steps or {}),
            drop=list(drop),
            by=by,
            reason=reason,
        )
        return await self._ask(ask, str)

    async def check_move(
        self, run: str, version: Version, *, steps: dict[str, str] | None = None, drop: Sequence[str] = ()
    ) -> Move:
        """Return what would become of each step of a run by another version."""
        ask = asks.CheckMove(run=run, version=version, steps=dict(steps or {}), drop=list(drop))
        return await self._ask(ask, Move)

    async def wait(self, run: str) -> Ended:
        """Return how a run ended, once it has."""
        ended = await self._ask(asks.Wait(run=run), Ended)
        return msgspec.structs.replace(ended, output=from_wire(ended.output))

    async def subscribe(self, run: str, after: int = 0) -> AsyncIterator[Change]:
        """Yield every durable fact of a run after this number, its log and progress, until it ends."""
        number, queue = self._send(asks.Subscribe(run=run, after=after))
        try:
            while True:
                answer = self._checked(await queue.get())
                if not bytes(answer.change):
                    return
                yield asks.decode_change(bytes(answer.change))
        finally:
            self._answers.pop(number, None)

    async def signal(
        self, run: str, name: str, *, data: Value = None, key: str = "", id: str = "", by: str = "",  # noqa: A002
    ) -> None:  # fmt: skip
        """Put a signal into the run's mailbox."""
        await self._tell(asks.Signal(run=run, name=name, data=to_wire(data), key=key, id=id, by=by))

    async def approve(
        self, run: str, decision: str, *, path: str = "", by: str = "", comment: str = "", data: Value = None
    ) -> None:
        """Answer what a step asks."""
        await self._tell(
            asks.Approve(run=run, decision=decision, path=path, by=by, comment=comment, data=to_wire(data))
        )

    async def resolve(
        self, run: str, outcome: Literal["succeeded", "failed", "retry"], *, path: str = "", attempt: int = 0,
        output: Value = None, message: str = "", by: str = "",
    ) -> None:  # fmt: skip
        """Say what became of an attempt that nobody knows the outcome of."""
        ask = asks.Resolve(
            run=run, outcome=outcome, path=path, attempt=attempt, output=to_wire(output), message=message, by=by
        )  # fmt: skip
        await self._tell(ask)

    async def pause(self, run: str, *, by: str = "", reason: str = "") -> None:
        """Let nothing new start in a run."""
        await self._tell(asks.Pause(run=run, by=by, reason=reason))

    async def resume(self, run: str, *, by: str = "", variables: dict[str, Any] | None = None) -> None:
        """Let a paused run go on."""
        await self._tell(asks.Resume(run=run, by=by, variables=to_wire(variables or {})))

    async def cancel(
        self, run: str, *, by: str = "", reason: str = "", undo: bool = False, force: bool = False
    ) -> None:
        """Ask a run to end."""
        await self._tell(asks.Cancel(run=run, by=by, reason=reason, undo=undo, force=force))

    async def release(self, run: str, *, by: str = "") -> None:
        """Let a quarantined run go on."""
        await self._tell(asks.Release(run=run, by=by))

    async def prioritize(self, run: str, *, priority: int) -> None:
        """Change the priority of a run that waits to begin."""
        await self._tell(asks.Prioritize(run=run, priority=priority))

    async def places(self, run: str) -> dict[str, str]:
        """Return in words how far a run is from its turn, under an empty path, or each of its steps that is ready to go."""
        return await self._ask(asks.Places(run=run), dict[str, str])

    async def publish(self, type: str, *, data: Value = None, id: str = "") -> int:  # noqa: A002
        """Bring an event to every run that waits for its type."""
        return await self._ask(asks.Publish(type=type, data=to_wire(data), id=id), int)

    # --- the store ---

    async def runs(self, query: RunQuery) -> list[RunRow]:
        """Return a page of runs, newest first."""
        asked = {name: getattr(query, name) for name in RunQuery.__struct_fields__}
        return await self._ask(asks.ListRuns(**asked), list[RunRow])

    async def find(self, name: str, *, workspace: str | None = None) -> RunRow | None:
        """Return the run of this name."""
        return await self._ask(asks.Find(name=name, workspace=workspace), RunRow | None)  # type: ignore[arg-type]  # a union is a type to msgspec

    async def journal(self, run: str, after: int = 0) -> list[Batch]:
        """Return the journal of a run in order."""
        return await self._ask(asks.Journal(run=run, after=after), list[Batch])

    async def is_private(self, run: str) -> bool:  # noqa: ARG002 (as a store)
        """Return False: what comes from there is veiled already where it must be."""
        return False

    async def logs(
        self, run: str, *, path: str | None = None, limit: int = 1000, after: int = 0
    ) -> list[LogLine]:
        """Return the first lines that the steps of a run wrote, but for so many."""
        lines = await self._ask(asks.Logs(run=run, path=path, limit=limit, after=after), list[LogLine])
        return [_line_in(line) for line in lines]

    async def version(self, hash: str) -> Version | None:  # noqa: A002
        """Return a version of a definition by its hash."""
        return await self._ask(asks.GetVersion(hash=hash), Version | None)  # type: ignore[arg-type]  # a union is a type to msgspec

    async def every_run(self, after: str = "", *, limit: int = 1000) -> list[RunRow]:
        """Return runs of all workspaces by id, beginning after this one."""
        return await self._ask(asks.EveryRun(after=after, limit=limit), list[RunRow])

    async def results(self, run: str) -> list[tuple[str, int]]:
        """Return (path, generation) of each effect of a run whose success counts."""
        return await self._ask(asks.Results(run=run), list[tuple[str, int]])

    async def unfinished(self) -> Unfinished:
        """Count the runs that are not over."""
        return await self._ask(asks.CountUnfinished(), Unfinished)

    async def count_runs(self, window: RunWindow) -> list[RunsCounted]:
        """Return what there is to say of all runs of a window, and of each version; the first one is all together."""
        return await self._ask(asks.CountRuns(window=window), list[RunsCounted])

    async def newest_of(self, window: RunWindow, limit: int) -> list[RunRow]:
        """Return the newest runs of a window."""
        return await self._ask(asks.NewestOf(window=window, limit=limit), list[RunRow])

    async def runs_of(self, stretch: RunStretch) -> RunsMet:
        """Return the runs of a stretch that are meant."""
        return await self._ask(asks.RunsOf(stretch=stretch), RunsMet)

    async def lines_of(
        self,
        runs: Sequence[str],
        *,
        after: LinePlace | None = None,
        oldest_first: bool = False,
        limit: int = 1000,
    ) -> list[KeptLine]:
        """Return lines of these runs by run and line, beginning after a place."""
        ask = asks.LinesOf(runs=list(runs), after=after, oldest_first=oldest_first, limit=limit)
        found = await self._ask(ask, list[KeptLine])
        return [msgspec.structs.replace(one, said=_line_in(one.said)) for one in found]

    # --- who looks after the process ---

    async def status(self) -> Status:
        """Return how the process stands."""
        return await self._ask(asks.GetStatus(), Status)

    async def drain(self) -> None:
        """Let the process leave in good order."""
        await self._tell(asks.Drain())

    async def copy(self, file: str) -> None:
        """Let the process write a whole copy of its store into a new file."""
        await self._tell(asks.CopyStore(file=file))

    async def release_hold(self) -> str:
        """Let go on what is held since a restore; return why it was held, nothing when it was not."""
        return await self._ask(asks.ReleaseHold(), str)

    async def prune(self, older_than: timedelta, *, is_dry: bool = False) -> Pruned:
        """Delete every run that ended longer ago than this; with `is_dry` only count them."""
        return await self._ask(asks.Prune(older_than=older_than.total_seconds(), is_dry=is_dry), Pruned)

    # --- inside ---

    async def _ask(self, ask: asks.AnyAsk, kind: type[T]) -> T:
        number, queue = self._send(ask)
        try:
            answer = self._checked(await queue.get())
        finally:
            self._answers.pop(number, None)
        return msgspec.json.decode(bytes(answer.ok), type=kind)

    async def _tell(self, ask: asks.AnyAsk) -> None:
        await self._ask(ask, object)

    def _send(self, ask: asks.AnyAsk) -> "tuple[int, asyncio.Queue[asks.Answer | None]]":
        if self._reading.done():
            raise EngineGoneError("The engine hung up.")
        number = ask.number = next(self._numbers)
        queue: asyncio.Queue[asks.Answer | None] = asyncio.Queue()
        self._answers[number] = queue
        self._writer.write(msgspec.json.encode(ask) + b"\n")
        return number, queue

    def _checked(self, answer: asks.Answer | None) -> asks.Answer:
        if answer is None:
            raise EngineGoneError(
                "The engine hung up before it answered; nothing is known of what was asked."
            )
        if answer.error is not None:
            raise asks.heard(answer.error)
        return answer

    async def _read(self) -> None:
        try:
            while line := await self._reader.readline():
                answer = msgspec.json.decode(line, type=asks.Answer)
                queue = self._answers.get(answer.number)
                if queue is not None:
                    queue.put_nowait(answer)
        except (ConnectionError, ValueError):
            pass
        finally:
            for queue in self._answers.values():
                queue.put_nowait(None)


def _line_in(line: LogLine) -> LogLine:
    return msgspec.structs.replace(line, fields=from_wire(line.fields))
