"""Reads HTML as it is found in the world into a tree: in one pass, never failing, never running anything."""

import html
import re
from collections import Counter
from collections.abc import Iterator

MOST_NODES = 200_000
DEEPEST = 100

_NAME = re.compile(r"[a-zA-Z][^\s/>]*")
_ATTRIBUTE = re.compile(r"""[\s/]*([^\s/>=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+)))?""")
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_RAW = frozenset(("script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"))
_UNREAD = frozenset(("script", "style", "template"))
_CLOSES = {
    "li": ("li",),
    "dt": ("dt", "dd"),
    "dd": ("dt", "dd"),
    "tr": ("tr", "td", "th"),
    "td": ("td", "th"),
    "th": ("td", "th"),
    "option": ("option",),
    "p": ("p",),
    "a": ("a",),
    "thead": ("thead", "tbody", "tr", "td", "th"),
    "tbody": ("thead", "tbody", "tr", "td", "th"),
}
_BARRIERS = frozenset(("table", "ul", "ol", "dl", "select", "body", "html"))
_BLOCKS = frozenset(
    """address article aside blockquote br dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 header hr li
    main nav ol p pre section table tbody td tfoot th thead title tr ul""".split()  # noqa: SIM905 (reads better)
)


class Element:
    """An element: its name, attributes, and what is inside of it."""

    __slots__ = ("attributes", "children", "name", "parent")

    def __init__(self, name: str, attributes: dict[str, str], parent: "Element | None") -> None:
        self.name = name
        self.attributes = attributes
        self.parent = parent
        self.children: list[Element | str] = []

    def walk(self) -> Iterator["Element"]:
        """Yield all elements inside, in the order of the text."""
        waiting = [child for child in reversed(self.children) if isinstance(child, Element)]
        while waiting:
            element = waiting.pop()
            yield element
            waiting.extend(child for child in reversed(element.children) if isinstance(child, Element))

    def text(self) -> str:
        """Return the text inside as a reader sees it: spaces folded, a line per block, no scripts."""
        pieces: list[str] = []
        waiting: list[Element | str] = [self]
        while waiting:
            part = waiting.pop()
            if isinstance(part, str):
                pieces.append(part)
            elif part.name not in _UNREAD or part is self:
                if part.name in _BLOCKS and part is not self:
                    waiting.append("\0")
                    pieces.append("\0")
                waiting.extend(reversed(part.children))
        lines = ("".join(pieces)).split("\0")
        return "\n".join(line for line in (" ".join(line.split()) for line in lines) if line)


def read_html(text: str) -> Element:
    """Return the tree of an HTML text; behind 200,000 nodes the rest is left out."""
    return _Reader(text).read()


class _Reader:
    """Goes through the text once; every `find` that fails ends the reading of what it looked for."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lower = text.lower() if len(text.lower()) == len(text) else text
        self._root = self._top = Element("", {}, None)
        self._nodes = 0
        self._depth = 0
        self._open_names: Counter[str] = Counter()

    def read(self) -> Element:
        text, at = self._text, 0
        while at < len(text) and self._nodes < MOST_NODES:
            tag = text.find("<", at)
            if tag < 0:
                self._add_text(text[at:])
                break
            if tag > at:
                self._add_text(text[at:tag])
            at = self._read_markup(tag)
        return self._root

    def _read_markup(self, at: int) -> int:
        text = self._text
        if text.startswith("<!--", at):
            return self._behind("-->", at + 4)
        if text[at + 1 : at + 2] in ("!", "?"):
            return self._behind(">", at + 2)
        closing = text.startswith("/", at + 1)
        name = _NAME.match(text, at + (2 if closing else 1))
        if not name:
            if closing:
                return self._behind(">", at + 2)
            self._add_text("<")
            return at + 1
        if closing:
            self._close(name[0].lower())
            return self._behind(">", name.end())
        return self._open(name[0].lower(), name.end())

    def _open(self, name: str, at: int) -> int:
        attributes: dict[str, str] = {}
        while found := _ATTRIBUTE.match(self._text, at):
            at = found.end()
            value = next((part for part in found.groups()[1:] if part is not None), "")
            attributes.setdefault(found[1].lower(), _unescape(value))
        end = self._behind(">", at)
        self._close_implied(name)
        element = Element(name, attributes, self._top)
        self._top.children.append(element)
        self._nodes += 1
        if name in _VOID:
            return end
        if name in _RAW:
            return self._read_raw(element, end)
        if self._depth < DEEPEST:
            self._top = element
            self._depth += 1
            self._open_names[name] += 1
        return end

    def _read_raw(self, element: Element, at: int) -> int:
        end = self._lower.find("</" + element.name, at)
        inside = self._text[at : end if end >= 0 else len(self._text)]
        element.children.append(_unescape(inside) if element.name in ("title", "textarea") else inside)
        return self._behind(">", end) if end >= 0 else len(self._text)

    def _close(self, name: str) -> None:
        if self._open_names[name]:
            while self._top.name != name:
                self._leave()
            self._leave()

    def _close_implied(self, name: str) -> None:
        closes = _CLOSES.get(name) or (("p",) if name in _BLOCKS and name != "br" else ())
        if not any(self._open_names[each] for each in closes):
            return
        element, closed = self._top, None
        while element.parent is not None and element.name not in _BARRIERS:
            if element.name in closes:
                closed = element
            element = element.parent
        while closed is not None and self._top is not closed.parent:
            self._leave()

    def _leave(self) -> None:
        if self._top.parent is not None:
            self._open_names[self._top.name] -= 1
            self._top = self._top.parent
            self._depth -= 1

    def _add_text(self, text: str) -> None:
        self._top.children.append(_unescape(text))
        self._nodes += 1

    def _behind(self, what: str, at: int) -> int:
        found = self._text.find(what, at)
        return found + len(what) if found >= 0 else len(self._text)


def _unescape(text: str) -> str:
    try:
        return html.unescape(text) if "&" in text else text
    except ValueError:  # a character number of thousands of digits
        return text
