"""Every example is clean, and every case of it passes, by the commands that the documentation names."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def auraos(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "auraos", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_the_examples_have_no_problem():
    answer = json.loads(auraos("check", "examples", "--json").stdout)
    found = [(file["path"], problem["code"]) for file in answer["files"] for problem in file["problems"]]
    assert found == []


@pytest.mark.parametrize(
    "folder",
    [
        "examples/patterns",
        "examples/order",
        "examples/checkout",
        "examples/hello.yaml",
        "examples/import.yaml",
    ],
)
def test_the_cases_of_the_examples_pass_and_take_every_link(folder):
    answer = auraos("test", folder, "--min-coverage", "80")
    assert answer.returncode == 0, answer.stdout


def test_at_least_36_of_the_43_patterns_hold():
    assert len(list((ROOT / "examples" / "patterns").glob("*.yaml"))) >= 36
