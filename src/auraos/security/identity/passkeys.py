"""`Passkeys`: people prove who they are by a device that they have and unlock. It proves more than a password and a code do.

A challenge is nothing that is kept: it goes to the browser under seal and comes back with the answer. It is good for a few
minutes, and for a passkey that was not used since it was given: so no answer is good twice.
"""

import asyncio
import importlib
import os
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from auraos.core.audit import Actor, Entry, Object
from auraos.core.errors import AuraError
from auraos.security.access import Principal
from auraos.security.access.errors import ChangedMeanwhileError, NotFoundError
from auraos.security.identity.backoff import Backoff
from auraos.security.identity.errors import CodeRefusedError, SignInRefusedError
from auraos.security.identity.rows import Passkey, Person
from auraos.security.identity.second_proofs import Seal
from auraos.security.identity.sign_in import SignedIn, SignIn
from auraos.security.row_store import Add, Remove, Replace, RowStore, Write

SECOND = 1_000_000
LASTS = 300 * SECOND
MOST = 20


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser is asked for, and what it sends back with its answer."""

    options: dict[str, Any]
    """As `navigator.credentials` takes them, in the JSON of WebAuthn."""
    state: str


class _Given(msgspec.Struct, frozen=True):
    challenge: bytes
    at: int


class Passkeys:
    """The passkeys of people."""

    def __init__(
        self,
        store: RowStore,
        seal: Seal,
        sign_in: SignIn,
        backoff: Backoff,
        *,
        now: Callable[[], int],
    ) -> None:
        self._store = store
        self._seal = seal
        self._sign_in = sign_in
        self._backoff = backoff
        self._now = now

    async def own(self, who: Principal) -> Sequence[Passkey]:
        """Return the passkeys of whoever is signed in."""
        person = await self._sign_in.person_of(who)
        return await self._store.all(Passkey, person=person.id)

    async def begin(self, who: Principal, origin: str) -> Challenge:
        """Return what a browser is asked for to make a passkey."""
        person = await self._sign_in.person_of(who)
        known = await self._store.all(Passkey, person=person.id)
        given, state = await self._given(f"passkey/make/{person.id}")
        ceremonies = await _ceremonies()
        return Challenge(options=ceremonies.making(origin, given.challenge, person, known), state=state)

    async def add(
        self, actor: Actor, who: Principal, origin: str, *, state: str, answer: dict[str, Any], title: str
    ) -> Passkey:
        """Keep a passkey that a browser made; raise `CodeRefusedError` where its answer does not hold."""
        person = await self._sign_in.person_of(who)
        given = await self._taken(state, f"passkey/make/{person.id}")
        signed = (await _ceremonies()).made(origin, given.challenge, answer) if given is not None else None
        if signed is None:
            raise CodeRefusedError("The passkey does not hold here.", hint="Begin anew.")
        if len(await self._store.all(Passkey, person=person.id)) >= MOST:
            raise CodeRefusedError(f"Nobody has more than {MOST} passkeys.", hint="Remove one first.")
        now = self._now()
        key = Passkey(
            id=signed.id, person=person.id, title=title, public_key=signed.public_key, counter=signed.counter,
            created_at=now, used_at=now,
        )  # fmt: skip
        if (
            await self._store.save([Add(key)], [self._entry(actor, "second-proof.add-passkey", person)])
            is not None
        ):
            raise ChangedMeanwhileError.of("passkey", title)
        return key

    async def remove(self, actor: Actor, who: Principal, number: str) -> None:
        """Let a passkey of one's own open nothing any more."""
        person = await self._sign_in.person_of(who)
        key = await self._store.one(Passkey, id=number, person=person.id)
        gone = NotFoundError.of("passkey", number)
        if key is None:
            raise gone
        entry = self._entry(actor, "second-proof.remove-passkey", person)
        if await self._store.save([Remove(key)], [entry]) is not None:
            raise gone

    async def ask(self, origin: str) -> Challenge:
        """Return what a browser is asked for to prove itself by a passkey."""
        given, state = await self._given("passkey/prove")
        return Challenge(options=(await _ceremonies()).asking(origin, given.challenge), state=state)

    async def sign_in(
        self, actor: Actor, origin: str, *, state: str, answer: dict[str, Any], agent: str = ""
    ) -> SignedIn:
        """Begin a session by a passkey; raise `SignInRefusedError` or `TooManyTriesError`."""
        person, writes = await self._proved(actor, origin, state, answer, "sessions.begin")
        return await self._sign_in.begin(actor, person, ("passkey",), writes, agent=agent)

    async def prove(
        self, actor: Actor, who: Principal, origin: str, *, state: str, answer: dict[str, Any]
    ) -> SignedIn:
        """Prove anew by a passkey of one's own who one is."""
        person, writes = await self._proved(actor, origin, state, answer, "sessions.prove")
        if person.id != who.id:
            raise await self._refused(actor, "sessions.prove", person, "The passkey is somebody else's.")
        return await self._sign_in.renew(actor, who, person, ("passkey",), writes)

    async def _proved(
        self, actor: Actor, origin: str, state: str, answer: dict[str, Any], action: str
    ) -> tuple[Person, list[Write]]:
        """Return whose passkey answered, and what that used up."""
        number = answer.get("id")
        made = await self._backoff.begin(f"passkey {number}", actor.address)
        given = await self._taken(state, "passkey/prove")
        key = await self._store.one(Passkey, id=number) if isinstance(number, str) else None
        person = await self._store.one(Person, id=key.person) if key is not None else None
        if key is None or person is None or person.state != "active":
            raise await self._refused(actor, action, None, "There is no such passkey.")
        signed = None
        if given is not None and given.at > key.used_at:
            signed = (await _ceremonies()).proved(origin, given.challenge, answer, key)
        if signed is None:
            raise await self._refused(actor, action, person, "The answer of the passkey does not hold.")
        used = msgspec.structs.replace(key, counter=signed.counter, used_at=self._now())
        await self._backoff.succeeded(made)
        return person, [Replace(key, used), self._backoff.cleared(made)]

    async def _refused(
        self, actor: Actor, action: str, person: Person | None, why: str
    ) -> SignInRefusedError:
        entry = msgspec.structs.replace(self._entry(actor, action, person), outcome="refused", why=why)
        await self._store.save([], [entry])
        return SignInRefusedError.of()

    async def _given(self, place: str) -> tuple[_Given, str]:
        given = _Given(os.urandom(32), self._now())
        return given, await self._seal.seal(msgspec.json.encode(given), place)

    async def _taken(self, state: str, place: str) -> _Given | None:
        try:
            given = msgspec.json.decode(await self._seal.open(state, place), type=_Given)
        except (AuraError, msgspec.DecodeError):
            return None
        return given if self._now() < given.at + LASTS else None

    def _entry(self, actor: Actor, action: str, person: Person | None) -> Entry:
        about = Object(kind="person", id=person.id, name=person.name) if person else Object(kind="person")
        return Entry(at=self._now(), workspace="", actor=actor, action=action, object=about)


async def _ceremonies() -> Any:
    """Return what carries out the ceremonies. It takes a while to import, so nobody waits for it who has no passkey."""
    return await asyncio.to_thread(importlib.import_module, "auraos.security.identity.ceremonies")
