"""What of Python the sandbox does not run, as far as the text of the statements tells."""

import ast
import symtable
from collections.abc import Iterator

from auraos.core.python_code import LONGEST_CODE, UnreadablePythonError, read_python, with_plain_ends
from auraos.sdk import Fault

MODULES = frozenset(
    (
        "asyncio", "base64", "bisect", "collections", "copy", "csv", "dataclasses", "datetime", "decimal", "functools",
        "hashlib", "itertools", "json", "math", "os", "os.path", "pathlib", "random", "re", "sys", "time", "typing",
        "unicodedata",
    )
)  # fmt: skip
"""What can be imported there."""

_SYNTAX, _UNSUPPORTED = "python-syntax", "python-unsupported"
_INHERITS = "The sandbox has no inheritance and no metaclasses."
_REFUSED: dict[type[ast.AST], tuple[str, str]] = {
    ast.Yield: ("The sandbox has no generators: `yield` is refused.", "Fill a list, and return it."),
    ast.YieldFrom: ("The sandbox has no generators: `yield from` is refused.", "Fill a list, and return it."),
    ast.Delete: ("The sandbox has no `del`.", "Use `pop`, or build the value without the part."),
    ast.AsyncFor: ("The sandbox has no `async for`.", ""),
    ast.AsyncWith: ("The sandbox has no `async with`.", ""),
    ast.TryStar: ("The sandbox has no `except*`.", "Use `except`."),
}
_IN_CLASSES = "In a class the sandbox takes methods and `name = value` only."


def find_faults(code: str) -> list[Fault]:
    """Return what would stop these statements before the first of them ran, and imports of what is not there."""
    if len(code) > LONGEST_CODE:
        return [
            Fault(field="code", code=_SYNTAX, message=f"The code has more than {LONGEST_CODE:,} characters.")
        ]
    text = with_plain_ends(code)
    try:
        tree = read_python(text)
        symtable.symtable(text, "code.py", "exec")
    except UnreadablePythonError as error:
        return [
            Fault(
                field="code",
                code=_SYNTAX,
                message=_sentence(error.message),
                line=error.line,
                column=error.column,
            )
        ]
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line, column = getattr(error, "lineno", 0) or 0, getattr(error, "offset", 0) or 0
        message = f"SyntaxError: {getattr(error, 'msg', error)}"
        return [Fault(field="code", code=_SYNTAX, message=_sentence(message), line=line, column=column)]
    lines = text.split("\n")
    found = [*_outside_loops(tree), *_refused(tree), *_missing_modules(tree)]
    return [_placed(fault, node, lines) for fault, node in sorted(found, key=lambda each: _position(each[1]))]


_Found = tuple[Fault, ast.AST]


def _refused(tree: ast.Module) -> Iterator[_Found]:
    for node in ast.walk(tree):
        words = _REFUSED.get(type(node))
        if words is not None:
            yield _unsupported(*words), node
        elif isinstance(node, ast.comprehension) and node.is_async:
            yield _unsupported("The sandbox has no `async for`."), node.target
        elif isinstance(node, ast.ClassDef):
            yield from _refused_in_class(node)


def _refused_in_class(node: ast.ClassDef) -> Iterator[_Found]:
    if node.bases or node.keywords:
        yield _unsupported(_INHERITS, "Use a dict, or a class without a base."), node
    for part in node.body:
        match part:
            case ast.FunctionDef(decorator_list=[]) | ast.AsyncFunctionDef(decorator_list=[]) | ast.Pass():
                pass
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield _unsupported("The sandbox has no decorators of methods.", "Write a plain method."), part
            case ast.Assign(targets=[ast.Name()]) | ast.AnnAssign(target=ast.Name()):
                pass
            case ast.Expr(value=ast.Constant(value=value)) if isinstance(value, str) or value is ...:
                pass
            case _:
                yield _unsupported(_IN_CLASSES), part


def _missing_modules(tree: ast.Module) -> Iterator[_Found]:
    """Yield imports that fail. One under `try` may be meant to; of one that need not be reached nobody knows."""
    certain = set(map(id, tree.body))
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Try):
            waiting += [*node.handlers, *node.orelse, *node.finalbody]
            continue
        waiting += ast.iter_child_nodes(node)
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield _unsupported("There is no package around the code that it could import from."), node
            elif any(alias.name == "*" for alias in node.names):
                yield _unsupported("The sandbox has no `from … import *`.", "Name what is imported."), node
            names = [] if node.level else [node.module or ""]
        for name in names:
            if name not in MODULES:
                hint = f"There are {', '.join(sorted(MODULES))}."
                fault = _unsupported(
                    f"The sandbox has no module {name!r}.", hint, certain=id(node) in certain
                )
                yield fault, node


def _outside_loops(tree: ast.Module) -> Iterator[_Found]:
    """Yield each `break` and `continue` that belongs to no loop: only a compiler would see these."""
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, in_loop = waiting.pop()
        if isinstance(node, ast.Break | ast.Continue) and not in_loop:
            word = "break" if isinstance(node, ast.Break) else "continue"
            yield Fault(field="code", code=_SYNTAX, message=f"SyntaxError: `{word}` outside of a loop."), node
        after = getattr(node, "orelse", []) if isinstance(node, ast.For | ast.AsyncFor | ast.While) else []
        for inner in ast.iter_child_nodes(node):
            starts_anew = isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            is_loop = isinstance(node, ast.For | ast.AsyncFor | ast.While) and inner not in after
            waiting.append((inner, not starts_anew and (in_loop or is_loop)))


def _unsupported(message: str, hint: str = "", *, certain: bool = True) -> Fault:
    return Fault(field="code", code=_UNSUPPORTED, message=message, hint=hint, is_certain=certain)


def _placed(fault: Fault, node: ast.AST, lines: list[str]) -> Fault:
    """Return the fault with the place of its first line; the tree counts columns in bytes."""
    line, start = _position(node)
    written = lines[line - 1].encode()
    column = len(written[:start].decode(errors="ignore")) + 1
    end = getattr(node, "end_col_offset", None) if getattr(node, "end_lineno", line) == line else len(written)
    width = len(written[start : end or start].decode(errors="ignore"))
    return Fault(
        field=fault.field, code=fault.code, message=fault.message, hint=fault.hint, is_certain=fault.is_certain,
        line=line, column=column, width=max(width, 1),
    )  # fmt: skip


def _position(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 1), getattr(node, "col_offset", 0)


def _sentence(message: str) -> str:
    return message if message.endswith(".") else f"{message}."
