"""The few forms of Markdown that the reference is made of."""

import json
import re
from typing import Any, NamedTuple

import yaml


class Page(NamedTuple):
    """One file of the reference: its name inside the folder, and its text."""

    name: str
    text: str


def page(name: str, title: str, *parts: str) -> Page:
    """Return a page of a title and parts, empty parts left out."""
    return Page(
        name, "\n\n".join([f"# {title}", *(part.strip("\n") for part in parts if part.strip())]) + "\n"
    )


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a table, or nothing where it has no rows."""
    if not rows:
        return ""
    lines = [_row(head), _row(("---",) * len(head)), *(_row(row) for row in rows)]
    return "\n".join(lines)


def code(text: str) -> str:
    """Return a short piece of code inside a line."""
    return f"`{text}`" if text else ""


def block(language: str, text: str) -> str:
    """Return a block of code."""
    return f"```{language}\n{text.rstrip()}\n```"


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as people do."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def as_yaml(value: Any) -> str:
    """Return a value as people write it in a workflow file."""
    written = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return written.removesuffix("...\n").rstrip()


def as_json(value: Any) -> str:
    """Return a value as JSON, on one line where it is short."""
    line = in_line(value)
    return line if len(line) <= 80 else json.dumps(value, indent=2, ensure_ascii=False, default=str)


def in_line(value: Any) -> str:
    """Return a value as JSON on one line."""
    return json.dumps(value, ensure_ascii=False, default=str)


def anchor(title: str) -> str:
    """Return the anchor that a heading gets."""
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", title.lower())).strip("-")


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
