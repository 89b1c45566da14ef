"""The generated reference is whole: nothing that the code offers is missing, and every link of the site leads somewhere."""

import re
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from auraos.cli.commands import CHAPTERS
from auraos.core.expressions import describe_functions
from auraos.core.problem_codes import PROBLEM_CODES
from repository import ROOT

BIN = Path(sys.executable).parent
CLASS_WITH_CODE = re.compile(
    r'^class \w+\(\w*(?:Error|Failed|Unknown)\):\n(?:(?:    .*)?\n)*?    code = "([a-z-]+)"', re.MULTILINE
)
ERROR_ROW = re.compile(r"^\| \[?`(?P<code>[a-z-]+)`[^|]* \| (?P<means>[^|]*) \|", re.MULTILINE)
FAMILIES = {"user-error", "operational-error", "unexpected-error"}
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A copy of the documentation with the reference in it, as `make docs` lays it out."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("reference"))
    shutil.copyfile(ROOT / "zensical.toml", folder / "zensical.toml")
    subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "reference"), str(folder / "docs" / "reference")],
        check=True,
        timeout=60,
    )
    return folder


def page(site: Path, name: str) -> str:
    """Return the text of a page of the reference."""
    return (site / "docs" / "reference" / name).read_text(encoding="utf-8")


def test_every_command_has_its_help_in_the_reference(site):
    text = page(site, "command-line.md")
    words = [command.words for chapter in CHAPTERS for command in chapter.commands]
    assert [each for each in words if f"### auraos {each}\n" not in text] == []


def test_every_step_type_has_a_page(site):
    names = [entry.name for entry in entry_points(group="auraos.steps")]
    assert names
    assert [name for name in names if not page(site, f"steps/{name}.md").startswith(f"# {name}\n")] == []
    assert [name for name in names if f"({name}.md)" not in page(site, "steps/index.md")] == []


def test_every_error_with_a_code_is_explained_in_the_reference(site):
    text = page(site, "errors.md")
    sources = [file.read_text(encoding="utf-8") for file in (ROOT / "src" / "auraos").rglob("*.py")]
    codes = {found for source in sources for found in CLASS_WITH_CODE.findall(source)}
    assert {"disk-nearly-full", "store-busy", "run-elsewhere"} <= codes
    explained = {row["code"]: row["means"] for row in ERROR_ROW.finditer(text)}
    assert sorted(code for code in codes - FAMILIES if len(explained.get(code, "")) < 15) == []
    assert "auraos runs prune --older-than 7d" in text


def test_every_problem_code_has_a_page(site):
    assert [
        code for code in PROBLEM_CODES if not page(site, f"problems/{code}.md").startswith(f"# {code}\n")
    ] == []


def test_every_control_flow_pattern_has_a_row_and_at_least_36_hold(site):
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| ([^|]+) \|", page(site, "patterns.md"), re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 44))
    assert sum(holds in ("natively", "by composition") for _, holds in rows) >= 36


def test_every_function_and_method_is_described(site):
    texts = "".join(file.read_text() for file in (site / "docs" / "reference" / "expressions").glob("*.md"))
    assert [found.name for found in describe_functions() if f"\n## {found.name}\n" not in texts] == []


def test_every_link_of_the_whole_documentation_leads_somewhere(site):
    dead = [
        f"{file.relative_to(site)}: {target}"
        for file in (site / "docs").rglob("*.md")
        for target in (match["target"].partition("#")[0] for match in LINK.finditer(prose(file)))
        if target and "://" not in target and not (file.parent / target).exists()
    ]
    assert dead == []


@pytest.mark.skipif(not (BIN / "zensical").exists(), reason="make docs installs what builds the site")
def test_the_site_builds_without_a_warning(site):
    done = subprocess.run(
        [str(BIN / "zensical"), "build", "--clean", "--strict"],
        cwd=site,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    assert (site / "site" / "reference" / "command-line.html").is_file()


def prose(file: Path) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
