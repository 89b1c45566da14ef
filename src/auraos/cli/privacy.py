"""`auraos privacy`: what there is about a person, handed out or erased, and what is held for the law."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

import msgspec
from cyclopts import Parameter

from auraos.app.by_hand.privacy import AskedPrivacy, open_privacy
from auraos.app.by_hand.privacy import reapply as reapply_ledger
from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError
from auraos.cli.options import DEFAULT_DATA, Data, Database, Json
from auraos.cli.screen import Screen, clean, print_json, to_people
from auraos.cli.target import chosen

T = TypeVar("T")
Subject: TypeAlias = Annotated[
    str, Parameter(help="What the inputs of runs name the person by, as an address.")
]
Reason: TypeAlias = Annotated[
    str, Parameter(help="Why; it is kept with the request, so it should name nobody.")
]
_MOST_SHOWN = 20


def find(
    subject: Subject,
    /,
    *,
    reason: Reason = "",
    database: Database = "",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Tell where something about a person is kept: runs, accounts, definitions, entries of the audit trail.

    Capitals and spaces make no difference. That somebody looked is kept, without the person's name.
    """
    found = _ask(data, database, lambda privacy: privacy.find(subject, reason))
    if json:
        print_json({"ok": True, **found})
        return Exit.DONE
    screen = to_people()
    runs = found["runs"]
    erased = sum(run["is_erased"] for run in runs)
    screen.line(f"{_count(len(runs), 'run')}, {erased} of them erased.")
    for run in runs[:_MOST_SHOWN]:
        words = "erased" if run["is_erased"] else f"held: {run['held']}" if run["held"] else run["state"]
        screen.line(f"  run {run['number']} of {clean(run['workflow'])}: {clean(words)}  {run['run']}")
    if len(runs) > _MOST_SHOWN:
        screen.line(f"  and {len(runs) - _MOST_SHOWN} more: --json shows all")
    for account in found["accounts"]:
        places = ", ".join(f"{place} {count}" for place, count in account["places"].items())
        screen.line(
            f"Account {clean(account['name'])} ({_count(account['entries'], 'audit entry', 'audit entries')}; {places})."
        )
    for one in found["definitions"]:
        screen.line(f"The text of {one['kind']} {clean(one['name'])} has the name.")
    if found["held"]:
        screen.line(f"Held: {clean(found['held'])}")
    screen.line(f"In proofs this person is {found['token'][:16]}…")
    return Exit.DONE


def export(
    subject: Subject, /, *, out: Annotated[Path | None, Parameter(help="The file to write; without it, it is printed.")] = None,
    reason: Reason = "", database: Database = "", data: Data = DEFAULT_DATA, json: Json = False,
) -> int:  # fmt: skip
    """Hand out all that is kept about a person, as JSON."""
    bundle = _ask(data, database, lambda privacy: privacy.export(subject, reason))
    if out is None:
        print_json({"ok": True, **bundle} if json else bundle)
        return Exit.DONE
    try:
        with out.open("xb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(bundle), indent=1))
    except FileExistsError as error:
        raise WrongInputError(f"{str(out)!r} is there already.", hint="Name another file.") from error
    except OSError as error:
        raise WrongInputError(f"{str(out)!r} cannot be written: {error.strerror}.") from error
    if json:
        print_json({"ok": True, "file": str(out), "runs": len(bundle["runs"])})
    else:
        to_people().line(f"{_count(len(bundle['runs']), 'run')} written to {out}.")
    return Exit.DONE


def erase(
    subject: Subject, /, *, reason: Reason = "",
    cancel_runs: Annotated[bool, Parameter(help="Cancel runs that are under way with the data.", negative=())] = False,
    yes: Annotated[bool, Parameter(help="Do it; without this it is only said what would go.", negative=())] = False,
    database: Database = "", data: Data = DEFAULT_DATA, json: Json = False,
) -> int:  # fmt: skip
    """Erase what runs tell about a person, for good: the key goes, and the files of the runs.

    The runs still tell their course, and the audit trail who erased and when. What is held is refused. Without --yes nothing is
    erased.
    """
    if not yes:
        found = _ask(data, database, lambda privacy: privacy.find(subject, reason))
        left = [run for run in found["runs"] if not run["is_erased"]]
        if json:
            print_json({"ok": True, "erased": False, **found})
        else:
            to_people().line(
                f"{_count(len(left), 'run')} would be erased. Add --yes to do it; nothing brings it back."
            )
        return Exit.DONE
    done = _ask(data, database, lambda privacy: privacy.erase(subject, reason, cancel_runs=cancel_runs))
    if json:
        print_json({"ok": True, "erased": True, **done})
        return Exit.DONE
    screen = to_people()
    screen.line(f"{_count(len(done['runs']), 'run')} erased. The proof is request {done['request']}.")
    for one in done["left"]:
        screen.line(f"  left: {clean(one)}")
    return Exit.DONE


def requests(*, database: Database = "", data: Data = DEFAULT_DATA, json: Json = False) -> int:
    """List what was asked about persons, and by whom. It names no person."""
    found = _ask(data, database, lambda privacy: privacy.requests())
    if json:
        print_json({"ok": True, "requests": found})
        return Exit.DONE
    screen = to_people()
    for one in found:
        screen.line(_request_words(one))
    if not found:
        screen.line("Nothing was asked yet.")
    return Exit.DONE


def reapply(
    ledger: Annotated[Path, Parameter(help="What `auraos privacy requests --json` printed before the backup was restored.")], /,
    *, database: Database = "", data: Data = DEFAULT_DATA, json: Json = False,
) -> int:  # fmt: skip
    """Erase again what was erased since the backup that this store was restored from.

    Do it before the restored store is released. What was erased already is left as it is.
    """
    count = asyncio.run(reapply_ledger(data, database, ledger))
    if json:
        print_json({"ok": True, "erased": count})
    else:
        to_people().line(f"{_count(count, 'request')} carried out again.")
    return Exit.DONE


def holds(*, database: Database = "", data: Data = DEFAULT_DATA, json: Json = False) -> int:
    """List what is neither deleted nor erased."""
    found = _ask(data, database, lambda privacy: privacy.holds())
    if json:
        print_json({"ok": True, "holds": found})
        return Exit.DONE
    screen = to_people()
    for one in found:
        _show_hold(screen, one)
    if not found:
        screen.line("Nothing is held.")
    return Exit.DONE


def hold(
    kind: Annotated[Literal["subject", "run", "workflow", "workspace"], Parameter(help="What is held.")],
    thing: Annotated[str, Parameter(help="The person, the id of the run or the name of the workflow.")] = "",
    /, *, reason: Annotated[str, Parameter(help="Why, as the number of the case.")],
    database: Database = "", data: Data = DEFAULT_DATA, json: Json = False,
) -> int:  # fmt: skip
    """Hold something: it is neither deleted nor erased until it is lifted."""
    if kind != "workspace" and not thing:
        raise WrongInputError(f"Say which {kind} is held.")
    held = _ask(data, database, lambda privacy: privacy.hold(kind, thing, reason))
    if json:
        print_json({"ok": True, **held})
    else:
        _show_hold(to_people(), held)
    return Exit.DONE


def lift(
    hold_id: Annotated[str, Parameter(help="The id of the hold, as `auraos privacy holds` shows it.")], /,
    *, database: Database = "", data: Data = DEFAULT_DATA, json: Json = False,
) -> int:  # fmt: skip
    """Hold something no more."""
    _ask(data, database, lambda privacy: privacy.lift(hold_id))
    if json:
        print_json({"ok": True, "lifted": hold_id})
    else:
        to_people().line("It is held no more.")
    return Exit.DONE


def _ask(data: Path, database: str, ask: Callable[[AskedPrivacy], Awaitable[T]]) -> T:
    target = None if database else chosen()

    async def go() -> T:
        async with open_privacy(data, database, None if target is None else target.at) as privacy:
            return await ask(privacy)

    return asyncio.run(go())


def _show_hold(screen: Screen, held: dict[str, Any]) -> None:
    thing = held["thing"][:16] + "…" if held["kind"] == "subject" else held["thing"]
    screen.line(f"{held['id']}  {held['kind']} {clean(thing)}: {clean(held['reason'])}")


def _request_words(one: dict[str, Any]) -> str:
    reason = f": {clean(one['reason'])}" if one["reason"] else ""
    return f"{one['id']}  {one['kind']} {one['token'][:16]}… by {clean(one['author'])}, {_count(len(one['runs']), 'run')}{reason}"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
