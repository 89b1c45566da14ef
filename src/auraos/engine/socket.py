"""`engine.sock`: where the process that holds the folder listens to other processes of the same user.

An answer means that the engine's fact is durable, or says why there will be none.
"""

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from auraos.core.document import content_hash, read_document
from auraos.core.errors import AuraError, UnexpectedError, UserError
from auraos.core.run import LARGEST
from auraos.core.values import from_wire, to_wire
from auraos.engine import asks
from auraos.engine.engine import Ended, Engine
from auraos.engine.notes import Noting
from auraos.engine.ports import LogLine, RunQuery, Version
from auraos.engine.stewardship import InspectedStore, NoStewardError, Steward
from auraos.engine.stream import veil

MOST_AT_ONCE = 100
"""How many asks of one connection are under way, those apart that last as long as a run; the others wait unread."""
WAITING_CONNECTIONS = 100
"""So many connections wait until they are taken."""
LONGEST_KNOCK = 1.0
LAST_ANSWERS = 2.0
"""For so many seconds asks that are under way are waited for when the socket closes."""


class AskRefusedError(UserError):
    """A line that is no ask."""

    code = "ask-refused"


class EngineSocket:
    """The listening side. Make it with the engine, `await open()`, and `await close()` it before the
    engine.
    """

    def __init__(
        self, engine: Engine, store: InspectedStore, path: Path, *, steward: Steward | None = None,
        largest_value: int = LARGEST, witness: Callable[[asks.AnyAsk], AbstractAsyncContextManager[Noting | None]] | None = None,
    ) -> None:  # fmt: skip
        self._witness = witness
        self._engine = engine
        self._steward = steward
        self._store = store
        self._path = path
        self._longest_ask = asks.LINE_OF_VALUES * largest_value
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._lasting: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        """Listen; only this user may connect."""
        listening = bind(self._path)
        self._server = await asyncio.start_unix_server(self._serve, sock=listening, limit=self._longest_ask)

    async def close(self) -> None:
        """Stop listening, answer what was asked, and hang up; what lasts as long as a run is not waited for."""
        if self._server is None:
            return
        self._server.close()
        asked = self._tasks - self._lasting
        if asked:
            await asyncio.wait(asked, timeout=LAST_ANSWERS)
        for task in tuple(self._tasks):
            task.cancel()
        for writer in tuple(self._writers):
            writer.close()
        await self._server.wait_closed()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if not _is_same_user(writer):
                return
            places = asyncio.Semaphore(MOST_AT_ONCE)
            while line := await reader.readline():
                await places.acquire()
                task = asyncio.create_task(self._answer(line, writer, places))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except (ConnectionError, ValueError):  # hung up, or sent a line without end
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter, places: asyncio.Semaphore) -> None:
        number, holds_place = 0, True
        try:
            ask = _read(line)
            number = ask.number
            _vouch(ask)
            if isinstance(ask, asks.Subscribe | asks.Wait):  # they last as long as a run does
                holds_place = False
                places.release()
                self._lasts(asyncio.current_task())
            if isinstance(ask, asks.Subscribe):
                await self._stream(ask, writer)
                answer = asks.Answer(number=number, ok=msgspec.Raw(b"null"))
            else:
                answer = asks.Answer(
                    number=number, ok=msgspec.Raw(msgspec.json.encode(await self._witnessed(ask)))
                )
        except AuraError as error:
            answer = asks.Answer(number=number, error=asks.tell(error))
        except Exception as error:  # noqa: BLE001 (the border: one ask must not end the others)
            told = UnexpectedError(f"The engine broke: {type(error).__name__}: {error}")
            answer = asks.Answer(number=number, error=asks.tell(told))
        await _send(writer, answer)
        if holds_place:
            places.release()

    def _lasts(self, task: "asyncio.Task[None] | None") -> None:
        if task is not None:
            self._lasting.add(task)
            task.add_done_callback(self._lasting.discard)

    async def _stream(self, ask: asks.Subscribe, writer: asyncio.StreamWriter) -> None:
        is_private = await self._store.is_private(ask.run)
        async for change in self._engine.subscribe(ask.run, ask.after):
            shown = msgspec.Raw(asks.encode_change(veil(change) if is_private else change))
            await _send(writer, asks.Answer(number=ask.number, change=shown))

    async def _witnessed(self, ask: asks.AnyAsk) -> Any:
        """Do what is asked, before whoever tells of it."""
        if self._witness is None:
            return await self._do(ask)
        async with self._witness(ask) as noting:
            return await self._do(ask, noting)

    async def _do(self, ask: asks.AnyAsk, noting: Noting | None = None) -> Any:
        match ask:
            case asks.Start():
                return await self._begin(ask, noting)
            case asks.Retry() | asks.Move() | asks.CheckMove() | asks.Wait() | asks.Publish():
                return await self._start(ask)
            case asks.ListRuns() | asks.Find() | asks.Journal() | asks.Logs() | asks.GetVersion():
                return await self._read(ask)
            case asks.Subscribe():
                return None
            case asks.Places():
                return await self._engine.places(ask.run)
            case asks.GetStatus() | asks.Drain() | asks.CopyStore() | asks.ReleaseHold() | asks.Prune():
                return await self._look_after(ask)
            case (
                asks.EveryRun() | asks.Results() | asks.CountUnfinished() | asks.CountRuns() | asks.NewestOf() | asks.RunsOf()
                | asks.LinesOf()
            ):  # fmt: skip
                return await self._inspect(ask)
            case _:
                return await self._lead(ask)

    async def _begin(self, ask: asks.Start, noting: Noting | None) -> str:
        begun = await self._engine.begin(
            ask.version or ask.workflow, input=from_wire(ask.input), workspace=ask.workspace,
            variables=from_wire(ask.variables), by=ask.by, run=ask.run, called=ask.called,
            note=None if noting is None else noting.of,
        )  # fmt: skip
        if noting is not None:
            noting.began(is_new=begun.is_new)
        return begun.run

    async def _start(self, ask: asks.Retry | asks.Move | asks.CheckMove | asks.Wait | asks.Publish) -> Any:
        engine = self._engine
        match ask:
            case asks.Retry():
                return await engine.retry(
                    ask.run, kind=ask.kind, start_at=ask.start_at or None, changes=from_wire(ask.changes),
                    again=ask.again, workflow=ask.version, by=ask.by,
                )  # fmt: skip
            case asks.Move():
                return await engine.move(
                    ask.run,
                    ask.version,
                    steps=ask.steps,
                    drop=ask.drop,
                    by=ask.by,
                    reason=ask.reason,
                    made=ask.made,
                )
            case asks.CheckMove():
                return await engine.check_move(ask.run, ask.version, steps=ask.steps, drop=ask.drop)
            case asks.Publish():
                return await engine.publish(ask.type, data=from_wire(ask.data), id=ask.id)
            case asks.Wait():
                ended = await engine.wait(ask.run)
                return msgspec.structs.replace(ended, output=to_wire(ended.output))

    async def _lead(
        self,
        ask: asks.Signal
        | asks.Approve
        | asks.Resolve
        | asks.Pause
        | asks.Resume
        | asks.Cancel
        | asks.Prioritize
        | asks.Release,
    ) -> None:
        given = {name: getattr(ask, name) for name in ask.__struct_fields__ if name not in ("number", "run")}
        for name in ("data", "output", "variables"):
            if name in given:
                given[name] = from_wire(given[name])
        await getattr(self._engine, type(ask).__name__.lower())(ask.run, **given)

    async def _read(self, ask: asks.ListRuns | asks.Find | asks.Journal | asks.Logs | asks.GetVersion) -> Any:
        match ask:
            case asks.ListRuns():
                asked = {name: getattr(ask, name) for name in RunQuery.__struct_fields__}
                return await self._store.runs(RunQuery(**asked))
            case asks.Find():
                return await self._store.find(ask.name, workspace=ask.workspace)
            case asks.Journal():
                return await self._store.journal(ask.run, ask.after)
            case asks.Logs():
                lines = await self._store.logs(ask.run, path=ask.path, limit=ask.limit, after=ask.after)
                return [_line_out(line) for line in lines]
            case asks.GetVersion():
                return await self._store.version(ask.hash)

    async def _look_after(self, ask: asks.StewardAsk) -> Any:
        steward = self._steward
        if steward is None:
            raise NoStewardError(
                "The process that holds this folder is a command that leads a run, and no server.",
                hint="Wait until it is done, or stop it.",
            )
        match ask:
            case asks.GetStatus():
                return await steward.status()
            case asks.Drain():
                return await steward.drain()
            case asks.CopyStore():
                return await steward.copy(ask.file)
            case asks.ReleaseHold():
                return await steward.release()
            case asks.Prune():
                return await steward.prune(timedelta(seconds=ask.older_than), is_dry=ask.is_dry)

    async def _inspect(self, ask: asks.InspectorAsk) -> Any:
        match ask:
            case asks.EveryRun():
                return await self._store.every_run(ask.after, limit=ask.limit)
            case asks.Results():
                return await self._store.results(ask.run)
            case asks.CountUnfinished():
                return await self._store.unfinished()
            case asks.CountRuns():
                return await self._store.count_runs(ask.window)
            case asks.NewestOf():
                return await self._store.newest_of(ask.window, ask.limit)
            case asks.RunsOf():
                return await self._store.runs_of(ask.stretch)
            case asks.LinesOf():
                found = await self._store.lines_of(
                    ask.runs, after=ask.after, oldest_first=ask.oldest_first, limit=ask.limit
                )
                return [msgspec.structs.replace(one, said=_line_out(one.said)) for one in found]


def _line_out(line: LogLine) -> LogLine:
    return msgspec.structs.replace(line, fields=to_wire(line.fields))


def _read(line: bytes) -> asks.AnyAsk:
    """Return what a line asks."""
    try:
        ask: asks.AnyAsk = msgspec.json.decode(line, type=asks.AnyAsk)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise AskRefusedError(f"This is no ask: {error}.") from None
    return ask


def _vouch(ask: asks.AnyAsk) -> None:
    """Refuse a text that is sent under the hash of another."""
    sent = [*getattr(ask, "called", ()), getattr(ask, "version", None)]
    for version in sent:
        if version is not None and version.hash != _hash_of(version):
            raise AskRefusedError(f"The text of {version.name!r} is not the version {version.hash[:12]!r}.")


def _hash_of(version: Version) -> str:
    document, _ = read_document(version.text, (version.kind,))
    return content_hash(document, version.step_types) if document is not None else ""


def bind(path: Path) -> socket.socket:
    """Return a socket that listens at this path, in place of one that nobody listens at any more.

    It gets its name when it listens already, so one that refuses a connection is deserted.
    """
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        with_short_name(beside, bound.bind)
        bound.listen(WAITING_CONNECTIONS)
        beside.replace(path)
    except BaseException:
        bound.close()
        raise
    finally:
        os.umask(before)
    bound.setblocking(False)
    return bound


def is_deserted(path: Path) -> bool:
    """Return whether certainly nobody on this machine listens at a socket any more."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(LONGEST_KNOCK)
        try:
            with_short_name(path, connection.connect)
        except ConnectionRefusedError:
            return True
        except OSError:  # also one who is too busy to take the connection
            return False
    return False


def with_short_name(path: Path, use: Any) -> None:
    """Call with a name for this socket that is short enough for the system, however deep its folder lies."""
    if len(os.fsencode(path)) < 100:
        use(str(path))
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        use(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)


async def _send(writer: asyncio.StreamWriter, answer: asks.Answer) -> None:
    try:
        writer.write(msgspec.json.encode(answer) + b"\n")
        await writer.drain()
    except ConnectionError:
        return


def _is_same_user(writer: asyncio.StreamWriter) -> bool:
    """Return whether the other side is run by the same user, or by the superuser."""
    peer: socket.socket = writer.get_extra_info("socket")
    if not hasattr(socket, "SO_PEERCRED"):
        return True  # the mode of the socket alone guards it
    _, user, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return user in (os.getuid(), 0)


__all__ = ["AskRefusedError", "Ended", "EngineSocket", "bind", "with_short_name"]
