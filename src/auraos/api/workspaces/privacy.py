"""Personal data over HTTP: found, handed out, erased, held for the law. Names of persons stand in bodies, never in addresses."""

from typing import Annotated

import msgspec

from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import END, Limit
from auraos.api.protocol.routes import Routes
from auraos.app.privacy.privacy import Bundle, Erased, Found
from auraos.security.access.authorize import Thing
from auraos.security.access.errors import NotAllowedError
from auraos.security.access.principal import EVERYWHERE
from auraos.security.privacy.rows import HoldKind, LegalHold, PrivacyRequest

routes = Routes()

SEALED = ("master-key", "seal-broken", "privacy-key")
Name = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^[^\x00]*[^\x00\s][^\x00]*{END}",
        max_length=500,
        description="What the inputs of runs name the person by.",
    ),
]
Reason = Annotated[str, msgspec.Meta(pattern=rf"^[^\x00]*{END}", max_length=1000)]
Id = Annotated[str, msgspec.Meta(pattern=f"^[A-Za-z0-9-]+{END}", max_length=64)]


class AboutPerson(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom it is about, and why it is asked. The reason is kept: it should name nobody."""

    subject: Name
    reason: Reason = ""


class Erasing(AboutPerson, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose data is erased."""

    cancel_runs: bool = False
    """Cancel runs that are under way with it; otherwise they stand in the way."""


class RequestList(msgspec.Struct, frozen=True, kw_only=True):
    """Which requests to list."""

    after: Annotated[Id | None, msgspec.Meta(description="`next` of the page before.")] = None
    limit: Limit = 100


class RequestPage(msgspec.Struct, frozen=True, kw_only=True):
    """Requests, the oldest first; `next` asks for the page after it."""

    items: tuple[PrivacyRequest, ...]
    next: str = ""


class NewHold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is held: a person by name, a run by its id, a workflow by name, or the whole workspace."""

    kind: HoldKind
    thing: Annotated[str, msgspec.Meta(pattern=rf"^[^\x00]*{END}", max_length=500)] = ""
    reason: Annotated[str, msgspec.Meta(min_length=1, pattern=rf"^[^\x00]+{END}", max_length=1000)]


class OneHold(msgspec.Struct, frozen=True, kw_only=True):
    """A hold, by its id."""

    id: Id


class ErasedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """The account that is erased, by the name it is signed in by."""

    name: Annotated[str, msgspec.Meta(pattern=rf"^[^\x00/]+{END}", max_length=100)]


@routes.post("/api/v1/privacy/requests/find", may="privacy.find", tells=("no-subject", *SEALED))
async def find_person(ask: Ask, body: AboutPerson) -> Found:
    """Tell where something about a person is kept."""
    return await ask.desk.privacy.find(
        ask.actor, ask.workspace, body.subject, body.reason, accounts=_sees_accounts(ask)
    )


@routes.post("/api/v1/privacy/requests/export", may="privacy.export", tells=("no-subject", *SEALED))
async def export_person(ask: Ask, body: AboutPerson) -> Bundle:
    """Hand out all that is kept about a person, for programs to read."""
    return await ask.desk.privacy.export(
        ask.actor, ask.workspace, body.subject, body.reason, accounts=_sees_accounts(ask)
    )


@routes.post(
    "/api/v1/privacy/requests/erase",
    may="privacy.erase",
    tells=("no-subject", "legal-hold", "runs-open", *SEALED),
)
async def erase_person(ask: Ask, body: Erasing) -> Erased:
    """Erase what runs tell about a person, for good."""
    return await ask.desk.privacy.erase(
        ask.actor, ask.workspace, body.subject, body.reason, cancel=body.cancel_runs
    )


@routes.get("/api/v1/privacy/requests", may="privacy.read")
async def list_requests(ask: Ask, at: RequestList) -> RequestPage:
    """List what was asked about persons, and by whom. It names no person."""
    found = await ask.desk.privacy.requests(ask.workspace, at.after or "", at.limit + 1)
    items = tuple(found[: at.limit])
    return RequestPage(items=items, next=items[-1].id if len(found) > at.limit else "")


@routes.get("/api/v1/privacy/holds", may="privacy.read")
async def list_holds(ask: Ask) -> tuple[LegalHold, ...]:
    """List what is neither deleted nor erased."""
    return tuple(await ask.desk.privacy.holds.list(ask.workspace))


@routes.post(
    "/api/v1/privacy/holds", may="privacy.hold", status=201, tells=("no-subject", "already-held", *SEALED)
)
async def add_hold(ask: Ask, body: NewHold) -> LegalHold:
    """Hold something: it is neither deleted nor erased from now on."""
    return await ask.desk.privacy.holds.hold(ask.actor, ask.workspace, body.kind, body.thing, body.reason)


@routes.delete("/api/v1/privacy/holds/{id}", may="privacy.lift", tells=("not-found",))
async def lift_hold(ask: Ask, at: OneHold) -> None:
    """Hold something no more."""
    await ask.desk.privacy.holds.lift(ask.actor, ask.workspace, at.id, "")


@routes.post(
    "/api/v1/people/{name}/erase",
    may="people.erase",
    everywhere=True,
    fresh=True,
    tells=("not-found", "last-owner", "changed-meanwhile"),
)
async def erase_account(ask: Ask, at: ErasedAccount) -> Erased:
    """Take an account away, and its name out of all lists; the audit trail keeps its id."""
    return await ask.desk.privacy.erase_account(ask.actor, ask.known, at.name)


def _sees_accounts(ask: Ask) -> bool:
    try:
        ask.require("people.read", Thing(), EVERYWHERE)
    except NotAllowedError:
        return False
    return True
