"""`auraos owner`: who owns an installation."""

import asyncio
from typing import Annotated

from cyclopts import Parameter

from auraos.cli.exits import Exit
from auraos.cli.options import DEFAULT_DATA, Data, Database, Json
from auraos.cli.screen import print_json, to_people


def rescue(
    name: Annotated[str, Parameter(help="The name to sign in by, of a person who is there or is not.")],
    /,
    *,
    database: Database = "",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Make somebody an owner when no owner comes in any more.

    Stop the server first, unless its runs are in a database. The person is let in again, loses password, codes, passkeys and
    sessions, and owns the installation. The token that is printed is good for a day: with it they choose a password
    (POST /api/v1/invitations/accept).
    """
    from auraos.app.by_hand.rescue import rescue_owner  # noqa: PLC0415 (it opens the store)

    token = asyncio.run(rescue_owner(data, database, name))
    if json:
        print_json({"ok": True, "name": name, "token": token})
    else:
        to_people().line(f"{name} owns this installation, and chooses a password by this token: {token}")
    return Exit.DONE
