"""The real command line in processes of its own, as a person in a folder would call it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

BIN = Path(sys.executable).parent / "auraos"


class Done(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class CommandLine:
    """`auraos` in one folder, as a person there would call it."""

    binary = str(BIN)

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AURAOS_")}
        self.state = folder / ".state"
        self.environment = {
            **kept,
            "HOME": str(folder),
            "COLUMNS": "120",
            "AURAOS_STATE_HOME": str(self.state),
        }
        self._begun: list[subprocess.Popen[str]] = []

    def __call__(self, *words: str, stdin: str = "") -> Done:
        done = subprocess.run(
            [self.binary, *words],
            cwd=self.folder,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def begin(self, *words: str) -> "subprocess.Popen[str]":
        """Start a command and do not wait for it; it is over when the test is."""
        process = subprocess.Popen(
            [self.binary, *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._begun.append(process)
        return process

    def end(self) -> None:
        """End what was begun and is still there, as after a test that failed."""
        for process in self._begun:
            process.kill()
            process.wait()

    def write(self, name: str, text: str) -> str:
        """Put a file into the folder."""
        (self.folder / name).write_text(text)
        return name
