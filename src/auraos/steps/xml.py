"""`xml.parse` and `xml.format`. Document types are refused, so no entity can be declared."""

import re
from typing import Annotated, Any
from xml.parsers import expat  # a document type is refused before any entity can be declared
from xml.sax.saxutils import escape, quoteattr

import msgspec

from auraos.core.values import to_plain
from auraos.sdk import Effect, Example, StepFailed, Value, step_type
from auraos.steps.kinds import Text, bad_text

DEEPEST = 45
MOST_ELEMENTS = 500_000
_NAME = re.compile(r"[^\W\d][\w.\-]*(?::[^\W\d][\w.\-]*)?")
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class ParseSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to read."""

    text: Text
    lists: Annotated[
        list[str], msgspec.Meta(description="Elements that are always lists, also where they stand once.")
    ] = []


@step_type(
    "xml.parse",
    title="Read XML",
    effect=Effect.PURE,
    output={"type": "object"},
    examples=(
        Example(
            title="An order",
            settings={"text": '<order id="7"><line>A</line><line>B</line><note/></order>'},
            output={"order": {"@id": "7", "line": ["A", "B"], "note": None}},
        ),
        Example(
            title="A list in any case",
            settings={"text": "<order><line>A</line></order>", "lists": ["line"]},
            output={"order": {"line": ["A"]}},
        ),
    ),
)
def parse_xml(settings: ParseSettings) -> dict[str, Value]:
    """Reads XML text into mappings.

    An element becomes its text, or a mapping of its attributes (`@name`), its elements by name, and its
    text (`#text`). Elements that stand more than once become a list. A document type (DTD) is refused,
    whatever it declares.
    """
    reader = _Reader(frozenset(settings.lists))
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.ordered_attributes = True
    parser.StartDoctypeDeclHandler = reader.refuse_document_type
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(settings.text, True)
    except expat.ExpatError as error:
        raise bad_text("XML", str(error)) from None
    except UnicodeEncodeError:
        raise bad_text("XML", "a character of it is half of a character") from None
    return reader.document


class _Reader:
    """Builds mappings of what the parser meets."""

    def __init__(self, lists: frozenset[str]) -> None:
        self.document: dict[str, Value] = {}
        self._lists = lists
        self._open: list[tuple[str, dict[str, Value], list[str]]] = []
        self._count = 0

    def refuse_document_type(self, *_: object) -> None:
        raise bad_text(
            "XML", "it has a document type (DTD)", "Remove the <!DOCTYPE …>; entities are not carried out."
        )

    def start(self, name: str, attributes: list[str]) -> None:
        self._count += 1
        if len(self._open) >= DEEPEST:
            raise bad_text("XML", f"elements are nested more than {DEEPEST} levels deep")
        if self._count > MOST_ELEMENTS:
            raise bad_text("XML", f"it has more than {MOST_ELEMENTS:,} elements")
        fields = {"@" + key: value for key, value in zip(attributes[::2], attributes[1::2], strict=True)}
        self._open.append((name, fields, []))

    def text(self, text: str) -> None:
        if self._open:
            self._open[-1][2].append(text)

    def end(self, name: str) -> None:
        _, fields, texts = self._open.pop()
        text = "".join(texts).strip()
        if fields and text:
            fields["#text"] = text
        element: Value = fields or text or None
        parent = self._open[-1][1] if self._open else self.document
        if name in parent:
            known = parent[name]
            if isinstance(known, list):
                known.append(element)
            else:
                parent[name] = [known, element]
        else:
            parent[name] = [element] if name in self._lists and self._open else element


class FormatSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to write."""

    value: Annotated[
        dict[str, Any],
        msgspec.Meta(description="One field, which names the root; attributes are `@name`, text `#text`."),
    ]
    declaration: Annotated[bool, msgspec.Meta(description="Begin with the XML declaration.")] = True


@step_type(
    "xml.format",
    title="Write XML",
    effect=Effect.PURE,
    output={"type": "string"},
    examples=(
        Example(
            title="An order",
            settings={"value": {"order": {"@id": 7, "line": ["A", "B & C"]}}, "declaration": False},
            output='<order id="7"><line>A</line><line>B &amp; C</line></order>',
        ),
    ),
)
def format_xml(settings: FormatSettings) -> str:
    """Writes a mapping as XML text, in the shape that `xml.parse` gives."""
    if len(settings.value) != 1:
        raise _unwritable(f"it has {len(settings.value)} root elements, not one")
    ((name, value),) = settings.value.items()
    if isinstance(value, list):
        raise _unwritable("its root element is a list")
    head = '<?xml version="1.0" encoding="UTF-8"?>\n' if settings.declaration else ""
    return head + _element(name, to_plain(value))


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, item) for item in value)
    tag = _checked_name(name)
    fields = value if isinstance(value, dict) else {"#text": value}
    attributes = "".join(
        f" {_checked_name(key[1:])}={quoteattr(_text(part))}"
        for key, part in fields.items()
        if key[:1] == "@"
    )
    content = "".join(
        escape(_text(part)) if key == "#text" else _element(key, part)
        for key, part in fields.items()
        if key[:1] != "@"
    )
    return f"<{tag}{attributes}>{content}</{tag}>" if content else f"<{tag}{attributes}/>"


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        raise _unwritable("an attribute or text is a list or mapping")
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    if _FORBIDDEN.search(text):
        raise _unwritable("a text has a character that XML does not have")
    return text


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise _unwritable(f"{name[:60]!r} is no name of an element or attribute")
    return name


def _unwritable(fault: str) -> StepFailed:
    return StepFailed(
        f"The value cannot be written as XML: {fault}.", error_class="data", code="unwritable-value"
    )
