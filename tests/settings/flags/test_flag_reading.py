"""A flag as it is written: what it means, and all that is wrong with it."""

import pytest

from auraos.core.document import read_document
from auraos.settings.flags.model import Flag, Guard, Rule, Serve
from auraos.settings.flags.names import version_of
from auraos.settings.flags.reading import read_flag

WHOLE = """kind: flag
name: price
spec:
  type: number
  variants: {low: 1, high: 2.5}
  default: {low: 90, high: 10}
  off: low
  unit: company
  seed: prices
  expires: 2027-03-01
  rules:
    - name: friends
      when: "{{ context.company in ['a', 'b'] }}"
      variant: high
    - when: context.country == 'DE'
      split: {high: 30, low: 70}
"""


def read(text: str) -> tuple[Flag | None, list[str]]:
    document, problems = read_document(text, ["flag"])
    assert document is not None, problems
    flag, found = read_flag(document)
    return flag, [f"{problem.code} {'.'.join(map(str, problem.path))}" for problem in found]


def flag_of(spec: str) -> str:
    lines = "\n".join(f"  {line}" for line in spec.splitlines())
    return f"kind: flag\nname: example\nspec:\n{lines}\n"


def test_a_whole_flag_is_read_with_its_rules_in_order():
    flag, problems = read(WHOLE)
    assert problems == []
    assert flag == Flag(
        name="price",
        type="number",
        variants={"low": 1, "high": 2.5},
        default=Serve(split=(("low", 90.0), ("high", 10.0))),
        off="low",
        unit="company",
        seed="prices",
        expires="2027-03-01",
        rules=(
            Rule(
                name="friends",
                when="{{ context.company in ['a', 'b'] }}",
                serve=Serve(variant="high"),
            ),
            Rule(
                name="rule 2",
                when="context.country == 'DE'",
                serve=Serve(split=(("high", 30.0), ("low", 70.0))),
            ),
        ),
    )


def test_a_boolean_flag_has_on_and_off_without_saying_so():
    flag, problems = read(flag_of("type: boolean\ndefault: off"))
    assert (problems, flag.variants, flag.default, flag.off) == (
        [],
        {"on": True, "off": False},
        Serve(variant="off"),
        "off",
    )
    assert read(flag_of("type: boolean\ndefault: true"))[0].default == Serve(variant="on")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("default: off", "missing-field spec"),
        ("type: boolean", "missing-field spec"),
        ("type: strnig\ndefault: a\nvariants: {a: x}\noff: a", "unknown-choice spec.type"),
        ("type: string\ndefault: a\noff: a", "missing-field spec"),
        ("type: string\ndefault: b\noff: a\nvariants: {a: x}", "flag-variant spec.default"),
        ("type: string\ndefault: a\nvariants: {a: x}", "missing-field spec"),
        ("type: string\ndefault: a\noff: c\nvariants: {a: x}", "flag-variant spec.off"),
        ("type: number\ndefault: a\noff: a\nvariants: {a: true}", "flag-value spec.variants.a"),
        ("type: string\ndefault: a\noff: a\nvariants: {a: 1}", "flag-value spec.variants.a"),
        ("type: object\ndefault: a\noff: a\nvariants: {a: [1]}", "flag-value spec.variants.a"),
        ("type: boolean\ndefault: {on: 30, off: 60}", "flag-split spec.default"),
        ("type: boolean\ndefault: {on: 130, off: -30}", "flag-split spec.default.on"),
        ("type: boolean\ndefault: {on: yes, off: 50}", "flag-split spec.default.on"),
        ("type: boolean\ndefault: off\nrules: [{when: 'context.a', wehn: x, variant: on}]", "unknown-field"),
        ("type: boolean\ndefault: off\nrules: [{when: context.a}]", "flag-rule spec.rules.0"),
        (
            "type: boolean\ndefault: off\nrules: [{when: context.a, variant: on, split: {on: 100}}]",
            "flag-rule",
        ),
        ("type: boolean\ndefault: off\nrules: [{variant: on}]", "missing-field spec.rules.0"),
        ("type: boolean\ndefault: off\nrules: [on]", "flag-rule spec.rules.0"),
        (
            "type: boolean\ndefault: off\nrules: [{when: 'user.a', variant: on}]",
            "flag-rule spec.rules.0.when",
        ),
        ("type: boolean\ndefault: off\nrules: [{when: '{{ context.', variant: on}]", "flag-rule"),
        ("type: boolean\ndefault: off\nrules: [{when: 'context.a ==', variant: on}]", "flag-rule"),
        ("type: boolean\ndefault: off\nexpires: soon", "wrong-type spec.expires"),
        ("type: boolean\ndefault: off\ncolour: red", "unknown-field spec.colour"),
        ("type: boolean\ndefault: off\nrules: on", "wrong-type spec.rules"),
        ("type: boolean\ndefault: [on]", "flag-variant spec.default"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_there_is_no_flag(spec, expected):
    flag, problems = read(flag_of(spec))
    assert flag is None
    assert any(problem.startswith(expected) for problem in problems), problems


def test_a_rule_cannot_reach_the_host():
    for attack in ("context.__class__", "__import__('os')", "().__class__", "open('/etc/passwd')"):
        text = flag_of(f'type: boolean\ndefault: off\nrules: [{{when: "{attack} == 1", variant: on}}]')
        flag, _ = read(text)
        assert flag is None or attack == "context.__class__"


RELEASE = """type: number
variants: {new: 8, old: 7}
default: {new: 5, old: 95}
off: old
"""


def read_release(spec: str) -> tuple[Flag | None, list[str]]:
    return read(flag_of(spec).replace("name: example", "name: auraos-version-of-billing"))


def test_a_flag_that_gives_versions_has_a_guard_with_what_goes_without_saying():
    flag, problems = read_release(f"{RELEASE}guard: {{failures: 10}}")
    assert (problems, flag.guard) == ([], Guard(runs=50, failures=10.0, margin=5.0))
    flag, _ = read_release(f"{RELEASE}guard: {{runs: 200, failures: 2.5, margin: 0}}")
    assert flag.guard == Guard(runs=200, failures=2.5, margin=0.0)
    assert read_release(RELEASE)[0].guard is None


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (RELEASE.replace("new: 8", "new: 0"), "flag-release spec.variants.new"),
        (RELEASE.replace("new: 8", "new: -3"), "flag-release spec.variants.new"),
        (RELEASE.replace("new: 8", "new: 8.5"), "flag-release spec.variants.new"),
        ("type: boolean\ndefault: on", "flag-release spec.type"),
        (f"{RELEASE}guard: 10", "wrong-type spec.guard"),
        (f"{RELEASE}guard: {{}}", "missing-field spec.guard"),
        (f"{RELEASE}guard: {{failures: 101}}", "out-of-range spec.guard.failures"),
        (f"{RELEASE}guard: {{failures: 1, runs: 0}}", "out-of-range spec.guard.runs"),
        (f"{RELEASE}guard: {{failures: 1, runs: 1001}}", "out-of-range spec.guard.runs"),
        (f"{RELEASE}guard: {{failures: 1, marign: 1}}", "unknown-field spec.guard.marign"),
    ],
)
def test_what_is_wrong_with_a_release_is_told_with_its_place(spec, expected):
    flag, problems = read_release(spec)
    assert flag is None
    assert any(problem.startswith(expected) for problem in problems), problems


def test_only_a_flag_that_gives_versions_has_a_guard():
    flag, problems = read(flag_of("type: boolean\ndefault: on\nguard: {failures: 10}"))
    assert (flag, problems) == (None, ["flag-release spec.guard"])


@pytest.mark.parametrize("value", [True, None, "8", [8], {}, 8.5, 0, -1, 2.0**40, float("inf"), float("nan")])
def test_what_is_no_version_is_none(value):
    assert version_of(value) is None
    assert (version_of(8), version_of(8.0)) == (8, 8)
