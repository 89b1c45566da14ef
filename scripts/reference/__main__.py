"""Write the reference of the documentation from the code: `python scripts/reference docs/reference`.

What can be asked of the code is never written by hand: step types, functions, problem codes, commands, facts, schemas.
"""

import shutil
import sys
from pathlib import Path

import command_line
import errors
import expressions
import journal
import patterns
import problems
import schemas
import steps
from markdown import Page, page

CHAPTERS = (steps, expressions, patterns, problems, errors, command_line, journal, schemas)


def main(arguments: list[str]) -> int:
    """Write all pages into the folder that is named, replacing what an earlier call wrote."""
    if len(arguments) != 1:
        sys.stderr.write("Usage: python scripts/reference FOLDER\n")
        return 2
    folder = Path(arguments[0])
    pages = all_pages()
    write(pages, folder)
    sys.stdout.write(f"Wrote {len(pages)} pages into {folder}.\n")
    return 0


def all_pages() -> list[Page]:
    """Return every page of the reference, the front page first."""
    pages = [made for chapter in CHAPTERS for made in chapter.pages()]
    lines = [f"- [{chapter.TITLE}]({chapter.FRONT}): {chapter.SUMMARY}" for chapter in CHAPTERS]
    front = page(
        "index.md",
        "Reference",
        "Everything here is written from the code by `make reference`, so it says what this version does.",
        "\n".join(lines),
    )
    navigation = "\n".join(
        ["nav:", "  - index.md", *(f"  - {chapter.TITLE}: {_place(chapter.FRONT)}" for chapter in CHAPTERS)]
    )
    return [front, Page(".nav.yml", navigation + "\n"), *pages]


def write(pages: list[Page], folder: Path) -> None:
    """Write the pages; the folder holds nothing else afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    for made in pages:
        file = folder / made.name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(made.text, encoding="utf-8")


def _place(front: str) -> str:
    return front.removesuffix("/index.md")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
