"""`html.format`: a page of headings, texts, lists, tables and links. Everything that is given is text, never markup."""

from html import escape
from typing import Annotated, Any

import msgspec

from auraos.core.values import to_plain, type_name
from auraos.sdk import Effect, Example, StepFailed, Value, step_type
from auraos.steps.json import write_json

MOST_ROWS = 100_000
LONGEST = 20_000_000
_SAFE_ADDRESSES = ("http://", "https://", "mailto:", "/", "#")


class Link(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A link with its words."""

    text: str
    url: str


class Part(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One part of a page: just one of these."""

    heading: Annotated[Any, msgspec.Meta(description="A heading.")] = msgspec.UNSET
    text: Annotated[Any, msgspec.Meta(description="A text; an empty line begins a new paragraph.")] = (
        msgspec.UNSET
    )
    list: Annotated[Any, msgspec.Meta(description="Points, one below the other.")] = msgspec.UNSET
    table: Annotated[
        Any,
        msgspec.Meta(
            description="Rows: mappings, whose keys head the columns, or lists, the first of which does."
        ),
    ] = msgspec.UNSET
    link: Annotated[Any, msgspec.Meta(description="A link: `{text, url}`.")] = msgspec.UNSET


class FormatSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What stands on the page."""

    parts: Annotated[list[Part], msgspec.Meta(description="What stands on the page, from top to bottom.")]
    title: Annotated[
        str, msgspec.Meta(description="The title; with one, a whole page is written, else a piece.")
    ] = ""
    language: Annotated[
        str, msgspec.Meta(description="The language of the page.", pattern="^[A-Za-z-]{2,35}$")
    ] = "en"


@step_type(
    "html.format",
    title="Write HTML",
    effect=Effect.PURE,
    examples=(
        Example(
            title="A table in a mail",
            settings={"parts": [{"heading": "Orders & more"}, {"table": [{"sku": "A", "qty": 1}]}]},
            output="<h2>Orders &amp; more</h2>\n<table>\n<thead><tr><th>sku</th><th>qty</th></tr></thead>\n"
            "<tbody>\n<tr><td>A</td><td>1</td></tr>\n</tbody>\n</table>\n",
        ),
        Example(
            title="Text stays text",
            settings={"parts": [{"text": "<script>alert(1)</script>"}]},
            output="<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n",
        ),
    ),
)
def format_html(settings: FormatSettings) -> str:
    """Writes a page, or a piece of one, out of headings, texts, lists, tables and links.

    Whatever is given stands on the page as the text it is: no setting can bring in markup or script. Links lead to
    `http`, `https` and `mailto` addresses, or to places of the same site.
    """
    body = "".join(_write(part, number) for number, part in enumerate(settings.parts))
    if len(body) > LONGEST:
        raise _refused(f"The page would be longer than {LONGEST:,} characters.")
    if not settings.title:
        return body
    title = escape(settings.title)
    return (
        f'<!doctype html>\n<html lang="{settings.language}">\n<head><meta charset="utf-8"><title>{title}</title></head>\n'
        f"<body>\n<h1>{title}</h1>\n{body}</body>\n</html>\n"
    )


def _write(part: Part, number: int) -> str:
    given = {
        name: value for name in part.__struct_fields__ if (value := getattr(part, name)) is not msgspec.UNSET
    }
    if len(given) != 1:
        raise _refused(
            f"Part {number + 1} has {len(given)} of {', '.join(part.__struct_fields__)}; it needs one."
        )
    ((name, value),) = given.items()
    match name:
        case "heading":
            return f"<h2>{_text(value)}</h2>\n"
        case "text":
            paragraphs = [piece for piece in _plain(value).split("\n\n") if piece.strip()]
            return "".join(f"<p>{escape(piece).replace(chr(10), '<br>')}</p>\n" for piece in paragraphs)
        case "list":
            points = "".join(f"<li>{_text(item)}</li>\n" for item in _rows(value, number))
            return f"<ul>\n{points}</ul>\n"
        case "link":
            return _write_link(value, number)
    return _write_table(_rows(value, number), number)


def _write_link(value: Value, number: int) -> str:
    try:
        link = msgspec.convert(value, Link)
    except msgspec.ValidationError as error:
        raise _refused(
            f"The link of part {number + 1} cannot be read: {error}.", "Write {text, url}."
        ) from None
    address = link.url.strip()
    if not address.lower().startswith(_SAFE_ADDRESSES) or address.startswith("//"):
        raise _refused(
            f"The link of part {number + 1} leads to {address!r}.", "Use an http, https or mailto address."
        )
    return f'<p><a href="{escape(address)}">{escape(link.text)}</a></p>\n'


def _write_table(rows: list[Value], number: int) -> str:
    if not rows:
        return "<table>\n</table>\n"
    if all(isinstance(row, dict) for row in rows):
        names = list(dict.fromkeys(name for row in rows for name in row))
        lines = [[row.get(name) for name in names] for row in rows]
    elif all(isinstance(row, list) for row in rows):
        names, lines = rows[0], rows[1:]
    else:
        raise _refused(f"The table of part {number + 1} needs rows that are all mappings, or all lists.")
    head = "".join(f"<th>{_text(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in line)}</tr>\n" for line in lines)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n"


def _rows(value: Value, number: int) -> list[Value]:
    if not isinstance(value, list):
        raise _refused(f"Part {number + 1} needs a list, not {type_name(value)}.")
    if len(value) > MOST_ROWS:
        raise _refused(f"Part {number + 1} has {len(value):,} rows; {MOST_ROWS:,} are the most.")
    return value


def _text(value: Value) -> str:
    return escape(_plain(value))


def _plain(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | dict | list):
        return write_json(value)
    return str(to_plain(value))


def _refused(message: str, hint: str = "") -> StepFailed:
    return StepFailed(message, error_class="data", code="page-refused", hint=hint)
