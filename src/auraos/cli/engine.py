"""`auraos engine`: the process that serves a data folder, looked at and led."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from cyclopts import Parameter

from auraos.app import house
from auraos.app.house import open_server
from auraos.cli.exits import Exit
from auraos.cli.options import DEFAULT_DATA, Data, Json
from auraos.cli.screen import Screen, Tint, clean, pad, print_json, to_people
from auraos.cli.times import clock
from auraos.engine.client import EngineClient
from auraos.engine.stewardship import Status
from auraos.storage.folder import is_held

T = TypeVar("T")
_PHASE_TINTS: dict[str, Tint] = {"serving": "green", "held": "yellow", "draining": "yellow"}
_LEFT_WITHIN = 60.0


def status(*, data: Data = DEFAULT_DATA, json: Json = False) -> int:
    """Show how the process stands that serves the data folder: its runs, its queues, its store."""
    found = _ask(data, lambda client: client.status())
    if json:
        print_json({"ok": True, **msgspec.to_builtins(found)})
        return Exit.DONE
    _show(to_people(), found)
    return Exit.DONE


def drain(
    *,
    wait: Annotated[bool, Parameter(help="Stay until the process has gone.")] = True,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Let the process that serves the data folder leave in good order.

    It takes nothing new, finishes the steps that write, and lets the folder go, as it does when it is sent SIGTERM.
    """
    socket = _drain(data)
    gone = _until_gone(data, socket) if wait else False
    if json:
        print_json({"ok": True, "gone": gone})
    elif wait:
        to_people().line("The process has gone." if gone else "The process still finishes what it began.")
    else:
        to_people().line("The process is leaving.")
    return Exit.DONE if gone or not wait else Exit.UNFINISHED


def release(*, data: Data = DEFAULT_DATA, json: Json = False) -> int:
    """Let the runs of a restored data folder go on.

    After `auraos restore` nothing moves, for a backup is a time machine: what its runs would do, the world may have seen
    already. Look at them first.
    """
    held = asyncio.run(house.release(data))
    if json:
        print_json({"ok": True, "was_held": bool(held)})
    else:
        name = clean(str(data))
        to_people().line(f"{name} is released: its runs go on." if held else f"{name} was not held.")
    return Exit.DONE


def _ask(data: Path, ask: Callable[[EngineClient], Awaitable[T]]) -> T:
    async def go() -> T:
        async with open_server(data) as opened:
            assert isinstance(opened.store, EngineClient)
            return await ask(opened.store)

    return asyncio.run(go())


def _drain(data: Path) -> Path:
    """Let a process leave; return where it listened."""

    async def go() -> Path:
        async with open_server(data) as opened:
            assert isinstance(opened.store, EngineClient)
            await opened.store.drain()
            return opened.store.path

    return asyncio.run(go())


def _until_gone(data: Path, socket: Path) -> bool:
    """Wait for the process to go; return whether it has."""
    last = time.monotonic() + _LEFT_WITHIN
    while (is_there := is_held(data) or socket.exists()) and time.monotonic() < last:
        time.sleep(0.1)
    return not is_there


def _show(screen: Screen, found: Status) -> None:
    load, whole = found.load, found.load.pools.get("")
    phase = screen.tint(found.phase, _PHASE_TINTS.get(found.phase, "red"), "bold")
    screen.line(f"{phase}  process {found.process} since {clock(found.since)}, {clean(found.keeps)}")
    rows: list[tuple[str, Any]] = [
        ("owner", f"{found.owner}, {load.shards} shards"),
        (
            "runs",
            f"{load.runs} in memory; unfinished: {found.unfinished.awake} awake, {found.unfinished.asleep} asleep",
        ),
        ("steps", f"{load.attempts} under way, {load.writing} of them write"),
    ]
    if whole is not None:
        rows.append(("slots", f"{whole.free} of {whole.limit} free, {whole.waiting} wait for one"))
    rows += [
        (f"pool {clean(name)}", f"{pool.free} of {pool.limit} free, {pool.waiting} wait for one")
        for name, pool in sorted(load.pools.items())
        if name
    ]
    takes = (
        "the store takes none"
        if found.write_takes is None
        else f"one takes {found.write_takes * 1000:.1f} ms"
    )
    rows.append(
        ("writes", f"{load.unwritten} wait, {takes}, {found.commits_per_second:.0f} commits a second")
    )
    if found.unfinished.oldest is not None:
        rows.append(("oldest", f"a run that is awake began {clock(found.unfinished.oldest)}"))
    troubled = found.unfinished.parked + found.unfinished.quarantined
    if troubled:
        words = f"{found.unfinished.parked} parked, {found.unfinished.quarantined} quarantined: auraos doctor"
        rows.append(("trouble", words))
    rows.append(("memory", f"{found.memory / 1_048_576:.0f} MB"))
    if found.disk:
        rows.append(("disk", clean(found.disk)))
    for name, words in rows:
        screen.line(f"  {screen.tint(pad(name, 8), 'dim')} {words}")
