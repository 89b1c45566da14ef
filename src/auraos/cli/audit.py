"""`auraos audit`: who did what, and whether the trail of it is as it was written."""

# ruff: noqa: PLR0913 (a command has as many parameters as it has options)

import asyncio
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import msgspec
from cyclopts import Parameter

from auraos.cli.asking import ask_server
from auraos.cli.columns import show_columns
from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError
from auraos.cli.options import DEFAULT_DATA, Data, Database, Json
from auraos.cli.screen import Screen, clean, print_json, to_people
from auraos.cli.times import clock, read_moment

if TYPE_CHECKING:
    from auraos.client import Client
    from auraos.client.shapes.audit import EntryShown, ReportShown

Everywhere: TypeAlias = Annotated[
    bool,
    Parameter(
        negative="", help="Of all workspaces and of the installation; only for those who may see that."
    ),
]
Who: TypeAlias = Annotated[
    str, Parameter(help="Only what this person or service account did, by name or id.")
]
Action: TypeAlias = Annotated[
    str, Parameter(help="Only this, as secrets.replace, or secrets.* for all of a noun.")
]
About: TypeAlias = Annotated[
    str, Parameter(name="--object", help="Only to this, as secret/mailer, or secret/*.")
]
Result: TypeAlias = Annotated[
    Literal["done", "refused", "failed", "unknown"] | None,
    Parameter(name="--outcome", help="Only with this outcome."),
]
Since: TypeAlias = Annotated[
    str, Parameter(help="Only from then on: a time as 2026-05-01T12:00, or how long ago, as 24h or 7d.")
]
Until: TypeAlias = Annotated[str, Parameter(help="Only before then: a time, or how long ago.")]
Text: TypeAlias = Annotated[str, Parameter(help="Only where this stands somewhere in it.")]


def list_entries(
    *,
    who: Who = "",
    action: Action = "",
    about: About = "",
    outcome: Result = None,
    since: Since = "",
    until: Until = "",
    text: Text = "",
    limit: Annotated[int, Parameter(help="So many at most.")] = 50,
    everywhere: Everywhere = False,
    json: Json = False,
) -> int:
    """List what was done, the newest first: when, by whom, what, to what, and what came of it."""
    wanted = _wanted(who, action, about, outcome, since, until, text)

    async def go(client: "Client") -> "list[EntryShown]":
        pages = client.audit.all_all_audit_entries if everywhere else client.audit.all_audit_entries
        found: list[EntryShown] = []
        async for entry in pages(**wanted, limit=min(limit, 1000)):
            found.append(entry)
            if len(found) >= limit:
                break
        return found

    found = ask_server(go)
    if json:
        print_json({"ok": True, "entries": msgspec.to_builtins(found)})
        return Exit.DONE
    screen = to_people()
    if not found:
        screen.line("There is no such entry.")
    show_columns(screen, [_row(entry) for entry in found])
    return Exit.DONE


def show(
    seq: Annotated[int, Parameter(help="The number of the entry.")], /, *, everywhere: Everywhere = False, json: Json = False
) -> int:  # fmt: skip
    """Show one entry with its reason, and what was before and after."""

    async def go(client: "Client") -> "EntryShown":
        ask = client.audit.show_any_audit_entry if everywhere else client.audit.show_audit_entry
        return await ask(seq)

    entry = ask_server(go)
    if json:
        print_json({"ok": True, **msgspec.to_builtins(entry)})
        return Exit.DONE
    screen = to_people()
    screen.line("  ".join(clean(word) for word in _row(entry)))
    told = {
        "workspace": entry.workspace, "from": entry.actor.address, "key": entry.actor.key, "made by": entry.actor.maker,
        "for": entry.actor.behalf, "request": entry.actor.request, "why": entry.why, "hash": entry.hash,
    }  # fmt: skip
    for name, value in told.items():
        if value:
            screen.line(f"  {name}: {clean(value)}")
    for name, state in (("before", entry.before), ("after", entry.after)):
        if state is not None:
            screen.line(f"  {name}: {clean(msgspec.json.encode(state).decode())}")
    if entry.is_erased:
        screen.line("  A part of it was erased.")
    return Exit.DONE


def report(
    *, since: Since = "30d", until: Until = "", everywhere: Everywhere = False, json: Json = False
) -> int:
    """Count what was done in a period: by whom and with which outcome, what was refused, and who got much."""
    begins, ends = read_moment(since, "--since") or None, read_moment(until, "--until") or None

    async def go(client: "Client") -> "ReportShown":
        ask = client.audit.report_all_audit if everywhere else client.audit.report_audit
        return await ask(since=begins, until=ends)

    made = ask_server(go)
    if json:
        print_json({"ok": True, **msgspec.to_builtins(made)})
        return Exit.DONE
    _show_report(to_people(), made)
    return Exit.DONE


def export(
    *,
    output: Annotated[Path | None, Parameter(help="A new file; standard output when left out.")] = None,
    form: Annotated[
        Literal["jsonl", "csv", "cef"],
        Parameter(
            help="JSON lines, which can be verified when nothing is left out; CSV; or Common Event Format."
        ),
    ] = "jsonl",
    who: Who = "",
    action: Action = "",
    about: About = "",
    outcome: Result = None,
    since: Since = "",
    until: Until = "",
    text: Text = "",
    everywhere: Everywhere = False,
    json: Json = False,
) -> int:
    """Write the trail out, as it comes: it may be larger than the memory."""
    wanted = {**_wanted(who, action, about, outcome, since, until, text), "form": form}
    path = "/api/v1/installation/audit/export" if everywhere else "/api/v1/audit/export"

    async def write(client: "Client", out: IO[bytes]) -> None:
        async for piece in client.pieces(path, **wanted):
            out.write(piece)

    if output is None:
        if json:
            raise WrongInputError(
                "The lines are printed as they are.", hint="With --json, name a file with --output."
            )
        ask_server(lambda client: write(client, sys.stdout.buffer))
        return Exit.DONE
    if output.exists():
        raise WrongInputError(f"{str(output)!r} is there already.", hint="Name a new file.")
    with output.open("xb") as out:
        ask_server(lambda client: write(client, out))
    size = output.stat().st_size
    if json:
        print_json({"ok": True, "file": str(output), "size": size})
    else:
        to_people().line(f"{clean(str(output))}: {size} bytes.")
    return Exit.DONE


def head(*, json: Json = False) -> int:
    """Print the end of the trail as a line of JSON, signed: keep it where nobody gets who gets at the server.

    `auraos audit verify --head FILE` holds the trail against it later: whatever was cut off or written anew since then is told.
    """
    found = ask_server(lambda client: client.audit.show_audit_head())
    if json:
        print_json(msgspec.to_builtins(found))
    else:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    return Exit.DONE


def verify(
    file: Annotated[
        Path | None, Parameter(help="A trail exported as JSON lines, in place of a store.")
    ] = None,
    /,
    *,
    head: Annotated[
        tuple[Path, ...],
        Parameter(help="A head that was kept elsewhere, as `auraos audit head` wrote it. May be repeated."),
    ] = (),
    database: Database = "",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Check that the audit trail is as it was written, without a server.

    Every entry is bound to the one before, so the first one that was changed, removed, moved or put in is named. Heads that
    the server signed, and those that you kept elsewhere, show what was cut off at the end or written anew. Exit code 1 says
    that something does not hold. A server may go on meanwhile.
    """
    from auraos.app.audit.check import check_trail  # noqa: PLC0415 (it opens stores)

    for path in (*([file] if file is not None else []), *head):
        if not path.is_file():
            raise WrongInputError(f"There is no file {str(path)!r}.", hint="Look at its path.")
    checked = asyncio.run(check_trail(data, database=database, file=file, heads=head))
    verdict = checked.verdict
    if json:
        print_json({"ok": verdict.holds, "what": checked.what, **msgspec.to_builtins(verdict)})
        return Exit.DONE if verdict.holds else Exit.FAILED
    screen = to_people()
    for found in verdict.findings:
        screen.line(f"{screen.tint(f'error[{found.kind}]', 'red', 'bold')}: {clean(found.message)}")
    for key in verdict.unknown_keys:
        screen.line(f"Heads signed by the key {clean(key)} say nothing: it is not known here.")
    if not checked.believed:
        screen.line("No key is known here, so no signature was checked: bring a head with --head.")
    holds = "hold" if verdict.holds else "hold up to there"
    screen.line(f"{clean(checked.what)}: {verdict.entries} entries {holds}, {verdict.signed} signed heads.")
    if verdict.entries:
        screen.line(f"The last that holds is entry {verdict.last}: {verdict.hash}")
    return Exit.DONE if verdict.holds else Exit.FAILED


def _wanted(
    who: str, action: str, about: str, outcome: str | None, since: str, until: str, text: str
) -> dict[str, Any]:
    told = {
        "who": who, "action": action, "object": about, "outcome": outcome, "since": read_moment(since, "--since") or None,
        "until": read_moment(until, "--until") or None, "text": text,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value not in ("", None)}


def _row(entry: "EntryShown") -> tuple[str, ...]:
    actor = entry.actor.name or entry.actor.id or entry.actor.kind
    about = f"{entry.object.kind} {entry.object.name or entry.object.id}" if entry.object else ""
    return (str(entry.seq), clock(entry.at), actor, entry.action, about, entry.outcome, entry.why)


def _show_report(screen: Screen, made: "ReportShown") -> None:
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(made.outcomes.items()))
    screen.line(f"{made.entries} entries: {outcomes or 'none'}.")
    screen.line(f"{made.refused_sign_ins} refused sign-ins.")
    show_columns(screen, [(name, str(count)) for name, count in sorted(made.families.items())])
    if made.counts:
        screen.line("Most often:")
        rows = [(one.action, one.actor or "nobody", one.outcome, str(one.count)) for one in made.counts[:20]]
        show_columns(screen, rows)
    if made.notable:
        screen.line("Worth a look:")
        show_columns(screen, [_row(entry) for entry in made.notable[:20]])
    if made.ends.last:
        screen.line(f"From entry {made.ends.first} to entry {made.ends.last}: {made.ends.last_hash}")
