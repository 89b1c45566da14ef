"""Signing in by somebody else who vouches for a person, over HTTP (OpenID Connect)."""

from typing import Annotated

import msgspec

from auraos.api.people.sign_in import agent_of
from auraos.api.protocol.answers import Answer
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import END, Secret, Slug, Title
from auraos.api.protocol.routes import OPEN, SELF, Routes
from auraos.security.identity.errors import SignInRefusedError
from auraos.security.identity.rows import Provider, State

routes = Routes()

Text = Annotated[str, msgspec.Meta(max_length=4000)]
Issuer = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^(https://[^\s/?#@]+|http://(localhost|127\.0\.0\.1)(:[0-9]+)?)(/[^\s?#]*)?{END}",
        max_length=500,
    ),
]
Scope = Annotated[str, msgspec.Meta(pattern=rf"^[A-Za-z0-9:/._-]+{END}", max_length=100)]


class OneProvider(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who vouches for people, by name."""

    name: Slug


class Going(OneProvider, frozen=True, kw_only=True):
    """To whom to go, and with which page of ours to go on afterwards."""

    page: Text = "/"


class Coming(OneProvider, frozen=True, kw_only=True):
    """What a provider sends back with the browser."""

    state: Text = ""
    code: Text = ""
    error: Text = ""
    error_description: Text = ""
    error_uri: Text = ""
    iss: Text = ""
    scope: Text = ""
    session_state: Text = ""
    authuser: Text = ""
    prompt: Text = ""
    hd: Text = ""


class Link(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With which page of ours to go on afterwards."""

    page: Text = "/"


class ProviderWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who is to vouch for people."""

    title: Title = ""
    issuer: Issuer
    client_id: Annotated[str, msgspec.Meta(pattern=rf"^[^\x00-\x1f\x7f]+{END}", max_length=500)]
    client_secret: Secret | None = None
    """Without, the one of before stays; an empty one says that there is none."""
    scopes: Annotated[tuple[Scope, ...], msgspec.Meta(min_length=1, max_length=20)] = (
        "openid",
        "profile",
        "email",
    )
    groups_claim: Annotated[str, msgspec.Meta(pattern=rf"^[^\x00-\x1f\x7f]+{END}", max_length=200)] = "groups"
    creates_people: bool = False
    state: State = "active"


class ProviderDetail(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who vouches for people."""

    name: str
    title: str
    issuer: str
    client_id: str
    has_secret: bool
    scopes: tuple[str, ...]
    groups_claim: str
    creates_people: bool
    state: State

    @classmethod
    def of(cls, row: Provider) -> "ProviderDetail":
        """Return what is shown of a provider."""
        return cls(
            name=row.name, title=row.title, issuer=row.issuer, client_id=row.client_id,
            has_secret=bool(row.client_secret), scopes=row.scopes, groups_claim=row.groups_claim,
            creates_people=bool(row.creates_people), state=row.state,
        )  # fmt: skip


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """By whom one can be vouched for."""

    name: str
    title: str


class Away(msgspec.Struct, frozen=True, kw_only=True):
    """Where the browser goes now."""

    url: str


class LinkDetail(msgspec.Struct, frozen=True, kw_only=True):
    """As whom one is known elsewhere."""

    issuer: str
    subject: str
    at: int


@routes.get("/api/v1/sign-in/providers", may=OPEN)
async def list_choices(ask: Ask) -> tuple[Choice, ...]:
    """List by whom one can be vouched for."""
    found = await ask.desk.identity.providers.all()
    return tuple(
        Choice(name=each.name, title=each.title or each.name) for each in found if each.state == "active"
    )


@routes.get("/api/v1/sign-in/with/{name}", may=OPEN, status=303, tells=("not-found", "provider-failed"))
async def go_to_provider(ask: Ask, at: Going) -> Answer:
    """Go to somebody who vouches for one."""
    ask.rest()
    begun = await ask.desk.identity.federation.begin(at.name, back=_back(ask, at.name), page=at.page)
    return Answer(303, headers={"location": begun.url, "set-cookie": ask.site.carry_flow(begun.flow)})


@routes.get(
    "/api/v1/sign-in/with/{name}/return",
    may=OPEN,
    status=303,
    tells=("sign-in-refused", "provider-failed", "too-many-requests", "person-needed", "name-taken"),
)
async def come_from_provider(ask: Ask, at: Coming) -> Answer:
    """Come back from somebody who vouched for one, and be signed in."""
    if at.error or not at.code:
        raise SignInRefusedError("Nobody was vouched for.", hint="Begin anew.")
    ask.rest()
    ended = await ask.desk.identity.federation.end(
        ask.nobody, at.name, flow=ask.site.flow_in(ask.asked.headers), state=at.state, code=at.code, who=ask.who,
        agent=agent_of(ask),
    )  # fmt: skip
    headers = {"location": ended.page}
    if ended.signed_in is not None:
        headers["set-cookie"] = ask.site.carry(ended.signed_in.token)
    return Answer(303, headers=headers)


@routes.get("/api/v1/me/links", may=SELF, tells=("person-needed",))
async def list_my_links(ask: Ask) -> tuple[LinkDetail, ...]:
    """List as whom one is known elsewhere."""
    found = await ask.desk.identity.federation.linked(ask.known)
    return tuple(LinkDetail(issuer=each.issuer, subject=each.subject, at=each.at) for each in found)


@routes.post("/api/v1/me/links/{name}", may=SELF, fresh=True, tells=("not-found", "provider-failed"))
async def link_myself(ask: Ask, at: OneProvider, body: Link) -> Away | Answer:
    """Begin to link oneself to who one is elsewhere."""
    federation = ask.desk.identity.federation
    begun = await federation.begin(at.name, back=_back(ask, at.name), page=body.page, who=ask.known)
    return Answer.of(Away(url=begun.url), set_cookie=ask.site.carry_flow(begun.flow))


@routes.delete("/api/v1/me/links/{name}", may=SELF, fresh=True, tells=("not-found",))
async def unlink_myself(ask: Ask, at: OneProvider) -> None:
    """Let nobody in any more as oneself by somebody else."""
    await ask.desk.identity.federation.unlink(ask.actor, ask.known, at.name)


@routes.get("/api/v1/providers", may="people.read", everywhere=True)
async def list_providers(ask: Ask) -> tuple[ProviderDetail, ...]:
    """List who vouches for people."""
    return tuple(ProviderDetail.of(each) for each in await ask.desk.identity.providers.all())


@routes.put(
    "/api/v1/providers/{name}",
    may="people.providers",
    everywhere=True,
    fresh=True,
    tells=("changed-meanwhile", "name-taken"),
)
async def put_provider(ask: Ask, at: OneProvider, body: ProviderWish) -> ProviderDetail:
    """Let somebody vouch for people, or change how."""
    wish = Provider(
        name=at.name, title=body.title, issuer=body.issuer, client_id=body.client_id, scopes=body.scopes,
        groups_claim=body.groups_claim, creates_people=int(body.creates_people), state=body.state, created_at=0,
        changed_at=0,
    )  # fmt: skip
    return ProviderDetail.of(await ask.desk.identity.providers.put(ask.actor, wish, body.client_secret))


@routes.delete(
    "/api/v1/providers/{name}",
    may="people.providers",
    everywhere=True,
    fresh=True,
    tells=("not-found", "changed-meanwhile"),
)
async def remove_provider(ask: Ask, at: OneProvider) -> None:
    """Let somebody vouch for nobody any more."""
    await ask.desk.identity.providers.remove(ask.actor, at.name)


def _back(ask: Ask, name: str) -> str:
    return f"{ask.site.origin(ask.asked.headers)}/api/v1/sign-in/with/{name}/return"
