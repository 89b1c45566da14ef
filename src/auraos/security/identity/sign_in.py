"""`SignIn`: how a person comes in, shows again who they are, and leaves.

Whatever is wrong with a name, a password or a code, the answer and the time that it takes are the same.
"""

from collections.abc import Callable, Sequence

import msgspec

from auraos.core.audit import Actor, Entry, Object, Outcome
from auraos.security.access import Principal
from auraos.security.access.errors import NotFoundError
from auraos.security.identity.backoff import Backoff
from auraos.security.identity.errors import (
    NotSignedInError,
    PersonNeededError,
    SecondProofNeededError,
    SignInRefusedError,
)
from auraos.security.identity.passwords import Passwords, refuse_weak
from auraos.security.identity.rows import Key, Person, Proof, Session
from auraos.security.identity.second_proofs import SecondProofs
from auraos.security.identity.terms import Terms
from auraos.security.identity.tokens import SESSION, digest, new_token
from auraos.security.row_store import Add, Clear, Remove, Replace, RowStore, Write

LONGEST_AGENT = 200


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """A session that just began, or whose proof was renewed, with the token that carries it from now on."""

    token: str
    session: Session
    person: Person
    keys: int = 0
    """After another password was chosen: how many keys of theirs open what they did, all the same."""


class SignIn:
    """The sessions of people."""

    def __init__(  # noqa: PLR0913 (what signing in is made of)
        self,
        store: RowStore,
        passwords: Passwords,
        second_proofs: SecondProofs,
        backoff: Backoff,
        terms: Terms,
        *,
        now: Callable[[], int],
        new_id: Callable[[], str],
        forget: Callable[[], None],
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._second_proofs = second_proofs
        self._backoff = backoff
        self._terms = terms
        self._now = now
        self._new_id = new_id
        self._forget = forget

    async def sign_in(
        self, actor: Actor, name: str, password: str, code: str = "", *, agent: str = ""
    ) -> SignedIn:
        """Begin a session; raise `SignInRefusedError`, `SecondProofNeededError` or `TooManyTriesError`."""
        person, proofs, writes = await self._proved(actor, "sessions.begin", name, password, code)
        return await self.begin(actor, person, proofs, writes, agent=agent)

    async def begin(
        self,
        actor: Actor,
        person: Person,
        proofs: tuple[Proof, ...],
        writes: Sequence[Write] = (),
        *,
        agent: str = "",
    ) -> SignedIn:
        """Begin a session of a person who proved who they are, together with what the proof used up."""
        now = self._now()
        session = self._session(actor, person, proofs, agent)
        entry = self._entry(_acting(actor, person), "sessions.begin", person, why=" and ".join(proofs))
        cleared = Clear(Session, until=now)
        if await self._store.save([*writes, Add(session[1]), cleared], [entry]) is not None:
            raise SignInRefusedError.of()
        return SignedIn(token=session[0], session=session[1], person=person)

    async def prove(self, actor: Actor, who: Principal, password: str, code: str = "") -> SignedIn:
        """Prove anew who somebody is, and carry their session on under another token."""
        name = (await self.person_of(who)).name
        person, proofs, writes = await self._proved(actor, "sessions.prove", name, password, code)
        return await self.renew(actor, who, person, proofs, writes)

    async def renew(
        self, actor: Actor, who: Principal, person: Person, proofs: tuple[Proof, ...], writes: Sequence[Write]
    ) -> SignedIn:
        """Carry the session of somebody who proved anew who they are on under another token."""
        before = await self.session_of(who)
        token = new_token(SESSION)
        now = self._now()
        after = msgspec.structs.replace(
            before, digest=digest(token), epoch=person.epoch, proved_at=now, proved_by=proofs, seen_at=now
        )
        entry = self._entry(actor, "sessions.prove", person, why=" and ".join(proofs))
        if await self._store.save([*writes, Remove(before), Add(after)], [entry]) is not None:
            raise SignInRefusedError.of()
        self._forget()
        return SignedIn(token=token, session=after, person=person)

    async def change_password(
        self, actor: Actor, who: Principal, old: str, new: str, *, agent: str = ""
    ) -> SignedIn:
        """Take another password. All sessions end, and this one goes on under another token. Keys stay, and are counted."""
        before = await self.session_of(who)
        person = await self.person_of(who)
        made = await self._backoff.begin(person.name, actor.address)
        if not await self._passwords.verify(person.password, old):
            raise await self._refused(
                actor, "people.change-password", person, "The password of before is not right."
            )
        refuse_weak(new, person.name, person.title)
        after = msgspec.structs.replace(
            person, password=await self._passwords.hash(new), epoch=person.epoch + 1, changed_at=self._now()
        )
        token, session = self._session(actor, after, before.proved_by or ("password",), agent)
        session = msgspec.structs.replace(session, id=before.id)
        writes: list[Write] = [
            Replace(person, after), Clear(Session, {"person": person.id}), Add(session), self._backoff.cleared(made),
        ]  # fmt: skip
        if await self._store.save(writes, [self._entry(actor, "people.change-password", person)]) is not None:
            raise SignInRefusedError.of()
        await self._backoff.succeeded(made)
        self._forget()
        keys = await self._store.all(Key, owner=person.id, owner_kind="person", revoked_at=0)
        opening = sum(key.opens(after.changed_at) for key in keys)
        return SignedIn(token=token, session=session, person=after, keys=opening)

    async def sessions(self, who: Principal) -> Sequence[Session]:
        """Return the sessions of somebody that go on, those last begun first."""
        found = await self._store.all(Session, person=(await self.session_of(who)).person)
        return sorted(
            (each for each in found if each.ends_at > self._now()),
            key=lambda each: each.created_at,
            reverse=True,
        )

    async def end(self, actor: Actor, who: Principal, number: str) -> None:
        """End a session of one's own."""
        await self.session_of(who)
        session = await self._store.one(Session, id=number)
        if session is None or session.person != who.id:
            raise NotFoundError.of("session", number)
        await self._store.save([Clear(Session, {"id": number})], [self._entry(actor, "sessions.end", who)])
        self._forget()

    async def end_all(self, actor: Actor, who: Principal, *, but: str = "") -> None:
        """End all sessions of one's own, but one."""
        await self.session_of(who)
        others = [each for each in await self._store.all(Session, person=who.id) if each.id != but]
        writes = [Clear(Session, {"id": each.id}) for each in others]
        if writes:
            await self._store.save(writes, [self._entry(actor, "sessions.end", who, why="all")])
            self._forget()

    async def person_of(self, who: Principal) -> Person:
        """Return the person who is signed in; raise `PersonNeededError` for a key."""
        if not who.session:
            raise PersonNeededError("Only a person who is signed in can do this.", hint="Sign in by name.")
        person = await self._store.one(Person, id=who.id)
        if person is None:
            raise NotSignedInError("There is no such person any more.")
        return person

    async def session_of(self, who: Principal) -> Session:
        """Return the session in which somebody is signed in; raise `PersonNeededError` for a key."""
        if not who.session:
            raise PersonNeededError("Only a person who is signed in can do this.", hint="Sign in by name.")
        session = await self._store.one(Session, id=who.session)
        if session is None:
            raise NotSignedInError("The session is over.", hint="Sign in.")
        return session

    # --- how ---

    async def _proved(
        self, actor: Actor, action: str, name: str, password: str, code: str
    ) -> tuple[Person, tuple[Proof, ...], list[Write]]:
        """Return who somebody proved to be, by what, and what that used up."""
        name = name.strip().casefold()
        made = await self._backoff.begin(name, actor.address)
        person = await self._store.one(Person, name=name)
        is_known = person is not None and person.state == "active"
        matches = await self._passwords.verify(person.password if person is not None else "", password)
        if person is None or not is_known or not matches:
            raise await self._refused(actor, action, person, _why(person, is_known=is_known))
        writes: list[Write] = [self._backoff.cleared(made)]
        proofs: tuple[Proof, ...] = ("password",)
        if person.totp and not code:
            await self._backoff.take_back(made)
            raise SecondProofNeededError(
                "This account asks for a one-time code, too.", hint="Send it with name and password.",
                proofs=["totp", "recovery"],
            )  # fmt: skip
        if person.totp:
            writes.append(await self._backoff.begin_code(person.id))
            used = await self._second_proofs.used(person, code)
            if used is None:
                raise await self._refused(actor, action, person, "The code is not right, or was used.")
            proof, after = used
            proofs = (*proofs, proof)
            writes.append(Replace(person, after))
            person = after
        elif self._passwords.is_outdated(person.password):
            after = msgspec.structs.replace(person, password=await self._passwords.hash(password))
            writes.append(Replace(person, after))
            person = after
        await self._backoff.succeeded(made)
        return person, proofs, writes

    async def _refused(
        self, actor: Actor, action: str, person: Person | None, why: str
    ) -> SignInRefusedError:
        """Tell of a try that was refused, and return what is said of it."""
        entry = self._entry(actor, action, person, outcome="refused", why=why)
        await self._store.save([], [entry])
        return SignInRefusedError.of()

    def _session(
        self, actor: Actor, person: Person, proofs: tuple[Proof, ...], agent: str
    ) -> tuple[str, Session]:
        token, now = new_token(SESSION), self._now()
        return token, Session(
            digest=digest(token),
            id=self._new_id(),
            person=person.id,
            epoch=person.epoch,
            created_at=now,
            seen_at=now,
            ends_at=now + self._terms.session(),
            proved_at=now,
            proved_by=proofs,
            address=actor.address,
            agent=agent[:LONGEST_AGENT],
        )

    def _entry(
        self, actor: Actor, action: str, about: Person | Principal | None, outcome: Outcome = "done", why: str = ""
    ) -> Entry:  # fmt: skip
        person = Object(kind="person", id=about.id, name=about.name) if about else Object(kind="person")
        return Entry(
            at=self._now(), workspace="", actor=actor, action=action, object=person, outcome=outcome, why=why
        )


def _acting(actor: Actor, person: Person) -> Actor:
    return msgspec.structs.replace(actor, kind="person", id=person.id, name=person.name)


def _why(person: Person | None, *, is_known: bool) -> str:
    if person is None:
        return "There is nobody of that name."
    return "The password is not right." if is_known else "The person is disabled."
