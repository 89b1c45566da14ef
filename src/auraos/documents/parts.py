"""The geometry of a collection in its text: where each of its parts (entries or items) begins and ends."""

import re
from typing import Final

import msgspec

from auraos.core.document import Node
from auraos.core.errors import UserError

_FILLER: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_GAP: Final = re.compile(r"[ \t\r\n]*")


class EditRefusedError(UserError):
    """The edit cannot be made as asked; the text stays as it is."""

    code = "edit-refused"


class Part(msgspec.Struct, frozen=True):
    """One entry or item: `start` is that of its key or dash (in flow: of the key or item), `end` the last of its value."""

    start: int
    end: int
    key: str | None
    node: Node


class Text:
    """A text with the questions that splices ask of it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def line_start(self, at: int) -> int:
        """Return where the line of an offset begins."""
        return self.text.rfind("\n", 0, at) + 1

    def line_end(self, at: int) -> int:
        """Return where the line of an offset ends, its line break left out; a block that ends with its line break ends there."""
        if self.ends_line(at):
            return at
        found = self.text.find("\n", at)
        found = len(self.text) if found < 0 else found
        return found - 1 if found > at and self.text[found - 1] == "\r" else found

    def ends_line(self, at: int) -> bool:
        """Return whether a part that ends here has taken the line break with it, as literals that keep their end do."""
        return at > 0 and self.text[at - 1] == "\n"

    def starts_line(self, at: int) -> bool:
        """Return whether only spaces stand before an offset on its line."""
        return not self.text[self.line_start(at) : at].strip(" ")

    def comments_above(self, start: int, column: int) -> int:
        """Return where the comment lines begin that stand right above a part, at its own indentation; else its line's start."""
        line = self.line_start(start)
        begin = line
        while begin > 0:
            above = self.line_start(begin - 1)
            content = self.text[above:begin].strip("\r\n")
            if not content.startswith(" " * column + "#"):
                break
            begin = above
        return line if begin == 0 and column == 0 else begin  # what heads the file belongs to the file

    def is_blank(self, at: int) -> bool:
        """Return whether the line that starts at an offset holds nothing; the end of the text is no line."""
        return at < len(self.text) and not self.text[at : self.line_end(at)].strip()

    def blank_above(self, begin: int, limit: int) -> int:
        """Return where the blank lines begin that stand right above a line, none of them before a limit."""
        while begin > 0:
            above = self.line_start(begin - 1)
            if above < limit or self.text[above:begin].strip():
                break
            begin = above
        return begin


def find_parts(text: str, node: Node) -> list[Part]:
    """Return the parts of a collection in the order of the text."""
    if node.kind == "mapping":
        parts = [
            Part(entry.key.outer, max(entry.value.end, entry.key.end), key, entry.value)
            for key, entry in node.entries.items()
        ]
        for part in parts:
            _refuse_explicit_key(text, part.start)
        return parts
    if node.style == "flow":
        return [Part(item.outer, item.end, None, item) for item in node.items]
    parts = []
    at = node.start
    for item in node.items:
        filler = _FILLER.match(text, at)
        dash = filler.end() if filler else at
        parts.append(Part(dash, max(item.end, dash + 1), None, item))
        at = parts[-1].end
    return parts


def behind_colon(text: str, key: Node) -> int | None:
    """Return the offset right behind the colon of a key; None where it has none (`{a, b}`)."""
    found = _GAP.match(text, key.end)
    at = found.end() if found else key.end
    return at + 1 if text[at : at + 1] == ":" else None


def find_comma(text: str, at: int) -> int | None:
    """Return where the comma behind a part of a flow collection stands; None where there is none."""
    filler = _FILLER.match(text, at)
    found = filler.end() if filler else at
    return found if text[found : found + 1] == "," else None


def _refuse_explicit_key(text: str, start: int) -> None:
    before = text[max(0, start - 200) : start].rstrip()
    if before.endswith("?") and (len(before) == 1 or before[-2] in " \n{[,-"):
        raise EditRefusedError(
            "A key written with `?` can only be edited by hand.", hint="Write it as `key: value`."
        )
