"""Following a run on the terminal, and telling how it stands when the command ends."""

import asyncio
import getpass
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

from auraos.app.house import LONG_WAIT, House
from auraos.app.runs.following import Followed, Patience, Waiting, follow
from auraos.app.runs.kin import find_kin
from auraos.cli.exits import Exit
from auraos.cli.kin import show_hearing
from auraos.cli.options import runs_command
from auraos.cli.progress import Progress, Row, run_line, show_row
from auraos.cli.screen import Screen, Tint, clean, print_json, to_side
from auraos.cli.times import clock, with_local_times
from auraos.cli.values import error_document
from auraos.core.errors import AuraError
from auraos.core.run.facts import StepError
from auraos.core.values import to_plain
from auraos.engine.client import EngineGoneError
from auraos.engine.stream import Change

_LONGEST_STAY = 60.0
_STATE_TINTS: dict[str, Tint] = {
    "succeeded": "green",
    "failed": "red",
    "cancelled": "yellow",
    "compensated": "yellow",
}


async def lead(
    open_house: Callable[..., AbstractAsyncContextManager[House]],
    begin: Callable[[House], Awaitable[tuple[str, int]]],
    *,
    patience: Patience,
    as_json: bool,
) -> int:
    """Open the house, begin something there (it returns the run, and how many of its facts are old), and follow the run.

    When the process that held the folder ends meanwhile, the run is led on here, as soon as that one has ended what must
    not be cut off.
    """
    async with open_house() as house:
        run, after = await begin(house)
        try:
            return await follow_and_show(house, run, patience=patience, as_json=as_json, after=after)
        except EngineGoneError:
            if not as_json:
                side = to_side()
                side.line(side.tint("The process that drove the run is leaving; it is led on here.", "dim"))
    async with open_house(wait=LONG_WAIT) as house:
        return await follow_and_show(house, run, patience=patience, as_json=as_json, after=after)


async def follow_and_show(
    house: House, run: str, *, patience: Patience, as_json: bool, after: int = 0
) -> int:
    """Show a run while it goes on, print what came of it, and return the exit code that says so."""
    detach = asyncio.Event()
    _listen_to_interrupt(detach)
    if house.own_engine is None and not as_json:
        side = to_side()
        side.line(side.tint(house.driver, "dim"))
    show, finish = await _shower(house, run, after, quiet=as_json)
    try:
        told = await follow(house, run, patience=patience, show=show, after=after, detach=detach)
    finally:
        finish()
    code = report(house, told, as_json=as_json)
    if told.state == "moved" and not as_json:
        to_side().line(f"  {clean((await house.find(told.run)).why)}")
    await see_failure_heard(house, told, as_json=as_json)
    await _see_writes_off(house, detach, as_json=as_json)
    return code


async def see_failure_heard(house: House, told: Followed, *, as_json: bool) -> None:
    """Stay while the workflow that hears of a failure does its work in this process, and say what came of it."""
    if told.state not in ("failed", "compensated"):
        return
    row = await house.find(told.run)
    if not house.is_remote and (await house.program(row)).workflow.settings.on_failure is None:
        return
    if house.own_engine is not None:
        with suppress(TimeoutError):
            await asyncio.wait_for(house.own_engine.drive_until_idle(), _LONGEST_STAY)
    kin = await find_kin(house, row)
    if not as_json:
        show_hearing(to_side(), kin)


async def _see_writes_off(house: House, detach: asyncio.Event, *, as_json: bool) -> None:
    """Stay while steps of other runs write in this process, for a write that is cut off is one that nobody knows of."""
    engine = house.own_engine
    if engine is None or detach.is_set() or not engine.count_writes():
        return
    if not as_json:
        side = to_side()
        side.line(side.tint("A step of another run still writes here and is waited for.", "dim"))
    last = time.monotonic() + _LONGEST_STAY
    while engine.count_writes() and not detach.is_set() and time.monotonic() < last:
        with suppress(TimeoutError):
            await asyncio.wait_for(detach.wait(), 0.1)


def report(house: House, told: Followed, *, as_json: bool) -> int:
    """Print the end of a run, or what it waits for and how to go on."""
    code = exit_code(told)
    if as_json:
        print_json(_document(house, told, code))
        return code
    side = to_side()
    name = side.tint(f"run {told.number}", "bold")
    if told.is_final:
        side.line(f"{name} {side.tint(told.state, _STATE_TINTS.get(told.state, 'bold'), 'bold')}")
        show_error(side, told.error)
        if told.state == "succeeded" or told.output is not None:
            side.stream.flush()
            print_json(to_plain(told.output))
    elif told.detached:
        side.line(f"{name} is kept as it stands and loses nothing. Go on with:")
        side.line(f"  {_command(house, 'resume', told.number)}")
    else:
        side.line(f"{name} {told.state}")
        _show_waits(side, house, told)
    return code


def exit_code(told: Followed) -> Exit:
    """Return the exit code that says how a run stands."""
    if told.detached:
        return Exit.INTERRUPTED
    if not told.is_final:
        return Exit.UNFINISHED
    if told.state == "moved":
        return Exit.UNFINISHED
    return Exit.DONE if told.state == "succeeded" else Exit.FAILED


def person() -> str:
    """Return who is at the keyboard."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def answers_to(house: House, waiting: Waiting) -> list[str]:
    """Return the commands that move a run on from what it waits for."""
    why, number = waiting.why, waiting.number or waiting.run
    path = ["--step", why.path]
    match why.data.get("kind", "") if why.state == "waiting" else why.state:
        case "approval":
            return [_command(house, "approve", number, *path), _command(house, "reject", number, *path)]
        case "signal":
            key = why.data.get("key", "")
            more = ["--key", key] if key else []
            return [_command(house, "signal", number, why.data.get("name", ""), *more)]
        case "event":
            return [_command(house, "event", why.data.get("name", ""))]
        case "asked":
            meant = ["--attempt", str(why.data["attempt"])] if why.data.get("attempt") else []
            return [
                _command(house, "resolve", number, why.path, outcome, *meant)
                for outcome in ("--succeeded", "--failed", "--retry")
            ]
    return []


def where_words(waiting: Waiting) -> str:
    """Return at which step a run waits; nothing where the whole run does."""
    return f"{clean(waiting.why.path)}: " if waiting.why.path else ""


def _command(house: House, verb: str, *words: Any) -> str:
    return runs_command(house.data, verb, *words)


def _show_waits(side: Screen, house: House, told: Followed) -> None:
    for waiting in told.waits:
        until = f" (until {clock(waiting.why.until)})" if waiting.why.until else ""
        inside = f"run {waiting.number}, " if waiting.number != told.number else ""
        words = clean(with_local_times(waiting.why.words))
        side.line(
            f"  {side.tint('⧗', 'yellow')} {inside}{where_words(waiting)}{words}{until if 'until' not in words else ''}"
        )
        for command in answers_to(house, waiting):
            side.line(f"      {side.tint(clean(command), 'cyan')}")
    if told.state == "paused":
        side.line(f"      {side.tint(_command(house, 'resume', told.number), 'cyan')}")
    elif not any(waiting.needs_somebody for waiting in told.waits):
        side.line(f"  Stay with it: {side.tint(_command(house, 'resume', told.number), 'cyan')}")


def show_error(side: Screen, error: StepError | None) -> None:
    """Print an error, what caused it, and what can be done about it."""
    depth = 0
    while error is not None and depth < 8:
        where = f" in {clean(error.path)}" if error.path else ""
        lead = "  because of " if depth else "  "
        label = side.tint(f"{error.class_}/{error.code}", "red")
        side.line(f"{lead}{label}{where}: {clean(error.message)}")
        if error.hint:
            side.line(f"    {side.tint('help', 'cyan')}: {clean(error.hint)}")
        error, depth = error.cause, depth + 1


def _document(house: House, told: Followed, code: Exit) -> dict[str, Any]:
    document: dict[str, Any] = {
        "ok": told.state == "succeeded",
        "run": told.run,
        "number": told.number,
        "state": told.state,
        "output": to_plain(told.output),
        "error": error_document(told.error),
        "exit_code": int(code),
    }
    if not told.is_final:
        document["detached"] = told.detached
        document["waits"] = [
            {
                "run": waiting.run,
                "number": waiting.number,
                "path": waiting.why.path,
                "words": waiting.why.words,
                "until": waiting.why.until,
                "answers": answers_to(house, waiting),
            }
            for waiting in told.waits
        ]
    return document


async def _shower(
    house: House, run: str, after: int, *, quiet: bool
) -> tuple[Callable[[Change], None] | None, Callable[[], None]]:
    """Return what shows the changes of a run, and what ends the showing."""
    if quiet:
        return None, _nothing
    side = to_side()
    try:
        program = await house.program(await house.find(run))
    except AuraError:
        if not house.is_remote:
            raise
        # a server may not show the text, or have step types that are not installed here
        return None, _nothing
    past = (await house.facts(run))[:after]
    if side.is_terminal and side.colours:
        from rich.console import Console  # noqa: PLC0415 (a pipe needs no drawing)

        from auraos.cli.live import LiveRun  # noqa: PLC0415

        seen = Progress(program)
        seen.recall(past)
        live = LiveRun(seen, Console(stderr=True))
        live.start()
        return live.show, live.stop

    def tell(row: Row, at: int) -> None:
        show_row(side, row, at)

    progress = Progress(program, tell)
    progress.recall(past)

    def show(change: Change) -> None:
        progress.note(change)
        words = run_line(change.fact) if change.fact is not None else ""
        if words:
            side.line(f"{side.tint(clock(progress.now), 'dim')} {clean(words)}")

    return show, _nothing


def _listen_to_interrupt(detach: asyncio.Event) -> None:
    """The first Ctrl-C leaves the run kindly, the second one at once."""
    loop = asyncio.get_running_loop()

    def leave() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        sys.stderr.write("\nLeaving the run; Ctrl-C again leaves at once.\n")
        detach.set()

    loop.add_signal_handler(signal.SIGINT, leave)


def _nothing() -> None:
    return None
