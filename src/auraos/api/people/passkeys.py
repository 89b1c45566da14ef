"""Passkeys over HTTP."""

from typing import Annotated, Any

import msgspec

from auraos.api.people.sign_in import Carrier, Welcome, agent_of, carrier_of, welcome
from auraos.api.protocol.answers import Answer
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import END
from auraos.api.protocol.routes import OPEN, SELF, Routes
from auraos.security.identity.passkeys import Challenge
from auraos.security.identity.rows import Passkey

routes = Routes()

State = Annotated[
    str, msgspec.Meta(max_length=2000, description="`state` of the challenge that is answered.")
]
Credential = Annotated[
    dict[str, Any],
    msgspec.Meta(description="What the browser answered, in the JSON of WebAuthn.", max_length=20),
]
Number = Annotated[str, msgspec.Meta(pattern=rf"^[A-Za-z0-9_-]+{END}", max_length=1400)]


class OnePasskey(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey of one's own."""

    id: Number


class NewPasskey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A passkey that a browser made."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    state: State
    answer: Credential


class PasskeyProof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a passkey signed."""

    state: State
    answer: Credential


class PasskeySignIn(PasskeyProof, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a passkey signed, for a new session."""

    carry: Carrier = "cookie"


class PasskeyDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey of one's own."""

    id: str
    title: str
    created_at: int
    used_at: int

    @classmethod
    def of(cls, key: Passkey) -> "PasskeyDetail":
        """Return what is shown of a passkey."""
        return cls(id=key.id, title=key.title, created_at=key.created_at, used_at=key.used_at)


@routes.post("/api/v1/passkeys/challenge", may=OPEN)
async def ask_for_passkey(ask: Ask) -> Challenge:
    """Return what a browser is asked for to prove itself by a passkey."""
    return await ask.desk.identity.passkeys.ask(ask.site.origin(ask.asked.headers))


@routes.post("/api/v1/sign-in/passkey", may=OPEN, tells=("sign-in-refused", "too-many-requests"))
async def sign_in_by_passkey(ask: Ask, body: PasskeySignIn) -> Welcome | Answer:
    """Sign in by a passkey."""
    signed_in = await ask.desk.identity.passkeys.sign_in(
        ask.nobody,
        ask.site.origin(ask.asked.headers),
        state=body.state,
        answer=body.answer,
        agent=agent_of(ask),
    )
    return welcome(ask, signed_in, body.carry)


@routes.post(
    "/api/v1/me/prove/passkey", may=SELF, tells=("sign-in-refused", "too-many-requests", "person-needed")
)
async def prove_myself_by_passkey(ask: Ask, body: PasskeyProof) -> Welcome | Answer:
    """Prove anew by a passkey who one is, for what asks for a fresh proof."""
    await ask.desk.identity.sign_in.session_of(ask.known)
    proved = await ask.desk.identity.passkeys.prove(
        ask.actor, ask.known, ask.site.origin(ask.asked.headers), state=body.state, answer=body.answer
    )
    return welcome(ask, proved, carrier_of(ask))


@routes.get("/api/v1/me/passkeys", may=SELF, tells=("person-needed",))
async def list_my_passkeys(ask: Ask) -> tuple[PasskeyDetail, ...]:
    """List one's passkeys."""
    return tuple(PasskeyDetail.of(key) for key in await ask.desk.identity.passkeys.own(ask.known))


@routes.post("/api/v1/me/passkeys/challenge", may=SELF, fresh=True)
async def begin_passkey(ask: Ask) -> Challenge:
    """Begin to make a passkey."""
    return await ask.desk.identity.passkeys.begin(ask.known, ask.site.origin(ask.asked.headers))


@routes.post(
    "/api/v1/me/passkeys", may=SELF, fresh=True, status=201, tells=("code-refused", "changed-meanwhile")
)
async def add_passkey(ask: Ask, body: NewPasskey) -> PasskeyDetail:
    """Keep a passkey that a browser made."""
    key = await ask.desk.identity.passkeys.add(
        ask.actor,
        ask.known,
        ask.site.origin(ask.asked.headers),
        state=body.state,
        answer=body.answer,
        title=body.title,
    )
    return PasskeyDetail.of(key)


@routes.delete("/api/v1/me/passkeys/{id}", may=SELF, fresh=True, tells=("not-found",))
async def remove_passkey(ask: Ask, at: OnePasskey) -> None:
    """Let a passkey open nothing any more."""
    await ask.desk.identity.passkeys.remove(ask.actor, ask.known, at.id)
