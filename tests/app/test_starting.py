"""What does not fit a workflow is told before a run exists, all of it at once, in words for who typed it."""

import msgspec
import pytest

from auraos.app.runs.starting import StartRefusedError, check_start
from auraos.core.workflow import Scope, Workflow

PAY = Workflow(
    name="pay",
    input={"type": "object", "required": ["to"], "properties": {"amount": {"type": "number"}}},
    variables={"currency": "EUR"},
    scope=Scope(steps=()),
)


def told(given, variables):
    """Return what is refused, as pairs of place and words."""
    with pytest.raises(StartRefusedError) as caught:
        check_start(PAY, given, variables)
    return [(one["path"], one["message"]) for one in caught.value.data["problems"]]


def test_an_input_that_was_left_out_is_called_so():
    assert told(None, {}) == [("input", "none was given, and the workflow wants one")]


def test_all_that_does_not_fit_is_told_at_once():
    assert told({"amount": "much"}, {"curency": "USD"}) == [
        ("input", '"to" is a required property'),
        ("input.amount", '"much" is not of type "number"'),
        ("variables.curency", "There is no variable 'curency'. Did you mean 'currency'?"),
    ]


def test_what_fits_is_let_through():
    check_start(PAY, {"to": "Ada"}, {"currency": "USD"})
    check_start(msgspec.structs.replace(PAY, input=None), None, {})
    optional = msgspec.structs.replace(
        PAY, input={"type": "object", "properties": {"to": {"type": "string"}}}
    )
    check_start(optional, None, {})
