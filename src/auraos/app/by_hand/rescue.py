"""A new owner for an installation into which no owner comes any more: by whoever has its data folder in hand."""

import re
from contextlib import AsyncExitStack, closing
from pathlib import Path

from auraos.app.audit.console import console
from auraos.app.keeping import open_keeping
from auraos.core.errors import UserError
from auraos.engine.clock import SystemClock
from auraos.security.identity.backoff import Backoff
from auraos.security.identity.ownership import Ownership
from auraos.security.identity.passwords import Passwords
from auraos.storage.owned_mark import OwnedMark
from auraos.storage.tables.identity import identity_tables

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,99}")


class NameRefusedError(UserError):
    """Nobody can sign in by such a name."""

    code = "name-refused"


async def rescue_owner(data: Path, database: str, name: str) -> str:
    """Make a person an owner, new or not, and return the token by which they choose a password."""
    if not _NAME.fullmatch(name):
        raise NameRefusedError(
            f"{name!r} is no name to sign in by.", hint="It has small letters, digits, dots, dashes, _ and @."
        )
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        keeping = await open_keeping(data, database, stack)
        rows = identity_tables(keeping.tables)
        passwords = stack.enter_context(closing(Passwords()))
        ownership = Ownership(
            rows, OwnedMark(data), passwords, Backoff(rows, clock.now), now=clock.now, new_id=clock.new_id
        )
        return await ownership.rescue(console(), name)
