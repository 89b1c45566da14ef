"""The fenced blocks of a page, and how each kind is proved."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

from repository import ROOT, tracked_files

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```\s*$", re.MULTILINE | re.DOTALL
)
_TITLE = re.compile(r'title="(?P<title>[^"]+)"')


class Block(NamedTuple):
    """A fenced block: its language, the file name it is shown under, its text, and its line in the page."""

    language: str
    title: str
    text: str
    line: int


class Command(NamedTuple):
    """A command of a console block, with the output that the page promises."""

    words: list[str]
    expected: str


def pages() -> list[Path]:
    """Return the pages that people write: those under docs/, and those at the root."""
    return [file for file in tracked_files() if file.suffix == ".md" and file.parent.name != "reference"]


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        language, _, rest = match["info"].strip().partition(" ")
        title = _TITLE.search(rest)
        body = re.sub(rf"^{match['indent']}", "", match["text"], flags=re.MULTILINE)
        found.append(
            Block(language, title["title"] if title else "", body, text.count("\n", 0, match.start()) + 1)
        )
    return found


def commands(block: Block) -> list[Command]:
    """Return the commands of a console block, each with the lines up to the next."""
    found = []
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        written, _, expected = part.replace("\\\n", "").partition("\n")
        found.append(Command(shlex.split(written), expected))
    return found


def matches(expected: str, printed: str) -> bool:
    """Return whether output is as promised; `...` stands for anything, a line of `...` for any lines."""
    wanted = _without_trailing_spaces(expected)
    pattern = re.escape(wanted).replace(re.escape("...\n"), r"(?:.*\n)*?").replace(re.escape("..."), ".*?")
    return (
        re.fullmatch(pattern, _without_trailing_spaces(printed), re.DOTALL if wanted == "..." else 0)
        is not None
    )


def name(page: Path) -> str:
    """Return how a page is called in the list of tests."""
    return str(page.relative_to(ROOT))


def _without_trailing_spaces(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.strip("\n").splitlines())
