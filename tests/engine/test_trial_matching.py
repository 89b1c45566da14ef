"""Expected values match exactly, unless one of the words loosens it."""

from decimal import Decimal

import pytest

from auraos.engine.trial.matching import matches


@pytest.mark.parametrize(
    ("expected", "actual", "fits"),
    [
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"$has": {"a": 1}}, {"a": 1, "b": 2}, True),
        ({"$has": {"a": {"x": 1}}}, {"a": {"x": 1, "y": 2}}, True),
        ({"$has": [3]}, [1, 2, 3], True),
        ({"$has": [4]}, [1, 2, 3], False),
        ({"$has": "lo"}, "hello", True),
        ({"$any": True}, 0, True),
        ({"$any": True}, None, False),
        ({"$matches": "^r[0-9]+$"}, "r12", True),
        ({"$matches": "^r[0-9]+$"}, 12, False),
        ({"$about": [10, 0.5]}, 10.4, True),
        ({"$about": [10, 0.5]}, 10.6, False),
        ({"$not": 1}, 2, True),
        ({"$one_of": [1, 2]}, 2, True),
        ({"list": [{"$any": True}, 2]}, {"list": ["x", 2]}, True),
        (1, True, False),
        (1, 1.0, True),
        ({"$decimal": "0.10"}, Decimal("0.1"), True),
        ([1, 2], [2, 1], False),
    ],
)
def test_a_value_is_as_expected(expected, actual, fits):
    assert matches(expected, actual) is fits


def test_loosely_a_mapping_may_have_more_fields_at_any_depth():
    assert matches({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}, "d": 3}, loosely=True)
