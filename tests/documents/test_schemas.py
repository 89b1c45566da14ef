"""The JSON Schema of workflow documents: what is right passes, what is wrong does not, for every installed step type."""

import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from auraos.core.catalogue import Behaviour, Catalogue, StepType
from auraos.core.document import parse
from auraos.documents.schemas import envelope_schema, workflow_schema
from auraos.documents.written_settings import permit_templates

ROOT = Path(__file__).parents[2]


def installed() -> Catalogue:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    named = [value.split(":") for value in project["project"]["entry-points"]["auraos.steps"].values()]
    return Catalogue([getattr(import_module(module), name) for module, name in named])


CATALOGUE = installed()
SCHEMA = workflow_schema(CATALOGUE)
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)

WHOLE = (Path(__file__).parents[1] / "order-intake.yaml").read_text(encoding="utf-8")

CONTAINERS = """\
kind: workflow
name: containers
spec:
  steps:
    each:
      type: foreach
      with: {items: "{{ input.rows }}", parallel: 8, collect: save, on_error: stop}
      steps: {save: {type: noop}}
    pages: {type: while, with: {condition: "{{ last.more }}", limit: 100, output: page}, steps: {page: {type: noop}}}
    guard:
      type: try
      steps: {risky: {type: noop}}
      catch: {steps: {tell: {type: noop}}}
      finally: {steps: {clean: {type: noop}}}
    first: {type: race, branches: {paid: {steps: {a: {type: noop}}}, late: {steps: {b: {type: noop}}}}}
    child: {type: call, with: {workflow: invoice, input: {id: 7}, wait: true}}
"""


def complaints(text: str) -> list[tuple[Any, ...]]:
    tree = parse(text).tree
    assert tree is not None
    return [tuple(error.instance_path) for error in VALIDATOR.iter_errors(tree.value)]


@pytest.mark.parametrize("text", [WHOLE, CONTAINERS], ids=["whole", "containers"])
def test_what_the_language_describes_fits_the_schema(text: str) -> None:
    assert complaints(text) == []


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("kind: workflow", "kind: report", ("kind",)),
        ("name: order-intake", "name: Order", ("name",)),
        ("title: Order intake", "titel: Order intake", ()),
        ("labels: {team: sales}", "labels: {team: 3}", ("labels", "team")),
        ("  links:", "  link:", ("spec",)),
        ("timeout: 5d", "timeout: 5 days", ("spec", "settings", "timeout")),
        ("timeout: 5d", "timeout: 5", ("spec", "settings", "timeout")),
        ("when_full: wait", "when_full: maybe", ("spec", "settings", "concurrency", "when_full")),
        ("retention: 30d", "retentoin: 30d", ("spec", "settings")),
        ("type: switch", "type: swich", ("spec", "steps", "size", "type")),
        ("    size:", "    Size:", ("spec", "steps")),
        ("method: POST", "method: 5", ("spec", "steps", "reserve", "with", "method")),
        ("parallel: 4", "parralel: 4", ("spec", "steps", "each_line", "with")),
        ("parallel: 4", "parallel: four", ("spec", "steps", "each_line", "with", "parallel")),
        ("attempts: 5", 'attempts: "5"', ("spec", "steps", "reserve", "retry", "attempts")),
        ("{method: DELETE, url:", "{method: DELETE, ulr:", ("spec", "steps", "reserve", "undo", "with")),
        ("- size.large -> ask", "- size.large => ask", ("spec", "links", 0)),
        (
            "      type: transform",
            "      type: transform\n      steps: {a: {type: noop}}",
            ("spec", "steps", "total", "steps"),
        ),
        (
            "      type: transform",
            "      type: transform\n      join: some",
            ("spec", "steps", "total", "join"),
        ),
        ("  - name: a small", "  - nmae: a small", ("tests", 0)),
    ],
)
def test_what_is_wrong_is_found_at_its_place(old: str, new: str, path: tuple[Any, ...]) -> None:
    assert WHOLE.count(old) == 1
    assert path in complaints(WHOLE.replace(old, new))


@pytest.mark.parametrize("join", ["all", "any", "collect", 2])
def test_a_join_is_one_of_three_words_or_a_number(join: str | int) -> None:
    assert not complaints(
        WHOLE.replace("      type: transform", f"      type: transform\n      join: {join}")
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("limit: 100, ", ""),
        ("parallel: 8", 'parallel: "{{ vars.n }}"'),
        ("parallel: 8", 'batch: "{{ vars.n }}"'),
        ("parallel: 8", "batch: 0"),
        ("steps: {save: {type: noop}}", "branches: {}"),
        ("branches: {paid", "steps: {paid"),
        ("catch: {steps", "catch: {step"),
        ("{workflow: invoice", "{flow: invoice"),
    ],
)
def test_containers_have_their_own_fields(old: str, new: str) -> None:
    assert CONTAINERS.count(old) == 1
    assert bool(complaints(CONTAINERS.replace(old, new))) == ("{{" not in new)


@pytest.mark.parametrize("step_type", CATALOGUE.all(), ids=lambda step_type: step_type.name)
def test_the_settings_of_every_step_type_may_be_expressions(step_type: StepType) -> None:
    inside = {
        Behaviour.FOREACH: {"steps": {"a": {"type": "noop"}}},
        Behaviour.WHILE: {"steps": {"a": {"type": "noop"}}},
        Behaviour.TRY: {"steps": {"a": {"type": "noop"}}},
        Behaviour.RACE: {"branches": {"a": {"steps": {"b": {"type": "noop"}}}}},
    }.get(step_type.behaviour, {})
    properties = step_type.settings.get("properties", {})
    written = dict.fromkeys(properties, "{{ input.x }}")
    step = {"type": f"{step_type.name}@{step_type.version}", "with": written, **inside}
    document = {"kind": "workflow", "name": "a", "spec": {"steps": {"x": step}}}
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []
    assert list(
        VALIDATOR.iter_errors(
            {**document, "spec": {"steps": {"x": {**step, "with": {**written, "nonsense_": 1}}}}}
        )
    ) or (step_type.settings.get("additionalProperties", True) is not False)


@pytest.mark.parametrize("step_type", CATALOGUE.all(), ids=lambda step_type: step_type.name)
def test_the_examples_of_every_step_type_fit(step_type: StepType) -> None:
    schema = {"$ref": f"#/$defs/with.{step_type.name}@{step_type.version}", "$defs": SCHEMA["$defs"]}
    validator = jsonschema_rs.validator_for(schema)
    assert [list(validator.iter_errors(dict(example.settings))) for example in step_type.examples] == [
        []
    ] * len(step_type.examples)


def test_expressions_are_possible_at_every_depth() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "array", "items": {"type": "integer", "description": "n"}},
            "b": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
        },
    }
    written = {**permit_templates(schema, ""), "$defs": SCHEMA["$defs"]}
    validator = jsonschema_rs.validator_for(written)
    assert validator.is_valid({"a": [1, "{{ x }}"], "b": "{{ x }}"})
    assert validator.is_valid({"a": "{{ x }}", "b": None})
    assert validator.is_valid("{{ x }}")
    assert not validator.is_valid({"a": ["x"]})
    assert not validator.is_valid({"b": "yes"})


def test_the_schema_itself_is_one() -> None:
    jsonschema_rs.meta.validate(SCHEMA)


def test_the_envelope_is_the_same_for_every_kind() -> None:
    schema = envelope_schema(
        "report",
        {"type": "object", "$defs": {"x": {"type": "null"}}, "properties": {"a": {"$ref": "#/$defs/x"}}},
    )
    validator = jsonschema_rs.validator_for(schema)
    assert validator.is_valid({"kind": "report", "name": "a", "spec": {"a": None}})
    assert not validator.is_valid({"kind": "report", "name": "a", "spec": {"a": 1}})
    assert not validator.is_valid({"kind": "report", "name": "a"})
