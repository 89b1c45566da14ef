"""What can stand at a place of an expression that somebody writes: names, fields of what is known, methods, functions."""

import re
from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

import msgspec

from auraos.core.expressions.compile import compile_expression
from auraos.core.expressions.errors import LocatedError
from auraos.core.expressions.infer import infer
from auraos.core.expressions.library import LIBRARY
from auraos.core.expressions.parse import CONSTANT_NAMES
from auraos.core.expressions.registry import TYPE_WORDS, FunctionDoc
from auraos.core.expressions.source import find_end
from auraos.core.expressions.types import ANY, Type, type_of_value

OptionKind: TypeAlias = Literal["name", "field", "function", "method", "value", "word"]
MOST = 500
WORDS = ("and", "or", "not", "in", "if", "else", "for", "is")
_LOOP = re.compile(r"\bfor\s+([^\W\d]\w*)(?:\s*,\s*([^\W\d]\w*))?\s+in\s+")
_OPENING = {")": "(", "]": "[", "}": "{"}
_BY_WORD = {word: kind for kind, word in TYPE_WORDS.items()}


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that can stand there: what is written, of which kind it is, its type or signature, and words about it."""

    label: str
    kind: OptionKind
    detail: str = ""
    words: str = ""
    examples: tuple[tuple[str, str], ...] = ()


class Completion(msgspec.Struct, frozen=True):
    """What takes the place of the characters from `start` up to the cursor."""

    start: int
    options: tuple[Option, ...]


def complete(source: str, offset: int, names: Mapping[str, Type]) -> Completion:
    """Return what can stand at an offset of an expression, over names of these types.

    What begins with the letters before the cursor comes first, then what has them in it.
    """
    before = source[:offset]
    start = _word_start(before, len(before))
    written = before[start:]
    names = {**names, **_loop_names(source, names)}
    key = _open_key(before)
    if key is not None:
        owner, start = key
        options = _fields(_type_of(owner, names), quoted=True)
        written = before[start:]
    elif _is_within_text(before):
        return Completion(offset, ())
    elif before[:start].rstrip().endswith("."):
        owner = primary_before(before[:start].rstrip()[:-1])
        options = _members(_type_of(owner, names))
    else:
        options = _names(names)
    return Completion(start, tuple(_sorted(options, written))[:MOST])


def complete_text(text: str, offset: int, names: Mapping[str, Type]) -> Completion:
    """Return the same for a text with `{{ … }}` in it: nothing can be completed outside of them."""
    position = 0
    while 0 <= (opening := text.find("{{", position)) < offset - 1:
        begin, end = opening + 2, find_end(text, opening + 2)
        if end < 0 or offset <= end:
            found = complete(text[begin : end if end >= 0 else None], offset - begin, names)
            return Completion(found.start + begin, found.options)
        position = end + 2
    return Completion(offset, ())


def primary_before(text: str) -> str:
    """Return what a dot at the end of a text would take a field of: `steps.a["b"]` of `1 + steps.a["b"]`."""
    end = position = len(text)
    while position > 0:
        last = text[position - 1]
        if last in _OPENING:
            opening = _opening_of(text, position - 1)
            if opening is None:
                return ""
            position = opening
            if not _goes_on(text[position - 1 : position]):
                break  # a list or a bracket of its own
        elif last in "\"'":
            opening = text.rfind(last, 0, position - 1)
            return text[opening:end] if opening >= 0 else ""
        elif last.isalnum() or last == "_":
            position = _word_start(text, position)
            if text[position - 1 : position] != ".":
                break
        elif last == ".":
            position -= 1
        else:
            break
    return text[position:end]


def _word_start(text: str, end: int) -> int:
    while end > 0 and (text[end - 1].isalnum() or text[end - 1] == "_"):
        end -= 1
    return end


def _goes_on(char: str) -> bool:
    """Return whether what ends with this is called, or picked from, by the bracket that follows."""
    return char.isalnum() or char in ("_", ".", ")", "]")


def _opening_of(text: str, closing: int) -> int | None:
    """Return where the bracket opens that closes here, leaving texts within alone."""
    depth = 0
    position = closing
    while position >= 0:
        char = text[position]
        if char in "\"'":
            position = text.rfind(char, 0, position)
            if position < 0:
                return None
        elif char in _OPENING:
            depth += 1
        elif char in "([{":
            depth -= 1
            if depth == 0:
                return position if char == _OPENING[text[closing]] else None
        position -= 1
    return None


def _open_key(before: str) -> tuple[str, int] | None:
    """Return whose field is about to be written as `a["…`, and where its name begins."""
    found = re.search(r"\[\s*([\"'])([^\"']*)\Z", before)
    if found is None:
        return None
    owner = primary_before(before[: found.start()])
    return (owner, found.start(2)) if owner else None


def _is_within_text(before: str) -> bool:
    quote = ""
    for char in before:
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
    return bool(quote)


def _type_of(source: str, names: Mapping[str, Type]) -> Type:
    """Return the type of a part of an expression; nothing is known of one that cannot be read."""
    if not source.strip():
        return ANY
    try:
        expression = compile_expression(source.strip())
    except LocatedError:
        return ANY
    return infer(expression, names)[0]


def _loop_names(source: str, names: Mapping[str, Type]) -> dict[str, Type]:
    """Return the names that the loops of an expression bring, as far as what they walk over stands there already."""
    known: dict[str, Type] = {}
    for found in _LOOP.finditer(source):
        walked = re.match(r"[\w.\[\]\"']+", source[found.end() :])
        kind = _walked(walked[0], {**names, **known}).items if walked is not None else ANY
        for name in found.groups():
            if name is not None:
                known[name] = kind if found[2] is None else kind.items
    return known


def _walked(source: str, names: Mapping[str, Type]) -> Type:
    """Return the type of what a loop walks over, without the brackets that close around the loop."""
    while source and source[-1] in "].":
        try:
            return infer(compile_expression(source), names)[0]
        except LocatedError:
            source = source[:-1]
    return _type_of(source, names)


def _names(names: Mapping[str, Type]) -> Iterator[Option]:
    for name, kind in names.items():
        if name.isidentifier():
            yield Option(label=name, kind="name", detail=kind.words)
    for doc in (function.doc for function in LIBRARY.functions.values()):
        yield _documented(doc, "function")
    for name, value in CONSTANT_NAMES.items():
        yield Option(label=name, kind="value", detail=type_of_value(value).words)
    for word in WORDS:
        yield Option(label=word, kind="word")


def _members(owner: Type) -> Iterator[Option]:
    """Yield the fields and the methods of a value; of one that nothing is known of, all methods that there are."""
    yield from _fields(owner)
    kinds = [_BY_WORD[word] for word in owner.kinds or () if word in _BY_WORD] or list(LIBRARY.methods)
    seen: set[str] = set()
    for kind in kinds:
        for name, method in LIBRARY.methods.get(kind, {}).items():
            if name not in seen:
                seen.add(name)
                yield _documented(method.doc, "method")


def _fields(owner: Type, *, quoted: bool = False) -> Iterator[Option]:
    for name, kind in (owner.fields or {}).items():
        if quoted or name.isidentifier():
            yield Option(label=name, kind="field", detail=kind.words)


def _documented(doc: FunctionDoc, kind: Literal["function", "method"]) -> Option:
    words = " ".join(doc.docstring.partition(">>>")[0].split())
    return Option(label=doc.name, kind=kind, detail=doc.signature, words=words, examples=doc.examples)


def _sorted(options: Iterator[Option], written: str) -> list[Option]:
    wanted = written.casefold()
    ranks = {"name": 0, "field": 0, "method": 1, "function": 1, "value": 2, "word": 3}

    def rank(option: Option) -> tuple[bool, int, str]:
        return (not option.label.casefold().startswith(wanted), ranks[option.kind], option.label)

    return sorted((option for option in options if wanted in option.label.casefold()), key=rank)
