"""Run a program under strace and injure it at its n-th system call of one kind. The counting is per thread."""

import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

WATCHED = "pwrite64,fdatasync,fsync,ftruncate"
HAS_STRACE = shutil.which("strace") is not None


class Finished(msgspec.Struct, frozen=True):
    """How an injured program ended, and what it said."""

    code: int
    said: list[str]
    complained: str

    def after(self, word: str) -> list[str]:
        """Return what stood after this word on the lines that began with it."""
        return [line.partition(" ")[2] for line in self.said if line.split(" ")[0] == word]


def run_injured(program: Path, arguments: list[str], injury: str, *, timeout: float = 60) -> Finished:
    """Run a Python program with an injury such as `fdatasync:signal=KILL:when=3`, or with none."""
    tracing = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={WATCHED}", "-e", f"inject={injury}"] if injury else []
    done = subprocess.run(
        [*tracing, sys.executable, str(program), *arguments], capture_output=True, text=True, timeout=timeout, check=False
    )
    return Finished(done.returncode, done.stdout.splitlines(), done.stderr)


def count_calls(program: Path, arguments: list[str], kind: str) -> int:
    """Return how often the busiest thread of the program makes this call."""
    log = Path(arguments[0]).parent / f"calls-{kind}.log"
    subprocess.run(
        ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={kind}", sys.executable, str(program), *arguments],
        capture_output=True, timeout=60, check=True,
    )
    threads: dict[str, int] = {}
    for line in log.read_text().splitlines():
        thread, _, call = line.partition(" ")
        if call.strip().startswith(kind + "("):
            threads[thread] = threads.get(thread, 0) + 1
    return max(threads.values(), default=0)
