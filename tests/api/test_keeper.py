"""Who comes through the door, as whom, into which workspace, and from which pages (S05, S06, S40, S41)."""

import pytest

from auraos.api.protocol.asking import Asked
from auraos.api.protocol.site import Site
from auraos.security.identity.keys import KeyWish
from houses import EVERYTHING, HOUSE, PASSWORD, House, acting
from kept_definitions import workflow
from rooms import Room


async def key_of(house: House, role: str = "editor", where: str = "default", **wish) -> str:
    """Return a key of a new person with a role."""
    person, token = await house.signed_in(role, where)
    known = await house.known(token)
    return (await house.identity.keys.add_own(acting(person), known, KeyWish(title="a key", **wish))).token


async def cookie_of(room: Room, role: str = "editor") -> str:
    """Return the cookie of a new person with a role who signed in with a browser."""
    person = await room.house.person(role)
    got = await room.browse("POST", "/api/v1/sign-in", {"name": person.name, "password": PASSWORD})
    return got.cookie


async def test_nobody_is_nobody(room):
    got = await room.ask("GET", "/api/v1/definitions")
    assert (got.status, got.code) == (401, "not-signed-in")
    assert got.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer auk_x",
        "Basic YTpi",
        "auk_",
        "Bearer aus_ aus_",
        "Bearer \xff",
    ],
)
async def test_a_claim_that_does_not_hold_is_refused_even_where_anybody_may_ask(room, authorization):
    for path in ("/api/v1/definitions", "/api/v1/owner"):
        got = await room.ask("GET", path, authorization=authorization)
        assert (got.status, got.code) == (401, "not-signed-in")


async def test_a_session_and_a_key_open_what_their_owner_may(room):
    _, token = await room.house.signed_in("viewer")
    for each in (token, await key_of(room.house, "viewer")):
        assert (await room.ask("GET", "/api/v1/definitions", token=each)).status == 200
        assert (await room.ask("POST", "/api/v1/definitions", {"text": workflow()}, token=each)).status == 403


async def test_a_token_in_the_address_opens_nothing(room):
    _, token = await room.house.signed_in("viewer")
    for name in ("token", "access_token", "key", "authorization"):
        assert (await room.ask("GET", f"/api/v1/definitions?{name}={token}")).status == 401


# --- workspaces ---


async def test_a_workspace_where_one_has_no_role_is_as_good_as_none(room):
    await room.house.identity.access.add_workspace(HOUSE, "sales", "")
    _, token = await room.house.signed_in("admin", "default")
    told = [
        await room.ask("GET", "/api/v1/definitions", token=token, workspace=name)
        for name in ("sales", "nothing", "*", "..", "~", "null")
    ]
    assert {(got.status, got.code) for got in told} == {(404, "no-workspace")}
    bodies = {got.body.replace(b"sales", b"nothing").split(b'"instance"')[0] for got in told[:2]}
    assert len(bodies) == 1


async def test_who_has_a_role_everywhere_meets_no_workspace_that_is_not_there(room):
    _, token = await room.house.signed_in("owner", "*")
    assert (
        await room.ask("GET", "/api/v1/definitions", token=token, workspace="nothing")
    ).code == "no-workspace"
    assert (await room.ask("GET", "/api/v1/definitions", token=token)).status == 200


async def test_a_key_of_one_workspace_opens_that_one_only_and_means_it(room):
    await room.house.identity.access.add_workspace(HOUSE, "sales", "")
    key = await key_of(room.house, "editor", "*", workspace="sales")
    made = await room.ask("POST", "/api/v1/definitions", {"text": workflow()}, token=key)
    assert made.status == 201
    assert (
        await room.ask("GET", "/api/v1/definitions", token=key, workspace="default")
    ).code == "no-workspace"
    assert (
        len((await room.ask("GET", "/api/v1/definitions", token=key, workspace="sales")).json["items"]) == 1
    )


async def test_what_is_in_another_workspace_is_not_there(room):
    await room.house.identity.access.add_workspace(HOUSE, "sales", "")
    _, ours = await room.house.signed_in("editor", "sales")
    _, theirs = await room.house.signed_in("editor", "default")
    await room.ask("POST", "/api/v1/definitions", {"text": workflow()}, token=theirs)
    foreign = await room.ask("GET", "/api/v1/definitions/workflow/greet", token=ours, workspace="sales")
    unknown = await room.ask("GET", "/api/v1/definitions/workflow/great", token=ours, workspace="sales")
    assert (foreign.status, unknown.status) == (404, 404)
    assert (
        foreign.body.replace(b"greet", b"great").split(b'"instance"')[0]
        == unknown.body.split(b'"instance"')[0]
    )


# --- what somebody may not do ---


async def test_what_is_refused_is_told_to_the_audit_trail(room):
    """S02."""
    person, token = await room.house.signed_in("viewer")
    got = await room.ask("POST", "/api/v1/definitions", {"text": workflow()}, token=token)
    assert (got.status, got.code) == (403, "not-allowed")
    (entry,) = await room.house.entries("definitions.create")
    assert (entry.outcome, entry.actor.name, entry.workspace) == ("refused", person.name, "default")
    assert entry.actor.address == "192.0.2.7"
    assert entry.actor.request == got.json["instance"]


async def test_what_concerns_everybody_takes_a_role_everywhere(room):
    _, here = await room.house.signed_in("admin", "default")
    _, everywhere = await room.house.signed_in("admin", "*")
    assert (await room.ask("GET", "/api/v1/people", token=here)).status == 403
    assert (await room.ask("GET", "/api/v1/people", token=everywhere)).status == 200


async def test_what_asks_for_a_fresh_proof_refuses_an_old_one_and_any_key(room):
    """S39."""
    person, token = await room.house.signed_in("owner", "*")
    key = await key_of(room.house, "owner", "*")
    room.house.clock.sleep(601)
    wish = {"title": "a key"}
    assert (await room.ask("POST", "/api/v1/me/keys", wish, token=token)).code == "step-up-needed"
    assert (await room.ask("POST", "/api/v1/me/keys", wish, token=key)).code == "person-needed"
    proved = await room.ask("POST", "/api/v1/me/prove", {"password": PASSWORD}, token=token)
    assert (await room.ask("POST", "/api/v1/me/keys", wish, token=token)).status == 401
    assert (await room.ask("POST", "/api/v1/me/keys", wish, token=proved.json["token"])).status == 201
    assert person.name in str(proved.json)


async def test_a_role_that_was_taken_back_is_gone_at_once(room):
    person, token = await room.house.signed_in()
    grant = await room.house.grant("person", person.id, "viewer")
    assert (await room.ask("GET", "/api/v1/definitions", token=token)).status == 200
    _, boss = await room.house.signed_in("admin")
    assert (await room.ask("DELETE", f"/api/v1/access/grants/{grant}", token=boss)).status == 204
    assert (await room.ask("GET", "/api/v1/definitions", token=token)).code == "no-workspace"


# --- pages of other sites ---


async def test_a_cookie_speaks_for_whoever_signed_in_on_a_page_of_ours(room):
    cookie = await cookie_of(room)
    assert (await room.browse("GET", "/api/v1/definitions", cookie=cookie)).status == 200
    assert (
        await room.browse("POST", "/api/v1/definitions", {"text": workflow()}, cookie=cookie)
    ).status == 201


@pytest.mark.parametrize(
    "page",
    [
        {"origin": "https://evil.example", "sec_fetch_site": "cross-site"},
        {"origin": "https://evil.example", "sec_fetch_site": ""},
        {"origin": "null", "sec_fetch_site": ""},
        {"origin": "http://auraos.test.evil.example", "sec_fetch_site": ""},
        {"origin": "http://evil-auraos.test", "sec_fetch_site": ""},
        {"origin": "http://sub.auraos.test", "sec_fetch_site": "same-site"},
        {"origin": "http://auraos.test:8080", "sec_fetch_site": ""},
        {"origin": "", "sec_fetch_site": "cross-site"},
        {"origin": "", "sec_fetch_site": "none"},
        {"origin": "", "sec_fetch_site": ""},
        {"origin": "http://auraos.test, https://evil.example", "sec_fetch_site": ""},
    ],
)
async def test_a_page_of_another_site_does_not_ask_in_somebodys_name(room, page):
    """S40."""
    cookie = await cookie_of(room)
    got = await room.browse("POST", "/api/v1/definitions", {"text": workflow()}, cookie=cookie, **page)
    assert (got.status, got.code) == (403, "foreign-origin")
    assert await room.house.entries("definitions.create") == []


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
async def test_a_form_asks_for_nothing(room, kind):
    """S40."""
    cookie = await cookie_of(room)
    got = await room.browse(
        "POST", "/api/v1/definitions", {"text": workflow()}, cookie=cookie, content_type=kind or "x"
    )
    assert (got.status, got.code) == (415, "wrong-content-type")


async def test_a_page_of_another_site_signs_nobody_in(room):
    """S40: whoever signs others in under a foreign name sees what they do."""
    person = await room.house.person()
    got = await room.browse(
        "POST", "/api/v1/sign-in", {"name": person.name, "password": PASSWORD}, origin="https://evil.example"
    )
    assert got.code == "foreign-origin"
    assert "set-cookie" not in got.headers


async def test_what_only_reads_changes_nothing_and_is_not_read_from_another_site(room):
    """S41: no answer tells a browser to let another site read it."""
    cookie = await cookie_of(room)
    got = await room.browse("GET", "/api/v1/me", cookie=cookie, origin="https://evil.example")
    assert got.code == "foreign-origin"
    for path, origin in (("/api/v1/me", "http://auraos.test"), ("/api/v1/owner", "https://evil.example")):
        got = await room.browse("GET", path, cookie="", origin=origin)
        assert not any(name.startswith("access-control") for name in got.headers)
    asked_before = await room.ask("OPTIONS", "/api/v1/definitions", origin="https://evil.example")
    assert asked_before.status == 405
    assert not any(name.startswith("access-control") for name in asked_before.headers)


async def test_a_program_with_a_key_needs_no_page(room):
    key = await key_of(room.house)
    got = await room.ask(
        "POST", "/api/v1/definitions", {"text": workflow()}, token=key, origin="https://app.example"
    )
    assert got.status == 201


@pytest.mark.parametrize("path", ["/api/v1/me", "/api/v1/owner"])
async def test_two_cookies_of_one_name_are_no_cookie(room, path):
    cookie = await cookie_of(room)
    name = cookie.partition("=")[0]
    got = await room.browse("GET", path, cookie=f"{cookie}; {name}=aus_other")
    assert got.status == (200 if path.endswith("owner") else 401)


async def test_a_cookie_of_a_session_that_is_over_does_not_bar_the_way_in(room):
    cookie = await cookie_of(room)
    room.house.clock.sleep(8 * 24 * 3600)
    person = await room.house.person()
    assert (await room.browse("GET", "/api/v1/me", cookie=cookie)).status == 401
    got = await room.browse(
        "POST", "/api/v1/sign-in", {"name": person.name, "password": PASSWORD}, cookie=cookie
    )
    assert got.status == 200


async def test_over_https_the_cookie_is_of_this_host_alone_and_goes_no_other_way(house):
    room = Room(house, Site("https://auraos.test"))
    person = await house.person("viewer")
    credentials = {"name": person.name, "password": PASSWORD}
    got = await room.browse("POST", "/api/v1/sign-in", credentials, origin="https://auraos.test")
    flags = set(got.headers["set-cookie"].split("; ")[1:])
    assert got.cookie.startswith("__Host-auraos-session=aus_")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= flags
    assert (await room.browse("GET", "/api/v1/me", cookie=got.cookie, origin="")).status == 200
    for origin in ("http://auraos.test", "https://evil.example"):
        assert (
            await room.browse("POST", "/api/v1/sign-out", cookie=got.cookie, origin=origin)
        ).code == "foreign-origin"


async def test_without_https_the_cookie_is_still_hidden_from_scripts(room):
    person = await room.house.person()
    got = await room.browse("POST", "/api/v1/sign-in", {"name": person.name, "password": PASSWORD})
    flags = set(got.headers["set-cookie"].split("; ")[1:])
    assert {"HttpOnly", "SameSite=Lax"} <= flags
    assert "Secure" not in flags


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/definitions;/health",
        "//api/v1/definitions",
        "/API/v1/definitions",
        "/api/v1/definitions/",
        "/api/v1/../v1/me",
    ],
)
async def test_no_other_way_of_writing_an_address_leads_past_the_keeper(room, path):
    """S06."""
    assert (await room.ask("GET", path)).status in (401, 404)
    assert (
        await room.ask("GET", path, x_original_url="/health/live", x_http_method_override="GET")
    ).status in (401, 404)


async def test_what_goes_on_ends_for_whoever_is_no_longer_known_or_allowed(room):
    """S07."""
    person, token = await room.house.signed_in()
    grant = await room.house.grant("person", person.id, "viewer")
    asked = Asked(
        request="1", method="GET", headers={"authorization": f"Bearer {token}"}, address="", is_open=False
    )  # fmt: skip
    ask = await room.keeper.recognise(asked)
    assert await ask.still_may("runs.read")
    assert not await ask.still_may("runs.start")
    await room.house.identity.access.revoke(HOUSE, EVERYTHING, "default", grant)
    assert not await ask.still_may("runs.read")
