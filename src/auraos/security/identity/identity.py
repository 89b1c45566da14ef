"""`Identity`: all that has to do with who somebody is, put together on one store."""

from collections.abc import Callable

import msgspec

from auraos.security.access import Principal
from auraos.security.access.rows import HolderKind
from auraos.security.access.service import Access
from auraos.security.identity.backoff import Backoff
from auraos.security.identity.federation.elsewhere import Elsewhere, Outside
from auraos.security.identity.federation.providers import Providers
from auraos.security.identity.federation.service import Federation
from auraos.security.identity.keys import Keys
from auraos.security.identity.ownership import OwnedMark, Ownership
from auraos.security.identity.passkeys import Passkeys
from auraos.security.identity.passwords import Passwords
from auraos.security.identity.people import People
from auraos.security.identity.provisioning.service import Provisioning
from auraos.security.identity.recognition import Recognition
from auraos.security.identity.second_proofs import Seal, SecondProofs
from auraos.security.identity.sign_in import SignIn
from auraos.security.identity.terms import Terms, UsualTerms
from auraos.security.row_store import RowStore


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """The services of one process. What one of them changes, the others believe at once; other processes in a few seconds."""

    access: Access
    ownership: Ownership
    sign_in: SignIn
    second_proofs: SecondProofs
    passkeys: Passkeys
    providers: Providers
    federation: Federation
    people: People
    keys: Keys
    provisioning: Provisioning
    recognition: Recognition

    async def holder(self, kind: HolderKind, name: str, workspace: str) -> str:
        """Return the id of whoever can hold a grant in a workspace; raise `NotFoundError`."""
        if kind == "person":
            return (await self.people.find(name)).id
        if kind == "group":
            return (await self.access.group(name)).id
        return (await self.keys.service(workspace, name)).id

    async def names(self, workspace: str) -> dict[str, str]:
        """Return the names of all who hold something in a workspace, by their ids."""
        people = await self.people.members(workspace)
        services, groups = await self.keys.services(workspace), await self.access.groups()
        named: list[tuple[str, str]] = [(each.id, each.name) for each in people]
        named += [(each.id, each.name) for each in services]
        return dict(named + [(each.id, each.name) for each in groups])

    async def belonging(self, workspace: str) -> set[str]:
        """Return the ids of the people who have a role in a workspace and may come in, and of its service accounts."""
        people = [each.id for each in await self.people.members(workspace) if each.state == "active"]
        services = [each.id for each in await self.keys.services(workspace) if each.state == "active"]
        return {*people, *services}

    async def principal(self, kind: HolderKind, name: str, workspace: str) -> Principal:
        """Return somebody as they would be recognised by a session, or by a key that is good for everything."""
        number = await self.holder(kind, name, workspace)
        return Principal(
            kind="service" if kind == "service" else "person",
            id=number,
            name=name,
            grants=await self.access.grants_of(kind, number),
        )

    @classmethod
    def on(  # noqa: PLR0913 (what identity is made of)
        cls,
        store: RowStore,
        *,
        mark: OwnedMark,
        seal: Seal,
        passwords: Passwords,
        outside: Outside,
        now: Callable[[], int],
        new_id: Callable[[], str],
        terms: Terms | None = None,
    ) -> "Identity":
        """Return the services on a store."""
        access = Access(store, now=now, new_id=new_id)
        terms = terms or UsualTerms()
        recognition = Recognition(store, access, now, terms)
        forget = recognition.forget
        access.when_changed(forget)
        backoff = Backoff(store, now)
        second_proofs = SecondProofs(store, seal, now=now, forget=forget)
        sign_in = SignIn(
            store, passwords, second_proofs, backoff, terms, now=now, new_id=new_id, forget=forget
        )
        providers = Providers(store, seal, Elsewhere(outside, now), now=now)
        return cls(
            access=access,
            ownership=Ownership(store, mark, passwords, backoff, now=now, new_id=new_id),
            sign_in=sign_in,
            second_proofs=second_proofs,
            passkeys=Passkeys(store, seal, sign_in, backoff, now=now),
            providers=providers,
            federation=Federation(store, seal, providers, sign_in, backoff, now=now, new_id=new_id),
            people=People(store, access, passwords, terms, now=now, new_id=new_id, forget=forget),
            keys=Keys(store, access, now=now, new_id=new_id, forget=forget),
            provisioning=Provisioning(store, now=now, new_id=new_id, forget=forget),
            recognition=recognition,
        )
