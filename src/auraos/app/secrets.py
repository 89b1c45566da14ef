"""The store of secrets, put together: its keys, what it reveals, who tries it and who watches it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from auraos.app.network import LateEgress
from auraos.core.kind import OF_SECRETS
from auraos.documents.definitions.rows import Ref
from auraos.documents.definitions.service import Definitions
from auraos.security.access.quotas import Most
from auraos.security.secrets.expiry import ExpiryWatch
from auraos.security.secrets.keys import Keys
from auraos.security.secrets.master import master_source
from auraos.security.secrets.service import FindUsers, Named, Secrets
from auraos.security.secrets.sources import Sources
from auraos.security.secrets.stored import StoredSecrets
from auraos.security.secrets.tokens import Tokens
from auraos.security.secrets.trying import Trials
from auraos.storage.tables.secrets import SecretTables
from auraos.storage.tables.statement import Tables

KEYS = "keys"
"""The folder of keys in the data folder."""


class SecretServices(NamedTuple):
    """All that there is around secrets."""

    secrets: Secrets
    trials: Trials
    stored: StoredSecrets
    keys: Keys
    tokens: Tokens
    watch: ExpiryWatch

    async def close(self) -> None:
        """Watch no more, and write down what was used; the store is still open."""
        await self.watch.stop()
        await self.stored.close()


def users_of(definitions: Definitions) -> FindUsers:
    """Return what finds the definitions that name a secret."""

    async def find(workspace: str, name: str) -> list[Named]:
        found = await definitions.store.used_by(Ref(workspace, OF_SECRETS, name))
        return [Named(kind=use.kind, name=use.name, place=use.place, is_live=use.is_live) for use in found]

    return find


def open_keys(
    environment: Mapping[str, str],
    data: Path,
    installation: str,
    tables: Tables,
    *,
    now: Callable[[], int],
    new_id: Callable[[], str],
) -> Keys:
    """Return the keys of a store. `installation` is the key in the marker of its data folder."""
    source = master_source(environment, data / KEYS)
    return Keys(SecretTables(tables), source, installation=installation, now=now, new_id=new_id)


def secret_services(
    environment: Mapping[str, str],
    keys: Keys,
    tables: Tables,
    http: LateEgress,
    *,
    named_by: FindUsers,
    now: Callable[[], int],
    new_id: Callable[[], str],
    most: Most | None = None,
) -> SecretServices:
    """Return the services around the secrets of a store; `http` is the way out of the world that uses them."""
    store = SecretTables(tables)
    sources = Sources(environment, http)
    tokens = Tokens(store, keys, http, now=now)
    stored = StoredSecrets(store, keys, sources, tokens, now=now)
    return SecretServices(
        secrets=Secrets(store, keys, stored, named_by=named_by, now=now, new_id=new_id, most=most),
        trials=Trials(store, stored, sources, tokens, http, now=now),
        stored=stored,
        keys=keys,
        tokens=tokens,
        watch=ExpiryWatch(store, named_by, now=now),
    )
