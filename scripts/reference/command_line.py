"""The command line: each command's own help, and the exit codes."""

from auraos.cli.commands import CHAPTERS
from auraos.cli.exits import MEANINGS
from auraos.cli.front import build_app
from auraos.cli.help import command_page
from markdown import Page, block, code, page, table

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
            parts += [f"### auraos {command.words}", block("text", command_page(app, command.words).rstrip())]
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
