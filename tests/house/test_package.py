"""The package installs from the files under version control alone, and works, in an environment that has nothing else."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import auraos
from repository import ROOT, tracked_files

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """An environment of its own with AuraOS in it, installed from a copy of the tracked files; its folder of commands."""
    folder = tmp_path_factory.mktemp("install")
    for file in tracked_files():
        copy = folder / "source" / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    environment = folder / "environment"
    run(sys.executable, "-m", "venv", str(environment))
    python = str(environment / "bin" / "python")
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(folder / "source"))
    return environment / "bin"


def run(*words: str) -> str:
    """Run a command outside of the checkout and return what it printed; its error is the test's."""
    done = subprocess.run(words, cwd="/", capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_installed_command_says_its_version(installed):
    assert run(str(installed / "auraos"), "--version") == f"auraos {PROJECT['version']}\n"


def test_the_installed_command_knows_its_step_types(installed):
    names = run(str(installed / "auraos"), "steps", "list")
    assert [name for name in PROJECT["entry-points"]["auraos.steps"] if name not in names] == []


def test_the_installed_package_brings_its_types(installed):
    where = run(str(installed / "python"), "-c", "import auraos; print(auraos.__file__)").strip()
    assert Path(where).with_name("py.typed").is_file()


def test_the_version_stands_in_two_places_and_they_agree():
    assert auraos.__version__ == PROJECT["version"]


def test_only_versions_of_python_that_were_run_are_claimed():
    claimed = [
        line for line in PROJECT["classifiers"] if line.startswith("Programming Language :: Python ::")
    ]
    assert claimed == ["Programming Language :: Python :: 3.11"]
