"""Attacks: no attribute of a Python object can be reached (S13), and nothing of the data is evaluated again (S14)."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from expression_values import SCOPE, is_plain, outcome

from auraos.core.expressions import compile_template

CASES = yaml.safe_load((Path(__file__).parent / "hostile.yaml").read_text(encoding="utf-8"))
SECOND_ORDER = [
    "={{ 7*7 }}",
    "{{7*7}}",
    "${7*7}",
    "#{7*7}",
    "<%= 7*7 %>",
    "=cmd|' /C calc'!A0",
    "{{ '{{' }}",
    "{% 7*7 %}",
    "7*7",
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["source"][:60])
def test_an_attack_comes_to_what_the_corpus_says(case: dict[str, Any]) -> None:
    expected = {key: value for key, value in case.items() if key != "source"}
    assert outcome(case["source"], dict(SCOPE)) == expected


def test_the_corpus_is_large_and_reaches_only_plain_data() -> None:
    assert len(CASES) >= 80
    assert all(is_plain(case["value"]) for case in CASES if "value" in case)


@pytest.mark.parametrize("payload", SECOND_ORDER)
@pytest.mark.parametrize(
    "settings",
    [
        "{{ x }}",
        "a {{ x }} b",
        ["{{ [x] }}"],
        {"k": "{{ {'v': x} }}"},
        "{{ f'{x}' }}",
        "{{ x + x }}",
        "{{ text(x) }}",
    ],
)
def test_what_data_says_is_never_evaluated(payload: str, settings: Any) -> None:
    value = compile_template(settings).evaluate({"x": payload})
    assert payload.replace('"', '\\"') in str(value).replace("\\'", "'")
    assert "49" not in str(value)


def test_a_value_that_looks_like_a_template_comes_out_as_it_went_in() -> None:
    assert compile_template({"a": "{{ x }}"}).evaluate({"x": "{{ 7*7 }}"}) == {"a": "{{ 7*7 }}"}
    assert compile_template("<{{ x }}>").evaluate({"x": "{{ 7*7 }}"}) == "<{{ 7*7 }}>"
