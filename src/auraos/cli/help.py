"""What `--help` of a command prints: written once from the code, kept as text, and printed without loading the code.

`make reference` writes the pages again; a test holds them against the code. A page that is read costs a few
milliseconds, where building it would load most of the program first.
"""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from auraos.cli.commands import CHAPTERS, NOUNS

if TYPE_CHECKING:
    from cyclopts import App
    from cyclopts.argument import Argument

FOLDER = Path(__file__).parent / "pages"
"""Where the pages are kept, one for each command."""
WIDTH = 79
_LAST = "Exit codes are listed by `auraos --help`."


class _Row(NamedTuple):
    label: str
    words: str


def help_for(arguments: list[str]) -> str | None:
    """Return the page that these arguments ask for by `--help` or `-h`, None where they ask for none or name no command."""
    if not {"--help", "-h"} & set(arguments):
        return None
    words = command_words(arguments)
    if words in NOUNS:
        return noun_page(words)
    page = FOLDER / file_name(words)
    return page.read_text(encoding="utf-8") if words and page.exists() else None


def noun_page(noun: str) -> str:
    """Return the page of a word that only gathers other commands."""
    found = [command for chapter in CHAPTERS for command in chapter.commands]
    rows = [_Row(command.words, command.summary) for command in found if command.words.startswith(f"{noun} ")]
    parts = [f"Usage: auraos {noun} COMMAND", NOUNS[noun], _table("Commands", rows, widest=30)]
    return "\n\n".join([*parts, f"More about one of them: auraos {rows[0].label} --help"]) + "\n"


def command_page(app: "App", words: str) -> str:
    """Return the page of a command, built from the function behind it."""
    command = app
    for word in words.split():
        command = command[word]
    with app.app_stack(words.split()):
        shown = [argument for argument in command.assemble_argument_collection() if argument.show]
    options = [argument for argument in shown if argument.field_info.kind is argument.field_info.KEYWORD_ONLY]
    places = [argument for argument in shown if argument not in options]
    usage = " ".join(["Usage: auraos", words, *map(_place_words, places), "[OPTIONS]"])
    parts = [usage, *_paragraphs(command.default_command.__doc__ or "")]
    if places:
        parts.append(_table("Arguments", [_Row(_place_name(one), _place_help(one)) for one in places]))
    rows = [_Row(_label(one), _option_words(one)) for one in options]
    if any(one.words == words and one.asks != "here" for chapter in CHAPTERS for one in chapter.commands):
        from auraos.cli.target import OPTIONS  # noqa: PLC0415 (a page that is only read does not need it)

        rows += [_Row(f"{name} {value}", meaning) for name, (value, meaning) in OPTIONS.items()]
    parts += [_table("Options", [*rows, _Row("--help", "Print this page.")]), _LAST]
    return "\n\n".join(parts) + "\n"


def file_name(words: str) -> str:
    """Return the name of the file that keeps the page of a command."""
    return words.replace(" ", "-") + ".txt"


def command_words(arguments: list[str]) -> str:
    """Return the words by which these arguments name a command."""
    plain = [argument for argument in arguments[:2] if not argument.startswith("-")]
    return " ".join(plain[:2] if plain and plain[0] in NOUNS else plain[:1])


def _place_words(argument: "Argument") -> str:
    if argument.field_info.kind is argument.field_info.VAR_POSITIONAL:
        return f"{_place_name(argument)}..."
    return _place_name(argument) if argument.required else f"[{_place_name(argument)}]"


def _place_name(argument: "Argument") -> str:
    return argument.name.lstrip("-").upper()


def _place_help(argument: "Argument") -> str:
    """Return what an argument means, with all there is to choose from."""
    choices = argument.get_choices()
    more = f" One of: {', '.join(choices)}." if choices else ""
    return f"{argument.parameter.help or ''}{more}"


def _label(argument: "Argument") -> str:
    names = ", ".join(sorted(argument.names, key=lambda name: (name in argument.negatives, len(name))))
    return f"{names} {_choices(argument) or _value_word(argument)}".rstrip()


def _choices(argument: "Argument") -> str:
    """Return what there is to choose from, if it is short enough to stand beside the name."""
    choices = "|".join(argument.get_choices() or ())
    return choices if len(choices) <= WIDTH // 2 else ""


def _value_word(argument: "Argument") -> str:
    if argument.parameter.metavar:
        return argument.parameter.metavar
    hint = str(argument.hint)
    if "bool" in hint:
        return ""
    if "int" in hint or "float" in hint:
        return "NUMBER"
    return "PATH" if "Path" in hint else "TEXT"


def _option_words(argument: "Argument") -> str:
    words = argument.parameter.help or "" if _choices(argument) else _place_help(argument)
    default = argument.field_info.default
    if default in (None, False, True, "", (), 0) or default is argument.field_info.empty:
        return words
    return f"{words} Default: {default}."


def _paragraphs(documentation: str) -> list[str]:
    parts = textwrap.dedent(" " * 4 + documentation).strip().split("\n\n")
    return [textwrap.fill(" ".join(part.split()), WIDTH) for part in parts]


def _table(title: str, rows: list[_Row], *, widest: int = 20) -> str:
    """Return rows under a title: words beside their label, or below it where the label is too long for that."""
    room = min(max(len(row.label) for row in rows), widest)
    lines = [f"{title}:"]
    for row in rows:
        words = textwrap.wrap(row.words, WIDTH - room - 4)
        beside = len(row.label) <= room
        lines.append(f"  {row.label:{room}}  {words[0] if words and beside else ''}".rstrip())
        lines += [" " * (room + 4) + line for line in words[1 if beside else 0 :]]
    return "\n".join(lines)
