"""Every error with a stable code, from its class: what it says, and the hints that come with it."""

import ast
import importlib
import inspect
import pkgutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import auraos
from auraos.cli.exits import MEANINGS, Exit
from auraos.cli.failures import exit_of
from auraos.client import ClientError, NoServerThereError
from auraos.core.errors import AuraError, OperationalError, UnexpectedError, UserError
from auraos.core.problem_codes import PROBLEM_CODES
from markdown import Page, code, page, table

TITLE = "Errors"
FRONT = "errors.md"
SUMMARY = "what a command or the engine can refuse, with its code, its exit code, and what to do."
Kind: TypeAlias = type[AuraError] | type[ClientError]
FAMILIES = (UserError, OperationalError, UnexpectedError)

MOST_HINTS = 6
"""An error with more different hints is one of many small cases."""


def pages() -> list[Page]:
    """Return the one page: a table for each exit code."""
    hints = _hints(Path(auraos.__path__[0]))
    kinds: dict[str, list[Kind]] = defaultdict(list)
    for kind in _kinds():
        kinds[kind.code].append(kind)
    chapters: dict[Exit, list[tuple[str, ...]]] = defaultdict(list)
    for name, same in sorted(kinds.items()):
        means = " ".join(inspect.getdoc(kind) or "" for kind in same)
        ways = dict.fromkeys(hint for kind in same for hint in hints.get(kind.__name__, ()))
        chapters[_exit_of(same[0])].append((_shown(name), means, _what_to_do(list(ways))))
    parts = ["An error of a command, of a server or of a step names its code, in text and with `--json`."]
    for exit_code, rows in sorted(chapters.items()):
        parts += [
            f"## Exit code {int(exit_code)}",
            f"{MEANINGS[exit_code][0].upper()}{MEANINGS[exit_code][1:]}.",
            table(("code", "what it means", "what to do"), rows),
        ]
    return [page(FRONT, TITLE, *parts)]


def _exit_of(kind: Kind) -> Exit:
    if issubclass(kind, ClientError):
        return Exit.WRONG_INPUT if kind is NoServerThereError else Exit.WORLD_FAILED
    return exit_of(kind.__new__(kind))


def _shown(name: str) -> str:
    return f"[{code(name)}](problems/{name}.md)" if name in PROBLEM_CODES else code(name)


def _what_to_do(hints: list[str]) -> str:
    return " · ".join(hints) if len(hints) <= MOST_HINTS else "Its message says it, for each case."


def _kinds() -> Iterator[Kind]:
    """Yield every class with a code of its own, the families left out."""
    for module in pkgutil.walk_packages(auraos.__path__, "auraos."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    below: list[Kind] = [*AuraError.__subclasses__(), *ClientError.__subclasses__()]
    while below:
        kind = below.pop()
        below += kind.__subclasses__()
        if kind not in FAMILIES and "code" in vars(kind):
            yield kind


def _hints(folder: Path) -> dict[str, list[str]]:
    """Return the hints that each class of error is made with anywhere; `…` stands for what only the moment knows."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                found[node.func.id] += [
                    text for word in node.keywords if word.arg == "hint" and (text := _text(word.value))
                ]
    return found


def _text(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part) or "…" for part in parts)
    return ""
