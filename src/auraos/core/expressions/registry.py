"""How functions and methods enter the language: a decorator reads name, parameters and examples off the Python function.

The examples in a docstring are written in the language itself, answer and all, and are run by a test.
"""

import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias, TypeVar

import msgspec

from auraos.core.expressions.errors import CallError
from auraos.core.values import FileReference

Number: TypeAlias = int | float | Decimal
Scope: TypeAlias = dict[str, Any]
"""As the annotation of a first parameter: the function wants the scope, for the clock, the seed or the meter in it."""

_Function = TypeVar("_Function", bound=Callable[..., Any])

TYPE_WORDS: Mapping[type, str] = types.MappingProxyType({
    type(None): "null", bool: "bool", int: "int", float: "float", Decimal: "decimal", str: "text", date: "date",
    datetime: "datetime", timedelta: "duration", FileReference: "file", list: "list", dict: "mapping",
})  # fmt: skip
_EXAMPLE = re.compile(r"^\s*>>> (?P<source>.+)\n\s*(?P<answer>.+)$", re.MULTILINE)


class Parameter(msgspec.Struct, frozen=True):
    """One parameter: the kinds of values it takes (None: any), and whether it may be left out or repeated."""

    name: str
    accepts: frozenset[type] | None
    required: bool = True
    repeated: bool = False
    default: Any = None

    @property
    def words(self) -> str:
        """The kinds it takes, in words."""
        return "any" if self.accepts is None else _words(self.accepts)


class FunctionDoc(msgspec.Struct, frozen=True):
    """What the reference says of a function or method; `receiver` is the type a method belongs to."""

    name: str
    signature: str
    group: str
    docstring: str
    examples: tuple[tuple[str, str], ...]
    result: str
    receiver: str = ""


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A function or method of the language."""

    name: str
    group: str
    receiver: type | None
    parameters: tuple[Parameter, ...]
    result: frozenset[type] | None
    result_like: str
    run: Callable[..., Any]
    needs_scope: bool
    doc: FunctionDoc

    @property
    def least(self) -> int:
        """How many arguments it needs."""
        return sum(parameter.required for parameter in self.parameters)

    @property
    def most(self) -> int | None:
        """How many arguments it takes at most; None where there is no limit."""
        return None if any(parameter.repeated for parameter in self.parameters) else len(self.parameters)


class Library:
    """Functions and methods of one group, or of all."""

    def __init__(self, group: str = "") -> None:
        self.group = group
        self.functions: dict[str, Function] = {}
        self.methods: dict[type, dict[str, Function]] = {}

    def function(self, *, like: str = "") -> Callable[[_Function], _Function]:
        """Add a function. `like`: the result is of the type of this parameter's `item` or `self`, as in "items.item"."""

        def enter(run: _Function) -> _Function:
            function = _read(run, self.group, None, like)
            self.functions[function.name] = function
            return run

        return enter

    def method(self, *receivers: type, like: str = "") -> Callable[[_Function], _Function]:
        """Add a method of these types of values; the value comes as the first argument."""

        def enter(run: _Function) -> _Function:
            for receiver in receivers:
                function = _read(run, self.group, receiver, like)
                self.methods.setdefault(receiver, {})[function.name] = function
            return run

        return enter

    def include(self, other: "Library") -> None:
        """Take over all that another library holds; two of one name are a mistake of ours."""
        for name, function in other.functions.items():
            if name in self.functions:
                raise ValueError(f"Two functions are named {name!r}.")
            self.functions[name] = function
        for receiver, methods in other.methods.items():
            mine = self.methods.setdefault(receiver, {})
            if mine.keys() & methods.keys():
                raise ValueError(f"Two methods of one name: {sorted(mine.keys() & methods.keys())}.")
            mine.update(methods)


def bind(function: Function, count: int, keywords: tuple[str, ...]) -> tuple[int | None, ...]:
    """Return, for each parameter, which argument it gets (positional first, then keywords), None for its default.

    Arguments beyond the parameters belong to the last one, where that is repeated.
    """
    names = [parameter.name for parameter in function.parameters]
    if function.most is not None and count > len(names):
        raise CallError("wrong-arguments", f"{function.name}() takes {_count(function)}, not {count + len(keywords)}.",
                        f"Its form is {function.doc.signature}.")  # fmt: skip
    places: list[int | None] = [index if index < count else None for index in range(len(names))]
    for offset, keyword in enumerate(keywords):
        if keyword not in names or function.parameters[names.index(keyword)].repeated:
            raise CallError("wrong-arguments", f"{function.name}() has no argument {keyword!r}.",
                            f"Its form is {function.doc.signature}.")  # fmt: skip
        if places[names.index(keyword)] is not None:
            raise CallError("wrong-arguments", f"{function.name}() gets {keyword!r} twice.")
        places[names.index(keyword)] = count + offset
    for parameter, place in zip(function.parameters, places, strict=True):
        if parameter.required and place is None:
            raise CallError("wrong-arguments", f"{function.name}() needs {parameter.name!r}.",
                            f"Its form is {function.doc.signature}.")  # fmt: skip
    return tuple(places)


def _count(function: Function) -> str:
    if function.least == function.most:
        return {0: "no arguments", 1: "one argument"}.get(function.least, f"{function.least} arguments")
    return f"{function.least} to {function.most} arguments"


def _read(run: Callable[..., Any], group: str, receiver: type | None, like: str) -> Function:
    name = run.__name__.rstrip("_")
    hints = typing.get_type_hints(run)
    described = list(inspect.signature(run).parameters.values())
    needs_scope = bool(described) and described[0].name == "scope"
    described = described[(1 if needs_scope else 0) + (1 if receiver else 0) :]
    parameters = tuple(
        Parameter(
            item.name,
            _accepted(hints[item.name]),
            item.default is item.empty and item.kind is not item.VAR_POSITIONAL,
            item.kind is item.VAR_POSITIONAL,
            None if item.default is item.empty else item.default,
        )
        for item in described
    )
    result = _accepted(hints["return"])
    text = inspect.cleandoc(run.__doc__ or "")
    word = TYPE_WORDS[receiver] if receiver else ""
    shown = f"{word}.{name}" if receiver else name
    doc = FunctionDoc(
        name=name,
        signature=f"{shown}({', '.join(_shown(parameter) for parameter in parameters)})",
        group=group,
        docstring=text.partition(">>>")[0].strip(),
        examples=tuple(
            (found["source"].strip(), found["answer"].strip()) for found in _EXAMPLE.finditer(text)
        ),
        result="any" if result is None else _words(result),
        receiver=word,
    )
    return Function(name=name, group=group, receiver=receiver, parameters=parameters, result=result, result_like=like,
                    run=run, needs_scope=needs_scope, doc=doc)  # fmt: skip


def _accepted(hint: Any) -> frozenset[type] | None:
    if hint is Any:
        return None
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        parts = [_accepted(part) for part in typing.get_args(hint)]
        known = [part for part in parts if part is not None]
        return frozenset().union(*known) if len(known) == len(parts) else None
    return frozenset({typing.get_origin(hint) or hint})


def _words(kinds: frozenset[type]) -> str:
    if {int, float, Decimal} <= kinds:
        rest = [word for kind, word in TYPE_WORDS.items() if kind in kinds - {int, float, Decimal}]
        return " or ".join(["number", *rest])
    return " or ".join(word for kind, word in TYPE_WORDS.items() if kind in kinds)


def _shown(parameter: Parameter) -> str:
    if parameter.repeated:
        return f"*{parameter.name}: {parameter.words}"
    if parameter.required:
        return f"{parameter.name}: {parameter.words}"
    default = parameter.default
    shown = "null" if default is None else str(default).lower() if type(default) is bool else repr(default)
    return f"{parameter.name}: {parameter.words} = {shown}"
