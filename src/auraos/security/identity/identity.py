"""`Identity`: all that has to do with who somebody is, put together on one store."""

from collections.abc import Callable

import msgspec

from auraos.security.access.service import Access
from auraos.security.identity.backoff import Backoff
from auraos.security.identity.keys import Keys
from auraos.security.identity.ownership import OwnedMark, Ownership
from auraos.security.identity.passwords import Passwords
from auraos.security.identity.people import People
from auraos.security.identity.recognition import Recognition
from auraos.security.identity.second_proofs import Seal, SecondProofs
from auraos.security.identity.sign_in import SignIn
from auraos.security.row_store import RowStore


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """The services of one process. What one of them changes, the others believe at once; other processes in a few seconds."""

    access: Access
    ownership: Ownership
    sign_in: SignIn
    second_proofs: SecondProofs
    people: People
    keys: Keys
    recognition: Recognition

    @classmethod
    def on(
        cls,
        store: RowStore,
        *,
        mark: OwnedMark,
        seal: Seal,
        passwords: Passwords,
        now: Callable[[], int],
        new_id: Callable[[], str],
    ) -> "Identity":
        """Return the services on a store."""
        access = Access(store, now=now, new_id=new_id)
        recognition = Recognition(store, access, now)
        forget = recognition.forget
        access.when_changed(forget)
        backoff = Backoff(store, now)
        second_proofs = SecondProofs(store, seal, now=now, forget=forget)
        return cls(
            access=access,
            ownership=Ownership(store, mark, passwords, backoff, now=now, new_id=new_id),
            sign_in=SignIn(store, passwords, second_proofs, backoff, now=now, new_id=new_id, forget=forget),
            second_proofs=second_proofs,
            people=People(store, access, passwords, now=now, new_id=new_id, forget=forget),
            keys=Keys(store, access, now=now, new_id=new_id, forget=forget),
            recognition=recognition,
        )
