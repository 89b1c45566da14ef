"""`Federation`: signing in by somebody else who vouches for a person (OpenID Connect, the code flow with PKCE).

Whoever is vouched for is known by issuer and subject alone: no address of mail and no name makes anybody somebody who is here
already. What was begun in one browser ends in that one: it goes there under seal, and comes back with the code.
"""

import asyncio
import base64
import hashlib
import importlib
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from auraos.core.audit import Actor, Entry, Object
from auraos.core.errors import AuraError
from auraos.security.access import Principal
from auraos.security.access.errors import NameTakenError, NotFoundError
from auraos.security.access.rows import Group, Member
from auraos.security.identity.backoff import Backoff
from auraos.security.identity.errors import PersonNeededError, ProviderFailedError, SignInRefusedError
from auraos.security.identity.federation.providers import Providers
from auraos.security.identity.rows import Person, Provider, Vouched
from auraos.security.identity.second_proofs import Seal
from auraos.security.identity.sign_in import SignedIn, SignIn
from auraos.security.row_store import Add, Clear, Remove, RowStore, Write

SECOND = 1_000_000
LASTS = 600 * SECOND
FLOW = "federation/flow"
MOST_TRIES = 5


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """Where a browser goes to be vouched for, and what it keeps meanwhile."""

    url: str
    flow: str


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: a session, or, for somebody who was signed in, one more way in; and the page to go on with."""

    signed_in: SignedIn | None
    page: str


class _Flow(msgspec.Struct, frozen=True, kw_only=True):
    provider: str
    state: str
    nonce: str
    verifier: str
    back: str
    page: str
    at: int
    session: str = ""
    """Of whoever links themselves."""


class Federation:
    """The people for whom somebody else vouches."""

    def __init__(
        self,
        store: RowStore,
        seal: Seal,
        providers: Providers,
        sign_in: SignIn,
        backoff: Backoff,
        *,
        now: Callable[[], int],
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._seal = seal
        self._providers = providers
        self._sign_in = sign_in
        self._backoff = backoff
        self._elsewhere = providers.elsewhere
        self._now = now
        self._new_id = new_id

    async def begin(self, name: str, *, back: str, page: str, who: Principal | None = None) -> Begun:
        """Return where a browser goes; `back` is the page that it comes back to, `who` somebody who links themselves."""
        provider = await self._providers.active(name)
        session = (await self._sign_in.session_of(who)).id if who is not None else ""
        flow = _Flow(
            provider=name, state=secrets.token_urlsafe(32), nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48), back=back, page=safe_page(page), at=self._now(), session=session,
        )  # fmt: skip
        challenge = (
            base64.urlsafe_b64encode(hashlib.sha256(flow.verifier.encode()).digest()).rstrip(b"=").decode()
        )
        about = await self._elsewhere.about(provider)
        asked = {
            "response_type": "code", "client_id": provider.client_id, "redirect_uri": back,
            "scope": " ".join(provider.scopes), "state": flow.state, "nonce": flow.nonce,
            "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        joint = "&" if "?" in about.authorization_endpoint else "?"
        return Begun(
            url=f"{about.authorization_endpoint}{joint}{urlencode(asked)}",
            flow=await self._seal.seal(msgspec.json.encode(flow), FLOW),
        )

    async def end(
        self,
        actor: Actor,
        name: str,
        *,
        flow: str,
        state: str,
        code: str,
        who: Principal | None,
        agent: str = "",
    ) -> Ended:
        """Take what the provider gives for a code; raise `SignInRefusedError` where any of it does not hold."""
        made = await self._backoff.begin("", actor.address)
        begun = await self._begun(flow)
        provider = await self._store.one(Provider, name=name)
        if begun is None or provider is None or provider.state != "active" or begun.provider != name:
            raise await self._refused(actor, name, "It was not begun in this browser, or too long ago.")
        if not secrets.compare_digest(begun.state.encode(), state.encode("utf-8", "replace")):
            raise await self._refused(actor, name, "It was begun in another browser.")
        claims = await self._vouched(actor, provider, begun, code)
        await self._backoff.succeeded(made)
        if begun.session:
            await self._link(actor, provider, claims, begun, who)
            return Ended(signed_in=None, page=begun.page)
        person, writes = await self._person(actor, provider, claims)
        writes += await self._memberships(provider, person, claims)
        signed_in = await self._sign_in.begin(actor, person, ("oidc",), writes, agent=agent)
        return Ended(signed_in=signed_in, page=begun.page)

    async def linked(self, who: Principal) -> Sequence[Vouched]:
        """Return as whom somebody is known elsewhere."""
        return await self._store.all(Vouched, person=(await self._sign_in.person_of(who)).id)

    async def unlink(self, actor: Actor, who: Principal, name: str) -> None:
        """Let nobody in any more as this person by a provider."""
        person = await self._sign_in.person_of(who)
        provider = await self._store.one(Provider, name=name)
        issuer = provider.issuer if provider is not None else name
        if not await self._store.all(Vouched, issuer=issuer, person=person.id):
            raise NotFoundError.of("link", name)
        entry = self._entry(actor, "second-proof.unlink", _about(person), after={"provider": name})
        await self._store.save([Clear(Vouched, {"issuer": issuer, "person": person.id})], [entry])

    # --- how ---

    async def _begun(self, flow: str) -> _Flow | None:
        try:
            begun = msgspec.json.decode(await self._seal.open(flow, FLOW), type=_Flow)
        except (AuraError, msgspec.DecodeError):
            return None
        return begun if self._now() < begun.at + LASTS else None

    async def _vouched(self, actor: Actor, provider: Provider, begun: _Flow, code: str) -> dict[str, Any]:
        """Return what a provider says of somebody for a code."""
        secret = await self._providers.secret_of(provider)
        try:
            token = await self._elsewhere.token(provider, secret, code, begun.verifier, begun.back)
            return await self._claims(provider, token, begun.nonce)
        except ProviderFailedError as error:
            await self._refused(actor, provider.name, error.message)
            raise
        except NotHeldError as error:
            raise await self._refused(actor, provider.name, str(error)) from error

    async def _claims(self, provider: Provider, token: str, nonce: str) -> dict[str, Any]:
        module: Any = await asyncio.to_thread(
            importlib.import_module, "auraos.security.identity.federation.claims"
        )
        for anew in (False, True):
            keys = await self._elsewhere.keys(provider, anew=anew)
            try:
                claims: dict[str, Any] = module.claims_of(
                    token, keys, issuer=provider.issuer, client=provider.client_id, nonce=nonce,
                    now=self._now() // SECOND,
                )  # fmt: skip
            except module.UnknownKeyError as error:
                if anew:
                    raise NotHeldError(str(error)) from error
            except module.NotVouchedError as error:
                raise NotHeldError(str(error)) from error
            else:
                return claims
        raise NotHeldError("The token is signed by nobody known.")

    async def _person(
        self, actor: Actor, provider: Provider, claims: Mapping[str, Any]
    ) -> tuple[Person, list[Write]]:
        """Return the person of an issuer and subject; a new one where the provider may bring people."""
        vouched = await self._store.one(Vouched, issuer=provider.issuer, subject=claims["sub"])
        if vouched is not None:
            person = await self._store.one(Person, id=vouched.person)
            if person is None or person.state != "active":
                raise await self._refused(actor, provider.name, "The person is disabled.")
            return person, []
        if not provider.creates_people:
            raise await self._refused(actor, provider.name, "Nobody here is linked to whoever this is.")
        now = self._now()
        title = str(claims.get("name", ""))[:200]
        person = Person(
            id=self._new_id(), name=await self._free_name(claims), title=title if title.isprintable() else "",
            created_at=now, changed_at=now,
        )  # fmt: skip
        link = Vouched(issuer=provider.issuer, subject=claims["sub"], person=person.id, at=now)
        acting = msgspec.structs.replace(actor, kind="person", id=person.id, name=person.name)
        entry = self._entry(acting, "people.add", _about(person), after={"provider": provider.name})
        if await self._store.save([Add(person), Add(link)], [entry]) is not None:
            raise await self._refused(actor, provider.name, "Somebody else came in under this name.")
        return person, []

    async def _free_name(self, claims: Mapping[str, Any]) -> str:
        """Return a name that nobody has, like the one that somebody has elsewhere."""
        wished = next(
            (str(claims[name]) for name in ("preferred_username", "email", "sub") if claims.get(name)), ""
        )
        plain = re.sub(r"[^a-z0-9._@-]+", "-", wished.casefold()).strip("-._@")[:80] or "somebody"
        for number in range(1, 1000):
            name = plain if number == 1 else f"{plain}-{number}"
            if await self._store.one(Person, name=name) is None:
                return name
        raise NameTakenError(f"There are too many people called {plain!r}.")

    async def _memberships(
        self, provider: Provider, person: Person, claims: Mapping[str, Any]
    ) -> list[Write]:
        """Return what brings a person into the groups that the provider names, and out of its others."""
        said = claims.get(provider.groups_claim)
        told = {str(each) for each in said} if isinstance(said, list) else set()
        theirs = [
            group for group in await self._store.all(Group) if group.outside.startswith(f"{provider.name}:")
        ]
        mine = {member.group_id for member in await self._store.all(Member, person=person.id)}
        writes: list[Write] = []
        for group in theirs:
            belongs, member = (
                group.outside.partition(":")[2] in told,
                Member(group_id=group.id, person=person.id),
            )
            if belongs and group.id not in mine:
                writes.append(Add(member))
            elif not belongs and group.id in mine:
                writes.append(Remove(member))
        return writes

    async def _link(
        self, actor: Actor, provider: Provider, claims: Mapping[str, Any], begun: _Flow, who: Principal | None
    ) -> None:
        """Link whoever is signed in to who they are elsewhere."""
        if who is None or who.session != begun.session:
            raise PersonNeededError("It was begun in another session.", hint="Begin anew.")
        link = Vouched(issuer=provider.issuer, subject=claims["sub"], person=who.id, at=self._now())
        entry = self._entry(actor, "second-proof.link", _about(who), after={"provider": provider.name})
        if await self._store.save([Add(link)], [entry]) is not None:
            raise NameTakenError("Somebody here is linked to this account already.", hint="Sign in by it.")

    async def _refused(self, actor: Actor, name: str, why: str) -> SignInRefusedError:
        about = Object(kind="provider", name=name)
        entry = self._entry(actor, "sessions.begin", about, outcome="refused", why=why)
        await self._store.save([], [entry])
        return SignInRefusedError.of()

    def _entry(self, actor: Actor, action: str, about: Object, **more: Any) -> Entry:
        return Entry(at=self._now(), workspace="", actor=actor, action=action, object=about, **more)


def _about(person: Person | Principal) -> Object:
    return Object(kind="person", id=person.id, name=person.name)


class NotHeldError(Exception):
    """What a provider gave does not hold."""


def safe_page(text: str) -> str:
    """Return a page of ours to go on with: nothing that leads to another site."""
    is_ours = (
        text.startswith("/")
        and not text.startswith(("//", "/\\"))
        and text.isprintable()
        and "\\" not in text
    )
    return text if is_ours and len(text) <= 500 else "/"
