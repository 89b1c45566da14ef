"""Every built-in step type: reachable, described, with examples that hold, and importing what plugins may import."""

import ast
import importlib
import pkgutil
from importlib.metadata import entry_points
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest

import auraos.steps
from auraos.core.run.program import Settings
from auraos.core.values import to_wire
from auraos.sdk import Behaviour, Chosen, Effect, StepType

FOLDER = Path(auraos.steps.__file__).parent
ENTRIES = {
    entry.name: entry for entry in entry_points(group="auraos.steps") if entry.value.startswith("auraos.")
}
DEFINED = {
    value.name: (module.name, name, value)
    for module in pkgutil.iter_modules(auraos.steps.__path__)
    for name, value in vars(importlib.import_module(f"auraos.steps.{module.name}")).items()
    if isinstance(value, StepType)
}
TYPES = [found for _, _, found in DEFINED.values()]
EXAMPLES = [(each.name, each, example) for each in TYPES for example in each.examples]
FLOORS = ("auraos.core", "auraos.sdk", "auraos.steps", "auraos.rules", "auraos.schedules", "auraos.patterns")


def plain(output):
    return {"ports": list(output.ports), "output": output.output} if isinstance(output, Chosen) else output


def test_every_step_type_has_an_entry_point_and_every_entry_point_a_step_type():
    assert {name: entry.value for name, entry in ENTRIES.items()} == {
        name: f"auraos.steps.{module}:{attribute}" for name, (module, attribute, _) in DEFINED.items()
    }


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_an_entry_point_loads_the_type_of_its_name(name):
    assert ENTRIES[name].load().name == name


@pytest.mark.parametrize("found", TYPES, ids=lambda each: each.name)
def test_a_type_says_what_it_is_and_describes_each_of_its_settings(found):
    assert found.title
    assert found.summary.endswith(".")
    assert found.examples
    fields = found.settings.get("properties", {})
    assert [name for name, field in fields.items() if len(field.get("description", "")) < 5] == []


@pytest.mark.parametrize("found", TYPES, ids=lambda each: each.name)
def test_who_carries_a_type_out_is_clear(found):
    evaluated = found.behaviour in (Behaviour.EVALUATE, Behaviour.STOP)
    assert (found.evaluate is not None) == evaluated
    assert (found.execute is not None) == (found.behaviour is Behaviour.EXECUTE)
    assert found.effect_of({}) is Effect.PURE or found.behaviour is not Behaviour.EVALUATE


@pytest.mark.parametrize(("name", "found", "example"), EXAMPLES, ids=lambda part: getattr(part, "title", ""))
def test_the_settings_of_an_example_fit_the_schema(name, found, example):
    jsonschema_rs.validator_for(found.settings).validate(dict(example.settings))


@pytest.mark.parametrize(
    ("name", "found", "example"),
    [row for row in EXAMPLES if row[1].evaluate and row[2].output is not msgspec.UNSET],
    ids=lambda part: getattr(part, "title", ""),
)
def test_the_output_of_an_example_is_what_the_step_gives(name, found, example):
    settings = Settings(example.settings, found.deferred).evaluate({})
    output = plain(found.evaluate(settings))
    assert output == example.output
    assert to_wire(output) == to_wire(example.output)
    jsonschema_rs.validator_for(found.output_of(example.settings)).validate(output)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.py")), ids=lambda file: file.stem)
def test_a_step_module_imports_of_the_house_only_what_any_plugin_may(file):
    tree = ast.parse(file.read_text())
    names = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    names += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert [name for name in names if name.startswith("auraos") and not name.startswith(FLOORS)] == []
