"""Bodies that cost much to read."""

import time

import msgspec
import pytest

from auraos.api.protocol.reading import RequestRefusedError, UnparsableError, read_body


class Body(msgspec.Struct, forbid_unknown_fields=True):
    """What is expected."""

    name: str


def test_a_field_that_comes_twice_is_found_at_once_among_very_many():
    """S47."""
    many = ",".join(f'"k{number}":1' for number in range(100_000))
    began = time.perf_counter()
    with pytest.raises(RequestRefusedError, match="'k99999' is given twice"):
        read_body(f'{{{many},"k99999":2}}'.encode(), Body)
    assert time.perf_counter() - began < 5


def test_of_a_very_long_field_that_comes_twice_only_the_beginning_is_told():
    name = "k" * 10_000
    with pytest.raises(RequestRefusedError) as told:
        read_body(f'{{"{name}":1,"{name}":2}}'.encode(), Body)
    assert len(str(told.value)) < 300


@pytest.mark.parametrize(
    "body", [rb'{"name":["\ud800"]}', rb'{"\udfff":1,"name":"x"}', rb'{"name":"\uD83D"}']
)
def test_half_a_character_is_no_json_wherever_it_stands(body):
    """S04."""
    with pytest.raises(UnparsableError):
        read_body(body, Body)


def test_a_character_that_is_written_in_two_halves_is_whole():
    assert read_body(rb'{"name":"\ud83d\ude00"}', Body).name == "😀"


def test_of_very_many_fields_that_nobody_asked_for_not_all_are_told():
    many = ",".join(f'"k{number}":1' for number in range(100_000))
    with pytest.raises(RequestRefusedError) as told:
        read_body(f"{{{many}}}".encode(), Body)
    assert sum(len(each.message) for each in told.value.mismatches) < 5000
