"""`make` by itself explains, and every target that is promised is there."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

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


def test_serve_serves_the_examples_and_is_stopped_as_a_person_stops_it(tmp_path):
    """It is called twice on one folder: the runs are still there. What the tests run in is installed already, and stays."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AURAOS_", "MAKE"))}
    environment = {**kept, "AURAOS_STATE_HOME": str(tmp_path / "state")}
    bin_folder = Path(sys.executable).parent
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def auraos(*words):
        return subprocess.run(
            [bin_folder / "auraos", *words, "--data", str(tmp_path / "data")],
            env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    for number in (1, 2):
        serving = subprocess.Popen(
            ["make", "--no-print-directory", "-o", "install", "serve", f"DATA={tmp_path / 'data'}", f"PORT={port}",
             f"VENV={bin_folder.parent}"],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        started = auraos("start", "hello", "--input", "name=Ada", "--wait")
        while "no-server" in started.stderr and serving.poll() is None:
            started = auraos("start", "hello", "--input", "name=Ada", "--wait")
        with urlopen(f"http://127.0.0.1:{port}/health/ready") as answer:
            assert answer.status == 200
        os.killpg(serving.pid, signal.SIGINT)
        said, log = serving.communicate(timeout=60)
        assert (started.returncode, "Hello, Ada!" in started.stdout) == (0, True), log
        assert "auraos start hello" in said
        assert "serve.left" in log
        assert f"run {number} succeeded" in started.stderr


def test_the_build_server_runs_what_people_run():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "set -euo pipefail" in script
    assert script.rstrip().endswith("exec make test")


def test_what_the_makefile_runs_and_names_is_there():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"\b(?:scripts|examples|docs)/[\w./-]+[\w]", makefile)) - {"docs/reference"}
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
