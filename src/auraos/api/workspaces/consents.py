"""Secrets that are made of somebody's consent elsewhere, over HTTP (OAuth 2.0, the code flow)."""

from typing import Annotated

import msgspec

from auraos.api.protocol.answers import Answer
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import END
from auraos.api.protocol.routes import SELF, Routes
from auraos.api.workspaces.secrets import KIND, SEALED, OneSecret, thing_of
from auraos.security.access.authorize import Thing
from auraos.security.access.errors import NotAllowedError
from auraos.security.access.walls import within
from auraos.security.identity.federation.service import safe_page
from auraos.security.secrets.consents import ConsentWish, Taken
from auraos.security.secrets.errors import ConsentRefusedError

routes = Routes()

RETURN = "/api/v1/secret-consents/return"
Said = Annotated[str, msgspec.Meta(pattern=rf"^[^\x00]*{END}", max_length=4000)]


class ConsentAsked(ConsentWish, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody consents to, and the page of ours to go on with."""

    page: Annotated[str, msgspec.Meta(max_length=500)] = "/"


class Away(msgspec.Struct, frozen=True, kw_only=True):
    """Where the browser goes now, and the address that has to be registered there to come back to."""

    url: str
    back: str


class Coming(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser brings from where somebody consented."""

    state: Said = ""
    code: Said = ""
    error: Said = ""
    error_description: Said = ""
    error_uri: Said = ""
    scope: Said = ""
    iss: Said = ""
    session_state: Said = ""
    authuser: Said = ""
    prompt: Said = ""
    hd: Said = ""


@routes.post(
    "/api/v1/secrets/{name}/consent",
    may="secrets.create",
    tells=("secret-refused", "person-needed", *SEALED),
    narrows=True,
)
async def begin_consent(ask: Ask, at: OneSecret, body: ConsentAsked) -> Away:
    """Begin to make a secret, or another value of one, of somebody's consent elsewhere; it takes a person who is signed in."""
    ask.require_person()
    await _require(ask, ask.workspace, at.name)
    back = f"{ask.site.origin(ask.asked.headers)}{RETURN}"
    wish = ConsentWish(**{field: getattr(body, field) for field in ConsentWish.__struct_fields__})
    url = await ask.desk.consents.begin(
        ask.actor,
        ask.workspace,
        at.name,
        wish,
        session=ask.known.session,
        back=back,
        page=safe_page(body.page),
    )
    return Away(url=url, back=back)


@routes.get(
    RETURN,
    may=SELF,
    status=303,
    tells=(
        "consent-refused",
        "person-needed",
        "not-allowed",
        "secret-exists",
        "secret-changed",
        "secret-refused",
        *SEALED,
    ),
)
async def end_consent(ask: Ask, at: Coming) -> Answer:
    """Come back from where one consented; what is given for it is kept as the secret."""
    ask.require_person()
    taken = await ask.desk.consents.take(ask.actor, at.state, session=ask.known.session)
    with within(taken.workspace):
        await _require(ask, taken.workspace, taken.secret)
        if at.error or not at.code:
            raise ConsentRefusedError(f"Nobody consented{_words(at)}.", hint="Begin anew.")
        ask.rest()
        await ask.desk.consents.end(ask.actor, taken, at.code)
    return Answer(303, headers={"location": _page_of(taken)})


async def _require(ask: Ask, workspace: str, name: str) -> None:
    """Raise `NotAllowedError` unless whoever asks may make this secret now, or replace the one that is there."""
    before = await ask.desk.consents.find(workspace, name)
    action = "secrets.replace" if before is not None else "secrets.create"
    thing = thing_of(before) if before is not None else Thing(kind=KIND, name=name)
    decision = await ask.desk.identity.access.explain(ask.known, action, workspace, thing)
    if not decision.is_allowed:
        raise NotAllowedError(decision.why)


def _page_of(taken: Taken) -> str:
    return safe_page(taken.page)


def _words(at: Coming) -> str:
    known = ("access_denied", "consent_required", "login_required", "invalid_scope", "server_error")
    return f": {at.error}" if at.error in known else ""
