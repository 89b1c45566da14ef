"""The way in over HTTP: the first owner, signing in and out, sessions, passwords and second proofs."""

from typing import Annotated, Literal

import msgspec

from auraos.api.protocol.answers import Answer
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import Id, PersonName, Secret, Title
from auraos.api.protocol.routes import OPEN, SELF, Routes
from auraos.security.access import Grant
from auraos.security.identity.rows import Proof, Session
from auraos.security.identity.second_proofs import TotpSetup
from auraos.security.identity.sign_in import SignedIn

routes = Routes()

TRIES = ("sign-in-refused", "second-proof-needed", "too-many-requests")
Carrier = Annotated[
    Literal["cookie", "token"],
    msgspec.Meta(description="How the session is carried: browsers keep a cookie."),
]


class OwnedState(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the installation has an owner."""

    owned: bool


class FirstOwner(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who becomes the first owner, by the token that the server printed."""

    token: Secret
    name: PersonName
    password: Secret
    title: Title = ""
    carry: Carrier = "cookie"


class Credentials(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By what somebody signs in."""

    name: Annotated[str, msgspec.Meta(max_length=1000)]
    password: Secret
    code: Secret = ""
    """Of an app, or a recovery code, where the account asks for one."""
    carry: Carrier = "cookie"


class Proving(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By what somebody proves anew who they are."""

    password: Secret
    code: Secret = ""


class NewPassword(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another password in place of the one of before."""

    old: Secret
    new: Secret


class Acceptance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A password that is chosen by an invitation."""

    token: Secret
    password: Secret


class TotpCode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first code of an app that was set up."""

    setup: Secret
    code: Secret


class RecoveryCodes(msgspec.Struct, frozen=True, kw_only=True):
    """Codes for when the app is lost. Each is good once, and they are shown this once."""

    codes: tuple[str, ...]


class Welcome(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in from now on, until when."""

    name: str
    title: str
    session: str
    ends_at: int
    proved_by: tuple[Proof, ...]
    token: str = ""
    """What carries the session, where no cookie does."""
    keys: int = 0
    """After a change of the password: how many keys of one's own still open what they did. They can be revoked one by one."""


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and what was granted to them."""

    kind: str
    id: str
    name: str
    session: str
    key: str
    is_fresh: bool
    workspaces: tuple[str, ...]
    grants: tuple[Grant, ...]


class SessionDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A browser or a command line in which somebody is signed in."""

    id: str
    created_at: int
    seen_at: int
    ends_at: int
    proved_at: int
    proved_by: tuple[Proof, ...]
    address: str
    agent: str
    is_this: bool


class OneSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session of one's own."""

    id: Id


@routes.get("/api/v1/owner", may=OPEN)
async def show_owner(ask: Ask) -> OwnedState:
    """Say whether the installation has an owner."""
    return OwnedState(owned=await ask.desk.identity.ownership.is_owned())


@routes.post(
    "/api/v1/owner",
    may=OPEN,
    status=201,
    tells=("already-owned", "token-refused", "weak-password", "name-taken", "too-many-requests"),
)
async def claim_ownership(ask: Ask, body: FirstOwner) -> Welcome | Answer:
    """Become the first owner, and sign in."""
    identity = ask.desk.identity
    person = await identity.ownership.claim(ask.actor, body.token, body.name, body.password, body.title)
    signed_in = await identity.sign_in.begin(ask.actor, person, ("token", "password"), agent=agent_of(ask))
    return welcome(ask, signed_in, body.carry, 201)


@routes.post("/api/v1/sign-in", may=OPEN, tells=TRIES)
async def sign_in(ask: Ask, body: Credentials) -> Welcome | Answer:
    """Sign in by name and password, and a code where the account asks for one."""
    signed_in = await ask.desk.identity.sign_in.sign_in(
        ask.nobody, body.name, body.password, body.code, agent=agent_of(ask),
    )  # fmt: skip
    return welcome(ask, signed_in, body.carry)


@routes.post("/api/v1/sign-out", may=SELF, status=204, tells=("person-needed",))
async def sign_out(ask: Ask) -> Answer | None:
    """End the session in which this is asked."""
    session = await ask.desk.identity.sign_in.session_of(ask.known)
    await ask.desk.identity.sign_in.end(ask.actor, ask.known, session.id)
    return Answer.of(None, 204, set_cookie=ask.site.clear())


@routes.get("/api/v1/me", may=SELF)
async def show_me(ask: Ask) -> Me:
    """Show who asks."""
    who = ask.known
    workspaces = await ask.desk.identity.access.workspaces(who)
    return Me(
        kind=who.kind, id=who.id, name=who.name, session=who.session, key=who.key, is_fresh=who.is_fresh,
        workspaces=tuple(each.name for each in workspaces), grants=who.grants,
    )  # fmt: skip


@routes.post("/api/v1/me/prove", may=SELF, tells=(*TRIES, "person-needed"))
async def prove_myself(ask: Ask, body: Proving) -> Welcome | Answer:
    """Prove anew who one is, for what asks for a fresh proof."""
    proved = await ask.desk.identity.sign_in.prove(ask.actor, ask.known, body.password, body.code)
    return welcome(ask, proved, carrier_of(ask))


@routes.get("/api/v1/me/sessions", may=SELF, tells=("person-needed",))
async def list_my_sessions(ask: Ask) -> tuple[SessionDetail, ...]:
    """List one's sessions, the last begun first."""
    return tuple(_detail(each, ask) for each in await ask.desk.identity.sign_in.sessions(ask.known))


@routes.delete("/api/v1/me/sessions/{id}", may=SELF, tells=("not-found", "person-needed"))
async def end_my_session(ask: Ask, at: OneSession) -> None:
    """End a session of one's own."""
    await ask.desk.identity.sign_in.end(ask.actor, ask.known, at.id)


@routes.delete("/api/v1/me/sessions", may=SELF, tells=("person-needed",))
async def end_my_other_sessions(ask: Ask) -> None:
    """End all sessions of one's own but this one."""
    await ask.desk.identity.sign_in.end_all(ask.actor, ask.known, but=ask.known.session)


@routes.put("/api/v1/me/password", may=SELF, tells=(*TRIES, "weak-password", "person-needed"))
async def change_my_password(ask: Ask, body: NewPassword) -> Welcome | Answer:
    """Take another password; all other sessions end. Keys stay, and the answer says how many."""
    changed = await ask.desk.identity.sign_in.change_password(
        ask.actor, ask.known, body.old, body.new, agent=agent_of(ask)
    )
    return welcome(ask, changed, carrier_of(ask))


@routes.post("/api/v1/me/totp", may=SELF, fresh=True)
async def begin_totp(ask: Ask) -> TotpSetup:
    """Begin to set up an app for one-time codes."""
    person = await ask.desk.identity.sign_in.person_of(ask.known)
    return await ask.desk.identity.second_proofs.begin_totp(person)


@routes.put("/api/v1/me/totp", may=SELF, fresh=True, tells=("code-refused", "changed-meanwhile"))
async def confirm_totp(ask: Ask, body: TotpCode) -> RecoveryCodes:
    """Confirm the first code of an app; from now on one is asked for."""
    person = await ask.desk.identity.sign_in.person_of(ask.known)
    proofs = ask.desk.identity.second_proofs
    return RecoveryCodes(codes=await proofs.confirm_totp(ask.actor, person, body.setup, body.code))


@routes.delete("/api/v1/me/totp", may=SELF, fresh=True, tells=("not-found", "changed-meanwhile"))
async def remove_totp(ask: Ask) -> None:
    """Ask for no one-time codes any more."""
    person = await ask.desk.identity.sign_in.person_of(ask.known)
    await ask.desk.identity.second_proofs.remove(ask.actor, person)


@routes.post("/api/v1/me/recovery-codes", may=SELF, fresh=True, tells=("not-found", "changed-meanwhile"))
async def renew_recovery_codes(ask: Ask) -> RecoveryCodes:
    """Make new recovery codes; those of before are good no more."""
    person = await ask.desk.identity.sign_in.person_of(ask.known)
    return RecoveryCodes(codes=await ask.desk.identity.second_proofs.renew_codes(ask.actor, person))


@routes.post("/api/v1/invitations/accept", may=OPEN, tells=("token-refused", "weak-password"), status=204)
async def accept_invitation(ask: Ask, body: Acceptance) -> None:
    """Choose a password by an invitation."""
    await ask.desk.identity.people.accept(ask.actor, body.token, body.password)


def welcome(ask: Ask, signed_in: SignedIn, carry: Carrier, status: int = 200) -> Answer:
    """Return the answer to somebody who is signed in from now on."""
    by_cookie = carry == "cookie"
    told = Welcome(
        name=signed_in.person.name,
        title=signed_in.person.shown,
        session=signed_in.session.id,
        ends_at=signed_in.session.ends_at,
        proved_by=signed_in.session.proved_by,
        token="" if by_cookie else signed_in.token,
        keys=signed_in.keys,
    )
    return Answer.of(told, status, **({"set_cookie": ask.site.carry(signed_in.token)} if by_cookie else {}))


def carrier_of(ask: Ask) -> Carrier:
    """Return how the session in which somebody asks is carried."""
    return "token" if "authorization" in ask.asked.headers else "cookie"


def agent_of(ask: Ask) -> str:
    """Return what somebody asks with, without what could mislead whoever reads it."""
    return "".join(each if each.isprintable() else "?" for each in ask.asked.headers.get("user-agent", ""))


def _detail(session: Session, ask: Ask) -> SessionDetail:
    shown = {name: getattr(session, name) for name in SessionDetail.__struct_fields__ if name != "is_this"}
    return SessionDetail(**shown, is_this=session.id == ask.known.session)
