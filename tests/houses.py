"""An installation in a folder of a test: its store, its people, and what they come in by."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from auraos.app.audit.witness import Witness
from auraos.core.audit import Actor, Entry
from auraos.engine.clock import SystemClock
from auraos.security.access import Grant, Principal
from auraos.security.access.rows import HolderKind
from auraos.security.audit.parts import entry_of
from auraos.security.egress import Egress
from auraos.security.identity.identity import Identity
from auraos.security.identity.passwords import Passwords
from auraos.security.identity.rows import Person
from auraos.security.identity.sealing import InstallationSeal
from auraos.security.identity.terms import Terms
from auraos.security.secrets.keys import Keys
from auraos.security.secrets.master import KeyFile
from auraos.storage.folder import DataFolder
from auraos.storage.owned_mark import OwnedMark
from auraos.storage.postgres import PostgresStore
from auraos.storage.sqlite import SqliteStore
from auraos.storage.tables.identity import identity_tables
from auraos.storage.tables.rows import RowTables
from auraos.storage.tables.secrets import SecretTables
from auraos.storage.tables.statement import Tables
from stores import AnyStore, own_all

PASSWORD = "a long way home"
NOBODY = Actor(kind="nobody", address="192.0.2.7")
HOUSE = Actor(kind="house", id="house", name="the house")
EVERYTHING = Principal(
    kind="person",
    id="0",
    name="the house",
    grants=(Grant(role="owner", workspace="*"),),
    session="-",
    is_fresh=True,
)
_names = itertools.count()


class Clock:
    """A clock that a test sets forward."""

    def __init__(self) -> None:
        self.time = 1_800_000_000_000_000

    def now(self) -> int:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += round(seconds * 1_000_000)


class House:
    """An installation, with short ways to people and what they come in by."""

    def __init__(self, tables: Tables, folder: Path, clock: Clock) -> None:
        self.tables = tables
        self.store: AnyStore | None = None
        """The whole store, for tests that want more of it than tables."""
        self.witness: Witness | None = None
        """Tells the audit trail of what is asked of runs, where somebody asks it of them."""
        self.folder = folder
        self.clock = clock
        self.rows: RowTables = identity_tables(tables)
        self.passwords = Passwords(memory=64, rounds=1)
        self.egress = Egress(["127.0.0.1:*"])
        self.keys = Keys(
            SecretTables(tables), KeyFile(folder / "master.key"), installation="test", now=clock.now,
            new_id=SystemClock().new_id,
        )  # fmt: skip
        self.identity = self.another_process()

    def another_process(self, terms: Terms | None = None) -> Identity:
        """Return the services as another process on the same store has them."""
        return Identity.on(
            self.rows,
            mark=OwnedMark(self.folder),
            seal=InstallationSeal(self.keys),
            passwords=self.passwords,
            outside=self.egress,
            now=self.clock.now,
            new_id=SystemClock().new_id,
            terms=terms,
        )

    async def close(self) -> None:
        """Let go of threads and connections."""
        self.passwords.close()
        await self.egress.close()

    async def person(
        self, role: str = "", workspace: str = "default", *, name: str = "", **narrow: object
    ) -> Person:
        """Return a new person with a password and, if one is given, a role."""
        name = name or f"{role or 'person'}-{next(_names)}"
        invited = await self.identity.people.add(HOUSE, name, "")
        person = await self.identity.people.accept(NOBODY, invited.token, PASSWORD)
        if role:
            await self.grant("person", person.id, role, workspace, **narrow)
        return person

    async def grant(
        self, holds: HolderKind, holder: str, role: str, workspace: str = "default", /, **narrow: object
    ) -> str:
        """Grant a role, and return the id of the grant."""
        wish = Grant(role=role, workspace=workspace, **narrow)
        return (await self.identity.access.grant(HOUSE, EVERYTHING, wish, holds, holder)).id

    async def session(self, person: Person) -> str:
        """Return the token of a new session of somebody."""
        return (await self.identity.sign_in.sign_in(NOBODY, person.name, PASSWORD)).token

    async def known(self, token: str) -> Principal:
        """Return whoever carries a token."""
        principal = await self.identity.recognition.principal(token)
        assert principal is not None
        return principal

    async def signed_in(
        self, role: str = "", workspace: str = "default", **narrow: object
    ) -> tuple[Person, str]:
        """Return a new person with a role, and the token of a session of theirs."""
        person = await self.person(role, workspace, **narrow)
        return person, await self.session(person)

    async def entries(self, action: str = "") -> list[Entry]:
        """Return what the audit trail tells of an action, the oldest first."""
        if self.witness is not None:
            await self.witness.settled()
        found = await entries_in(self.tables)
        return [entry for entry in found if entry.action == action or not action]


async def entries_in(tables: Tables) -> list[Entry]:
    """Return what the audit trail of a store tells, the oldest first."""
    names = dict(await tables.all("select id, name from people", (), lambda row: (row[0], row[1])))
    return await tables.all(
        "select facts, told, origin from audit order by seq", (), lambda row: entry_of(*row, names=names)
    )


@asynccontextmanager
async def a_house(path: Path, url: str = "") -> AsyncIterator[House]:
    """Yield a new installation on SQLite, or on the database at an address."""
    if url:
        shared = await PostgresStore.open(url)
        await own_all(shared)
        await asyncio.to_thread(path.mkdir)
        house = House(shared.tables, path, Clock())
        house.store = shared
        yield house
        await house.close()
        await shared.close()
        return
    folder = DataFolder.claim(path)
    store = SqliteStore.open(folder)
    house = House(store.tables, path, Clock())
    house.store = store
    yield house
    await house.close()
    await store.close()
    folder.release()


def who(person: Person, *grants: Grant) -> Principal:
    """Return a person with these grants, as recognised just now."""
    return Principal(kind="person", id=person.id, name=person.name, grants=grants, session="-", is_fresh=True)


def acting(person: Person) -> Actor:
    """Return a person as somebody who acts."""
    return Actor(kind="person", id=person.id, name=person.name, address="192.0.2.7")
