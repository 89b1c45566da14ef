"""Answers that come in pages: where the next page is, and when there is none."""

import re
from typing import Annotated, Any, Literal
from urllib.parse import quote, urljoin, urlsplit

import msgspec

from auraos.core.values import type_name
from auraos.sdk import StepFailed, Value

_LINK = re.compile(r"<([^>]*)>((?:\s*;\s*[\w*-]+\s*=\s*(?:\"[^\"]*\"|[^\s\",;]+))*)")
_NEXT = re.compile(r";\s*rel\s*=\s*(?:\"(?:[^\"]*\s)?next(?:\s[^\"]*)?\"|next)(?=\s|;|$)", re.IGNORECASE)


class Paging(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How to get all pages of an answer."""

    by: Annotated[
        Literal["cursor", "page", "link", "next"],
        msgspec.Meta(
            description="`cursor`: the answer holds a mark for the next page; `page`: pages are numbered; "
            "`link`: a Link header; `next`: the answer holds the next address."
        ),
    ]
    items: Annotated[
        str, msgspec.Meta(description="Where the items are, as in `data.items`; the whole answer when empty.")
    ] = ""
    field: Annotated[
        str, msgspec.Meta(description="Where the cursor or the next address is, as in `meta.next`.")
    ] = "next"
    parameter: Annotated[
        str, msgspec.Meta(description="The query parameter that takes the cursor or the number of the page.")
    ] = ""
    start: Annotated[int, msgspec.Meta(description="The number of the first page.")] = 1
    max_pages: Annotated[int, msgspec.Meta(description="At most so many pages.", ge=1, le=10_000)] = 100
    max_items: Annotated[int, msgspec.Meta(description="At most so many items.", ge=1, le=1_000_000)] = 10_000

    def first(self, url: str) -> str:
        """Return the address of the first page."""
        return _with_parameter(url, self._name(), self.start) if self.by == "page" else url

    def items_of(self, body: Value) -> list[Value]:
        """Return the items of a page; fail as class `data` where there is no list."""
        found = _at(body, self.items)
        if not isinstance(found, list):
            place = f"at {self.items!r} " if self.items else ""
            raise StepFailed(
                f"The page holds {type_name(found)} {place}where a list of items was expected.",
                error_class="data",
                code="no-items",
                hint="Set `items` in `pages` to where the list is, as in data.items.",
            )
        return found

    def next(self, url: str, number: int, body: Value, headers: dict[str, str]) -> str | None:
        """Return the address of the page after the one at `url`; None when that was the last."""
        match self.by:
            case "page":
                return (
                    _with_parameter(url, self._name(), self.start + number) if self.items_of(body) else None
                )
            case "cursor":
                cursor = _at(body, self.field)
                return _with_parameter(url, self._name(), cursor) if cursor not in (None, "", False) else None
            case "link":
                found = next(
                    (target for target, rest in _LINK.findall(headers.get("link", "")) if _NEXT.search(rest)),
                    None,
                )
            case "next":
                found = _at(body, self.field)
        if found in (None, "", False):
            return None
        return _same_place(url, found)

    def _name(self) -> str:
        return self.parameter or ("page" if self.by == "page" else "cursor")


def _same_place(url: str, found: Any) -> str:
    """Return the next address when it is on the same host; a page elsewhere might be there to collect what is sent."""
    try:
        target = urljoin(url, found) if isinstance(found, str) else ""
        same = urlsplit(target)[:2] == urlsplit(url)[:2]
    except ValueError:
        same = False
    if not same:
        raise StepFailed(
            f"The next page is not at the same place: {str(found).partition('?')[0][:200]!r}.",
            code="page-elsewhere",
            data={"url": url.partition("?")[0]},
        )
    return target


def _at(body: Value, path: str) -> Value:
    for name in path.split(".") if path else ():
        body = body.get(name) if isinstance(body, dict) else None
    return body


def _with_parameter(url: str, name: str, value: Any) -> str:
    if isinstance(value, dict | list):
        raise StepFailed(
            f"The cursor is {type_name(value)}, not a text or number.", error_class="data", code="no-cursor"
        )
    written = f"{quote(name, safe='')}={quote(str(value), safe='')}"
    place, mark, query = url.partition("?")
    kept = (
        [part for part in query.split("&") if part and part.partition("=")[0] != quote(name, safe="")]
        if mark
        else []
    )
    return f"{place}?{'&'.join([*kept, written])}"
