"""Definitions out of a folder: found by name, hashed by meaning, compiled from the text that was kept."""

import asyncio

import pytest

from auraos.app.definitions.versions import FolderDefinitions, make_version
from auraos.app.installed import load_installed
from auraos.core.errors import UserError

CATALOGUE = load_installed().catalogue
TEXT = "kind: workflow\nname: {name}\nspec:\n  steps: {{a: {{type: {type}}}}}\n"


def text(name, step_type="noop", more=""):
    return TEXT.format(name=name, type=step_type) + more


def resolve(definitions, name):
    return asyncio.run(definitions.resolve("default", name))


def test_a_workflow_is_found_by_its_name_not_its_file_s(tmp_path):
    (tmp_path / "a.yaml").write_text(text("invoice"))
    (tmp_path / "b.yml").write_text("services: {}\n")
    definitions = FolderDefinitions(tmp_path, CATALOGUE)
    assert definitions.find_workflow("invoice").name == "invoice"
    assert resolve(definitions, "invoice").text == text("invoice")
    assert definitions.find_workflow("a") is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing", "There is no workflow named 'missing'"),
        ("twice", "More than one file names a workflow 'twice'"),
        ("invoice@3", "pins a version"),
        ("broken", "is no workflow that can be read"),
    ],
)
def test_what_cannot_be_resolved_is_told(tmp_path, name, words):
    for file, named in (("a", "twice"), ("b", "twice"), ("c", "invoice")):
        (tmp_path / f"{file}.yaml").write_text(text(named))
    (tmp_path / "d.yaml").write_text("kind: workflow\nname: broken\nspec: [\n")
    with pytest.raises(UserError, match=words):
        resolve(FolderDefinitions(tmp_path, CATALOGUE), name)


def test_a_text_that_was_handed_over_goes_before_the_folder(tmp_path):
    (tmp_path / "a.yaml").write_text(text("invoice"))
    definitions = FolderDefinitions(tmp_path, CATALOGUE)
    added = definitions.add(text("invoice", "log"))
    assert resolve(definitions, "invoice") == added


def test_called_versions_are_gathered_through_all_calls(tmp_path):
    call = "kind: workflow\nname: {}\nspec:\n  steps: {{a: {{type: call, with: {{workflow: {}}}}}}}\n"
    for name, called in (("a", "b"), ("b", "c"), ("c", "a")):
        (tmp_path / f"{name}.yaml").write_text(call.format(name, called))
    definitions = FolderDefinitions(tmp_path, CATALOGUE)
    found = asyncio.run(definitions.called(resolve(definitions, "a")))
    assert sorted(version.name for version in found) == ["a", "b", "c"]


def test_the_hash_is_of_the_meaning():
    plain = make_version(text("x"), CATALOGUE)
    spelled = make_version("# hello\n" + text("x", more="tests: []\ntitle: X\n"), CATALOGUE)
    other = make_version(text("x", "log"), CATALOGUE)
    assert plain.hash == spelled.hash != other.hash
    assert plain.step_types == {"noop": 1}


def test_a_version_whose_step_type_is_gone_is_refused_with_its_name():
    definitions = FolderDefinitions(None, load_installed([]).catalogue)
    version = make_version(text("x"), CATALOGUE)
    with pytest.raises(UserError, match="The text of 'x'"):
        definitions.compile(version)
