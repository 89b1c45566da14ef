"""The characters of a text, before it is read: which may not stand in a document, and which YAML 1.2 sees otherwise than 1.1."""

import re
from collections.abc import Callable

from auraos.core.document.tree import Lines
from auraos.core.problems import Problem

MAX_LENGTH = 2_000_000
MAX_PROBLEMS = 100

_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_OLD_BREAKS = re.compile("[\x85\u2028\u2029]")


def refuse_text(text: str, lines: Lines) -> list[Problem]:
    """Return the problems of a text that is too long or holds characters that no document may hold."""
    if len(text) > MAX_LENGTH:
        message = f"The text has {len(text):,} characters; a document has at most {MAX_LENGTH:,}."
        return [Problem(code="yaml-too-long", message=message, place=lines.place(0, 0))]
    problems: list[Problem] = []
    for found in _FORBIDDEN.finditer(text, 1 if text.startswith("\ufeff") else 0):
        code_point = ord(found[0])
        lone = " (half of a character)" if 0xD800 <= code_point <= 0xDFFF else ""
        problems.append(
            Problem(
                code="yaml-character",
                message=f"The character U+{code_point:04X}{lone} cannot stand in a document.",
                hint='Remove it, or write it as an escape between double quotes, like "\\x07".',
                place=lines.place(found.start(), found.end()),
            )
        )
        if len(problems) == MAX_PROBLEMS:
            break
    return problems


def hide_old_breaks(text: str) -> tuple[str, Callable[[str], str]]:
    """Replace three characters that YAML 1.1 takes for line breaks and YAML 1.2 does not; the second answer brings them back."""
    if not _OLD_BREAKS.search(text):
        return text, str
    unused = [chr(point) for point in range(0xE000, 0xF8FF) if chr(point) not in text][:3]
    hide = dict(zip((0x85, 0x2028, 0x2029), unused, strict=False))
    show = {ord(standing): chr(point) for point, standing in hide.items()}
    return text.translate(hide), lambda read: read.translate(show)
