"""Signing in by somebody else who vouches for a person, against a provider that listens on this machine (S12, S36, S45)."""

from collections.abc import AsyncIterator
from urllib.parse import urlencode, urlsplit

import pytest
from joserfc.jwk import RSAKey

from auraos.api.protocol.site import Site
from auraos.security.access.rows import Group, Member
from houses import EVERYTHING, HOUSE, House
from identity_provider import CLIENT, SECRET, Provider, a_provider
from rooms import Got, Room

WISH = {"client_id": CLIENT, "client_secret": SECRET, "creates_people": True}


@pytest.fixture
def room(house: House) -> Room:
    """Return a front door with an address of its own."""
    return Room(house, Site("https://auraos.test"))


@pytest.fixture
async def provider(room: Room) -> AsyncIterator[Provider]:
    """Return a provider that vouches for people here."""
    async with a_provider() as made:
        made.now = lambda: room.house.clock.time / 1_000_000
        await put(room, made)
        yield made


async def put(room: Room, provider: Provider, **more) -> Got:
    _, token = await room.house.signed_in("owner", "*")
    return await room.ask(
        "PUT", "/api/v1/providers/corp", {**WISH, "issuer": provider.url, **more}, token=token
    )


async def sign_in(room: Room, provider: Provider, page: str = "/", cookie: str = "", **spoiled) -> Got:
    """Do what a browser does from the first click on; return the last answer."""
    gone = await room.ask("GET", f"/api/v1/sign-in/with/corp?{urlencode({'page': page})}")
    assert gone.status == 303
    return await come_back(room, provider, gone.headers["location"], cookie or gone.cookie, **spoiled)


async def come_back(room: Room, provider: Provider, url: str, cookie: str, **spoiled) -> Got:
    back, query = provider.visit(url)
    path = f"{urlsplit(back).path}?{urlencode({**query, **spoiled})}"
    return await room.ask("GET", path, cookie=cookie, sec_fetch_site="cross-site")


async def name_of(room: Room, got: Got) -> str:
    return (await room.ask("GET", "/api/v1/me", cookie=got.cookie)).json["name"]


async def test_whoever_is_vouched_for_comes_in_and_is_known_again(room, provider):
    first = await sign_in(room, provider, "/runs?state=failed")
    assert (first.status, first.headers["location"]) == (303, "/runs?state=failed")
    assert await name_of(room, first) == "ann.smith"
    provider.claims["preferred_username"] = "somebody.else"
    assert await name_of(room, await sign_in(room, provider)) == "ann.smith"
    begun = [entry for entry in await room.house.entries("sessions.begin") if entry.why == "oidc"]
    assert [entry.actor.name for entry in begun] == ["ann.smith", "ann.smith"]


async def test_nobody_comes_in_as_somebody_who_is_here_by_a_name_or_an_address(room, provider):
    """S36: known are issuer and subject, nothing else."""
    await room.house.person("owner", "*", name="ann.smith")
    provider.claims |= {"email": "ann.smith", "email_verified": True}
    got = await sign_in(room, provider)
    assert await name_of(room, got) == "ann.smith-2"
    assert (await room.ask("GET", "/api/v1/definitions", cookie=got.cookie)).status == 404


async def test_where_nobody_is_made_only_those_who_linked_themselves_come_in(room, provider):
    await put(room, provider, creates_people=False)
    assert (await sign_in(room, provider)).code == "sign-in-refused"
    person, token = await room.house.signed_in("viewer")
    gone = await room.ask("POST", "/api/v1/me/links/corp", {"page": "/me"}, token=token)
    session = f"__Host-auraos-session={token}"
    done = await come_back(room, provider, gone.json["url"], f"{gone.cookie}; {session}")
    assert (done.status, done.headers["location"], "set-cookie" in done.headers) == (303, "/me", False)
    assert await name_of(room, await sign_in(room, provider)) == person.name
    assert len((await room.ask("GET", "/api/v1/me/links", token=token)).json) == 1
    assert (await room.ask("DELETE", "/api/v1/me/links/corp", token=token)).status == 204
    assert (await sign_in(room, provider)).code == "sign-in-refused"


async def test_a_link_that_somebody_else_began_is_not_made(room, provider):
    """S12: an account elsewhere is tied to the session in which it was asked for."""
    _, theirs = await room.house.signed_in()
    _, mine = await room.house.signed_in()
    gone = await room.ask("POST", "/api/v1/me/links/corp", {}, token=theirs)
    for session in (f"; __Host-auraos-session={mine}", ""):
        got = await come_back(room, provider, gone.json["url"], gone.cookie + session)
        assert got.code == "person-needed"


async def test_an_account_elsewhere_belongs_to_one_person(room, provider):
    await sign_in(room, provider)
    _, token = await room.house.signed_in()
    gone = await room.ask("POST", "/api/v1/me/links/corp", {}, token=token)
    got = await come_back(room, provider, gone.json["url"], f"{gone.cookie}; __Host-auraos-session={token}")
    assert got.code == "name-taken"


async def test_what_was_begun_in_one_browser_ends_in_that_one(room, provider):
    """S36, S40: a foreign answer signs nobody in."""
    other = await room.ask("GET", "/api/v1/sign-in/with/corp")
    for cookie in (other.cookie, "__Host-auraos-flow=x", "a=b"):
        assert (await sign_in(room, provider, cookie=cookie)).code == "sign-in-refused"
    assert (await sign_in(room, provider, state="x")).code == "sign-in-refused"
    assert (await sign_in(room, provider, code="")).code == "sign-in-refused"
    assert (await sign_in(room, provider, error="access_denied")).code == "sign-in-refused"


async def test_an_answer_is_good_once_and_for_minutes(room, provider):
    gone = await room.ask("GET", "/api/v1/sign-in/with/corp")
    back, query = provider.visit(gone.headers["location"])
    path = f"{urlsplit(back).path}?{urlencode(query)}"
    assert (await room.ask("GET", path, cookie=gone.cookie)).status == 303
    assert (await room.ask("GET", path, cookie=gone.cookie)).code == "provider-failed"
    gone = await room.ask("GET", "/api/v1/sign-in/with/corp")
    room.house.clock.sleep(600)
    assert (await come_back(room, provider, gone.headers["location"], gone.cookie)).code == "sign-in-refused"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another-client"},
        {"aud": None},
        {"aud": [CLIENT, "another-client"]},
        {"azp": "another-client"},
        {"nonce": "another-nonce"},
        {"nonce": None},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"exp": "soon"},
        {"iat": None},
        {"iat": 9_000_000_000},
        {"nbf": 9_000_000_000},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 300},
    ],
)
async def test_a_token_that_does_not_hold_signs_nobody_in(room, provider, claims):
    """S36."""
    provider.claims |= claims
    got = await sign_in(room, provider)
    assert (got.status, got.code, "set-cookie" in got.headers) == (401, "sign-in-refused", False)
    last = (await room.house.entries("sessions.begin"))[-1]
    assert (last.outcome, last.object.name) == ("refused", "corp")


@pytest.mark.parametrize(
    "lie", ["unsigned", "public key as secret", "key of its own", "header with a key", "cut off"]
)
async def test_a_signature_that_proves_nothing_signs_nobody_in(room, provider, lie):
    """S36."""
    own = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})
    match lie:
        case "unsigned":
            provider.token = provider.unsigned
        case "public key as secret":
            provider.token = provider.signed_by_public_key
        case "key of its own":
            provider.key = own
        case "header with a key":
            provider.key = own
            provider.header |= {"jwk": own.as_dict(private=False)}
        case "cut off":
            provider.token = lambda claims: provider.signed(claims).rpartition(".")[0] + "."
    assert (await sign_in(room, provider)).code == "sign-in-refused"


async def test_a_key_that_the_provider_has_changed_is_learned(room, provider):
    await sign_in(room, provider)
    room.house.clock.sleep(61)
    provider.key = RSAKey.generate_key(2048, {"kid": "second", "use": "sig"})
    provider.published, provider.header = [provider.key], {"alg": "RS256", "kid": "second"}
    assert (await sign_in(room, provider)).status == 303


@pytest.mark.parametrize(
    "about",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "ftp://127.0.0.1/x"},
        {"jwks_uri": "file:///etc/passwd"},
    ],
)
async def test_a_provider_that_says_strange_things_of_itself_is_not_asked(room, provider, about):
    provider.about = about
    assert (await room.ask("GET", "/api/v1/sign-in/with/corp")).code == "provider-failed"


async def test_a_provider_that_failed_is_left_alone_for_a_moment_however_many_want_it(room, provider):
    provider.about = {"issuer": "https://evil.example"}
    for _ in range(5):
        assert (await room.ask("GET", "/api/v1/sign-in/with/corp")).code == "provider-failed"
    assert provider.asked == 1
    provider.about = {}
    room.house.clock.sleep(10)
    assert (await room.ask("GET", "/api/v1/sign-in/with/corp")).status == 303


async def test_whole_offices_come_in_at_once(room, provider):
    for number in range(30):
        provider.claims["sub"] = f"subject-{number}"
        assert (await sign_in(room, provider)).status == 303


async def test_who_comes_back_without_having_gone_is_slowed_down(room, provider):
    """S38."""
    path = "/api/v1/sign-in/with/corp/return?code=x&state=y"
    told = [(await room.ask("GET", path)).code for _ in range(25)]
    assert (told[0], told[-1]) == ("sign-in-refused", "too-many-requests")


async def test_a_provider_that_was_switched_off_or_let_go_vouches_for_nobody(room, provider):
    """S36."""
    gone = await room.ask("GET", "/api/v1/sign-in/with/corp")
    await put(room, provider, state="disabled")
    assert (await come_back(room, provider, gone.headers["location"], gone.cookie)).code == "sign-in-refused"
    assert (await room.ask("GET", "/api/v1/sign-in/with/corp")).status == 404
    assert (await room.ask("GET", "/api/v1/sign-in/providers")).json == []
    _, token = await room.house.signed_in("owner", "*")
    assert (await room.ask("DELETE", "/api/v1/providers/corp", token=token)).status == 204
    assert (await room.ask("GET", "/api/v1/providers", token=token)).json == []


async def test_who_is_disabled_here_does_not_come_in_whoever_vouches(room, provider):
    name = await name_of(room, await sign_in(room, provider))
    await room.house.identity.people.set_state(HOUSE, EVERYTHING, name, "disabled")
    assert (await sign_in(room, provider)).code == "sign-in-refused"


@pytest.mark.parametrize(
    ("page", "goes"),
    [
        ("/runs", "/runs"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nset-cookie: x=y", "/"),
        ("/a\tb", "/"),
        ("", "/"),
    ],
)
async def test_nobody_is_led_to_another_site(room, provider, page, goes):
    """S45."""
    assert (await sign_in(room, provider, page)).headers["location"] == goes


async def test_groups_from_elsewhere_are_kept_as_they_are_there(room, provider):
    access = room.house.identity.access
    engineers = await access.add_group(HOUSE, "engineers", "", "corp:eng")
    sellers = await access.add_group(HOUSE, "sellers", "", "corp:sales")
    own = await access.add_group(HOUSE, "own", "")
    await room.house.grant("group", engineers.id, "editor")
    provider.claims["groups"] = ["eng", "unknown", "owner", "admin"]
    got = await sign_in(room, provider)
    assert (await room.ask("GET", "/api/v1/definitions", cookie=got.cookie)).status == 200
    person = (await room.house.rows.all(Member))[0].person
    await access.put_members(HOUSE, EVERYTHING, "own", [person])
    provider.claims["groups"] = ["sales"]
    got = await sign_in(room, provider)
    assert (await room.ask("GET", "/api/v1/definitions", cookie=got.cookie)).status == 404
    assert {each.group_id for each in await room.house.rows.all(Member)} == {sellers.id, own.id}


async def test_a_group_from_elsewhere_is_not_filled_here(room):
    _, token = await room.house.signed_in("owner", "*")
    wish = {"name": "engineers", "outside": "corp:eng"}
    assert (await room.ask("POST", "/api/v1/groups", wish, token=token)).status == 201
    got = await room.ask("PUT", "/api/v1/groups/engineers/members", {"people": []}, token=token)
    assert got.code == "role-refused"
    assert (await room.house.rows.one(Group, name="engineers")).outside == "corp:eng"


async def test_the_secret_of_a_client_is_kept_sealed_and_told_to_nobody(room, provider):
    _, token = await room.house.signed_in("owner", "*")
    listed = await room.ask("GET", "/api/v1/providers", token=token)
    assert (listed.json[0]["has_secret"], SECRET.encode() in listed.body) == (True, False)
    kept = await room.house.tables.all("select client_secret from providers", (), lambda row: str(row[0]))
    assert SECRET not in kept[0]
    assert SECRET not in str(await room.house.entries("people.providers"))
    await put(room, provider, client_secret=None, title="Corp")
    assert (await sign_in(room, provider)).status == 303


@pytest.mark.parametrize(
    "issuer", ["http://example.com", "https://user@example.com", "ftp://x", "https://x/?q", "https://x\n"]
)
async def test_an_issuer_is_asked_encrypted(room, issuer):
    _, token = await room.house.signed_in("owner", "*")
    got = await room.ask("PUT", "/api/v1/providers/corp", {**WISH, "issuer": issuer}, token=token)
    assert got.code == "request-refused"


async def test_no_provider_says_who_is_in_the_groups_of_directories(room, provider):
    """S36: their groups are marked by a word that would be its name."""
    _, token = await room.house.signed_in("owner", "*")
    wish = {**WISH, "issuer": provider.url}
    got = await room.ask("PUT", "/api/v1/providers/scim", wish, token=token)
    assert (got.status, got.code) == (409, "name-taken")
