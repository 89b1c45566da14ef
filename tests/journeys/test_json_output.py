"""Every command prints the fields that the page about `--json` promises, no fewer and no others."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "json-output.md"
ROW = re.compile(r"^\| `auraos (?P<words>[a-z ]+)` \| (?P<fields>.*) \|$", re.MULTILINE)
PROMISED = {
    row["words"]: set(re.findall(r"`(\w+)`", row["fields"])) for row in ROW.finditer(PAGE.read_text())
}
CALLS = {
    "check": ["flow.yaml"],
    "test": ["flow.yaml"],
    "graph": ["flow.yaml"],
    "run": ["flow.yaml"],
    "runs list": [],
    "runs show": ["1"],
    "runs why": ["1"],
    "runs journal": ["1"],
    "runs replay": ["1"],
    "runs logs": ["1"],
    "runs event": ["anything.happened"],
    "steps list": [],
    "steps show": ["noop"],
    "expressions list": [],
    "expressions eval": ["1 + 1"],
    "completion show": ["--shell", "bash"],
    "completion install": ["--shell", "fish", "--output", "x.fish"],
}
FLOW = """kind: workflow
name: flow
spec:
  steps: {a: {type: log, with: {message: hello}}}
  output: 1
tests: [{name: it runs, expect: {output: 1}}]
"""


@pytest.mark.parametrize("words", CALLS)
def test_the_fields_are_those_of_the_page(auraos, words):
    auraos.write("flow.yaml", FLOW)
    assert auraos("run", "flow.yaml").code == 0
    done = auraos(*words.split(), *CALLS[words], "--json")
    assert done.code == 0
    assert set(done.json) == PROMISED[words]


def test_the_page_tells_of_every_command_that_prints_its_own_fields():
    assert set(PROMISED) == set(CALLS)


def test_a_command_that_leads_a_run_prints_what_run_prints_and_what_it_waits_for(auraos):
    auraos.write(
        "ask.yaml",
        "kind: workflow\nname: ask\nspec:\n  steps: {a: {type: human.approve, with: {title: x}}}\n",
    )
    begun = auraos("run", "ask.yaml", "--json")
    assert set(begun.json) == PROMISED["run"] | {"detached", "waits"}
    assert set(begun.json["waits"][0]) == {"run", "number", "path", "words", "until", "answers"}
    assert set(auraos("runs", "approve", "1", "--json").json) == PROMISED["run"]
