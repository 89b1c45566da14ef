"""The sdk is a promise to people who write plugins: a name that goes, or comes unannounced, fails here."""

import pytest

import auraos.sdk

PROMISED = {
    "Answer", "Behaviour", "BlockingContext", "Chosen", "Effect", "Example", "Fault", "FileReference", "Files",
    "FlagAnswer", "Flags", "Http", "Sandbox", "Secrets", "StepContext", "StepFailed", "StepType", "StepUnknown", "Value",
    "deferred", "names_secret", "step_type",
}  # fmt: skip


def test_the_sdk_exports_exactly_what_it_promises():
    assert set(auraos.sdk.__all__) == PROMISED


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_every_promised_name_is_there(name):
    assert hasattr(auraos.sdk, name)


def test_the_list_of_names_is_in_order():
    assert sorted(auraos.sdk.__all__) == auraos.sdk.__all__
