"""Passkeys: made on a page of ours, good there alone, and each answer once."""

import asyncio

import pytest

from auraos.api.protocol.site import Site
from authenticators import PRESENT, Device
from houses import EVERYTHING, HOUSE, House
from rooms import Room

ORIGIN = "https://auraos.test"


@pytest.fixture
def room(house: House) -> Room:
    """Return a front door that browsers reach encrypted, where alone there are passkeys."""
    return Room(house, Site(ORIGIN))


async def made(room: Room, token: str, device: Device) -> int:
    """Make a passkey; return the status."""
    challenge = (await room.ask("POST", "/api/v1/me/passkeys/challenge", token=token)).json
    wish = {"title": "my phone", "state": challenge["state"], "answer": device.make(challenge["options"])}
    return (await room.ask("POST", "/api/v1/me/passkeys", wish, token=token)).status


async def proof(room: Room, device: Device) -> dict:
    room.house.clock.sleep(1)
    challenge = (await room.ask("POST", "/api/v1/passkeys/challenge")).json
    return {"state": challenge["state"], "answer": device.sign(challenge["options"])}


async def sign_in(room: Room, wish: dict):
    return await room.ask("POST", "/api/v1/sign-in/passkey", {**wish, "carry": "token"})


async def test_whoever_has_a_passkey_signs_in_by_it_alone(room):
    person, token = await room.house.signed_in("viewer")
    device = Device(ORIGIN)
    assert await made(room, token, device) == 201
    got = await sign_in(room, await proof(room, device))
    assert (got.json["name"], got.json["proved_by"]) == (person.name, ["passkey"])
    assert (await room.ask("GET", "/api/v1/definitions", token=got.json["token"])).status == 200
    (listed,) = (await room.ask("GET", "/api/v1/me/passkeys", token=token)).json
    assert (listed["title"], listed["id"], listed["used_at"]) == (
        "my phone",
        device.id,
        room.house.clock.time,
    )


async def test_an_answer_is_good_once(room):
    _, token = await room.house.signed_in()
    device = Device(ORIGIN)
    await made(room, token, device)
    wish = await proof(room, device)
    told = await asyncio.gather(*(sign_in(room, wish) for _ in range(4)))
    assert sorted(got.status for got in told) == [200, 401, 401, 401]
    assert (await sign_in(room, wish)).code == "sign-in-refused"


async def test_an_answer_that_was_not_used_is_worth_nothing_after_another_one_was(room):
    _, token = await room.house.signed_in()
    device = Device(ORIGIN)
    await made(room, token, device)
    first = await proof(room, device)
    assert (await sign_in(room, await proof(room, device))).status == 200
    assert (await sign_in(room, first)).status == 401


async def test_a_challenge_is_good_for_minutes(room):
    _, token = await room.house.signed_in()
    device = Device(ORIGIN)
    await made(room, token, device)
    wish = await proof(room, device)
    room.house.clock.sleep(300)
    assert (await sign_in(room, wish)).status == 401


async def test_what_a_page_of_another_site_got_signed_is_worth_nothing(room):
    _, token = await room.house.signed_in()
    device = Device(ORIGIN)
    await made(room, token, device)
    for origin in ("https://auraos.test.evil.example", "https://evil.example", "http://auraos.test"):
        device.origin = origin
        assert (await sign_in(room, await proof(room, device))).status == 401


async def test_a_device_that_nobody_unlocked_proves_nobody(room):
    _, token = await room.house.signed_in()
    device = Device(ORIGIN)
    device.flags = PRESENT
    assert await made(room, token, device) == 422
    device = Device(ORIGIN)
    await made(room, token, device)
    device.flags = PRESENT
    assert (await sign_in(room, await proof(room, device))).status == 401


async def test_a_device_that_counts_backwards_was_copied(room):
    _, token = await room.house.signed_in()
    device = Device(ORIGIN)
    await made(room, token, device)
    device.count = 7
    assert (await sign_in(room, await proof(room, device))).status == 200
    device.count = 3
    assert (await sign_in(room, await proof(room, device))).status == 401


@pytest.mark.parametrize(
    "spoil",
    [
        lambda wish: {**wish, "state": "x"},
        lambda wish: {**wish, "answer": {}},
        lambda wish: {**wish, "answer": {**wish["answer"], "id": "x", "rawId": "x"}},
        lambda wish: {**wish, "answer": {**wish["answer"], "id": 5}},
        lambda wish: {**wish, "answer": {**wish["answer"], "id": None, "response": None}},
        lambda wish: {**wish, "answer": {**wish["answer"], "response": {}}},
        lambda wish: {**wish, "answer": {**wish["answer"], "response": {"clientDataJSON": 1}}},
        lambda wish: {
            **wish,
            "answer": {**wish["answer"], "response": {**wish["answer"]["response"], "signature": "x"}},
        },
        lambda wish: {
            **wish,
            "answer": {
                **wish["answer"],
                "response": {**wish["answer"]["response"], "authenticatorData": "AA"},
            },
        },
    ],
)
async def test_what_is_spoiled_opens_nothing_and_breaks_nothing(room, spoil):
    _, token = await room.house.signed_in()
    device = Device(ORIGIN)
    await made(room, token, device)
    got = await sign_in(room, spoil(await proof(room, device)))
    assert (got.status, got.code) == (401, "sign-in-refused")
    assert (await room.house.entries("sessions.begin"))[-1].outcome == "refused"


async def test_the_challenge_for_one_thing_is_none_for_another(room):
    """S12: what was begun by somebody else, or to make a passkey, proves nobody."""
    _, token = await room.house.signed_in()
    _, others = await room.house.signed_in()
    challenge = (await room.ask("POST", "/api/v1/me/passkeys/challenge", token=others)).json
    device = Device(ORIGIN)
    wish = {"title": "x", "state": challenge["state"], "answer": device.make(challenge["options"])}
    assert (await room.ask("POST", "/api/v1/me/passkeys", wish, token=token)).code == "code-refused"
    await made(room, token, device)
    begun = (await room.ask("POST", "/api/v1/me/passkeys/challenge", token=token)).json
    room.house.clock.sleep(1)
    assert (
        await sign_in(room, {"state": begun["state"], "answer": device.sign(begun["options"])})
    ).status == 401


async def test_a_fresh_proof_is_given_by_a_passkey_of_ones_own(room):
    """S39."""
    _, token = await room.house.signed_in()
    _, others = await room.house.signed_in()
    mine, foreign = Device(ORIGIN), Device(ORIGIN)
    await made(room, token, mine)
    await made(room, others, foreign)
    room.house.clock.sleep(601)
    path = "/api/v1/me/prove/passkey"
    assert (await room.ask("POST", path, await proof(room, foreign), token=token)).code == "sign-in-refused"
    proved = await room.ask("POST", path, await proof(room, mine), token=token)
    assert (await room.ask("POST", "/api/v1/me/totp", token=proved.json["token"])).status == 200


async def test_a_passkey_that_was_removed_opens_nothing(room):
    _, token = await room.house.signed_in()
    device = Device(ORIGIN)
    await made(room, token, device)
    _, others = await room.house.signed_in()
    assert (await room.ask("DELETE", f"/api/v1/me/passkeys/{device.id}", token=others)).status == 404
    assert (await room.ask("DELETE", f"/api/v1/me/passkeys/{device.id}", token=token)).status == 204
    assert (await sign_in(room, await proof(room, device))).status == 401


@pytest.mark.parametrize("end", ["disabled", "reset"])
async def test_passkeys_end_with_what_ends_their_owner(room, end):
    """S37."""
    person, token = await room.house.signed_in()
    device = Device(ORIGIN)
    await made(room, token, device)
    if end == "disabled":
        await room.house.identity.people.set_state(HOUSE, EVERYTHING, person.name, "disabled")
    else:
        await room.house.identity.people.reset(HOUSE, EVERYTHING, person.name, second_proof=True)
    assert (await sign_in(room, await proof(room, device))).status == 401


async def test_one_passkey_belongs_to_one_person(room):
    _, token = await room.house.signed_in()
    _, others = await room.house.signed_in()
    device = Device(ORIGIN)
    assert await made(room, token, device) == 201
    assert await made(room, others, device) == 409
