"""`auraos audit`: who did what, and whether the trail of it is as it was written."""

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError
from auraos.cli.options import DEFAULT_DATA, Data, Database, Json
from auraos.cli.screen import clean, print_json, to_people


def verify(
    file: Annotated[Path | None, Parameter(help="A trail exported as JSON lines, in place of a store.")] = None,
    /,
    *,
    head: Annotated[
        tuple[Path, ...], Parameter(help="A head that was kept elsewhere, as `auraos audit head` wrote it. May be repeated.")
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
    from auraos.app.audit_check import check_trail  # noqa: PLC0415 (it opens stores)

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
