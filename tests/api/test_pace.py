"""How fast somebody may ask, and that nobody else waits for it (S49)."""

import pytest

from auraos.api.protocol.pace import MOST, Allowance, Pace, TooFastError
from auraos.security.identity.keys import KeyWish
from houses import Clock, acting


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def ask_often(room, count: int, **given) -> list[int]:
    return [(await room.ask("GET", "/api/v1/me", **given)).status for _ in range(count)]


def test_what_was_not_asked_for_a_while_may_be_asked_at_once(clock):
    pace, allowance = Pace(clock.now), Allowance(per_second=2, burst=3)
    assert [pace.take("ann", allowance)["ratelimit-remaining"] for _ in range(3)] == ["2", "1", "0"]
    with pytest.raises(TooFastError) as caught:
        pace.take("ann", allowance)
    assert caught.value.data == {"retry_after": 1}
    assert pace.take("bob", allowance)
    clock.sleep(0.5)
    assert pace.take("ann", allowance)
    with pytest.raises(TooFastError):
        pace.take("ann", allowance)
    clock.sleep(1000)
    assert pace.take("ann", allowance)["ratelimit-remaining"] == "2"


def test_a_clock_that_goes_back_takes_nothing_away(clock):
    pace, allowance = Pace(clock.now), Allowance(per_second=1, burst=2)
    pace.take("ann", allowance)
    clock.sleep(-100)
    assert pace.take("ann", allowance)


def test_who_asks_under_names_without_end_fills_no_memory(clock):
    pace = Pace(clock.now)
    for number in range(MOST + 100):
        pace.take(str(number), Allowance(1, 1))
    assert len(pace._left) == MOST


async def test_a_key_is_as_fast_as_it_may_be_and_other_keys_do_not_wait(room):
    person, token = await room.house.signed_in("viewer")
    known = await room.house.known(token)
    slow = await room.house.identity.keys.add_own(acting(person), known, KeyWish(title="slow", per_second=2))
    assert await ask_often(room, 6, token=slow.token) == [200] * 4 + [429] * 2
    assert await ask_often(room, 10, token=token) == [200] * 10
    room.house.clock.sleep(1)
    got = await room.ask("GET", "/api/v1/me", token=slow.token)
    assert (got.headers["ratelimit-limit"], got.headers["ratelimit-remaining"]) == ("2", "1")


async def test_a_workspace_is_as_fast_as_it_may_be_and_others_do_not_wait(room):
    _, owner = await room.house.signed_in("owner", "*")
    await room.ask("POST", "/api/v1/workspaces", {"name": "sales"}, token=owner)
    changed = await room.ask("PUT", "/api/v1/workspaces/sales", {"requests_per_second": 3}, token=owner)
    assert changed.json["requests_per_second"] == 3
    assert (await ask_often(room, 8, token=owner, workspace="sales")).count(429) == 2
    assert await ask_often(room, 8, token=owner) == [200] * 8
    assert (await room.ask("PUT", "/api/v1/workspaces/nothing", {}, token=owner)).code == "no-workspace"


async def test_who_has_no_role_in_a_workspace_uses_nothing_of_it_up(room):
    _, owner = await room.house.signed_in("owner", "*")
    await room.ask("PUT", "/api/v1/workspaces/default", {"requests_per_second": 2}, token=owner)
    _, stranger = await room.house.signed_in()
    told = [(await room.ask("GET", "/api/v1/definitions", token=stranger)).status for _ in range(20)]
    assert told == [404] * 20
    assert await ask_often(room, 4, token=owner) == [200] * 4


async def test_strangers_of_one_address_are_slowed_down(room):
    told = [(await room.ask("GET", "/api/v1/owner")).status for _ in range(102)]
    assert told == [200] * 100 + [429] * 2
    _, token = await room.house.signed_in("viewer")
    assert await ask_often(room, 3, token=token) == [200] * 3
    assert (await room.ask("GET", "/api/v1/me", token="auk_" + "x" * 43)).code == "too-many-requests"
