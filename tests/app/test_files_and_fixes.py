"""Files are found in order and read whole; safe fixes change only what they mean, and never make things worse."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from auraos.app.definitions.files import (
    UnreadableFileError,
    find_files,
    is_gone,
    read_found,
    read_source,
    says_kind,
)
from auraos.app.definitions.fixing import apply_safely, fix_source
from auraos.app.definitions.versions import FolderDefinitions
from auraos.app.environment import known_secrets
from auraos.app.installed import load_installed
from auraos.core.problems import Fix, Problem, TextEdit


def check_for(word, replacement, *, safe=True):
    """A check that finds every occurrence of a word, and would replace it."""

    def check(text):
        found = []
        at = text.find(word)
        while at >= 0:
            fix = Fix(f"Write {replacement}", (TextEdit(at, at + len(word), replacement),), safe)
            found.append(Problem(code="word", message=f"{word} at {at}", fix=fix))
            at = text.find(word, at + 1)
        return found

    return check


def test_files_of_folders_come_in_order_each_once_and_hidden_ones_not_at_all(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.yaml", "a.yml", "deep/c.yaml", ".git/d.yaml", "e.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("kind: workflow\n")
    assert [tuple(found) for found in find_files(["b.yaml", "."])] == [
        ("b.yaml", True),
        ("a.yml", False),
        ("deep/c.yaml", False),
    ]


def test_a_folder_of_its_own_name_is_found_by_absolute_path_too(tmp_path):
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "a.yaml").write_text("kind: workflow\n")
    assert [found.path for found in find_files([str(tmp_path / ".hidden")])] == [
        str(tmp_path / ".hidden" / "a.yaml")
    ]


def test_what_is_not_there_or_no_text_is_told(tmp_path):
    (tmp_path / "x.yaml").write_bytes(b"a\nb\xff")
    with pytest.raises(UnreadableFileError, match="line 2 has a byte"):
        read_source(str(tmp_path / "x.yaml"))
    with pytest.raises(UnreadableFileError, match="is a folder"):
        read_source(str(tmp_path))
    with pytest.raises(UnreadableFileError, match="There is no file or folder"):
        find_files([str(tmp_path / "nix")])


def test_a_document_names_its_kind():
    assert [says_kind("# c\nkind: workflow\n"), says_kind("services:\n  kind: x\n")] == [True, False]


def test_safe_fixes_are_applied_and_told_and_the_file_keeps_its_mode(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("wrong # wrong\n")
    file.chmod(0o640)
    fixed = fix_source(str(file), "wrong # wrong\n", check_for("wrong", "right"))
    assert (file.read_text(), fixed.done) == ("right # right\n", ("Write right", "Write right"))
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]


def test_fixes_that_are_not_safe_wait_for_a_person():
    assert apply_safely("wrong", check_for("wrong", "right", safe=False)) == ("wrong", [])


def test_a_fix_that_makes_more_errors_is_not_kept():
    assert apply_safely("a", check_for("a", "aa")) == ("a", [])


def test_secrets_are_known_by_their_names():
    environment = {
        "AURAOS_SECRET_STOCK_API": "x",
        "AURAOS_SECRET_EMPTY": "",
        "AURAOS_HOSTS_STOCK_API": "y",
        "PATH": "z",
    }
    assert known_secrets(environment) == ["stock-api"]


def test_a_file_of_a_folder_that_went_since_it_was_found_stops_nothing(tmp_path):
    (tmp_path / "a.yaml").write_text("kind: workflow\n")
    (in_folder,) = find_files([str(tmp_path)])
    (named,) = find_files([str(tmp_path / "a.yaml")])
    (tmp_path / "a.yaml").unlink()
    assert read_found(in_folder) is None
    assert is_gone(in_folder)
    with pytest.raises(UnreadableFileError, match="There is no file"):
        read_found(named)
    with pytest.raises(UnreadableFileError, match="not there any more"):
        fix_source(in_folder.path, "a word", check_for("word", "text"))


def test_a_folder_that_changes_all_the_time_is_read(tmp_path):
    text = "kind: workflow\nname: {}\nspec: {{steps: {{a: {{type: noop}}}}}}\n"
    for name in ("stays", "comes"):
        (tmp_path / f"{name}.yaml").write_text(text.format(name))
    stop = threading.Event()

    def come_and_go() -> None:
        """A file that is not there when it is read may be there again when somebody looks why."""
        while not stop.is_set():
            (tmp_path / "comes.yaml").rename(tmp_path / "gone")
            (tmp_path / "gone").rename(tmp_path / "comes.yaml")

    def make_and_remove() -> None:
        while not stop.is_set():
            (tmp_path / "deep").mkdir()
            (tmp_path / "deep" / "goes.yaml").write_text(text.format("goes"))
            (tmp_path / "deep" / "goes.yaml").unlink()
            (tmp_path / "deep").rmdir()

    catalogue, found = load_installed().catalogue, Counter()
    with ThreadPoolExecutor(2) as changing:
        changes = [changing.submit(come_and_go), changing.submit(make_and_remove)]
        try:
            for _ in range(1000):
                definitions = FolderDefinitions(tmp_path, catalogue)
                assert definitions.find_workflow("stays") is not None
                found[definitions.find_workflow("comes") is not None] += 1
                assert all(isinstance(read_found(one), str | None) for one in find_files([str(tmp_path)])), (
                    "what went meanwhile is no problem"
                )
        finally:
            stop.set()
    assert [change.result() for change in changes] == [None, None]
    assert min(found[True], found[False]) > 0, "it was looked for while it was there, and while it was not"
