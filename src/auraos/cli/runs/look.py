"""Looking at runs. Nothing here moves a run, and nothing is evaluated: all is read out of journals."""

from typing import Annotated, Any, TypeVar

import msgspec
from cyclopts import Parameter

from auraos.app.house import House
from auraos.app.runs.following import Waiting, find_waits
from auraos.app.runs.kin import find_kin
from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError
from auraos.cli.following import answers_to, show_error, where_words
from auraos.cli.kin import kin_document, show_kin
from auraos.cli.options import DEFAULT_DATA, Data, Database, Json, read_number
from auraos.cli.runs.answers import find_reminders, reminder_words
from auraos.cli.runs.facts import fact_words
from auraos.cli.runs.options import Reveal, Run
from auraos.cli.runs.rows import STATE_TINTS, left_words, row_document, took, with_house
from auraos.cli.runs.timeline import show_view, view_document
from auraos.cli.screen import Screen, Tint, clean, fit, pad, print_json, to_people
from auraos.cli.times import clock, now, with_local_times
from auraos.cli.values import error_document
from auraos.core.run import FINAL, encode_fact
from auraos.core.values import to_plain
from auraos.engine.ports import RunRow

_T = TypeVar("_T")
MOST_FACTS, MOST_LINES = 1_000_000_000, 100_000


def show(
    run: Run,
    /,
    *,
    reveal: Reveal = False,
    database: Database = "",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Show one run: its steps on a timeline, its output, its error."""

    async def look(house: House) -> int:
        row = await house.find(run)
        seen, kin = await house.view(row), await find_kin(house, row)
        if json:
            told = {**row_document(row), **kin_document(kin), **view_document(seen)}
            print_json({"ok": True, "driven": house.is_driven, **told})
            return Exit.DONE
        screen = to_people()
        _show_head(screen, row)
        show_kin(screen, kin)
        show_view(screen, seen, now=now())
        if row.state not in FINAL:
            await _show_waits(screen, house, row, await find_waits(house, row.run), database)
        return Exit.DONE

    return with_house(data, look, database, reveal=reveal)


def why(run: Run, /, *, database: Database = "", data: Data = DEFAULT_DATA, json: Json = False) -> int:
    """Say why a run is in the state it is in."""

    async def look(house: House) -> int:
        row = await house.find(run)
        waits = await find_waits(house, row.run) if row.state not in FINAL else []
        seen = await house.view(row)
        if json:
            listed = [
                {
                    **msgspec.to_builtins(one.why),
                    "run": one.run,
                    "answers": answers_to(house, one),
                    "reminders": find_reminders(await house.facts(one.run), one.why.path),
                }
                for one in waits
            ]
            told = {"run": row.run, "number": row.number, "state": row.state, "driven": house.is_driven}
            print_json({"ok": True, **told, "why": listed, "error": error_document(seen.error)})
            return Exit.DONE
        screen = to_people()
        _show_head(screen, row)
        if seen.error is not None:
            show_error(screen, seen.error)
        if row.state == "moved":
            screen.line(f"  {clean(row.why)}")
        await _show_waits(screen, house, row, waits, database)
        return Exit.DONE

    return with_house(data, look, database)


def journal(
    run: Run,
    /,
    *,
    start: Annotated[int, Parameter(name="--from", help="The number of the first fact to print.")] = 1,
    reveal: Reveal = False,
    database: Database = "",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Print the facts of a run, in order."""
    first = read_number(start, "--from", 1, MOST_FACTS)

    async def look(house: House) -> int:
        row = await house.find(run)
        facts = list(enumerate(await house.facts(row.run), start=1))[first - 1 :]
        if json:
            listed = [{"seq": seq, **msgspec.json.decode(encode_fact(fact))} for seq, fact in facts]
            print_json({"ok": True, "run": row.run, "number": row.number, "facts": listed})
            return Exit.DONE
        screen = to_people()
        for seq, fact in facts:
            kind = screen.tint(pad(type(fact).__name__, 16), "bold")
            screen.line(
                f"{seq:>5}  {screen.tint(clock(fact.at), 'dim')}  {kind} {fit(fact_words(fact), 120)}".rstrip()
            )
        return Exit.DONE

    return with_house(data, look, database, reveal=reveal)


def replay(
    run: Run,
    /,
    *,
    until: Annotated[
        int | None, Parameter(help="The number of the last fact to fold; all when left out.")
    ] = None,
    reveal: Reveal = False,
    database: Database = "",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Fold the journal up to a fact and show the run as it was then.

    Nothing is evaluated and nothing is sent: what had to be evaluated stands in the facts. The workflow's file need not
    exist any more.
    """

    async def look(house: House) -> int:
        row = await house.find(run)
        facts = await house.facts(row.run)
        last = len(facts) if until is None else until
        if not 1 <= last <= len(facts):
            raise WrongInputError(f"Run {row.number} has facts 1 to {len(facts)}, not {last}.")
        seen = await house.view(row, last)
        fact = facts[last - 1]
        if json:
            told = {
                "seq": last,
                "of": len(facts),
                "at": fact.at,
                "fact": msgspec.json.decode(encode_fact(fact)),
            }
            print_json({"ok": True, "run": row.run, "number": row.number, **told, **view_document(seen)})
            return Exit.DONE
        screen = to_people()
        words = fit(fact_words(fact), 100)
        screen.line(
            f"run {row.number} of {clean(row.workflow)} after fact {last} of {len(facts)}, {clock(fact.at)}"
        )
        screen.line(f"  {type(fact).__name__} {words}".rstrip())
        show_view(screen, seen, now=fact.at)
        for one in seen.why:
            if one.path and one.words:
                screen.line(f"  {clean(one.path)}: {clean(with_local_times(one.words))}")
        return Exit.DONE

    return with_house(data, look, database, reveal=reveal)


def logs(
    run: Run,
    /,
    *,
    step: Annotated[str | None, Parameter(help="Only the lines of the step at this path.")] = None,
    limit: Annotated[int, Parameter(help="How many lines at most, from 1 to 100,000.")] = 1000,
    reveal: Reveal = False,
    database: Database = "",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Print what the steps of a run logged."""
    most = read_number(limit, "--limit", 1, MOST_LINES)

    async def look(house: House) -> int:
        row = await house.find(run)
        lines = await house.store.logs(row.run, path=step, limit=most)
        if json:
            told = {"run": row.run, "number": row.number}
            print_json({"ok": True, **told, "lines": [_log_document(line) for line in lines]})
            return Exit.DONE
        screen = to_people()
        for line in lines:
            fields = " ".join(
                f"{name}={msgspec.json.encode(to_plain(value)).decode()}"
                for name, value in line.fields.items()
            )
            level = screen.tint(pad(line.level, 7), _LEVEL_TINTS.get(line.level, "dim"))
            words = f"{clean(line.message)}  {screen.tint(clean(fields), 'dim')}".rstrip()
            screen.line(f"{screen.tint(clock(line.at), 'dim')} {level} {clean(line.path)}: {words}")
        return Exit.DONE

    return with_house(data, look, database, reveal=reveal)


_LEVEL_TINTS: dict[str, Tint] = {"warning": "yellow", "error": "red", "info": "green"}


def _show_head(screen: Screen, row: RunRow) -> None:
    tint = STATE_TINTS.get(row.state, "blue")
    name = screen.tint(f"run {row.number}", "bold")
    screen.line(
        f"{name} of {clean(row.workflow)}: {screen.tint(row.state, tint, 'bold')}  {screen.tint(row.run, 'dim')}"
    )
    by = f" by {clean(row.by)}" if row.by else ""
    lasted = took(row)
    parent = f", from run {row.parent}" if row.parent else ""
    screen.line(f"  started {clock(row.started_at)}{by}, {lasted}, version {row.version[:12]}{parent}")


async def _show_waits(screen: Screen, house: House, row: RunRow, waits: list[Waiting], database: str) -> None:
    for one in waits:
        inside = f"run {one.number}, " if one.number != row.number else ""
        screen.line(
            f"  {screen.tint('⧗', 'yellow')} {inside}{where_words(one)}{clean(with_local_times(one.why.words))}"
        )
        words = reminder_words(find_reminders(await house.facts(one.run), one.why.path))
        if words:
            screen.line(f"      {screen.tint(words, 'yellow')}")
        for command in answers_to(house, one):
            screen.line(f"      {screen.tint(clean(command), 'cyan')}")
    if house.held or (not house.is_driven and not all(one.needs_somebody for one in waits)):
        screen.line(f"  {clean(left_words(house.data, row, house.held, database=database))}")


def _log_document(line: Any) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(line, fields=to_plain(line.fields)))
    return told
