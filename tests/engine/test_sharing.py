"""How processes share shards out, decided by each for itself from the same rows."""

from hypothesis import given
from hypothesis import strategies as st

from auraos.engine.owning import Owner, Standing
from auraos.engine.ports import SHARDS
from auraos.engine.sharing import find_void, make_plan

LEASE = 6.0
ME = Owner(token="me", host="h", process=10, boot="b2")


def standing(held: dict[str, int], silence: dict[str, float] | None = None) -> Standing:
    """Return owners that hold so many shards each, the rest being free."""
    shards: dict[int, str] = {}
    for token, count in held.items():
        first = len(shards)
        shards |= dict.fromkeys(range(first, first + count), token)
    quiet = dict.fromkeys(held, 0.1) | (silence or {})
    return Standing(owners={token: Owner(token=token) for token in held}, silence=quiet, shards=shards)


def settle(held: dict[str, int], rounds: int = 12) -> list[int]:
    """Let all decide in turn until nobody changes anything, and return how many each has."""
    shards = dict(standing(held).shards)
    owners = {token: Owner(token=token) for token in held}
    for _ in range(rounds):
        for token in owners:
            now = Standing(owners=owners, silence=dict.fromkeys(owners, 0.1), shards=shards)
            plan = make_plan(now, token, lease=LEASE)
            shards |= dict.fromkeys(plan.take, token)
            mine = iter(sorted(plan.mine))
            for receiver, count in plan.give:
                shards |= {next(mine): receiver for _ in range(count)}
    return sorted(list(shards.values()).count(token) for token in owners)


def test_one_alone_takes_all() -> None:
    plan = make_plan(standing({"me": 0}), "me", lease=LEASE)
    assert sorted(plan.take) == list(range(SHARDS))
    assert plan.give == ()


def test_one_takes_what_a_silent_owner_held_up_to_its_share() -> None:
    silent = standing({"me": 86, "other": 86, "dead": 84}, {"dead": LEASE + 1})
    plan = make_plan(silent, "me", lease=LEASE)
    assert len(plan.take) == 128 - 86
    assert {silent.shards[shard] for shard in plan.take} == {"dead"}


def test_what_a_void_owner_held_is_taken_before_its_lease_is_over() -> None:
    assert len(make_plan(standing({"me": 100, "dead": 156}), "me", lease=LEASE, void={"dead"}).take) == 156


def test_nothing_is_taken_from_an_owner_that_lives() -> None:
    plan = make_plan(standing({"me": 0, "other": 256}), "me", lease=LEASE)
    assert (plan.take, plan.give) == ((), ())


def test_who_has_more_than_its_share_gives_it_to_the_neediest_first() -> None:
    plan = make_plan(standing({"me": 200, "a": 56, "b": 0}), "me", lease=LEASE)
    assert dict(plan.give) == {"a": 29, "b": 85}


def test_who_retires_takes_nothing_and_gives_all() -> None:
    plan = make_plan(standing({"me": 100, "a": 80, "b": 70}), "me", lease=LEASE, retiring=True)
    assert plan.take == ()
    assert dict(plan.give) == {"a": 45, "b": 55}


def test_who_retires_alone_keeps_what_it_has() -> None:
    assert make_plan(standing({"me": 256}), "me", lease=LEASE, retiring=True).give == ()


@given(st.lists(st.integers(0, 64), min_size=1, max_size=4))
def test_however_they_begin_all_shards_are_owned_and_nobody_has_more_than_its_share(
    counts: list[int],
) -> None:
    held = settle({f"owner{number}": count for number, count in enumerate(counts)})
    assert sum(held) == SHARDS
    assert max(held) == -(-SHARDS // len(counts))


def void(other: Owner, silent: float, alive: bool) -> bool:
    found = Standing(owners={"me": ME, other.token: other}, silence={other.token: silent}, shards={})
    return other.token in find_void(found, ME, lease=LEASE, is_alive=lambda _: alive)


def test_a_process_of_this_machine_that_ended_is_void_at_once() -> None:
    ended = Owner(token="x", host="h", process=11, boot="b2")
    assert void(ended, 0.0, alive=False)
    assert not void(ended, 0.0, alive=True)


def test_an_earlier_token_of_this_process_is_void_at_once() -> None:
    assert void(Owner(token="x", host="h", process=10, boot="b2"), 0.0, alive=True)


def test_an_owner_of_an_earlier_start_of_this_machine_is_void_once_it_missed_a_beat() -> None:
    earlier = Owner(token="x", host="h", process=11, boot="b1")
    assert void(earlier, LEASE * 0.6, alive=True)
    assert not void(earlier, 0.1, alive=True)  # a machine of the same name that lives


def test_an_owner_on_another_machine_has_its_whole_lease() -> None:
    assert not void(Owner(token="x", host="other", process=11, boot="b1"), LEASE * 0.9, alive=False)
