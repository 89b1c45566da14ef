"""`make` by itself explains, and every target that is promised is there."""

import re
import subprocess

from repository import ROOT

PROMISED = {"serve", "test", "check", "bench", "docs", "clean", "lock", "help"}


def test_make_alone_lists_what_can_be_made():
    printed = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert set(re.findall(r"^  make (\w+)", printed, re.MULTILINE)) >= PROMISED


def test_a_python_that_is_not_there_is_said_plainly():
    done = subprocess.run(
        ["make", "--no-print-directory", "install", "PYTHON=no-such-python", "VENV=no-such-venv"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "AuraOS needs Python 3.11 or newer, and 'no-such-python' was not found." in done.stdout


def test_the_build_server_runs_what_people_run():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "set -euo pipefail" in script
    assert script.rstrip().endswith("exec make test")


def test_what_the_makefile_runs_and_names_is_there():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"\b(?:scripts|examples|docs)/[\w./-]+[\w]", makefile)) - {"docs/reference"}
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
