"""Who people are and what they may do, put together on a store."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from auraos.security.identity.federation.elsewhere import Outside
from auraos.security.identity.identity import Identity
from auraos.security.identity.passwords import Passwords
from auraos.security.identity.rows import FirstOwner
from auraos.security.identity.sealing import InstallationSeal
from auraos.security.identity.terms import Terms, UsualTerms
from auraos.security.secrets.keys import Keys
from auraos.storage.owned_mark import OwnedMark
from auraos.storage.tables.identity import identity_tables
from auraos.storage.tables.statement import Tables


@contextmanager
def open_identity(
    tables: Tables,
    data: Path,
    keys: Keys,
    outside: Outside,
    *,
    now: Callable[[], int],
    new_id: Callable[[], str],
    terms: Terms | None = None,
) -> Iterator[Identity]:
    """Yield the services of identity and access on a store; `data` bears the mark that there was an owner."""
    passwords = Passwords()
    try:
        yield Identity.on(
            identity_tables(tables),
            mark=OwnedMark(data),
            seal=InstallationSeal(keys),
            passwords=passwords,
            outside=outside,
            now=now,
            new_id=new_id,
            terms=terms or UsualTerms(),
        )
    finally:
        passwords.close()


async def had_owner(tables: Tables, data: Path) -> bool:
    """Return whether a store, or the folder beside it, says that there is or was an owner."""
    row = await identity_tables(tables).one(FirstOwner)
    return OwnedMark(data).is_set() or (row is not None and bool(row.owned_at))
