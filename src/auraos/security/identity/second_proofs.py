"""`SecondProofs`: one-time codes of an app, and recovery codes for when it is lost. Each code is good once."""

import secrets
from collections.abc import Callable
from typing import Protocol

import msgspec
import pyotp

from auraos.core.audit import Actor, Entry, Object
from auraos.core.errors import AuraError
from auraos.security.access.errors import ChangedMeanwhileError, NotFoundError
from auraos.security.identity.errors import CodeRefusedError
from auraos.security.identity.rows import Person, Proof
from auraos.security.identity.tokens import digest
from auraos.security.row_store import Replace, RowStore

ISSUER = "AuraOS Automation"
SECOND = 1_000_000
INTERVAL = 30
SLACK = 1
"""A clock may be off by so many intervals."""
CODES = 10
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
SETUP_LASTS = 1800 * SECOND


class Seal(Protocol):
    """Keeps a value so that only this installation can read it, and only for the place that it was kept for."""

    async def seal(self, value: bytes, place: str) -> str: ...

    async def open(self, sealed: str, place: str) -> bytes: ...


class TotpSetup(msgspec.Struct, frozen=True, kw_only=True):
    """What an app for one-time codes is set up with, and what brings its first code back."""

    secret: str
    uri: str
    setup: str


class _Pending(msgspec.Struct, frozen=True):
    secret: str
    until: int


class SecondProofs:
    """The second proofs of people."""

    def __init__(
        self,
        store: RowStore,
        seal: Seal,
        *,
        now: Callable[[], int],
        forget: Callable[[], None],
    ) -> None:
        self._store = store
        self._seal = seal
        self._now = now
        self._forget = forget

    async def begin_totp(self, person: Person) -> TotpSetup:
        """Return what to set an app up with. Nothing holds until its first code is confirmed."""
        secret = pyotp.random_base32(32)
        pending = msgspec.json.encode(_Pending(secret, self._now() + SETUP_LASTS))
        return TotpSetup(
            secret=secret,
            uri=pyotp.TOTP(secret).provisioning_uri(name=person.name, issuer_name=ISSUER),
            setup=await self._seal.seal(pending, f"totp-setup/{person.id}"),
        )

    async def confirm_totp(self, actor: Actor, person: Person, setup: str, code: str) -> tuple[str, ...]:
        """Ask for codes of this app from now on; return the recovery codes, which are shown this once."""
        try:
            opened = await self._seal.open(setup, f"totp-setup/{person.id}")
            pending = msgspec.json.decode(opened, type=_Pending)
        except (AuraError, msgspec.DecodeError, ValueError) as error:
            raise CodeRefusedError("This setup was not begun here.", hint="Begin anew.") from error
        used = self._interval_of(pending.secret, code)
        if used is None or self._now() > pending.until:
            raise CodeRefusedError("The code is not right.", hint="Give the one that the app shows now.")
        codes = _new_codes()
        after = msgspec.structs.replace(
            person,
            totp=await self._seal.seal(pending.secret.encode(), f"totp/{person.id}"),
            totp_used=used,
            recovery=tuple(digest(code) for code in codes),
            changed_at=self._now(),
        )
        await self._change(actor, "second-proof.add", person, after)
        return codes

    async def renew_codes(self, actor: Actor, person: Person) -> tuple[str, ...]:
        """Return new recovery codes, which are shown this once; those of before are good no more."""
        if not person.totp:
            raise NotFoundError("This account asks for no second proof.", hint="Set one up first.")
        codes = _new_codes()
        after = msgspec.structs.replace(
            person, recovery=tuple(digest(code) for code in codes), changed_at=self._now()
        )
        await self._change(actor, "second-proof.renew-codes", person, after)
        return codes

    async def remove(self, actor: Actor, person: Person) -> None:
        """Ask for no codes any more."""
        if not person.totp:
            raise NotFoundError("This account asks for no second proof.")
        after = msgspec.structs.replace(person, totp="", totp_used=0, recovery=(), changed_at=self._now())
        await self._change(actor, "second-proof.remove", person, after)

    async def used(self, person: Person, code: str) -> tuple[Proof, Person] | None:
        """Return what a code proves and the person without it, to be written before it counts; None where it is not good."""
        compact = code.replace(" ", "").replace("-", "").casefold()
        if compact.isascii() and compact.isdigit() and person.totp:
            secret = (await self._seal.open(person.totp, f"totp/{person.id}")).decode()
            interval = self._interval_of(secret, compact)
            if interval is None or interval <= person.totp_used:
                return None
            return "totp", msgspec.structs.replace(person, totp_used=interval)
        found = digest(_grouped(compact))
        if found not in person.recovery:
            return None
        left = tuple(each for each in person.recovery if each != found)
        return "recovery", msgspec.structs.replace(person, recovery=left)

    def _interval_of(self, secret: str, code: str) -> int | None:
        """Return the interval whose code this is, None where it is that of none about now."""
        totp = pyotp.TOTP(secret)
        now = self._now() // SECOND // INTERVAL
        given = code.replace(" ", "")
        good = [
            interval
            for interval in range(now - SLACK, now + SLACK + 1)
            if secrets.compare_digest(totp.generate_otp(interval).encode(), given.encode("utf-8", "replace"))
        ]
        return good[-1] if good else None

    async def _change(self, actor: Actor, action: str, before: Person, after: Person) -> None:
        entry = Entry(
            at=self._now(), workspace="", actor=actor, action=action,
            object=Object(kind="person", id=before.id, name=before.name),
        )  # fmt: skip
        if await self._store.save([Replace(before, after)], [entry]) is not None:
            raise ChangedMeanwhileError.of("person", before.name)
        self._forget()


def _new_codes() -> tuple[str, ...]:
    made = ("".join(secrets.choice(_LETTERS) for _ in range(16)) for _ in range(CODES))
    return tuple(_grouped(code) for code in made)


def _grouped(code: str) -> str:
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))
