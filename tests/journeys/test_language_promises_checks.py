"""What the language promises of `auraos check`: every finding of its list, every field of a step, every setting."""

import pytest
from language_cases import check, codes, document, places

from auraos.core.problems import format_path

GET = "type: http.request, with: {url: 'https://a.io'}"
POST = "type: http.request, with: {url: 'https://a.io', method: POST}"
NOTHING = "steps: {a: {type: noop}}"

FINDINGS = [
    ("steps: {a: {type: nop}}", "unknown-type", "spec.steps.a.type"),
    ("steps: {a: {type: noop, titel: x}}", "unknown-field", "spec.steps.a.titel"),
    ("steps: {a: {type: noop, with: {valu: 1}}}", "unknown-field", "spec.steps.a.with.valu"),
    ("steps: {a: {type: noop, disabled: 1}}", "wrong-type", "spec.steps.a.disabled"),
    (f"{NOTHING}\nlinks: [a -> b]", "dangling-link", "spec.links[0]"),
    ("steps: {a: {type: noop}, b: {type: noop}}\nlinks: [a.big -> b]", "dangling-port", "spec.links[0]"),
    (
        "steps: {a: {type: if, with: {condition: '{{ input }}'}, disabled: true}, b: {type: noop}}\nlinks: [a.true -> b]",
        "unreachable-step",
        "spec.steps.b",
    ),
    (
        "steps: {a: {type: noop}, b: {type: noop, join: 2}}\nlinks: [a -> b]",
        "never-starts",
        "spec.steps.b.join",
    ),
    ("steps: {a: {type: noop}, b: {type: noop}}\nlinks: [a -> b, b -> a]", "link-cycle", "spec.links[1]"),
    (
        (
            "steps: {a: {type: if, with: {condition: '{{ input }}'}}, b: {type: noop, with: {value: 1}}, "
            "c: {type: noop, with: {value: '{{ steps.b }}'}}}\nlinks: [a.true -> b, a.false -> c, b -> c]"
        ),
        "reads-maybe",
        "spec.steps.c.with.value",
    ),
    ("steps: {a: {type: noop, with: {value: '{{ inptu.x }}'}}}", "unknown-name", "spec.steps.a.with.value"),
    (
        (
            "steps: {t: {type: transform, with: {set: {amount: 1}}}, b: {type: noop, with: {value: '{{ steps.t.amuont }}'}}}\n"
            "links: [t -> b]"
        ),
        "unknown-field",
        "spec.steps.b.with.value",
    ),
    (
        (
            "input: {type: object, properties: {n: {type: string}}}\n"
            "steps: {a: {type: foreach, with: {items: '{{ input.n }}'}, steps: {b: {type: noop}}}}"
        ),
        "type-mismatch",
        "spec.steps.a.with.items",
    ),
    (
        "steps: {a: {type: while, with: {condition: '{{ last }}'}, steps: {b: {type: noop}}}}",
        "unbounded-loop",
        "spec.steps.a.with",
    ),
    (f"steps: {{a: {{{POST}, retry: {{attempts: 3}}}}}}", "retry-without-key", "spec.steps.a.retry"),
    (
        "steps: {a: {type: http.request, with: {url: 'https://a.io', secret: nope}}}",
        "unknown-secret",
        "spec.steps.a.with.secret",
    ),
    (
        "steps: {a: {type: noop, with: {value: {password: hunter22}}}}",
        "plain-secret",
        "spec.steps.a.with.value.password",
    ),
    (
        "steps: {a: {type: if, with: {condition: '{{ 1 < 2 }}'}}, b: {type: noop}}\nlinks: [a.true -> b]",
        "constant-condition",
        "spec.steps.a.with.condition",
    ),
    (f"variables: {{x: 1}}\n{NOTHING}", "unused-variable", "spec.variables.x"),
    (
        "settings: {timeout: 1h}\nsteps: {a: {type: wait.for, with: {duration: 2h}}}",
        "wait-too-long",
        "spec.steps.a.with.duration",
    ),
]


@pytest.mark.parametrize(("spec", "code", "place"), FINDINGS, ids=[f"{one[1]} {one[2]}" for one in FINDINGS])
def test_every_finding_of_the_language_has_its_code_and_its_place(spec, code, place):
    found = [problem for problem in check(spec, secrets=()) if problem.code == code]
    assert [format_path(problem.path) for problem in found] == [place]
    assert found[0].place is not None
    assert found[0].place.line > 3


def test_all_problems_are_reported_at_once():
    spec = "variables: {x: 1}\nsteps: {a: {type: nop}, b: {type: noop, titel: x}}\nlinks: [a -> z]"
    assert {"unused-variable", "unknown-type", "unknown-field", "dangling-link"} <= set(codes(spec))


def test_a_fix_is_offered_where_there_is_one():
    (problem,) = check("steps: {a: {type: noop, titel: x}}")
    assert problem.fix is not None
    assert problem.fix.title == "Rename it to 'title'"


FIELDS = {
    "type": "type: http.request@1",
    "title, notes": "title: T, notes: N",
    "join": "join: any",
    "retry": "retry: {attempts: 5, first: 1s, factor: 2, max: 1m, jitter: 0.5, on: [transient, http-503]}",
    "timeout, deadline": "timeout: 30s, deadline: 5m",
    "fallback": "fallback: {status: 0}",
    "expect": "expect: {type: object, required: [status]}",
    "pool, resources, priority": "pool: erp, resources: {gpu: 1}, priority: 9",
    "cache": "cache: {ttl: 1h, key: '{{ input }}'}",
    "disabled": "disabled: true",
}


@pytest.mark.parametrize("fields", FIELDS.values(), ids=FIELDS)
def test_every_step_may_have_the_fields_of_the_language(fields):
    step = f"{GET}, {fields}" if not fields.startswith("type") else fields + ", with: {url: 'https://a.io'}"
    assert codes(f"steps: {{z: {{type: noop}}, a: {{{step}}}}}\nlinks: [z -> a]\noutput: 1") == []


@pytest.mark.parametrize(
    "fields",
    [
        "key: '{{ input.id }}'",
        "uncertain: ask",
        "uncertain: fail",
        f"uncertain: verify, verify: {{{GET}, done: '{{{{ output.status == 200 }}}}'}}",
        f"undo: {{{POST}, retry: {{attempts: 3}}, timeout: 30s}}",
    ],
)
def test_a_step_that_writes_may_have_the_fields_that_concern_effects(fields):
    assert codes(f"steps: {{a: {{{POST}, {fields}}}}}") == []


REFUSED = [
    ("join: 0", "out-of-range", "join"),
    ("join: some", "unknown-choice", "join"),
    ("retry: 5", "wrong-type", "retry"),
    ("retry: {attempts: 0}", "out-of-range", "retry.attempts"),
    ("retry: {attempts: 2, firts: 1s}", "unknown-field", "retry.firts"),
    ("retry: {attempts: 2, jitter: 2}", "out-of-range", "retry.jitter"),
    ("retry: {attempts: 2, on: [5]}", "wrong-type", "retry.on[0]"),
    ("timeout: 30", "bad-duration", "timeout"),
    ("deadline: soon", "bad-duration", "deadline"),
    ("key: {a: 1}", "wrong-type", "key"),
    ("uncertain: maybe", "unknown-choice", "uncertain"),
    ("uncertain: verify", "verify-missing", "uncertain"),
    ("expect: {type: text}", "bad-schema", "expect.type"),
    ("priority: 10", "out-of-range", "priority"),
    ("pool: My Pool", "bad-name", "pool"),
    ("cache: {ttl: 1h}", "cache-of-effect", "cache"),
    ("disabled: yes", "wrong-type", "disabled"),
    ("undo: {type: nop}", "unknown-type", "undo.type"),
    ("type: noop@9", "unknown-version", "type"),
]


@pytest.mark.parametrize(("field", "code", "place"), REFUSED, ids=[one[0] for one in REFUSED])
def test_a_field_that_cannot_be_is_refused_at_its_place(field, code, place):
    step = POST if not field.startswith("type") else "title: x"
    assert (code, f"spec.steps.a.{place}") in places(f"steps: {{a: {{{step}, {field}}}}}")


SETTINGS = {
    "timeout": "timeout: 5d",
    "concurrency": "concurrency: {key: '{{ input.c }}', limit: 1, when_full: wait}",
    "throttle": "throttle: {key: '{{ input.c }}', limit: 5, per: 1m}",
    "rate": "rate: {limit: 5, per: 1m, when_full: fail}",
    "debounce": "debounce: {key: '{{ input.c }}', per: 1m}",
    "batch": "batch: {limit: 5, per: 1m}",
    "singleton": "singleton: {key: '{{ input.c }}', when_full: cancel_oldest}",
    "priority": "priority: 7",
    "retention": "retention: 30d",
    "timezone": "timezone: Europe/Berlin",
}


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_every_setting_of_the_language_can_be_written(setting):
    assert codes(f"settings: {{{setting}}}\n{NOTHING}") == []


def test_on_failure_names_a_workflow_by_its_name_or_in_a_mapping():
    others = {"tell": NOTHING}
    assert codes(f"settings: {{on_failure: tell}}\n{NOTHING}", others) == []
    assert codes(f"settings: {{on_failure: {{workflow: tell}}}}\n{NOTHING}", others) == []
    assert codes(f"settings: {{on_failure: tel}}\n{NOTHING}", others) == ["unknown-workflow"]


@pytest.mark.parametrize(
    ("setting", "code", "place"),
    [
        ("timeot: 5d", "unknown-field", "timeot"),
        ("timeout: 5", "bad-duration", "timeout"),
        ("concurrency: {limit: 0}", "out-of-range", "concurrency.limit"),
        ("concurrency: {limit: 1, when_full: drop}", "unknown-choice", "concurrency.when_full"),
        ("rate: {limit: 3}", "missing-field", "rate"),
        ("concurrency: {limit: 3, per: 1m}", "field-without-effect", "concurrency.per"),
        ("priority: 12", "out-of-range", "priority"),
        ("retention: 30", "bad-duration", "retention"),
        ("timezone: Europe/Berln", "unknown-timezone", "timezone"),
        ("on_failure: Tell Them", "bad-name", "on_failure"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_at_its_place(setting, code, place):
    assert places(f"settings: {{{setting}}}\n{NOTHING}") == [(code, f"spec.settings.{place}")]


NAMES = [("Get", "bad-name"), ("get-it", "bad-name"), ("1st", "bad-name"), ("class", "reserved-name")] + [
    (name, "reserved-name")
    for name in ("input", "vars", "steps", "errors", "run", "item", "index", "last", "trigger")
]


@pytest.mark.parametrize(("name", "code"), NAMES)
def test_steps_and_variables_have_plain_names_that_mean_nothing_else(name, code):
    assert (code, f"spec.steps.{name}") in places(f"steps: {{{name}: {{type: noop}}}}")
    assert (code, f"spec.variables.{name}") in places(f"variables: {{{name}: 1}}\n{NOTHING}")


@pytest.mark.parametrize(("name", "code"), [one for one in NAMES if one[0] != "class"])
def test_cases_and_branches_have_plain_names_too(name, code):
    switch = f"steps: {{a: {{type: switch, with: {{cases: {{{name}: '{{{{ input }}}}'}}}}}}}}"
    assert (code, f"spec.steps.a.with.cases.{name}") in places(switch)
    inner = "{steps: {b: {type: noop}}}"
    race = f"steps: {{a: {{type: race, branches: {{{name}: {inner}, y: {{steps: {{c: {{type: noop}}}}}}}}}}}}"
    assert (code, f"spec.steps.a.branches.{name}") in places(race)


@pytest.mark.parametrize("name", ["else", "error"])
def test_a_case_cannot_take_the_name_of_another_port(name):
    switch = f"steps: {{a: {{type: switch, with: {{cases: {{{name}: '{{{{ input }}}}'}}}}}}}}"
    assert ("reserved-name", f"spec.steps.a.with.cases.{name}") in places(switch)


def test_a_port_may_be_a_word_of_the_expression_language():
    spec = (
        "steps: {a: {type: switch, with: {cases: {if: '{{ input }}'}}}, b: {type: noop}}\nlinks: [a.if -> b]"
    )
    assert codes(spec) == []


def test_documents_have_names_of_small_letters_digits_and_dashes():
    assert codes(document(NOTHING, name="order-2")) == []
    assert codes(document(NOTHING, name="Order_2")) == ["bad-name"]


def test_a_step_id_is_unique_in_its_workflow_and_links_stay_in_their_scope():
    inner = "e: {type: foreach, with: {items: [1]}, steps: {a: {type: noop}}}"
    assert codes(f"steps: {{a: {{type: noop}}, {inner}}}\noutput: 1") == ["duplicate-step"]
    inner = inner.replace("{a:", "{b:")
    assert "link-leaves-scope" in codes(f"steps: {{a: {{type: noop}}, {inner}}}\nlinks: [a -> b]\noutput: 1")


IDLE = [
    ("type: human.approve, with: {title: t}, key: '{{ input.id }}'", "key"),
    ("type: wait.for, with: {duration: 1h}, pool: p", "pool"),
    ("type: foreach, with: {items: [1]}, priority: 3, steps: {b: {type: noop}}", "priority"),
    ("type: noop, timeout: 3s", "timeout"),
]


@pytest.mark.parametrize(("step", "field"), IDLE)
def test_a_field_that_does_nothing_on_this_type_is_said_to(step, field):
    assert ("field-without-effect", f"spec.steps.a.{field}") in places(f"steps: {{a: {{{step}}}}}")


def test_what_never_fails_cannot_be_tried_again():
    spec = "steps: {a: {type: wait.for, with: {duration: 1h}, retry: {attempts: 2}}}"
    assert places(spec) == [("policy-refused", "spec.steps.a.retry")]


def test_a_fallback_that_leads_nowhere_is_said_to():
    spec = "steps: {a: {type: if, with: {condition: '{{ input.x > 1 }}'}, fallback: 1}, b: {type: noop}}\nlinks: [a.true -> b]"
    assert places(spec) == [("field-without-effect", "spec.steps.a.fallback")]


def test_an_output_that_is_null_unless_something_fails_is_said_to_be():
    spec = f"steps: {{a: {{{GET}}}, b: {{type: noop}}}}\nlinks: [a.error -> b]"
    assert codes(spec) == ["several-ends"]
    assert codes(spec + "\noutput: '{{ steps.a }}'") == []
    inner = f"steps: {{a: {{{GET}}}, b: {{type: noop}}}}, links: [a.error -> b]"
    spec = f"steps: {{e: {{type: foreach, with: {{items: [1]}}, {inner}}}}}"
    assert places(spec) == [("several-ends", "spec.steps.e")]
