"""What no file under version control may hold, whoever wrote it."""

import ast
import re
import tomllib
from collections import Counter

import pytest

from repository import ROOT, parsed, place, source_files, tracked_files

# A package registry or mirror by its host, and an option that would pin one.
REGISTRY = re.compile(
    r"https?://[^\s/\"']*(?:pypi|python" r"hosted|npmjs|registry\.)|--(?:extra-)?index-url|--find-links"
)
MACHINE_PATH = re.compile(r"(?<![\w.:/}-])/(?:home/\w+|root|Users/\w+|private/tmp)/")
WORK_MARK = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
# These speak of such things: attack lists hold paths of a host, and this file holds the patterns themselves.
SPEAKS_OF_PATHS = ("tests/",)


def text_files() -> list[tuple[str, str]]:
    """Return (name, text) of the tracked files that are text."""
    texts = []
    for file in tracked_files():
        content = file.read_bytes()
        if b"\0" not in content[:8192]:
            texts.append((str(file.relative_to(ROOT)), content.decode("utf-8", errors="replace")))
    return texts


def places(pattern: re.Pattern[str], *, but_not: tuple[str, ...] = ()) -> list[str]:
    """Return the places in tracked text files where a pattern is found."""
    return [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match.group()}"
        for name, text in text_files()
        if not name.startswith(but_not)
        for match in pattern.finditer(text)
    ]


def test_no_file_names_a_package_registry():
    assert places(REGISTRY, but_not=("tests/house/test_tracked_files.py",)) == []


def test_no_file_names_a_folder_of_somebodys_machine():
    assert places(MACHINE_PATH, but_not=SPEAKS_OF_PATHS) == []


def test_nothing_finished_hides_a_note_that_it_is_not():
    assert places(WORK_MARK, but_not=("tests/house/test_tracked_files.py",)) == []


def test_every_module_fits_in_a_head():
    too_long = [
        f"{place(file, count)} lines"
        for file in source_files()
        if (count := len(file.read_text(encoding="utf-8").splitlines())) > 400
    ]
    assert too_long == []


def test_every_module_says_why_it_exists():
    silent = [place(file, 1) for file in source_files() if ast.get_docstring(parsed(file)) is None]
    assert silent == []


def test_locks_hold_hashes_for_everything_and_no_address():
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        packages = [entry for entry in re.split(r"\n(?=\S)", text) if entry.strip()]
        assert packages, lock
        assert [entry for entry in packages if "==" not in entry or "--hash=sha256:" not in entry] == []
        assert "://" not in text


@pytest.mark.parametrize(
    "line",
    [
        "see https://" + "py" + "pi.org/simple",
        "--index" + "-url https://somewhere",
        "https://files." + "python" + "hosted.org/x.whl",
        "https://registry" + ".npm" + "js.org/react",
    ],
)
def test_the_search_for_registries_finds_them(line):
    assert REGISTRY.search(line)


@pytest.mark.parametrize("line", ["open('/home/ann/x')", "cd /Users/ann/x", '"/root/.config/x"'])
def test_the_search_for_machine_paths_finds_them(line):
    assert MACHINE_PATH.search(line)


@pytest.mark.parametrize("line", ["https://stock.example/work/1", "docs/home/x/", "{data}/root/x"])
def test_the_search_for_machine_paths_leaves_addresses_alone(line):
    assert not MACHINE_PATH.search(line)


def test_no_test_replaces_parts_of_the_program_by_mocks():
    found = [
        place(file, line)
        for file in tracked_files()
        if file.suffix == ".py" and file.is_relative_to(ROOT / "tests")
        for line, text in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if re.match(r"\s*(?:from|import) unittest(?:\.mock)?\b", text)
    ]
    assert found == []


def test_no_two_modules_of_the_tests_have_the_same_name():
    """Tests import their helpers by name alone, so which of two came would hang on what was collected first."""
    folder = ROOT / "tests"
    modules = [file.stem for file in tracked_files() if file.suffix == ".py" and file.is_relative_to(folder)]
    twice = {name for name, count in Counter(modules).items() if count > 1}
    assert twice - {"conftest", "__init__", "__main__"} == set()


def test_every_dependency_that_is_named_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    named = [
        *project["project"]["dependencies"],
        *(one for group in project["dependency-groups"].values() for one in group),
    ]
    locked = "".join(lock.read_text(encoding="utf-8") for lock in (ROOT / "requirements").glob("*.txt"))
    pinned = {name.lower() for name in re.findall(r"^([\w.-]+)==", locked, re.MULTILINE)}
    assert {re.split(r"[^\w.-]", one)[0].lower() for one in named} - pinned == set()
