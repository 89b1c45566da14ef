"""Values that people type with kinds, and errors as they go out."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from auraos.cli.failures import WrongInputError
from auraos.cli.values import error_document, with_kinds
from auraos.core.run.facts import StepError


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ({"a": [{"$decimal": "1.50"}]}, {"a": [Decimal("1.50")]}),
        ({"$datetime": "2026-11-20T17:30:00Z"}, datetime(2026, 11, 20, 17, 30, tzinfo=UTC)),
        ({"$date": "2026-11-20"}, date(2026, 11, 20)),
        ({"$duration": "90m"}, timedelta(minutes=90)),
        ({"$$file": {"hash": "0", "size": 1}}, {"$file": {"hash": "0", "size": 1}}),
        ({"plain": [1, None, "x"]}, {"plain": [1, None, "x"]}),
    ],
)
def test_a_typed_value_may_say_of_which_kind_it_is(typed, meant):
    assert with_kinds(typed) == meant


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"$file": {"hash": "0" * 64, "size": 1}}, "A file cannot be given here"),
        ({"deep": [{"in": {"$file": "x"}}]}, "A file cannot be given here"),
        ({"a": {"$money": 1}}, "'\\$money' is no kind of value"),
        ({"$decimal": "many"}, "cannot be read as decimal"),
    ],
)
def test_what_is_no_kind_or_a_file_is_refused_with_a_way_out(typed, words):
    with pytest.raises(WrongInputError, match=words) as caught:
        with_kinds(typed)
    assert "$$" in caught.value.hint


def test_an_error_goes_out_with_its_data_and_its_causes_in_their_plain_form():
    cause = StepError(class_="data", code="b", message="n", data=[timedelta(hours=1)])
    error = StepError(class_="data", code="a", message="m", data={"cost": Decimal("0.10")}, cause=cause)
    assert error_document(error) == {
        "class": "data",
        "code": "a",
        "message": "m",
        "data": {"cost": "0.10"},
        "cause": {"class": "data", "code": "b", "message": "n", "data": ["1h"]},
    }
