"""`auraos doctor`: what is wrong, and what to do about it."""

import asyncio

import msgspec

from auraos.app.by_hand.doctor import Check, Level, examine
from auraos.cli.exits import Exit
from auraos.cli.options import DEFAULT_DATA, Data, Database, Json
from auraos.cli.screen import Screen, Tint, clean, pad, print_json, to_people

_SIGNS: dict[Level, tuple[str, Tint]] = {
    "ok": ("✓", "green"),
    "note": ("·", "dim"),
    "warning": ("!", "yellow"),
    "problem": ("✗", "red"),
}


def doctor(*, database: Database = "", data: Data = DEFAULT_DATA, json: Json = False) -> int:
    """Look at this machine, the data folder and the process that serves it, and name what is wrong.

    Nothing is changed. Exit code 1 says that there is a problem; warnings alone give 0.
    """
    screen = to_people()

    async def look() -> list[Check]:
        found = []
        async for check in examine(data, database):
            found.append(check)
            if not json:
                _show(screen, check)
                screen.stream.flush()
        return found

    checks = asyncio.run(look())
    problems = sum(check.level == "problem" for check in checks)
    warnings = sum(check.level == "warning" for check in checks)
    if json:
        print_json({"ok": not problems, "checks": msgspec.to_builtins(checks)})
    else:
        screen.line(f"{len(checks)} looked at: {problems} problems, {warnings} warnings.")
    return Exit.FAILED if problems else Exit.DONE


def _show(screen: Screen, check: Check) -> None:
    sign, tint = _SIGNS[check.level]
    screen.line(
        f"{screen.tint(sign, tint, 'bold')} {screen.tint(pad(check.name, 12), 'dim')} {clean(check.message)}"
    )
    if check.hint:
        screen.line(f"    {screen.tint('help', 'cyan')}: {clean(check.hint)}")
