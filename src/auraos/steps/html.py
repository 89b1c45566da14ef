"""`html.parse`: the text, links, tables and chosen parts of an HTML page."""

import re
from typing import Annotated

import msgspec

from auraos.sdk import Effect, Example, StepFailed, Value, step_type
from auraos.steps.kinds import bad_text
from auraos.steps.markup import Element, read_html

LONGEST = 5_000_000
MOST_READ = 1_000_000
"""How many parts, and tens of characters, are read in all; parts within each other count several times."""
MOST_PARTS = 20
"""How many parts a selector may have."""
_CELLS = ("td", "th")
_PART = re.compile(r"([a-zA-Z][\w-]*|\*)?((?:[.#][\w-]+|\[[\w-]+(?:=(?:\"[^\"]*\"|[\w.:/-]+))?\])*)")
_CONDITION = re.compile(r"([.#])([\w-]+)|\[([\w-]+)(?:=(?:\"([^\"]*)\"|([\w.:/-]+)))?\]")


class ParseSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to read, and which parts to choose."""

    text: Annotated[str, msgspec.Meta(description="The HTML text.")]
    select: Annotated[
        dict[str, str],
        msgspec.Meta(
            description="Parts by name: `tag`, `.class`, `#id`, `[name=value]`, one inside another by a space; "
            "`@name` at the end takes that attribute instead of the text."
        ),
    ] = {}


class Page(msgspec.Struct, kw_only=True):
    """What a page holds."""

    title: str
    text: str
    links: list[dict[str, str]]
    tables: list[list[list[str]]]
    selected: dict[str, list[str]]


@step_type(
    "html.parse",
    title="Read HTML",
    effect=Effect.PURE,
    examples=(
        Example(
            title="A small page",
            settings={
                "text": '<title>Shop</title><p class="price">9 EUR</p><a href="/buy">Buy</a>',
                "select": {"price": ".price", "where": "a@href"},
            },
            output={
                "title": "Shop",
                "text": "Shop\n9 EUR\nBuy",
                "links": [{"text": "Buy", "url": "/buy"}],
                "tables": [],
                "selected": {"price": ["9 EUR"], "where": ["/buy"]},
            },
        ),
    ),
)
def parse_html(settings: ParseSettings) -> Page:
    """Reads an HTML page: its title, text, links, tables, and the parts that you select.

    Nothing is loaded and no script runs. Broken HTML is read as far as it goes, as browsers do.
    """
    if len(settings.text) > LONGEST:
        raise bad_text("HTML", f"it has more than {LONGEST:,} characters")
    root = read_html(settings.text)
    elements = list(root.walk())
    texts = _Texts(root, elements)
    title = next((texts.of(element) for element in elements if element.name == "title"), "")
    return Page(
        title=title,
        text=texts.of(root),
        links=[
            {"text": texts.of(element), "url": element.attributes["href"]}
            for element in elements
            if element.name == "a" and "href" in element.attributes
        ],
        tables=_tables(elements, texts),
        selected={name: _select(elements, selector, texts) for name, selector in settings.select.items()},
    )


class _Texts:
    """Reads the texts of elements; parts that lie within each other count as often as they are read."""

    def __init__(self, root: Element, elements: list[Element]) -> None:
        self._sizes = {id(element): len(element.children) + 1 for element in (root, *elements)}
        for element in reversed(elements):
            if element.parent is not None:
                self._sizes[id(element.parent)] += self._sizes[id(element)]
        self._read = 0

    def of(self, element: Element) -> str:
        """Return the text of an element."""
        self._read += self._sizes[id(element)]
        if self._read > MOST_READ:
            raise bad_text("HTML", "too many of its parts lie within each other", "Select fewer parts.")
        text = element.text()
        self._read += len(text) // 10
        return text


def _tables(elements: list[Element], texts: _Texts) -> list[list[list[str]]]:
    rows: dict[int, list[list[str]]] = {id(element): [] for element in elements if element.name == "table"}
    for element in elements:
        owner = _owner(element) if element.name == "tr" else None
        if owner is not None:
            rows[id(owner)].append(
                [
                    texts.of(cell)
                    for cell in element.children
                    if isinstance(cell, Element) and cell.name in _CELLS
                ]
            )
    return list(rows.values())


def _owner(row: Element) -> Element | None:
    element = row.parent
    while element is not None and element.name != "table":
        element = element.parent
    return element


def _select(elements: list[Element], selector: str, texts: _Texts) -> list[Value]:
    path, at, attribute = selector.partition("@")
    parts = [_read_part(part, selector) for part in path.split(maxsplit=MOST_PARTS)]
    if not parts or (at and not attribute):
        raise _bad_selector(selector)
    found = [element for element in elements if _matches_path(element, parts)]
    if at:
        return [element.attributes[attribute] for element in found if attribute in element.attributes]
    return [texts.of(element) for element in found]


class _Part(msgspec.Struct, frozen=True):
    """One part of a selector: a tag's name or "", and conditions as (kind, name, value)."""

    name: str
    conditions: tuple[tuple[str, str, str | None], ...]

    def matches(self, element: Element) -> bool:
        """Return whether an element fits."""
        if self.name not in ("", "*", element.name):
            return False
        return all(_holds(element, *condition) for condition in self.conditions)


def _holds(element: Element, kind: str, name: str, value: str | None) -> bool:
    match kind:
        case ".":
            return name in element.attributes.get("class", "").split()
        case "#":
            return element.attributes.get("id") == name
        case _:
            return name in element.attributes and value in (None, element.attributes[name])


def _read_part(text: str, selector: str) -> _Part:
    found = _PART.fullmatch(text)
    if not found:
        raise _bad_selector(selector)
    conditions = []
    for mark, name, attribute, quoted, bare in _CONDITION.findall(found[2] or ""):
        value = (quoted or bare or None) if attribute else None
        conditions.append((mark or "[", name or attribute.lower(), value))
    return _Part((found[1] or "").lower(), tuple(conditions))


def _matches_path(element: Element, parts: list[_Part]) -> bool:
    if not parts[-1].matches(element):
        return False
    left = len(parts) - 1
    outer = element.parent
    while left and outer is not None:
        if parts[left - 1].matches(outer):
            left -= 1
        outer = outer.parent
    return not left


def _bad_selector(selector: str) -> StepFailed:
    return StepFailed(
        f"{selector!r} is no selector that html.parse knows.",
        error_class="data",
        code="settings-refused",
        hint="Write it as `table.prices td`, `#total`, `a[rel=next]@href`.",
    )
