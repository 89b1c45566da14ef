"""What the language promises of values, texts, names and variables."""

import pytest
from language_cases import codes, evaluate, output_of, play

NOTHING = "steps: {a: {type: noop}}"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("{{ True == 1 }}", False),
        ("{{ 0 == false }}", False),
        ("{{ 1 in [True] }}", False),
        ("{{ 1 == 1.0 }}", True),
        ("{{ decimal('1') == 1 }}", True),
        ("{{ 1 + decimal('0.10') }}", {"$decimal": "1.10"}),
        ("{{ true == True and null == None }}", True),
        ("{{ {3, 1, 3, 2} }}", [3, 1, 2]),
        ("{{ 9223372036854775807 }}", 2**63 - 1),
        ("{{ duration('90m') }}", {"$duration": "1h30m"}),
        ("{{ date('2026-11-20') }}", {"$date": "2026-11-20"}),
        ("{{ datetime('2026-11-20T17:30:00Z') }}", {"$datetime": "2026-11-20T17:30:00Z"}),
    ],
)
def test_values_are_of_the_kinds_of_the_language_and_compare_by_them(expression, value):
    assert evaluate(expression) == value


def test_a_float_and_a_decimal_are_an_error_before_the_run_where_both_are_known():
    assert "wrong-type" in codes(f"{NOTHING}\noutput: \"{{{{ 1.5 + decimal('0.1') }}}}\"")


def test_a_float_and_a_decimal_are_an_error_of_the_run_where_the_input_brings_one():
    spec = f"{NOTHING}\noutput: \"{{{{ input.x + decimal('0.1') }}}}\""
    assert play(spec, "input: {x: 1.5}, expect: {error: {class: data, code: float-and-decimal}}").passed


def test_a_whole_number_beyond_64_bits_is_an_error():
    spec = f'{NOTHING}\noutput: "{{{{ input.x + 1 }}}}"'
    assert play(spec, "input: {x: 9223372036854775807}, expect: {error: {class: data}}").passed


def test_a_missing_field_is_null_and_so_is_a_dot_on_null():
    assert evaluate("{{ input.a.b.c }}", "{x: 1}") is None


def test_comparing_null_by_size_is_an_error_that_names_the_field():
    spec = f'{NOTHING}\noutput: "{{{{ input.total < 3 }}}}"'
    case = "input: {}, expect: {error: {class: data, code: null-compared, message: input.total is null}}"
    assert play(spec, case).passed


def test_a_dot_reads_a_field_and_a_dot_with_a_call_is_a_method():
    given = "{a: {keys: mine}}"
    assert evaluate("{{ [input.a.keys, input.a.keys()] }}", given) == ["mine", ["keys"]]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("{{ 5 }}", 5),
        ("{{ [1, 2] }}", [1, 2]),
        ("n {{ 5 }}", "n 5"),
        ("{{ null }}x{{ true }}", "xtrue"),
        ("a {{ [1, null] }} {{ {'k': 1} }}", 'a [1,null] {"k":1}'),
        ("on {{ date('2026-11-20') }} at {{ datetime('2026-11-20T17:30:00Z') }}",
         "on 2026-11-20 at 2026-11-20T17:30:00Z"),
        ("cost {{ decimal('0.10') }}", "cost 0.10"),
        ("{{ '{{' }} and so on", "{{ and so on"),
    ],
)  # fmt: skip
def test_a_lone_expression_keeps_its_kind_and_parts_are_joined_as_text(written, value):
    assert evaluate(written) == value


def test_the_result_of_data_is_never_evaluated_again():
    assert evaluate("{{ input.x }}", '{x: "{{ 1 + 1 }}"}') == "{{ 1 + 1 }}"
    spec = "steps: {a: {type: noop, with: {value: '{{ input.x }}'}}}\noutput: 'so {{ steps.a }}'"
    assert output_of(spec, 'input: {x: "{{ 1 + 1 }}"}') == "so {{ 1 + 1 }}"


def test_a_key_of_a_user_that_begins_with_a_dollar_stays_the_users():
    value = "{$decimal: '0.10'}"
    spec = f"steps: {{a: {{type: noop, with: {{value: {value}}}}}}}\noutput: '{{{{ steps.a }}}}'"
    assert output_of(spec) == {"$$decimal": "0.10"}
    spec = f"variables: {{x: {value}}}\n{NOTHING}\noutput: \"{{{{ vars.x['$decimal'] }}}}\""
    assert output_of(spec) == "0.10"


def test_yaml_is_of_version_1_2_so_on_and_no_and_a_time_of_day_are_text():
    spec = "steps: {a: {type: noop, with: {value: [on, no, 12:30, yes, 0o17, true]}}}"
    assert output_of(spec) == ["on", "no", "12:30", "yes", 15, True]


@pytest.mark.parametrize(
    "written",
    [
        "{type: circle, radius: 1}",
        "{type: object, properties: {a: {type: string}}}",
        "{type: object, default: {type: circle, radius: 1}, note: mine}",
    ],
)
def test_a_variable_that_is_a_mapping_keeps_what_is_written_whatever_its_fields_are_called(written):
    spec = f"variables: {{shape: {written}}}\n{NOTHING}\noutput: '{{{{ vars.shape.type }}}}'"
    assert output_of(spec) in ("circle", "object")


def test_a_variable_with_a_type_has_its_default_as_its_value():
    spec = (
        f"variables: {{shape: {{type: object, default: {{type: circle, radius: 1}}}}, "
        f"n: {{type: integer, default: 3}}}}\n{NOTHING}\noutput: '{{{{ [vars.shape.type, vars.n] }}}}'"
    )
    assert output_of(spec) == ["circle", 3]


@pytest.mark.parametrize(
    ("zone", "now", "today"),
    [
        ("UTC", "2026-01-05T20:00:00Z", "2026-01-05"),
        ("Asia/Tokyo", "2026-01-06T05:00:00+09:00[Asia/Tokyo]", "2026-01-06"),
    ],
)
def test_the_dates_of_a_workflow_are_in_its_time_zone(zone, now, today):
    spec = f"settings: {{timezone: {zone}}}\n{NOTHING}\noutput: '{{{{ [now(), run.started_at, today(), today(\"UTC\")] }}}}'"
    expected = [{"$datetime": now}, {"$datetime": now}, {"$date": today}, {"$date": "2026-01-05"}]
    assert output_of(spec, "at: 2026-01-05T20:00:00Z") == expected


def test_a_list_that_is_too_much_work_for_items_is_built_by_a_transform_before():
    rows = "{{ [x for x in range(60000) if x % 20000 == 0] }}"
    body = "steps: {one: {type: noop}}"
    inside = f'steps: {{each: {{type: foreach, with: {{items: "{rows}"}}, {body}}}}}\noutput: 1'
    assert play(inside, "expect: {error: {class: data, code: too-many-steps}}").passed
    before = (
        f'steps:\n  rows: {{type: transform, with: {{set: {{all: "{rows}"}}}}}}\n'
        f'  each: {{type: foreach, with: {{items: "{{{{ steps.rows.all }}}}"}}, {body}}}\n'
        'links: [rows -> each]\noutput: "{{ len(steps.each) }}"'
    )
    assert play(before, "expect: {output: 3}").passed
