"""noop, transform, if, switch, fail, stop: values in, values out."""

import pytest

from auraos.core.catalogue import Effect
from auraos.sdk import Chosen, StepFailed
from auraos.steps.basic import fail, noop, stop
from auraos.steps.branching import if_, switch
from auraos.steps.transform import transform


def test_setting_fields_alone_gives_just_these_fields():
    fields = {"a": 1}
    assert transform.evaluate({"set": fields}) is fields


def test_transform_without_settings_gives_an_empty_mapping():
    assert transform.evaluate({}) == {}


def test_transform_works_in_the_order_pick_rename_remove_set():
    settings = {
        "from": {"id": 1, "name": "Ada", "phone": "1", "x": 2},
        "pick": ["id", "name", "phone"],
        "rename": {"id": "number"},
        "remove": ["phone"],
        "set": {"name": "Eve"},
    }
    assert transform.evaluate(settings) == {"number": 1, "name": "Eve"}


def test_transform_picks_and_removes_fields_within_fields():
    source = {"customer": {"name": "Ada", "phone": "1", "age": 3}, "id": 7}
    assert transform.evaluate({"from": source, "pick": ["customer.name", "customer.age"]}) == {
        "customer": {"name": "Ada", "age": 3}
    }
    assert transform.evaluate({"from": source, "remove": ["customer.phone", "none.at.all"]}) == {
        "customer": {"name": "Ada", "age": 3},
        "id": 7,
    }


def test_transform_does_not_change_what_it_was_given():
    source = {"customer": {"phone": "1"}, "id": 7}
    transform.evaluate({"from": source, "remove": ["customer.phone"], "rename": {"id": "n"}, "set": {"a": 1}})
    assert source == {"customer": {"phone": "1"}, "id": 7}


def test_a_field_with_a_dot_in_its_name_can_be_picked_and_removed():
    assert transform.evaluate({"from": {"a.b": 1, "c": 2}, "pick": ["a.b"]}) == {"a.b": 1}
    assert transform.evaluate({"from": {"a.b": 1, "c": 2}, "remove": ["a.b"]}) == {"c": 2}


def test_renaming_onto_a_field_replaces_that_field():
    assert transform.evaluate({"from": {"a": 1, "b": 2}, "rename": {"a": "b"}}) == {"b": 1}


@pytest.mark.parametrize(
    "settings", [{"set": [1]}, {"from": 3, "pick": ["a"]}, {"from": [1]}, {"remove": "a"}, {"sett": {}}]
)
def test_transform_refuses_settings_that_do_not_fit(settings):
    with pytest.raises(StepFailed) as failure:
        transform.evaluate(settings)
    assert (failure.value.error_class, failure.value.error_code) == ("data", "settings-refused")


def test_the_output_of_set_alone_is_known_before_anything_runs():
    schema = transform.output_of({"set": {"amount": "{{ 1 }}", "customer": {"name": "Ada"}}})
    assert set(schema["properties"]) == {"amount", "customer"}
    assert set(schema["properties"]["customer"]["properties"]) == {"name"}
    assert transform.output_of({"set": {"a": 1}, "from": "{{ input }}"}) == {}


def test_if_asks_its_condition_only_once_and_carries_a_value():
    asked = []
    answer = if_.evaluate({"condition": lambda: asked.append(1) or True, "value": 7})
    assert answer == Chosen(("true",), 7)
    assert asked == [1]


@pytest.mark.parametrize("condition", [False, None, 0, "", [], {}])
def test_if_takes_empty_things_as_false(condition):
    assert if_.evaluate({"condition": lambda: condition}) == Chosen(("false",), False)


def test_if_without_a_condition_is_refused():
    with pytest.raises(StepFailed, match="'condition' is missing"):
        if_.evaluate({})


def test_switch_asks_in_order_and_stops_at_the_first_that_holds():
    asked = []
    cases = {
        "a": lambda: asked.append("a"),
        "b": lambda: asked.append("b") or True,
        "c": lambda: asked.append("c") or True,
    }
    assert switch.evaluate({"cases": cases}) == Chosen(("b",), "b")
    assert asked == ["a", "b"]


def test_switch_in_mode_all_takes_every_case_that_holds():
    cases = {"a": lambda: True, "b": lambda: False, "c": lambda: 1}
    assert switch.evaluate({"cases": cases, "mode": "all"}) == Chosen(("a", "c"), ["a", "c"])
    assert switch.evaluate({"cases": {"a": False}, "mode": "all"}) == Chosen(("else",), [])


def test_the_ports_of_switch_are_its_cases_and_else():
    assert switch.ports_of({"cases": {"large": "{{ input.total > 5 }}", "small": "{{ 1 }}"}}) == (
        "large",
        "small",
        "else",
    )
    assert switch.ports_of({"cases": "{{ input.cases }}"}) == ("else",)


def test_fail_fails_with_the_class_code_and_data_it_was_given():
    with pytest.raises(StepFailed) as failure:
        fail.evaluate({"message": "no lines", "class": "data", "code": "empty-order", "data": {"id": 7}})
    failed = failure.value
    assert (failed.message, failed.error_class, failed.error_code, failed.error_data) == (
        "no lines",
        "data",
        "empty-order",
        {"id": 7},
    )


def test_fail_knows_only_the_classes_of_the_language():
    with pytest.raises(StepFailed) as failure:
        fail.evaluate({"message": "x", "class": "grave"})
    assert failure.value.error_code == "settings-refused"


def test_noop_and_stop_pass_their_value_on():
    assert noop.evaluate({"value": 3}) == 3
    assert stop.evaluate({"output": {"a": 1}}) == {"a": 1}
    assert stop.evaluate({}) is None
    assert noop.effect_of({}) is Effect.PURE
