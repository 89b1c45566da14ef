"""Comparing, merging and renaming on the command line."""

from pathlib import Path

import pytest

HELLO = (Path(__file__).parents[2] / "examples" / "hello.yaml").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "base.yaml").write_text(HELLO, encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(HELLO.replace("Hello, {{", "Hi, {{"), encoding="utf-8")
    (tmp_path / "theirs.yaml").write_text(HELLO.replace("Bonjour, {{", "Salut, {{"), encoding="utf-8")
    return tmp_path


def test_a_difference_is_told_in_words_and_ends_with_1(folder, auraos):
    answer = auraos("diff", "base.yaml", "mine.yaml")
    assert answer.code == 1
    assert answer.out.startswith(
        "Step `hello`: with set text Hello, {{ input.name }}! → Hi, {{ input.name }}!\n"
    )


def test_a_difference_as_data_names_path_before_and_after(folder, auraos):
    told = auraos("diff", "base.yaml", "mine.yaml", "--json").json
    assert told["changes"][0]["path"] == "spec.steps.hello.with.set.text"
    assert told["changes"][0]["after"] == "Hi, {{ input.name }}!"


def test_the_same_file_does_not_differ(folder, auraos):
    answer = auraos("diff", "base.yaml", "base.yaml")
    assert (answer.code, answer.out) == (0, "Nothing changed.\n")


def test_changes_of_both_sides_come_together(folder, auraos):
    answer = auraos("merge", "base.yaml", "mine.yaml", "theirs.yaml", "--output", "mine.yaml")
    assert answer.code == 0
    merged = (folder / "mine.yaml").read_text(encoding="utf-8")
    assert merged == HELLO.replace("Hello, {{", "Hi, {{").replace("Bonjour, {{", "Salut, {{")


def test_a_conflict_is_named_and_mine_stands(folder, auraos):
    (folder / "theirs.yaml").write_text(HELLO.replace("Hello, {{", "Hey, {{"), encoding="utf-8")
    answer = auraos("merge", "base.yaml", "mine.yaml", "theirs.yaml")
    assert answer.code == 1
    assert "conflict:" in answer.err
    assert answer.out == (folder / "mine.yaml").read_text(encoding="utf-8")


def test_a_step_is_renamed_everywhere_and_the_file_still_passes(folder, auraos):
    assert auraos("rename", "base.yaml", "letters", "count_letters").code == 0
    text = (folder / "base.yaml").read_text(encoding="utf-8")
    assert "steps.count_letters.count" in text
    assert auraos("test", "base.yaml").code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("rename", "base.yaml", "nobody", "somebody"),
        ("rename", "base.yaml", "letters", "greet"),
        ("rename", "base.yaml", "letters", "Not An Id"),
        ("diff", "base.yaml", "missing.yaml"),
        ("merge", "base.yaml", "mine.yaml", "missing.yaml"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_written(folder, auraos, arguments):
    answer = auraos(*arguments)
    assert answer.code == 2
    assert "error[" in answer.err
    assert (folder / "base.yaml").read_text(encoding="utf-8") == HELLO
