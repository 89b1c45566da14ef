"""S12 in all its variations: a consent that somebody has begun is ended by nobody else, nowhere else and never twice.

Each variation ends a flow in another way than it was begun. It is refused, and nothing is kept.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import pytest
from test_consent_routes import Provider, come_back, wish

from auraos.api.protocol.site import Site
from auraos.security.identity.keys import KeyWish
from auraos.security.identity.rows import Person
from auraos.security.secrets.consents import TAKEN
from houses import acting
from rooms import Got, Room
from security.local_servers import listening

OTHER = "/api/v1/secrets/other/consent"
RETURN = "/api/v1/secret-consents/return"


class Flow(NamedTuple):
    """A consent that a person has begun in a session of hers, and that she has given elsewhere."""

    room: Room
    provider: Provider
    name: str
    grant: str
    token: str
    query: dict[str, str]

    @property
    def path(self) -> str:
        return f"/api/v1/secrets/{self.name}/consent"

    async def ends(self, token: str, **changed: str) -> Got:
        return await come_back(self.room, token, {**self.query, **changed})


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    made = Provider()
    async with listening(made.respond) as server:
        made.url = server.url
        yield made


@pytest.fixture
async def room(house) -> AsyncIterator[Room]:
    room = Room(house, Site("https://auraos.test"), allowed=["127.0.0.1:*"])
    yield room
    await room.services.tokens._http.close()


async def flow_of(room: Room, provider: Provider, number: int) -> Flow:
    """Return a consent that was just begun, for a secret of its own by a person of its own."""
    person = await room.house.person(name=f"ann-{number}")
    grant = await room.house.grant("person", person.id, "admin")
    token, name = await room.house.session(person), f"mail-{number}"
    query = provider.consent(await begun(room, token, provider, f"/api/v1/secrets/{name}/consent"))
    return Flow(room, provider, name, grant, token, query)


async def her(flow: Flow) -> Person:
    return await flow.room.house.identity.people.find(flow.name.replace("mail", "ann"))


async def begun(room: Room, token: str, provider: Provider, path: str) -> str:
    got = await room.ask("POST", path, wish(provider), token=token)
    assert got.status == 200, got.body
    return str(got.json["url"])


async def another_admin(flow: Flow) -> str:
    return (await flow.room.house.signed_in("admin"))[1]


async def by_another_person(flow: Flow) -> Got:
    return await flow.ends(await another_admin(flow))


async def by_an_owner(flow: Flow) -> Got:
    return await flow.ends((await flow.room.house.signed_in("owner", "*"))[1])


async def by_another_session_of_hers(flow: Flow) -> Got:
    ann = await her(flow)
    return await flow.ends(await flow.room.house.session(ann))


async def by_nobody(flow: Flow) -> Got:
    return await flow.ends("")


async def by_a_key_of_hers(flow: Flow) -> Got:
    house = flow.room.house
    ann = await her(flow)
    known = await house.known(flow.token)
    made = await house.identity.keys.add_own(acting(ann), known, KeyWish(title="a key"))
    return await flow.ends(made.token)


async def after_she_signed_out(flow: Flow) -> Got:
    assert (await flow.room.ask("POST", "/api/v1/sign-out", token=flow.token)).status < 300
    return await flow.ends(flow.token)


async def after_she_was_disabled(flow: Flow) -> Got:
    _, owner = await flow.room.house.signed_in("owner", "*")
    path = f"/api/v1/people/{(await her(flow)).name}/disable"
    assert (await flow.room.ask("POST", path, token=owner)).status < 300
    return await flow.ends(flow.token)


async def after_her_right_was_taken(flow: Flow) -> Got:
    path = f"/api/v1/access/grants/{flow.grant}"
    assert (await flow.room.ask("DELETE", path, token=await another_admin(flow))).status == 204
    return await flow.ends(flow.token)


async def too_late(flow: Flow) -> Got:
    flow.room.house.clock.sleep(601)
    return await flow.ends(flow.token)


async def with_the_code_of_another_flow_of_hers(flow: Flow) -> Got:
    other = flow.provider.consent(await begun(flow.room, flow.token, flow.provider, OTHER))
    return await flow.ends(flow.token, code=other["code"])


async def with_the_code_of_somebody_else(flow: Flow) -> Got:
    theirs = flow.provider.consent(
        await begun(flow.room, await another_admin(flow), flow.provider, flow.path)
    )
    return await flow.ends(flow.token, code=theirs["code"])


async def with_the_state_of_somebody_else(flow: Flow) -> Got:
    theirs = flow.provider.consent(
        await begun(flow.room, await another_admin(flow), flow.provider, flow.path)
    )
    return await flow.ends(flow.token, state=theirs["state"])


async def with_a_code_that_was_never_given(flow: Flow) -> Got:
    return await flow.ends(flow.token, code="never-given")


async def with_a_refusal_and_a_code(flow: Flow) -> Got:
    return await flow.ends(flow.token, error="access_denied")


async def without_a_code(flow: Flow) -> Got:
    return await flow.ends(flow.token, code="")


async def without_a_state(flow: Flow) -> Got:
    return await flow.ends(flow.token, state="")


async def with_two_states(flow: Flow) -> Got:
    path = f"{RETURN}?{urlencode(flow.query)}&state={flow.query['state']}"
    return await flow.room.ask("GET", path, token=flow.token)


async def with_a_state_of_other_letters(flow: Flow) -> Got:
    return await flow.ends(flow.token, state=flow.query["state"].swapcase())


async def with_the_beginning_of_a_state(flow: Flow) -> Got:
    return await flow.ends(flow.token, state=flow.query["state"][:-1])


async def with_more_than_a_state(flow: Flow) -> Got:
    return await flow.ends(flow.token, state=flow.query["state"] + "=")


async def with_the_digest_of_the_state(flow: Flow) -> Got:
    """What lies in the store is worth nothing."""
    sql = "select secret, digest from consents"
    rows = dict(await flow.room.house.tables.all(sql, (), lambda row: (row[0], row[1])))
    return await flow.ends(flow.token, state=str(rows[flow.name]))


async def after_somebody_else_made_the_secret(flow: Flow) -> Got:
    value = {"credential": {"kind": "text", "value": "of somebody else"}, "hosts": ["example.com"]}
    body = {"name": flow.name, "value": value}
    made = await flow.room.ask("POST", "/api/v1/secrets", body, token=await another_admin(flow))
    assert made.status == 201, made.body
    return await flow.ends(flow.token)


Vary = Callable[[Flow], Awaitable[Got]]
VARIATIONS: list[Vary] = [
    by_another_person, by_an_owner, by_another_session_of_hers, by_nobody, by_a_key_of_hers, after_she_signed_out,
    after_she_was_disabled, after_her_right_was_taken, too_late, with_the_code_of_another_flow_of_hers,
    with_the_code_of_somebody_else, with_the_state_of_somebody_else, with_a_code_that_was_never_given,
    with_a_refusal_and_a_code, without_a_code, without_a_state, with_two_states, with_a_state_of_other_letters,
    with_the_beginning_of_a_state, with_more_than_a_state, with_the_digest_of_the_state,
    after_somebody_else_made_the_secret,
]  # fmt: skip
STILL_HERS = {
    "by_another_person", "by_an_owner", "by_another_session_of_hers", "by_nobody", "by_a_key_of_hers",
    "with_the_state_of_somebody_else", "without_a_state", "with_two_states", "with_a_state_of_other_letters",
    "with_the_beginning_of_a_state", "with_more_than_a_state", "with_the_digest_of_the_state",
}  # fmt: skip
"""What others try, or what says another state, ends nothing: Ann can still come back."""


async def test_a_consent_is_ended_as_it_was_begun_or_not_at_all(room, provider):
    wrong = [
        f"{vary.__name__}: {each}"
        for number, vary in enumerate(VARIATIONS)
        for each in await ended_wrongly(await flow_of(room, provider, number), vary)
    ]
    assert wrong == []


async def ended_wrongly(flow: Flow, vary: Vary) -> list[str]:
    """Return what is wrong with how a flow ends that is ended in another way than it was begun."""
    wrong = []
    got = await vary(flow)
    if not 400 <= got.status < 500 or "location" in got.headers:
        wrong.append(f"{got.status} {got.body!r}")
    _, owner = await flow.room.house.signed_in("owner", "*")
    shown = await flow.room.ask("GET", f"/api/v1/secrets/{flow.name}", token=owner)
    if shown.status == 200 and shown.json["secret"]["kind"] != "text":
        wrong.append("a secret is kept")
    again = await flow.ends(flow.token)
    if (again.status == 303) != (vary.__name__ in STILL_HERS):
        wrong.append(f"then she comes back, and it is answered with {again.status} {again.body!r}")
    if (await flow.ends(flow.token)).status not in (401, 403):
        wrong.append("it is ended twice")
    return wrong


async def test_nobody_says_otherwise_what_binds_a_consent(room, provider):
    """`redirect_uri` and the rest are said by the house alone, once: neither beside nor in the address."""
    _, token = await room.house.signed_in("admin")
    for name in TAKEN:
        for written in (name, name.upper(), name.replace("_", "%5F")):
            address = f"{provider.url}/authorize?a=1&{written}=evil"
            for more in ({"more": {unquote(written): "evil"}}, {"authorize_url": address}):
                got = await room.ask("POST", OTHER, wish(provider, **more), token=token)
                assert (got.status, got.code) == (422, "secret-refused"), (more, got.body)


async def test_an_address_that_nobody_can_read_is_refused(room, provider):
    _, token = await room.house.signed_in("admin")
    for field in ("authorize_url", "token_url"):
        for url in ("https://[evil/", "https://evil:port/", "https://\uff3bx]/", "https://]/", ""):
            got = await room.ask("POST", OTHER, wish(provider, **{field: url}), token=token)
            assert (got.status, got.code) == (422, "secret-refused"), (url, got.body)


async def test_no_header_says_where_a_consent_comes_back_to(room, provider):
    """Only the configured address does."""
    _, token = await room.house.signed_in("admin")
    for header in ("x_forwarded_host", "forwarded", "x_original_host", "host", "referer"):
        told = {header: "host=evil.example" if header == "forwarded" else "evil.example"}
        got = await room.ask("POST", OTHER, wish(provider), token=token, **told)
        assert "evil" not in got.body.decode()
        if got.status == 200:
            asked = parse_qs(urlsplit(got.json["url"]).query)
            assert asked["redirect_uri"] == [f"https://auraos.test{RETURN}"]
