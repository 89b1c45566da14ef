"""Moving a run that goes on to another version of its workflow: first what becomes of each step is said, then it is done."""

# ruff: noqa: PLR0913 (a command has as many parameters as it has options)

import asyncio
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from auraos.app.by_hand.looking import open_to_look
from auraos.app.definitions.files import folder_of
from auraos.app.house import House
from auraos.app.runs.looking_ahead import look_at_move
from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError
from auraos.cli.following import lead, person
from auraos.cli.options import DEFAULT_DATA, AllowNet, Data, Json
from auraos.cli.runs.again import find_version, source_of
from auraos.cli.runs.lead import patience_of
from auraos.cli.runs.options import Comment, Run, Wait
from auraos.cli.runs.rows import called_by_number, opening, with_house
from auraos.cli.screen import Screen, Tint, clean, print_json, to_people, to_side
from auraos.cli.target import chosen
from auraos.cli.times import clock
from auraos.core.run import FINAL
from auraos.core.run.moving import Fate, Move
from auraos.engine.ports import RunRow, Version

_TINTS: dict[str, Tint] = {"kept": "green", "anew": "yellow", "dropped": "red"}


def move(
    run: Run,
    /,
    *,
    to: Annotated[
        str,
        Parameter(
            name="--to",
            help="The other version: a workflow file; on a server, which must keep it, also its number, or `live`.",
        ),
    ],
    step: Annotated[
        tuple[str, ...],
        Parameter(
            name="--step", help="A step that has another name there: old=new. May be given again and again."
        ),
    ] = (),
    drop: Annotated[
        tuple[str, ...],
        Parameter(
            name="--drop", help="A finished step whose effect is left behind. May be given again and again."
        ),
    ] = (),
    dry_run: Annotated[bool, Parameter(negative="", help="Only say what would become of each step.")] = False,
    comment: Comment = "",
    allow_net: AllowNet = (),
    wait: Wait = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Let a run go on by another version of its workflow.

    It ends as moved, and a new run goes on in its place: what was done is kept, what waits waits as long as it would have, and
    nothing is undone. What is not safe is refused, as an effect that is under way or has no place in the other version.
    """
    files, text = folder_of(to) if chosen() is None else None, source_of(to)
    steps = dict(_named(one) for one in step)

    async def look(house: House) -> tuple[RunRow, Version | str, Move]:
        row = await house.find(run)
        version = await find_version(house, to, text)
        assert version is not None
        return row, version, await look_at_move(house, row, version, steps=steps, drop=drop, files=files)

    if dry_run:

        async def only_look(house: House) -> int:
            row, _, found = await look(house)
            return _preview(row, found, as_json=json)

        if chosen() is not None:
            return with_house(data, only_look)

        async def go() -> int:
            async with open_to_look(data, "") as house:
                return await only_look(house)

        return asyncio.run(go())

    async def begin(house: House) -> tuple[str, int]:
        row = await house.find(run)
        if row.state in FINAL:
            raise WrongInputError(
                f"Run {row.number} is over: {row.state}. {row.why}".rstrip(),
                hint=f"A retry or a fork of it may live by another version: auraos runs retry {row.number} --on FILE",
            )
        row, version, found = await look(house)
        if found.objections:
            raise NotSafeError(_told(row, found), hint="--dry-run says what would become of each step.")
        if not json:
            show_move(to_side(), found)
        with called_by_number(run, row):
            made = await house.engine.move(
                row.run, version, steps=steps, drop=drop, by=person(), reason=comment  # type: ignore[arg-type]
            )  # fmt: skip
        return made, 0

    opened = opening(data, allow_net, **({} if files is None else {"files": files}))
    return asyncio.run(lead(opened, begin, patience=patience_of(wait), as_json=json))


class NotSafeError(WrongInputError):
    """A run cannot be moved to this version now."""

    code = "move-not-safe"


def show_move(screen: Screen, found: Move) -> None:
    """Print what becomes of each step."""
    for fate in found.fates:
        screen.line(f"  {screen.tint(fate.becomes, _TINTS[fate.becomes])} {clean(_fate_words(fate))}")
    for path in found.begins:
        screen.line(f"  {screen.tint('begins', 'cyan')} {clean(path)}")
    if found.ends:
        screen.line(f"  The run would be over at once: {found.ends}.")
    for one in found.objections:
        where = f"{clean(one.path)}: " if one.path else ""
        screen.line(f"  {screen.tint('not safe', 'red')} {where}{clean(one.words)}")


def _preview(row: RunRow, found: Move, *, as_json: bool) -> int:
    is_safe = not found.objections
    if as_json:
        told: dict[str, Any] = {
            "ok": is_safe,
            "dry_run": True,
            "run": row.run,
            "number": row.number,
            "steps": [{name: getattr(fate, name) for name in Fate.__struct_fields__} for fate in found.fates],
            "begins": list(found.begins),
            "ends": found.ends,
            "objections": [{"path": one.path, "words": one.words} for one in found.objections],
        }
        print_json(msgspec.to_builtins(told))
    else:
        screen = to_people()
        show_move(screen, found)
        screen.line("It can be moved; nothing was done." if is_safe else "It cannot be moved so.")
    return Exit.DONE if is_safe else Exit.FAILED


def _fate_words(fate: Fate) -> str:
    name = fate.path if fate.to in ("", fate.path) else f"{fate.path} as {fate.to}"
    until = f", until {clock(fate.until)}" if fate.until is not None and fate.becomes == "kept" else ""
    more = f" ({fate.words})" if fate.words else ""
    return f"{name}: {fate.was}{until}{more}"


def _told(row: RunRow, found: Move) -> str:
    reasons = " ".join(f"{one.path}: {one.words}" if one.path else one.words for one in found.objections)
    return f"Run {row.number} cannot be moved. {reasons}"


def _named(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise WrongInputError(f"{text!r} names no step.", hint="Write --step old=new.")
    return old, new
