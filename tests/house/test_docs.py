"""The documentation holds: workflows are checked, commands are run and their output compared, Python runs, links lead."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from markdown_blocks import Block, blocks, commands, matches, name, pages
from repository import ROOT
from served_pages import PageServer, server_of

BIN = Path(sys.executable).parent
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
PAGES = pages()


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=name)
def test_every_block_of_a_page_holds(page, tmp_path):
    """A page's blocks share one folder and stand in order, as a reader would do them."""
    home = tmp_path / "home"
    home.mkdir()
    if (ROOT / "examples").is_dir():
        shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shown = blocks(page)
    with server_of(page, tmp_path) as server:
        failures = [
            f"{name(page)}:{block.line}: {wrong}"
            for block in shown
            for wrong in prove(block, tmp_path, in_page=shown, server=server)
        ]
    assert not failures, "\n\n".join(failures)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_of_a_page_leads_somewhere(page):
    """Links into the generated reference are proved by its own test."""
    targets = [match["target"].partition("#")[0] for match in LINK.finditer(page.read_text(encoding="utf-8"))]
    inside = [target for target in targets if target and "://" not in target and "reference/" not in target]
    assert [target for target in inside if not (page.parent / target).exists()] == []


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("one\n", "one\n", True),
        ("one\n", "two\n", False),
        ("run ... ended\n", "run 7 ended\n", True),
        ("run ... ended\n", "run 7 failed\n", False),
        ("a\n...\nz\n", "a\nb\nc\nz\n", True),
        ("a\n...\nz\n", "a\nz\n", True),
        ("a\n...\nz\n", "a\nb\ny\n", False),
    ],
)
def test_promised_output_is_compared_with_wildcards(expected, printed, same):
    assert matches(expected, printed) is same


def prove(block: Block, folder: Path, *, in_page: list[Block], server: PageServer | None) -> list[str]:
    """Return what does not hold of a block."""
    if server is not None and block.language == "http":
        return server.prove(block)
    if block.language == "console":
        return prove_console(block, folder, server)
    if block.language == "python":
        return prove_python(block, folder, server)
    if block.language == "yaml":
        return prove_yaml(block, folder, is_checked_later=is_checked(block.title, in_page))
    proofs = {"json": prove_json, "sh": prove_make}
    proof = proofs.get(block.language)
    return proof(block, folder) if proof else []


def is_checked(title: str, in_page: list[Block]) -> bool:
    """Return whether the page itself shows what the check says of a file."""
    shown = [command.words for block in in_page if block.language == "console" for command in commands(block)]
    return any(words[:2] == ["auraos", "check"] and title in words for words in shown)


def prove_yaml(block: Block, folder: Path, *, is_checked_later: bool) -> list[str]:
    """A titled block becomes a file; a workflow passes its check; anything else is YAML at least."""
    yaml.safe_load(block.text)
    file = folder / (block.title or "page.yaml")
    file.parent.mkdir(exist_ok=True)
    if block.title:
        file.write_text(block.text, encoding="utf-8")
    if is_checked_later or not re.search(r"^kind: workflow$", block.text, re.MULTILINE):
        return []
    file.write_text(block.text, encoding="utf-8")
    checked = run(["auraos", "check", str(file.relative_to(folder))], folder)
    return [] if checked.returncode == 0 else [f"the check found problems:\n{checked.stdout}"]


def prove_json(block: Block, folder: Path) -> list[str]:
    """The block is JSON; a titled one becomes a file."""
    json.loads(block.text)
    if block.title:
        (folder / block.title).write_text(block.text, encoding="utf-8")
    return []


def prove_console(block: Block, folder: Path, server: PageServer | None = None) -> list[str]:
    """Each command prints what the page promises; a page that shows a failing one shows what is printed then."""
    wrong = []
    for command in commands(block):
        words = command.words if server is None else [server.real(word) for word in command.words]
        done = run(words, folder, server)
        printed = done.stdout if server is None else server.written(done.stdout)
        if not matches(command.expected, printed):
            said = f"`{' '.join(command.words)}` ended with {done.returncode} and printed"
            wrong.append(f"{said}:\n{printed}promised was:\n{command.expected}")
    return wrong


def prove_python(block: Block, folder: Path, server: PageServer | None) -> list[str]:
    """The block runs as a program."""
    file = folder / (block.title or "page.py")
    file.write_text(block.text if server is None else server.real(block.text), encoding="utf-8")
    done = run([sys.executable, file.name], folder, server)
    return [] if done.returncode == 0 else [f"the program failed:\n{done.stdout}"]


def prove_make(block: Block, folder: Path) -> list[str]:
    """These commands set the machine up, so they are not run here; but what they name exists."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.findall(r"^make ([\w-]+)", block.text, re.MULTILINE)
    return [f"there is no target {target!r}" for target in named if f"\n{target}:" not in makefile]


def run(words: list[str], folder: Path, server: PageServer | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command in the folder, with our own commands first; what it prints is in the order of a terminal."""
    environment = {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder / "home"),
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "COLUMNS": "100",
        "PYTHONUNBUFFERED": "1",
        "TZ": "UTC",
        **{name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ},
        **(server.environment if server is not None else {}),
    }
    return subprocess.run(
        words,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
