"""The store of secrets, put together: its keys, what it reveals, who tries it and who watches it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from auraos.app.network import LateEgress
from auraos.security.secrets.expiry import ExpiryWatch
from auraos.security.secrets.keys import Keys
from auraos.security.secrets.master import master_source
from auraos.security.secrets.service import FindUsers, Secrets
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
    keys: Keys
    stored: StoredSecrets
    watch: ExpiryWatch


def secret_services(  # noqa: PLR0913 (what secrets are made of)
    environment: Mapping[str, str],
    data: Path,
    installation: str,
    tables: Tables,
    http: LateEgress,
    *,
    named_by: FindUsers,
    now: Callable[[], int],
    new_id: Callable[[], str],
) -> SecretServices:
    """Return the services of a store. `installation` is the key in the marker of the data folder; `http` is the world's."""
    store = SecretTables(tables)
    source = master_source(environment, data / KEYS)
    keys = Keys(store, source, installation=installation, now=now, new_id=new_id)
    sources = Sources(environment, http)
    tokens = Tokens(store, keys, http, now=now)
    stored = StoredSecrets(store, keys, sources, tokens, now=now)
    return SecretServices(
        secrets=Secrets(store, keys, stored, named_by=named_by, now=now, new_id=new_id),
        trials=Trials(store, stored, sources, tokens, http, now=now),
        keys=keys,
        stored=stored,
        watch=ExpiryWatch(store, named_by, now=now),
    )
