"""The way in over HTTP: from the first owner to a forgotten app."""

import pyotp
import pytest

from houses import NOBODY, PASSWORD
from rooms import Room

OTHER = "another way home"


async def owner_of(room: Room) -> str:
    """Return the token of the first owner, who was made as the server says."""
    token = await room.house.identity.ownership.token_for_first_start()
    wish = {"token": token, "name": "ann", "password": PASSWORD, "title": "Ann", "carry": "token"}
    got = await room.ask("POST", "/api/v1/owner", wish)
    assert got.status == 201
    return got.json["token"]


def code_of(room: Room, secret: str) -> str:
    room.house.clock.sleep(60)
    return pyotp.TOTP(secret).at(room.house.clock.time // 1_000_000)


async def test_the_first_owner_is_made_over_http_once_and_is_signed_in(room):
    """S55."""
    assert (await room.ask("GET", "/api/v1/owner")).json == {"owned": False}
    token = await owner_of(room)
    assert (await room.ask("GET", "/api/v1/owner")).json == {"owned": True}
    me = (await room.ask("GET", "/api/v1/me", token=token)).json
    assert (me["name"], me["workspaces"], me["is_fresh"]) == ("ann", ["default"], True)
    again = await room.ask("POST", "/api/v1/owner", {"token": "auo_x", "name": "eve", "password": PASSWORD})
    assert (again.status, again.code) == (409, "already-owned")


async def test_a_wrong_token_makes_no_owner(room):
    wish = {"token": "auo_x", "name": "eve", "password": PASSWORD}
    got = await room.ask("POST", "/api/v1/owner", wish)
    assert (got.status, got.code) == (403, "token-refused")


@pytest.mark.parametrize("more", [{"role": "owner"}, {"id": "1"}, {"state": "active"}, {"is_admin": True}])
async def test_what_is_not_asked_for_is_refused(room, more):
    """S03."""
    wish = {"token": "auo_x", "name": "eve", "password": PASSWORD, **more}
    assert (await room.ask("POST", "/api/v1/owner", wish)).code == "request-refused"


@pytest.mark.parametrize("name", ["Ann", "", "an n", "ann\n", "..", "*", "__proto__", "ünn", "x" * 101])
async def test_a_name_to_sign_in_by_is_plain(room, name):
    wish = {"token": "auo_x", "name": name, "password": PASSWORD}
    assert (await room.ask("POST", "/api/v1/owner", wish)).code == "request-refused"


async def test_whatever_is_wrong_signing_in_answers_the_same(room):
    """S63."""
    person = await room.house.person()
    told = set()
    for name, password in ((person.name, "wrong"), ("nobody", PASSWORD), ("NOT A NAME\n", "x")):
        got = await room.ask("POST", "/api/v1/sign-in", {"name": name, "password": password})
        told.add((got.status, got.body.split(b'"instance"')[0], "set-cookie" in got.headers))
    assert len(told) == 1
    assert "sign-in-refused" in str(told)


async def test_who_tries_too_often_is_told_when_to_come_again(room):
    """S38."""
    for _ in range(5):
        await room.ask("POST", "/api/v1/sign-in", {"name": "ann", "password": "wrong"})
    got = await room.ask("POST", "/api/v1/sign-in", {"name": "ann", "password": "wrong"})
    assert (got.status, got.headers["retry-after"]) == (429, "1")


async def test_signing_in_over_a_session_begins_another_one(room):
    """S37: a session that somebody else put there is worth nothing."""
    person = await room.house.person()
    credentials = {"name": person.name, "password": PASSWORD}
    first = (await room.browse("POST", "/api/v1/sign-in", credentials)).cookie
    second = (await room.browse("POST", "/api/v1/sign-in", credentials, cookie=first)).cookie
    assert first != second


async def test_who_signs_out_is_out_and_the_browser_forgets(room):
    person = await room.house.person()
    cookie = (
        await room.browse("POST", "/api/v1/sign-in", {"name": person.name, "password": PASSWORD})
    ).cookie
    got = await room.browse("POST", "/api/v1/sign-out", cookie=cookie)
    assert (got.status, "Max-Age=0" in got.headers["set-cookie"]) == (204, True)
    assert (await room.browse("GET", "/api/v1/me", cookie=cookie)).status == 401


async def test_sessions_are_listed_and_ended(room):
    person, token = await room.house.signed_in()
    other = await room.house.session(person)
    listed = (await room.ask("GET", "/api/v1/me/sessions", token=token)).json
    assert sorted(each["is_this"] for each in listed) == [False, True]
    assert "aus_" not in str(listed)
    number = next(each["id"] for each in listed if not each["is_this"])
    assert (await room.ask("DELETE", f"/api/v1/me/sessions/{number}", token=token)).status == 204
    assert (await room.ask("GET", "/api/v1/me", token=other)).status == 401
    assert (await room.ask("DELETE", f"/api/v1/me/sessions/{number}", token=token)).status == 404
    third = await room.house.session(person)
    assert (await room.ask("DELETE", "/api/v1/me/sessions", token=token)).status == 204
    assert (await room.ask("GET", "/api/v1/me", token=third)).status == 401
    assert (await room.ask("GET", "/api/v1/me", token=token)).status == 200


async def test_the_head_of_a_browser_is_kept_without_what_could_mislead(room):
    """S52."""
    person = await room.house.person()
    agent = "evil\x1b[2J\r\nx" + "y" * 500
    credentials = {"name": person.name, "password": PASSWORD, "carry": "token"}
    token = (await room.ask("POST", "/api/v1/sign-in", credentials, user_agent=agent)).json["token"]
    (listed,) = (await room.ask("GET", "/api/v1/me/sessions", token=token)).json
    assert listed["agent"].isprintable()
    assert len(listed["agent"]) <= 200


async def test_another_password_carries_this_session_on_and_ends_the_others(room):
    person = await room.house.person()
    credentials = {"name": person.name, "password": PASSWORD}
    cookie = (await room.browse("POST", "/api/v1/sign-in", credentials)).cookie
    other = await room.house.session(person)
    weak = await room.browse(
        "PUT", "/api/v1/me/password", {"old": PASSWORD, "new": "password12"}, cookie=cookie
    )
    assert (weak.status, weak.code) == (422, "weak-password")
    wrong = await room.browse("PUT", "/api/v1/me/password", {"old": "wrong", "new": OTHER}, cookie=cookie)
    assert wrong.code == "sign-in-refused"
    changed = await room.browse("PUT", "/api/v1/me/password", {"old": PASSWORD, "new": OTHER}, cookie=cookie)
    assert changed.status == 200
    assert (await room.browse("GET", "/api/v1/me", cookie=cookie)).status == 401
    assert (await room.ask("GET", "/api/v1/me", token=other)).status == 401
    assert (await room.browse("GET", "/api/v1/me", cookie=changed.cookie)).status == 200


async def test_a_second_proof_is_set_up_asked_for_and_removed(room):
    """S39."""
    person, token = await room.house.signed_in()
    begun = (await room.ask("POST", "/api/v1/me/totp", token=token)).json
    assert begun["uri"].startswith("otpauth://totp/")
    wish = {"setup": begun["setup"], "code": "000000"}
    assert (await room.ask("PUT", "/api/v1/me/totp", wish, token=token)).code == "code-refused"
    wish = {"setup": begun["setup"], "code": code_of(room, begun["secret"])}
    codes = (await room.ask("PUT", "/api/v1/me/totp", wish, token=token)).json["codes"]
    credentials = {"name": person.name, "password": PASSWORD, "carry": "token"}
    asked = await room.ask("POST", "/api/v1/sign-in", credentials)
    assert (asked.status, asked.code, "set-cookie" in asked.headers) == (401, "second-proof-needed", False)
    by_app = await room.ask(
        "POST", "/api/v1/sign-in", {**credentials, "code": code_of(room, begun["secret"])}
    )
    assert by_app.json["proved_by"] == ["password", "totp"]
    by_code = await room.ask("POST", "/api/v1/sign-in", {**credentials, "code": codes[0]})
    assert by_code.json["proved_by"] == ["password", "recovery"]
    token = by_code.json["token"]
    renewed = (await room.ask("POST", "/api/v1/me/recovery-codes", token=token)).json["codes"]
    assert not set(renewed) & set(codes)
    assert (await room.ask("DELETE", "/api/v1/me/totp", token=token)).status == 204
    assert (await room.ask("POST", "/api/v1/sign-in", credentials)).status == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v1/me/totp", None),
        ("PUT", "/api/v1/me/totp", {"setup": "x", "code": "1"}),
        ("DELETE", "/api/v1/me/totp", None),
        ("POST", "/api/v1/me/recovery-codes", None),
    ],
)
async def test_second_proofs_change_with_a_fresh_proof_only(room, method, path, body):
    """S39."""
    _, token = await room.house.signed_in()
    room.house.clock.sleep(601)
    assert (await room.ask(method, path, body, token=token)).code == "step-up-needed"


async def test_an_invitation_lets_somebody_in(room):
    invited = await room.house.identity.people.add(NOBODY, "bob", "")
    wish = {"token": invited.token, "password": PASSWORD}
    assert (
        await room.ask("POST", "/api/v1/invitations/accept", {**wish, "token": "aui_x"})
    ).code == "token-refused"
    assert (await room.ask("POST", "/api/v1/invitations/accept", wish)).status == 204
    assert (await room.ask("POST", "/api/v1/invitations/accept", wish)).code == "token-refused"
    assert (await room.ask("POST", "/api/v1/sign-in", {"name": "bob", "password": PASSWORD})).status == 200
