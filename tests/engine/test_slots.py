"""Who runs next: priority, then patience, within the limits of the whole and of each pool."""

from auraos.engine.slots import Slots


def turns(slots: Slots) -> list[str]:
    """Return the paths that get a slot now, in order."""
    found = []
    while (turn := slots.next()) is not None:
        found.append(turn[0].path)
    return found


def test_a_free_slot_is_taken_at_once_and_then_one_waits() -> None:
    slots = Slots(1)
    assert slots.take("")
    assert not slots.take("")
    slots.wait("r", "a", "", 5)
    assert turns(slots) == []
    slots.give_back("")
    assert turns(slots) == ["a"]


def test_higher_priority_goes_first_and_among_equals_who_waited_longest() -> None:
    slots = Slots(0)
    for path, priority in (("a", 5), ("b", 9), ("c", 5), ("d", 0)):
        slots.wait("r", path, "", priority)
    slots.free = 4
    assert turns(slots) == ["b", "a", "c", "d"]


def test_a_full_pool_holds_up_only_those_who_want_it() -> None:
    slots = Slots(10, {"erp": 1})
    assert slots.take("erp")
    assert not slots.take("erp")
    slots.wait("r", "a", "erp", 9)
    slots.wait("r", "b", "", 1)
    assert turns(slots) == ["b"]
    slots.give_back("erp")
    assert turns(slots) == ["a"]


def test_nobody_overtakes_those_who_wait_for_the_same_pool() -> None:
    slots = Slots(1)
    slots.take("")
    slots.wait("r", "a", "", 5)
    slots.give_back("")
    assert not slots.take("")
    assert turns(slots) == ["a"]


def test_a_place_in_line_can_be_told() -> None:
    slots = Slots(0)
    slots.wait("r", "a", "", 5)
    slots.wait("r", "b", "", 9)
    assert [slots.ahead("r", path) for path in ("a", "b", "c")] == [1, 0, None]


def test_when_the_doors_are_closed_nobody_gets_a_slot() -> None:
    slots = Slots(5)
    slots.wait("r", "a", "", 5)
    slots.is_open = False
    assert not slots.take("")
    assert turns(slots) == []
