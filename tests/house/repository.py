"""What the tests of the house look at: the files under version control, and the modules of the source."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "auraos"


@cache
def tracked_files() -> tuple[Path, ...]:
    """Return the files under version control; in an unpacked archive, all that `make clean` would leave."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        made = {".venv", "build", "dist", "site", ".cache", "__pycache__"}
        listed = [str(file.relative_to(ROOT)) for file in ROOT.rglob("*") if not made & set(file.parts)]
    return tuple(ROOT / name for name in listed if name and (ROOT / name).is_file())


@cache
def source_files() -> tuple[Path, ...]:
    """Return every module of the package."""
    return tuple(sorted(SOURCE.rglob("*.py")))


@cache
def parsed(file: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


def place(file: Path, line: int) -> str:
    """Name a line as editors do."""
    return f"{file.relative_to(ROOT)}:{line}"
