"""Every step type comes in through an entry point, the built-in ones too."""

from importlib.metadata import entry_points

import pytest

from auraos.sdk import StepType

STEP_ENTRIES = sorted(entry_points(group="auraos.steps"), key=lambda entry: entry.name)


def test_there_are_built_in_step_types():
    assert len(STEP_ENTRIES) > 20


@pytest.mark.parametrize("entry", STEP_ENTRIES, ids=lambda entry: entry.name)
def test_an_entry_point_loads_a_step_type_of_its_own_name(entry):
    step_type = entry.load()
    assert isinstance(step_type, StepType)
    assert step_type.name == entry.name


@pytest.mark.parametrize("entry", STEP_ENTRIES, ids=lambda entry: entry.name)
def test_a_step_type_has_what_its_page_in_the_reference_needs(entry):
    step_type = entry.load()
    assert step_type.title
    assert step_type.summary.endswith(".")
    assert step_type.settings == {} or step_type.settings.get("type") == "object"
