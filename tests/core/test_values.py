"""Values and their outer forms."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auraos.core.values import (
    FileReference,
    ValueRefusedError,
    format_duration,
    from_wire,
    parse_datetime,
    parse_duration,
    to_plain,
    to_wire,
    type_name,
)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.dates(),
    st.datetimes(timezones=st.just(UTC)),
    st.timedeltas(timedelta(days=-36000), timedelta(days=36000)),
    st.builds(FileReference, hash=st.text("0123456789abcdef", min_size=4), size=st.integers(0, 2**40)),
)
KEYS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(["$decimal", "$$", "$", "$file"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4)
)


@given(VALUES)
def test_every_value_comes_back_from_its_wire_form_with_its_kind(value):
    stored = msgspec.json.encode(to_wire(value))
    read = from_wire(msgspec.json.decode(stored))
    assert read == value
    assert type_name(read) == type_name(value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("ab$"), inner),
    )
)
def test_what_goes_out_is_plain_json(value):
    msgspec.json.encode(to_plain(value))


def test_plain_json_is_its_own_wire_form_and_is_not_copied():
    value = {"a": [1, "x", None, {"b": 1.5}]}
    assert to_wire(value) is value


def test_a_key_of_a_user_cannot_pose_as_a_kind_of_value():
    value = {"$decimal": "1.0"}
    assert to_wire(value) == {"$$decimal": "1.0"}
    assert from_wire(to_wire(value)) == value


@pytest.mark.parametrize(
    "value",
    [
        2**63,
        -(2**63) - 1,
        float("nan"),
        float("inf"),
        Decimal("NaN"),
        "\ud800",
        {"\udfff": 1},
        {1: 2},
        {1, 2},
        b"x",
        object(),
    ],
)
def test_what_the_language_does_not_have_is_refused(value):
    with pytest.raises(ValueRefusedError):
        to_wire({"deep": [value]})


def test_data_nested_too_deep_is_refused():
    value = []
    for _ in range(200):
        value = [value]
    with pytest.raises(ValueRefusedError, match="100"):
        to_wire(value)


@pytest.mark.parametrize(
    "wire",
    [
        {"$decimal": "x"},
        {"$datetime": "2026-01-01T00:00:00"},
        {"$date": 3},
        {"$odd": 1},
        {"$file": {"hash": 1}},
    ],
)
def test_a_wire_form_that_says_nothing_is_refused(wire):
    with pytest.raises(ValueRefusedError):
        from_wire(wire)


def test_a_point_in_time_keeps_its_zone():
    moment = datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    read = from_wire(to_wire(moment))
    assert read == moment
    assert read.tzinfo == ZoneInfo("Europe/Berlin")
    shifted = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert from_wire(to_wire(shifted)) == shifted


def test_going_out_decimals_are_text_and_times_are_rfc_3339():
    value = {
        "d": Decimal("1.50"),
        "t": datetime(2026, 1, 1, tzinfo=UTC),
        "day": date(2026, 1, 1),
        "u": timedelta(hours=36),
    }
    assert to_plain(value) == {"d": "1.50", "t": "2026-01-01T00:00:00Z", "day": "2026-01-01", "u": "1d12h"}


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("30s", timedelta(seconds=30)),
        ("1h30m", timedelta(minutes=90)),
        ("72h", timedelta(days=3)),
        ("250ms", timedelta(milliseconds=250)),
        ("1.5s", timedelta(seconds=1.5)),
        ("2w", timedelta(days=14)),
        ("PT5M", timedelta(minutes=5)),
        ("P1DT2H", timedelta(hours=26)),
        ("-5m", timedelta(minutes=-5)),
        ("0s", timedelta(0)),
    ],
)
def test_durations_are_read(text, span):
    assert parse_duration(text) == span


@pytest.mark.parametrize(
    "text", ["", "5", "m5", "5 m", "P", "1h1h", "-", "s", "５m", "9" * 50 + "s", "99999999999w", "1m30"]
)
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueRefusedError):
        parse_duration(text)


@given(st.timedeltas(timedelta(days=-36000), timedelta(days=36000)))
def test_a_duration_reads_back_as_it_was_written(span):
    assert parse_duration(format_duration(span)) == span


def test_a_point_in_time_without_a_zone_is_refused_with_a_way_out():
    with pytest.raises(ValueRefusedError, match=r"no time zone.*2026-01-01T00:00:00Z"):
        parse_datetime("2026-01-01T00:00:00")
