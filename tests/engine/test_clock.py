"""Ids that sort by time."""

from uuid import UUID

from auraos.engine.clock import SystemClock, uuid7


def test_ids_are_uuids_of_version_seven_and_each_sorts_after_those_before_it() -> None:
    clock = SystemClock()
    ids = [clock.new_id() for _ in range(20_000)]
    assert ids == sorted(set(ids))
    assert {(UUID(each).version, UUID(each).variant) for each in ids[::1000]} == {
        (7, "specified in RFC 4122")
    }


def test_an_id_says_its_millisecond() -> None:
    assert UUID(uuid7(0x0190_ABCD_EF01, 0xFFF, 2**62 - 1)).int >> 80 == 0x0190_ABCD_EF01
