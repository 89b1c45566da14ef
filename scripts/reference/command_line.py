"""The command line: each command's own help, and the exit codes."""

import io
from typing import TYPE_CHECKING

from rich.console import Console

from auraos.cli.commands import CHAPTERS
from auraos.cli.exits import MEANINGS
from auraos.cli.front import build_app
from markdown import Page, block, code, page, table

if TYPE_CHECKING:
    from cyclopts import App

TITLE = "Command line"
FRONT = "command-line.md"
SUMMARY = "every command of `auraos` with its options, and the exit codes."


def pages() -> list[Page]:
    """Return the page of all commands."""
    app = build_app()
    parts = []
    for chapter in CHAPTERS:
        parts.append(f"## {chapter.title}")
        for command in chapter.commands:
            parts += [
                f"### auraos {command.words}",
                command.summary,
                block("text", help_text(app, command.words)),
            ]
    codes = [(code(str(int(each))), meaning) for each, meaning in MEANINGS.items()]
    return [
        page(
            FRONT,
            TITLE,
            "Every command takes `--json` and then prints one JSON document and nothing else.",
            "## Exit codes",
            table(("code", "meaning"), codes),
            *parts,
        )
    ]


def help_text(app: "App", words: str) -> str:
    """Return what `--help` of a command prints, without colours and without the exit codes, which are the same for all."""
    paper = io.StringIO()
    app.help_print(words.split(), console=Console(file=paper, width=100, no_color=True, force_terminal=False))
    own = paper.getvalue().partition("\nExit codes: ")[0]
    return "\n".join(line.rstrip() for line in own.strip().splitlines())
