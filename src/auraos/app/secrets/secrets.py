"""The store of secrets, put together: its keys, what it reveals, who tries it and who watches it."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeAlias

from auraos.app.health import Finding, Look
from auraos.app.outside.network import LateEgress
from auraos.core.kind import OF_SECRETS
from auraos.documents.definitions.checking import Checker
from auraos.documents.definitions.rows import Ref
from auraos.documents.definitions.service import Definitions
from auraos.security.access.quotas import Most
from auraos.security.secrets.consents import Consents
from auraos.security.secrets.expiry import SOON, ExpiryWatch
from auraos.security.secrets.keys import Keys
from auraos.security.secrets.master import master_source
from auraos.security.secrets.service import Secrets
from auraos.security.secrets.sources import Sources
from auraos.security.secrets.stored import StoredSecrets
from auraos.security.secrets.tokens import Tokens
from auraos.security.secrets.trying import Trials
from auraos.security.secrets.users import FindInFlight, FindUsers, InFlight, Named
from auraos.storage.tables.secrets import SecretTables
from auraos.storage.tables.statement import Tables

KEYS = "keys"
"""The folder of keys in the data folder."""
MOST_VERSIONS = 10_000
"""Of so many versions it is kept which secrets they name."""
TextOf: TypeAlias = Callable[[str], Awaitable[str]]
"""Gives the text of a version by its hash; nothing where it is not there."""


class SecretServices(NamedTuple):
    """All that there is around secrets."""

    secrets: Secrets
    trials: Trials
    stored: StoredSecrets
    keys: Keys
    tokens: Tokens
    consents: Consents
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


def in_flight_of(store: SecretTables, checker: Checker, text_of: TextOf) -> FindInFlight:
    """Return what finds the versions that name a secret and by which runs still live. A version never changes, so it is read
    once.
    """
    known: OrderedDict[str, frozenset[str]] = OrderedDict()

    async def names_of(version: str) -> frozenset[str]:
        if version not in known:
            read = await checker.read(await text_of(version))
            known[version] = frozenset(one.name for one in read.names if one.kind == OF_SECRETS)
            if len(known) > MOST_VERSIONS:
                known.popitem(last=False)
        return known[version]

    async def find(workspace: str, name: str) -> list[InFlight]:
        found = await store.in_flight(workspace)
        return [
            InFlight(workflow=workflow, version=version, runs=runs)
            for workflow, version, runs in found
            if name in await names_of(version)
        ]

    return find


def look_at_expiry(watch: ExpiryWatch) -> Look:
    """Return what sees whether secrets are over, or will be within days."""

    async def look() -> Finding:
        over, soon = await watch.standing()
        told = f"{over} expired, {soon} within {SOON} days."
        if over or soon:
            return Finding(standing="poor", message=told, hint="GET /api/v1/secret-expiry says which.")
        return Finding(message=told)

    return look


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


def secret_services(  # noqa: PLR0913 (what there is around secrets, and whom they ask)
    environment: Mapping[str, str],
    keys: Keys,
    tables: Tables,
    http: LateEgress,
    *,
    named_by: FindUsers,
    now: Callable[[], int],
    new_id: Callable[[], str],
    most: Most | None = None,
    in_flight: FindInFlight | None = None,
) -> SecretServices:
    """Return the services around the secrets of a store; `http` is the way out of the world that uses them."""
    store = SecretTables(tables)
    sources = Sources(environment, http)
    tokens = Tokens(store, keys, http, now=now)
    stored = StoredSecrets(store, keys, sources, tokens, now=now)
    kept = Secrets(
        store, keys, stored, named_by=named_by, now=now, new_id=new_id, most=most, in_flight=in_flight
    )
    return SecretServices(
        secrets=kept,
        consents=Consents(store, keys, tokens, kept, now=now),
        trials=Trials(store, stored, sources, tokens, http, now=now),
        stored=stored,
        keys=keys,
        tokens=tokens,
        watch=ExpiryWatch(store, named_by, now=now),
    )
