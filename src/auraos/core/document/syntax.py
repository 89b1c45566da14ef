"""Says in plain words what is wrong with a text that is no YAML, and where."""

import re
from typing import Any, Final

from auraos.core.document.tree import Lines
from auraos.core.problems import Fix, Problem, TextEdit

_BARE_BRACES = re.compile(r"^\s*(?:- +)*(?:[^\s\"'{\[#:][^\"'{\[#:]*:\s+)?(\{\{.*)$")

_WORDS: Final[dict[str, tuple[str, str]]] = {
    "mapping values are not allowed in this context": (
        "A `:` stands where no key can be.",
        "Check the indentation, or put quotes around a text that holds `: `.",
    ),
    "mapping keys are not allowed in this context": (
        "A `?` stands where no key can be.",
        "Put quotes around the text.",
    ),
    "block sequence entries are not allowed in this context": (
        "A list item stands where none can be.",
        "Start the list on a new line below its key.",
    ),
    "did not find expected key": (
        "No key was found where one should be.",
        "Check the indentation, and that nothing follows a closing quote.",
    ),
    "did not find expected '-' indicator": (
        "A list goes on with something that is no item.",
        "Start the line with `- `, or indent it further.",
    ),
    "could not find expected ':'": (
        "A key without a `:` behind it.",
        "Write `key: value`, or check the indentation.",
    ),
    "did not find expected ',' or ']'": ("A list in brackets is not closed.", "Add the missing `,` or `]`."),
    "did not find expected ',' or '}'": ("A mapping in braces is not closed.", "Add the missing `,` or `}`."),
    "did not find expected node content": (
        "A value is missing.",
        "Remove the comma or bracket that is too many.",
    ),
    "found unknown escape character": (
        "A backslash between double quotes starts something unknown.",
        "Write `\\\\` for a backslash, or use single quotes.",
    ),
    "found invalid Unicode character escape code": (
        "The escape names half of a character.",
        "Write the character itself.",
    ),
    "did not find expected <document start>": (
        "Something follows the end of the document.",
        "Check the indentation of this line.",
    ),
    "found unexpected end of stream": ("The text ends within quotes.", "Add the closing quote."),
    "found unexpected document indicator": (
        "A line `---` or `...` stands within quotes.",
        "Add the closing quote.",
    ),
}


def describe_syntax_error(error: Any, text: str, lines: Lines, base: int) -> Problem:
    """Return the problem that a refusal of the YAML parser means."""
    mark = getattr(error, "problem_mark", None)
    context_mark = getattr(error, "context_mark", None)
    at = min((mark.index if mark else 0) + base, len(text))
    words = getattr(error, "problem", None) or ""
    message, hint = _describe(words, text, at)
    if words.startswith("found unexpected") and context_mark:
        at = min(context_mark.index + base, len(text))  # the open quote says more than the end of the text
    elif context_mark and context_mark.index + base < at:
        begun, _ = lines.position(context_mark.index + base)
        if begun != lines.position(at)[0]:
            hint = f"{hint} What it belongs to starts on line {begun}.".lstrip()
    braces = _find_bare_braces(text, lines, (at, (context_mark.index + base) if context_mark else at))
    if braces:
        return braces
    return Problem(
        code="yaml-syntax", message=message, hint=hint, place=lines.place(at, min(at + 1, len(text)))
    )


def quote_braces(text: str) -> str:
    """Return the text in the quotes that need the fewest changes; empty when it spans lines."""
    if "\n" in text:
        return ""
    return "'" + text.replace("'", "''") + "'" if '"' in text or "\\" in text else f'"{text}"'


def _describe(words: str, text: str, at: int) -> tuple[str, str]:
    if words == "found character that cannot start any token":
        if text[at : at + 1] == "\t":
            return "A tab stands where spaces are needed.", "Indent with spaces."
        return f"No value can start with {text[at : at + 1]!r}.", "Put quotes around it."
    if words in _WORDS:
        return _WORDS[words]
    return (
        f"This is no YAML: {words or 'it cannot be read'}.",
        "Check quotes, brackets and indentation near this place.",
    )


def _find_bare_braces(text: str, lines: Lines, offsets: tuple[int, ...]) -> Problem | None:
    """Find a value like `{{ a["b"] }}` without quotes on one of the lines that the error speaks of."""
    for offset in offsets:
        row = lines.position(offset)[0] - 1
        start = lines.starts[row]
        end = lines.starts[row + 1] if row + 1 < len(lines.starts) else len(text)
        found = _BARE_BRACES.match(text[start:end].rstrip()) if end - start < 2000 else None
        if not found:
            continue
        value = found[1]
        at = start + found.start(1)
        mendable = value.endswith("}}") and " #" not in value
        fix = Fix("Put quotes around it", (TextEdit(at, at + len(value), quote_braces(value)),), safe=True)
        return Problem(
            code="yaml-unquoted-braces",
            message="A value that begins with an expression needs quotes around it: YAML takes `{{` for a mapping.",
            hint=f"Write {quote_braces(value)}." if mendable else "Put the whole value in quotes.",
            place=lines.place(at, at + len(value)),
            fix=fix if mendable else None,
        )
    return None
