"""The functions and methods of the expression language, from its registry."""

from itertools import groupby

from auraos.core.expressions import describe_functions
from auraos.core.expressions.registry import FunctionDoc
from markdown import Page, block, code, page

TITLE = "Expressions"
FRONT = "expressions/index.md"
SUMMARY = "every function and method of the language, with examples that run."


def pages() -> list[Page]:
    """Return the front page, a page per group of functions, and a page per type of value that has methods."""
    described = describe_functions()
    functions = sorted(
        (found for found in described if not found.receiver), key=lambda found: (found.group, found.name)
    )
    methods = sorted(
        (found for found in described if found.receiver), key=lambda found: (found.receiver, found.name)
    )
    groups = [(group, list(found)) for group, found in groupby(functions, lambda found: found.group)]
    receivers = [
        (receiver, list(found)) for receiver, found in groupby(methods, lambda found: found.receiver)
    ]
    front = page(
        FRONT,
        TITLE,
        "[One expression language](../../explanation/expressions.md) says what an expression is."
        " `auraos expressions eval` tries one.",
        "## Functions",
        "\n".join(
            f"- [{_title(group)}](functions-{_file(group)}.md): {_names(found)}" for group, found in groups
        ),
        "## Methods",
        "\n".join(f"- [of a {name}](methods-{_file(name)}.md): {_names(found)}" for name, found in receivers),
    )
    return [
        front,
        *(_page(f"functions-{_file(group)}", f"Functions: {group}", found) for group, found in groups),
        *(_page(f"methods-{_file(name)}", f"Methods of a {name}", found) for name, found in receivers),
    ]


def _page(name: str, title: str, found: list[FunctionDoc]) -> Page:
    return page(f"expressions/{name}.md", title, *(part for function in found for part in _entry(function)))


def _entry(function: FunctionDoc) -> list[str]:
    examples = "\n".join(f">>> {source}\n{answer}" for source, answer in function.examples)
    return [
        f"## {function.name}",
        f"{code(function.signature)} → {function.result}",
        function.docstring,
        block("text", examples) if examples else "",
    ]


def _title(group: str) -> str:
    return group[:1].upper() + group[1:]


def _file(name: str) -> str:
    return "-".join(name.lower().split())


def _names(found: list[FunctionDoc]) -> str:
    return ", ".join(code(function.name) for function in found)
