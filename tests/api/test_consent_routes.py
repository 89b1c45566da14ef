"""Secrets made of somebody's consent elsewhere, against a provider that listens on this machine (S12)."""

import base64
import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from auraos.security.identity.keys import KeyWish
from houses import HOUSE, acting
from kept_secrets import secrets_over
from rooms import Got, Room
from security.local_servers import Request, answer, listening

CLIENT, SECRET = "auraos-client", "a client secret & more"
BEGIN = "/api/v1/secrets/mail/consent"


class Provider:
    """Gives codes to whoever consents, and tokens for codes, each of them once and only with the right proof."""

    def __init__(self) -> None:
        self.url = ""
        self.key = RSAKey.generate_key(2048, {"kid": "k"})
        self.is_lasting = True
        self.asked: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._refresh: set[str] = set()

    def consent(self, url: str) -> dict[str, str]:
        """Do what a browser does there when the person consents: return the query that it comes back with."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert url.startswith(f"{self.url}/authorize?")
        assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == (
            "code",
            CLIENT,
            "S256",
        )
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return {"code": code, "state": asked["state"]}

    async def respond(self, request: Request, writer: Any) -> None:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        self.asked.append(form)
        status, told = self._tokens(form, request.headers.get("authorization", ""))
        writer.write(answer(status, json.dumps(told).encode(), Content_Type="application/json"))

    def _tokens(self, form: dict[str, str], proof: str) -> tuple[int, Any]:
        pair = base64.b64decode(proof.removeprefix("Basic ")).decode()
        if tuple(unquote_plus(each) for each in pair.split(":")) != (CLIENT, SECRET):
            return 401, {"error": "invalid_client"}
        if form["grant_type"] == "refresh_token":
            return (
                self._given() if form["refresh_token"] in self._refresh else (400, {"error": "invalid_grant"})
            )
        asked = self._codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
        if (
            asked is None
            or challenge.rstrip(b"=").decode() != asked["code_challenge"]
            or form["redirect_uri"] != asked["redirect_uri"]
        ):
            return 400, {"error": "invalid_grant"}
        return self._given()

    def _given(self) -> tuple[int, Any]:
        access = jwt.encode(
            {"alg": "RS256", "kid": "k"}, {"sub": "ann", "jti": secrets.token_hex(8)}, self.key
        )
        told = {"access_token": access, "token_type": "Bearer", "expires_in": 3600}
        if self.is_lasting:
            refresh = secrets.token_urlsafe(24)
            self._refresh.add(refresh)
            told["refresh_token"] = refresh
        return 200, told


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    made = Provider()
    async with listening(made.respond) as server:
        made.url = server.url
        yield made


@pytest.fixture
async def room(house) -> AsyncIterator[Room]:
    """Return a front door whose secrets may be got from this machine."""
    room = Room(house)
    services = secrets_over(house, room.desk.definitions, allowed=["127.0.0.1:*"])
    desk = msgspec.structs.replace(room.desk, consents=services.consents, secrets=services.secrets)
    room.services, room.desk, room.keeper._desk = services, desk, desk
    yield room
    await services.tokens._http.close()


def wish(provider: Provider, **more: Any) -> dict[str, Any]:
    return {
        "authorize_url": f"{provider.url}/authorize", "token_url": f"{provider.url}/token", "client_id": CLIENT,
        "client_secret": SECRET, "scope": "mail.read offline_access", "more": {"access_type": "offline"},
        "hosts": ["mail.example.com"], "title": "Mail", **more,
    }  # fmt: skip


async def begin(room: Room, token: str, provider: Provider, **more: Any) -> str:
    got = await room.ask("POST", BEGIN, wish(provider, **more), token=token)
    assert got.status == 200, got.body
    assert got.json["back"] == "http://auraos.test/api/v1/secret-consents/return"
    return str(got.json["url"])


async def come_back(room: Room, token: str, query: dict[str, str], **headers: str) -> Got:
    return await room.ask("GET", f"/api/v1/secret-consents/return?{urlencode(query)}", token=token, **headers)


async def test_a_secret_is_made_of_a_consent_and_used_with_a_refreshed_token(room, provider):
    _, token = await room.house.signed_in("admin")
    url = await begin(room, token, provider, page="/secrets/mail")
    back = await come_back(room, token, provider.consent(url))
    assert (back.status, back.headers["location"]) == (303, "/secrets/mail")
    shown = (await room.ask("GET", "/api/v1/secrets/mail", token=token)).json["secret"]
    assert (shown["kind"], shown["hosts"], shown["title"]) == ("oauth2-refresh", ["mail.example.com"], "Mail")
    opened = await room.services.stored.open_to_try("default", "mail", "mail.example.com")
    assert opened.place == "bearer"
    assert opened.value.count(".") == 2
    assert [form["grant_type"] for form in provider.asked] == ["authorization_code", "refresh_token"]
    done = await room.house.entries("secrets.consent")
    assert [(entry.outcome, entry.object.name) for entry in done] == [("done", "mail")]


async def test_a_state_is_good_once(room, provider):
    """S12: replay."""
    _, token = await room.house.signed_in("admin")
    query = provider.consent(await begin(room, token, provider))
    assert (await come_back(room, token, query)).status == 303
    again = await come_back(room, token, query)
    assert (again.status, again.code) == (403, "consent-refused")


async def test_a_consent_ends_in_the_session_in_which_it_was_begun(room, provider):
    """S12: a callback with another session, of another person or of the same one."""
    ann, token = await room.house.signed_in("admin")
    other = (await room.house.signed_in("admin"))[1]
    same = await room.house.session(ann)
    query = provider.consent(await begin(room, token, provider))
    for foreign in (other, same):
        got = await come_back(room, foreign, query)
        assert (got.status, got.code) == (403, "consent-refused")
    assert (await come_back(room, "", query)).code == "not-signed-in"
    assert (await room.ask("GET", "/api/v1/secrets/mail", token=token)).code == "no-secret"
    refused = [entry for entry in await room.house.entries("secrets.consent") if entry.outcome == "refused"]
    assert len(refused) == 2
    assert (await come_back(room, token, query)).status == 303


@pytest.mark.parametrize("state", ["", "x", "x" * 3000, "../", "\u00e9"])
async def test_a_state_that_was_not_given_is_worth_nothing(room, provider, state):
    """S12."""
    _, token = await room.house.signed_in("admin")
    query = provider.consent(await begin(room, token, provider))
    assert (await come_back(room, token, {**query, "state": state})).code == "consent-refused"


async def test_what_was_begun_too_long_ago_is_worth_nothing(room, provider):
    _, token = await room.house.signed_in("admin")
    query = provider.consent(await begin(room, token, provider))
    room.house.clock.sleep(601)
    assert (await come_back(room, token, query)).code == "consent-refused"


async def test_nobody_begins_a_consent_for_a_secret_that_they_may_not_replace(room, provider):
    """S12: a flow on another's credential."""
    admin = (await room.house.signed_in("admin"))[1]
    value = {"credential": {"kind": "text", "value": "long enough"}, "hosts": ["example.com"]}
    made = await room.ask("POST", "/api/v1/secrets", {"name": "mail", "value": value}, token=admin)
    assert made.status == 201, made.body
    for role in ("viewer", "editor", "operator"):
        token = (await room.house.signed_in(role))[1]
        assert (await room.ask("POST", BEGIN, wish(provider), token=token)).code == "not-allowed"
    await room.house.identity.access.add_workspace(HOUSE, "other", "")
    foreign = (await room.house.signed_in("admin", "other"))[1]
    assert (await room.ask("POST", BEGIN, wish(provider), token=foreign)).code == "no-workspace"


async def test_who_may_not_any_more_when_they_come_back_stores_nothing(room, provider):
    """S12, S37."""
    person, token = await room.house.signed_in()
    grant = await room.house.grant("person", person.id, "admin")
    query = provider.consent(await begin(room, token, provider))
    await room.ask(
        "DELETE", f"/api/v1/access/grants/{grant}", token=(await room.house.signed_in("owner", "*"))[1]
    )
    room.house.clock.sleep(6)
    assert (await come_back(room, token, query)).code == "not-allowed"
    assert provider.asked == []


async def test_a_key_consents_to_nothing(room, provider):
    person, token = await room.house.signed_in("admin")
    made = await room.house.identity.keys.add_own(
        acting(person), await room.house.known(token), KeyWish(title="a key")
    )
    assert (await room.ask("POST", BEGIN, wish(provider), token=made.token)).code == "person-needed"


async def test_the_address_to_come_back_to_is_ours_whatever_is_asked(room, provider):
    """S12, S45: redirect_uri change, open redirect."""
    _, token = await room.house.signed_in("admin")
    for name in ("redirect_uri", "state", "client_id", "code_challenge"):
        got = await room.ask("POST", BEGIN, wish(provider, more={name: "https://evil.example"}), token=token)
        assert got.code == "secret-refused"
    for page in ("//evil.example", "/\\evil.example", "https://evil.example"):
        query = provider.consent(await begin(room, token, provider, page=page))
        assert (await come_back(room, token, query)).headers["location"] == "/"
    for url in ("javascript:alert(1)", "https://user@evil.example/", "ftp://x/", "no address"):
        got = await room.ask("POST", BEGIN, wish(provider, authorize_url=url), token=token)
        assert got.code == "secret-refused"


async def test_what_cannot_be_refreshed_or_was_refused_is_not_kept(room, provider):
    _, token = await room.house.signed_in("admin")
    provider.is_lasting = False
    got = await come_back(room, token, provider.consent(await begin(room, token, provider)))
    assert got.code == "consent-refused"
    assert "offline" in got.json["hint"]
    query = provider.consent(await begin(room, token, provider))
    denied = await come_back(room, token, {"state": query["state"], "error": "access_denied"})
    assert (denied.code, "access_denied" in denied.json["detail"]) == ("consent-refused", True)
    query = provider.consent(await begin(room, token, provider))
    wrong = await come_back(room, token, {**query, "code": "another"})
    assert wrong.code == "consent-refused"
    assert (await room.ask("GET", "/api/v1/secrets/mail", token=token)).code == "no-secret"


async def test_a_consent_replaces_the_value_of_the_secret_as_it_was_when_it_was_begun(room, provider):
    _, token = await room.house.signed_in("admin")
    assert (await come_back(room, token, provider.consent(await begin(room, token, provider)))).status == 303
    first, second = await begin(room, token, provider), await begin(room, token, provider)
    assert (await come_back(room, token, provider.consent(first))).status == 303
    stale = await come_back(room, token, provider.consent(second))
    assert (stale.status, stale.code) == (412, "secret-changed")
    assert (await room.ask("GET", "/api/v1/secrets/mail", token=token)).json["secret"]["version"] == 2


async def test_no_part_of_a_consent_lies_open_in_the_store(room, provider):
    """S08."""
    _, token = await room.house.signed_in("admin")
    url = await begin(room, token, provider)
    state = parse_qs(urlsplit(url).query)["state"][0]
    rows = await room.house.tables.all("select * from consents", (), lambda row: repr(tuple(row)))
    audit = await room.house.tables.all("select * from audit", (), lambda row: repr(tuple(row)))
    for text in (*rows, *audit):
        assert SECRET not in text
        assert state not in text
