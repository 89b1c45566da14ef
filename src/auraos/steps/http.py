"""`http.request`: ask any HTTP interface, once or page by page, with a secret, a key and bounds."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import quote, quote_plus

import msgspec

from auraos.core.values import to_plain, type_name
from auraos.sdk import (
    Effect,
    Example,
    Fault,
    FileReference,
    StepContext,
    StepFailed,
    StepUnknown,
    Value,
    names_secret,
    step_type,
)
from auraos.steps.addresses import find_fault
from auraos.steps.answers import As, judge, read_output
from auraos.steps.json import write_json
from auraos.steps.kinds import Duration, read_duration
from auraos.steps.pages import Paging

DEFAULT_LIMIT = 10_000_000
DEFAULT_FILE_LIMIT = 1_000_000_000


class RequestSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename={"as_": "as"}):
    """What to ask, of whom, and what to make of the answer."""

    method: Annotated[
        Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"],
        msgspec.Meta(
            description="GET, HEAD and OPTIONS read; PUT and DELETE may be repeated; POST and PATCH write."
        ),
    ] = "GET"
    url: Annotated[str, msgspec.Meta(description="The address, with http:// or https://.")]
    query: Annotated[
        dict[str, Any],
        msgspec.Meta(description="Parameters of the address; a list repeats one, null leaves it out."),
    ] = {}
    headers: Annotated[dict[str, Any], msgspec.Meta(description="Headers by name; null leaves one out.")] = {}
    json: Annotated[Any, msgspec.Meta(description="A value to send as JSON.")] = msgspec.UNSET
    form: Annotated[dict[str, Any] | None, msgspec.Meta(description="Fields to send as a form.")] = None
    body: Annotated[str | None, msgspec.Meta(description="Text to send as it is.")] = None
    file: Annotated[
        Any, msgspec.Meta(description="A file to send.", extra_json_schema={"x-kind": "file"})
    ] = None
    secret: Annotated[str | None, names_secret("The name of a secret to send along.", goes_to="url")] = None
    secret_in: Annotated[
        str,
        msgspec.Meta(
            description="Where the secret goes: `bearer`, `basic` (it is user:password), `basic:USER`, "
            "`header:NAME` or `query:NAME`.",
            pattern=r"^(bearer|basic|basic:[^:]+|header:[A-Za-z0-9-]+|query:.+)$",
        ),
    ] = "bearer"  # noqa: S105 (a place, not a password)
    expected: Annotated[
        list[int], msgspec.Meta(description="The statuses that are a success; any 2xx when left out.")
    ] = []
    redirects: Annotated[bool, msgspec.Meta(description="Follow redirects, five at most.")] = True
    pages: Annotated[
        Paging | None, msgspec.Meta(description="Get all pages; `json` is the list of all items.")
    ] = None
    as_: Annotated[
        As,
        msgspec.Meta(
            description="What to make of the answer; `auto` goes by what it says it is, `bytes` gives base64."
        ),
    ] = "auto"
    limit: Annotated[
        int | None,
        msgspec.Meta(description="The most bytes of an answer; 10 MB when left out, 1 GB for a file."),
    ] = None
    timeout: Annotated[Duration, msgspec.Meta(description="The longest for the whole answer.")] = "60s"


def effect_of(settings: Mapping[str, Any]) -> Effect:
    """Return what a request does, by its method; a method that is computed may write."""
    method = str(settings.get("method", "GET")).upper()
    if method in ("GET", "HEAD", "OPTIONS"):
        return Effect.READ
    return Effect.IDEMPOTENT if method in ("PUT", "DELETE") else Effect.WRITE


def check_request(settings: Mapping[str, Any]) -> list[Fault]:
    """Return what cannot be sent, as far as it is written out."""
    found: list[Fault] = []
    url = settings.get("url")
    fault, hint = find_fault(url) if isinstance(url, str) else ("", "")
    if fault:
        found.append(
            Fault(field="url", code="bad-url", message=f"This address cannot be asked: {fault}.", hint=hint)
        )
    bodies = [name for name in ("json", "form", "body", "file") if _is_given(settings, name)]
    if len(bodies) > 1:
        message = f"{' and '.join(map(repr, bodies))} cannot be sent together: a request has one body."
        found.append(
            Fault(field=bodies[-1], code="clashing-settings", message=message, hint="Keep one of them.")
        )
    method = settings.get("method", "GET")
    if isinstance(settings.get("pages"), dict) and method != "GET" and "{{" not in str(method):
        message = f"Pages are read with GET only, not with {method}."
        found.append(Fault(field="pages", code="clashing-settings", message=message))
    return found


def _is_given(settings: Mapping[str, Any], name: str) -> bool:
    """Return whether a body is given for certain: an expression may be null, and then none is sent."""
    if name == "json":
        return name in settings
    value = settings.get(name)
    return value is not None and not (isinstance(value, str) and "{{" in value)


@step_type(
    "http.request",
    title="HTTP request",
    effect=effect_of,
    check=check_request,
    output={
        "type": "object",
        "properties": {
            "status": {"type": "integer"},
            "headers": {"type": "object", "additionalProperties": {"type": "string"}},
            "json": {},
            "text": {"type": "string"},
            "bytes": {"type": "string"},
            "file": {"x-kind": "file"},
            "pages": {"type": "integer"},
            "complete": {"type": "boolean"},
        },
        "required": ["status", "headers"],
        "additionalProperties": False,
    },
    examples=(
        Example(
            title="Read a price", settings={"url": "https://prices.example/A", "query": {"currency": "EUR"}}
        ),
        Example(
            title="Reserve stock with a secret",
            settings={
                "method": "POST",
                "url": "https://stock.example/reserve",
                "json": [{"sku": "A", "qty": 1}],
                "secret": "stock-api",
            },
        ),
        Example(
            title="All pages of a list",
            settings={
                "url": "https://shop.example/orders",
                "pages": {"by": "cursor", "items": "data", "field": "meta.next", "parameter": "after"},
            },
        ),
    ),
)
async def request(settings: RequestSettings, context: StepContext) -> dict[str, Value]:
    """Sends an HTTP request and gives back status, headers and body.

    The body stands in `json`, `text` or `file`, by what the answer says it is; header names are in lower case. What is
    sent more than once carries the same `Idempotency-Key`. Private addresses are refused unless the operator opened them.

    Status 429, and 503 with Retry-After, fail as `transient`; 401 and 403 as `credential`; other 4xx as `permanent`. After
    408, other 5xx, a lost connection or a time-out nobody can say what happened: the class is `unknown`, or `transient` where
    the request only reads.
    """
    call = _Call(settings, context)
    if settings.pages is None:
        return await call.ask(call.url)
    return await _all_pages(call, settings.pages)


class _Call:
    """One request, ready to be sent as often as pages ask for."""

    def __init__(self, settings: RequestSettings, context: StepContext) -> None:
        given = [name for name in ("form", "body", "file") if getattr(settings, name) is not None]
        given += ["json"] if settings.json is not msgspec.UNSET else []
        if len(given) > 1:
            raise _refused(f"{' and '.join(sorted(given))} cannot be sent together")
        if settings.pages is not None and settings.method != "GET":
            raise _refused("pages are read with GET only")
        self.settings = settings
        self.context = context
        self.url = _with_query(settings.url, settings.query)
        self.timeout = read_duration(settings.timeout, "timeout")
        default = DEFAULT_FILE_LIMIT if settings.as_ == "file" else DEFAULT_LIMIT
        self.limit = default if settings.limit is None else settings.limit
        self.headers = _headers(settings, context)

    async def ask(self, url: str) -> dict[str, Any]:
        """Return status, headers and body of the answer to a request to this address."""
        asking = self.context.http.request(
            self.settings.method,
            url,
            headers=self.headers,
            body=self._body(),
            secret=self.settings.secret,
            secret_in=self.settings.secret_in,
            follow_redirects=self.settings.redirects,
            timeout=self.timeout,
        )
        try:
            async with asking as answer:
                await judge(answer, self.settings.expected, self.context)
                wanted: As = "json" if self.settings.pages else self.settings.as_
                return await read_output(answer, wanted, self.limit, self.context)
        except StepUnknown as unknown:
            if self.context.effect != "read":
                raise
            raise StepFailed(
                unknown.message,
                error_class="transient",
                code=unknown.error_code,
                data=unknown.error_data,
                hint=unknown.hint,
            ) from None  # nothing was changed, whatever became of the request

    def _body(self) -> bytes | AsyncIterator[bytes] | None:
        settings = self.settings
        if settings.json is not msgspec.UNSET:
            return write_json(settings.json).encode()
        if settings.form is not None:
            return _pairs(settings.form, quote_plus).encode()
        if settings.body is not None:
            return settings.body.encode()
        if settings.file is not None:
            if not isinstance(settings.file, FileReference):
                raise _refused(f"'file' is {type_name(settings.file)}, not a file")
            return self.context.files.read(settings.file)
        return None


async def _all_pages(call: _Call, paging: Paging) -> dict[str, Any]:
    """Return all items of all pages, within the bounds; `complete` says whether there were more."""
    items: list[Value] = []
    url: str | None = paging.first(call.url)
    seen: set[str] = set()
    output: dict[str, Any] = {}
    while url is not None and len(seen) < paging.max_pages and len(items) < paging.max_items:
        if url in seen:
            message = "A page names itself or an earlier one as the next."
            raise StepFailed(message, error_class="data", code="pages-repeat", data={"pages": len(seen)})
        seen.add(url)
        output = await call.ask(url)
        items += paging.items_of(output["json"])
        call.context.progress(len(items), None, f"{len(seen)} pages")
        url = paging.next(url, len(seen), output["json"], output["headers"])
    complete = url is None and len(items) <= paging.max_items
    return {**output, "json": items[: paging.max_items], "pages": len(seen), "complete": complete}


def _headers(settings: RequestSettings, context: StepContext) -> dict[str, str]:
    headers = {name: _text(value, name) for name, value in settings.headers.items() if value is not None}
    present = {name.lower() for name in headers}
    media_type = None
    if settings.json is not msgspec.UNSET:
        media_type = "application/json"
    elif settings.form is not None:
        media_type = "application/x-www-form-urlencoded"
    elif settings.body is not None:
        media_type = "text/plain; charset=utf-8"
    elif isinstance(settings.file, FileReference):
        media_type = settings.file.media_type
    if media_type and "content-type" not in present:
        headers["Content-Type"] = media_type
    if context.effect in ("idempotent", "write", "irreversible") and "idempotency-key" not in present:
        headers["Idempotency-Key"] = context.key
    return headers


def _with_query(url: str, query: Mapping[str, Any]) -> str:
    place, mark, fragment = url.partition("#")
    added = _pairs(query, lambda text: quote(text, safe=""))
    if not added:
        return url
    return place + ("&" if "?" in place else "?") + added + mark + fragment


def _pairs(fields: Mapping[str, Any], encode: Callable[[str], str]) -> str:
    return "&".join(
        f"{encode(name)}={encode(_text(item, name))}"
        for name, value in fields.items()
        for item in (value if isinstance(value, list) else [value])
        if item is not None
    )


def _text(value: Value, name: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list) or value is None:
        raise _refused(f"{name!r} is {type_name(value)} where a text is needed")
    return str(to_plain(value))


def _refused(fault: str) -> StepFailed:
    return StepFailed(
        f"The settings of http.request do not fit: {fault}.", error_class="data", code="settings-refused"
    )
