"""http.request against real local servers: what is sent, what an answer becomes, and what a failure means."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from local_servers import Server, always, answer, by_path, listening
from step_context import Context

from auraos.sdk import Effect, FileReference, StepFailed, StepUnknown
from auraos.steps.http import request

JSON = "application/json"


def reaching(server: Server, **options) -> Context:
    return Context([f"127.0.0.1:{server.port}", f"127.0.0.2:{server.port}"], **options)


async def sent(settings, *, effect="read", environment=None, reply=None):
    """Send one request and return what arrived."""
    async with listening(always(reply or answer())) as server:
        async with reaching(server, effect=effect, environment=environment) as context:
            url = settings.pop("url", "/")
            await request.execute({"url": server.url + url, **settings}, context)
        return server.requests[0]


async def output_of(reply: bytes, *, context_out=None, **settings):
    async with listening(always(reply)) as server, reaching(server) as context:
        output = await request.execute({"url": server.url + "/a/report.pdf?x=1", **settings}, context)
        if context_out is not None:
            context_out.append(context)
        return output


async def failure_of(reply: bytes, *, effect="read", **settings) -> StepFailed:
    async with listening(always(reply)) as server, reaching(server, effect=effect) as context:
        with pytest.raises(StepFailed) as failure:
            await request.execute({"url": server.url, **settings}, context)
    return failure.value


@pytest.mark.parametrize(
    ("settings", "effect"),
    [
        ({}, Effect.READ),
        ({"method": "HEAD"}, Effect.READ),
        ({"method": "PUT"}, Effect.IDEMPOTENT),
        ({"method": "DELETE"}, Effect.IDEMPOTENT),
        ({"method": "POST"}, Effect.WRITE),
        ({"method": "PATCH"}, Effect.WRITE),
        ({"method": "{{ input.method }}"}, Effect.WRITE),
    ],
)
def test_the_effect_follows_from_the_method_as_written(settings, effect):
    assert request.effect_of(settings) is effect


@pytest.mark.parametrize(
    ("settings", "content_type", "body"),
    [
        ({"json": {"ä": [1, Decimal("0.10"), None]}}, JSON, '{"ä":[1,"0.10",null]}'),
        ({"json": None}, JSON, "null"),
        (
            {"form": {"a": "x y", "b": ["1", True], "c": None}},
            "application/x-www-form-urlencoded",
            "a=x+y&b=1&b=true",
        ),
        ({"body": "hällo"}, "text/plain; charset=utf-8", "hällo"),
        ({"body": "<a/>", "headers": {"content-type": "application/xml"}}, "application/xml", "<a/>"),
    ],
)
async def test_a_body_is_sent_in_its_form(settings, content_type, body):
    arrived = await sent({"method": "POST", **settings})
    assert (arrived.headers["content-type"], arrived.body.decode()) == (content_type, body)


async def test_a_file_is_sent_piece_by_piece():
    arrived = []

    async def take(call, writer):
        arrived.append(call.headers)
        writer.write(answer(Connection="close"))
        writer.close()

    async with listening(take) as server, reaching(server, effect="write") as context:
        context.files.contents["h"] = b"content of a file"
        file = FileReference(hash="h", size=17, media_type="text/csv")
        await request.execute({"url": server.url, "method": "POST", "file": file}, context)
    assert arrived[0]["content-type"] == "text/csv"
    assert arrived[0]["transfer-encoding"] == "chunked"


async def test_query_parameters_are_added_to_those_of_the_address():
    query = {"q": "a&b=c d/ä", "n": 3, "on": True, "list": [1, 2], "none": None, "d": Decimal("1.50")}
    arrived = await sent({"url": "/p?x=1#f", "query": query})
    assert arrived.target == "/p?x=1&q=a%26b%3Dc%20d/%C3%A4&n=3&on=true&list=1&list=2&d=1.50".replace(
        "d/", "d%2F"
    )


@pytest.mark.parametrize(
    ("effect", "headers", "key"),
    [
        ("read", {}, None),
        ("idempotent", {}, "key-of-this-activation"),
        ("write", {}, "key-of-this-activation"),
        ("write", {"idempotency-key": "mine"}, "mine"),
    ],
)
async def test_the_idempotency_key_goes_with_whatever_has_an_effect(effect, headers, key):
    arrived = await sent({"method": "POST", "headers": headers}, effect=effect)
    assert arrived.headers.get("idempotency-key") == key


async def test_a_secret_is_sent_and_nothing_of_it_comes_back():
    environment = {"AURAOS_SECRET_STOCK_API": "canary-value", "AURAOS_HOSTS_STOCK_API": "127.0.0.1"}
    arrived = await sent({"secret": "stock-api"}, environment=environment)
    assert arrived.headers["authorization"] == "Bearer canary-value"
    arrived = await sent({"secret": "stock-api", "secret_in": "query:k"}, environment=environment)
    assert arrived.target == "/?k=canary-value"


@pytest.mark.parametrize(
    ("reply", "settings", "rest"),
    [
        (answer(body=b'{"id": 7}', Content_Type=JSON), {}, {"json": {"id": 7}}),
        (answer(body=b"[1]", Content_Type="application/vnd.x+json; charset=utf-8"), {}, {"json": [1]}),
        (answer(body=b"{broken", Content_Type=JSON), {}, {"text": "{broken"}),
        (
            answer(body="grün".encode("latin-1"), Content_Type="text/plain; charset=ISO-8859-1"),
            {},
            {"text": "grün"},
        ),
        (answer(body=b"\xff", Content_Type="text/plain; charset=rot13"), {}, {"text": "\ufffd"}),
        (answer(body=b"+2AA-", Content_Type="text/plain; charset=utf-7"), {}, {"text": "+2AA-"}),
        (answer(204), {}, {}),
        (answer(body=b"", Content_Type=JSON), {}, {}),
        (answer(body=b"", Content_Type=JSON), {"as": "text"}, {"text": ""}),
        (answer(body=b'{"a": 1}'), {"as": "json"}, {"json": {"a": 1}}),
        (answer(body=b"\x00\xff"), {"as": "bytes"}, {"bytes": "AP8="}),
        (answer(404, b"no"), {"expected": [404], "as": "text"}, {"text": "no"}),
    ],
)
async def test_an_answer_becomes_json_text_or_bytes(reply, settings, rest):
    output = await output_of(reply, **settings)
    assert {name: part for name, part in output.items() if name not in ("status", "headers")} == rest


async def test_other_answers_become_files():
    contexts = []
    output = await output_of(answer(body=b"%PDF", Content_Type="application/pdf"), context_out=contexts)
    assert output["file"] == FileReference(
        hash=output["file"].hash, size=4, media_type="application/pdf", name="report.pdf"
    )
    assert contexts[0].files.contents[output["file"].hash] == b"%PDF"


async def test_header_names_are_lower_case_and_repeated_ones_joined():
    output = await output_of(answer(X_A="1", x_a="2"))
    assert output["headers"]["x-a"] == "1, 2"
    assert output["status"] == 200


@pytest.mark.parametrize(
    ("status", "headers", "error_class", "unknown", "retry_after"),
    [
        (400, {}, "permanent", False, None),
        (401, {}, "credential", False, None),
        (403, {}, "credential", False, None),
        (404, {}, "permanent", False, None),
        (408, {}, "unknown", True, None),
        (409, {}, "permanent", False, None),
        (429, {}, "transient", False, None),
        (429, {"Retry_After": "7"}, "transient", False, timedelta(seconds=7)),
        (500, {}, "unknown", True, None),
        (502, {}, "unknown", True, None),
        (503, {}, "unknown", True, None),
        (503, {"Retry_After": "0"}, "transient", False, timedelta(0)),
        (503, {"Retry_After": "99999999999999999999"}, "transient", False, timedelta(days=1)),
        (503, {"Retry_After": "soon"}, "unknown", True, None),
        (503, {"Retry_After": "Fri, 20 Nov 2026 12:00:30 GMT"}, "transient", False, timedelta(seconds=30)),
        (
            503,
            {"Retry_After": "Fri, 20 Nov 2026 12:01:00 GMT", "Date": "Fri, 20 Nov 2026 12:00:50 GMT"},
            "transient",
            False,
            timedelta(seconds=10),
        ),
        (504, {}, "unknown", True, None),
        (304, {}, "permanent", False, None),
    ],
)
async def test_a_status_says_how_the_attempt_ended(status, headers, error_class, unknown, retry_after):
    reply = answer(status, b"why" if status != 304 else b"", **headers)
    failure = await failure_of(reply, effect="write", method="POST")
    assert (failure.error_class, failure.error_code) == (error_class, f"http-{status}")
    assert isinstance(failure, StepUnknown) == unknown
    assert failure.retry_after == retry_after
    assert failure.error_data == {"status": status, "body": "why" if status != 304 else ""}


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
async def test_a_request_that_only_reads_is_in_no_doubt(status):
    failure = await failure_of(answer(status, b"why"))
    assert (failure.error_class, isinstance(failure, StepUnknown)) == ("transient", False)
    assert failure.message.endswith(f"answered with status {status}.")
    assert (failure.error_code, failure.error_data) == (f"http-{status}", {"status": status, "body": "why"})


@pytest.mark.parametrize(
    ("method", "effect", "error_class"), [("GET", "read", "transient"), ("POST", "write", "unknown")]
)
async def test_a_lost_connection_leaves_only_a_writer_in_doubt(method, effect, error_class):
    async def hang_up(call, writer):
        writer.close()

    async with listening(hang_up) as server, reaching(server, effect=effect) as context:
        with pytest.raises(StepFailed) as failure:
            await request.execute({"url": server.url, "method": method}, context)
    assert (failure.value.error_class, failure.value.error_code) == (error_class, "connection-lost")


async def test_the_excerpt_of_a_failure_is_short():
    failure = await failure_of(answer(500, b"x" * 100_000))
    assert len(failure.error_data["body"]) == 2000


@pytest.mark.parametrize(
    ("reply", "settings", "code"),
    [
        (answer(body=b"x" * 200), {"limit": 100, "as": "text"}, "answer-too-large"),
        (answer(body=b"{"), {"as": "json"}, "unreadable-answer"),
        (answer(body=b"{", Content_Encoding="br"), {"as": "text"}, "unknown-encoding"),
    ],
)
async def test_an_answer_of_no_use_is_a_failure_for_reading_and_unknown_for_writing(reply, settings, code):
    reading = await failure_of(reply, **settings)
    writing = await failure_of(reply, effect="write", method="POST", **settings)
    assert (reading.error_class, reading.error_code, isinstance(reading, StepUnknown)) == (
        "data",
        code,
        False,
    )
    assert (writing.error_class, writing.error_code, isinstance(writing, StepUnknown)) == (
        "unknown",
        code,
        True,
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"json": 1, "body": "x", "method": "POST"},
        {"method": "TRACE"},
        {"url": 7},
        {"timeout": "soon"},
        {"headers": {"a": [1]}},
        {"query": {"a": {"b": 1}}},
        {"secret_in": "body"},
        {"file": "/etc/passwd", "method": "POST"},
        {"pages": {"by": "link"}, "method": "POST"},
        {"as": "pickle"},
        {"verify": False},
    ],
)
async def test_settings_that_do_not_fit_are_refused_before_anything_is_sent(settings):
    async with listening(always(answer())) as server, reaching(server) as context:
        with pytest.raises(StepFailed) as failure:
            await request.execute({"url": server.url, **settings}, context)
    assert (failure.value.error_class, failure.value.error_code) == ("data", "settings-refused")
    assert server.connections == 0


def page(items, **rest) -> dict[str, object]:
    return {"data": items, **rest}


def serving(pages):
    """Answer with the page that the target names."""

    async def respond(call, writer):
        body, headers = pages.get(call.target, (page([]), {}))
        writer.write(answer(body=json.dumps(body).encode(), Content_Type=JSON, **headers))

    return respond


PAGES = {
    "cursor": (
        {"by": "cursor", "items": "data", "field": "meta.next", "parameter": "after"},
        {
            "/l?s=1": (page([1, 2], meta={"next": "a&b"}), {}),
            "/l?s=1&after=a%26b": (page([3], meta={"next": None}), {}),
        },
    ),
    "page": (
        {"by": "page", "items": "data", "parameter": "p", "start": 0},
        {"/l?s=1&p=0": (page([1, 2]), {}), "/l?s=1&p=1": (page([3]), {})},
    ),
    "link": (
        {"by": "link", "items": "data"},
        {
            "/l?s=1": (page([1, 2]), {"Link": '</l?x>; rel="prev", </l?n=2>; rel="last next"'}),
            "/l?n=2": (page([3]), {"Link": '</l?x>; rel=prev; title="rel=next"'}),
        },
    ),
    "next": (
        {"by": "next", "items": "data", "field": "next"},
        {"/l?s=1": (page([1, 2], next="/l?n=2"), {}), "/l?n=2": (page([3]), {})},
    ),
}


@pytest.mark.parametrize("kind", PAGES)
async def test_all_pages_are_read(kind):
    pages, answers = PAGES[kind]
    async with listening(serving(answers)) as server, reaching(server) as context:
        output = await request.execute({"url": server.url + "/l?s=1", "pages": pages}, context)
    assert (output["json"], output["complete"]) == ([1, 2, 3], True)
    assert output["pages"] == len(server.requests) == len(context.steps_done)


@pytest.mark.parametrize(
    ("bounds", "items", "pages"),
    [({"max_pages": 3}, 3, 3), ({"max_items": 2}, 2, 2), ({"max_items": 2, "max_pages": 1}, 1, 1)],
)
async def test_pages_without_an_end_stop_at_their_bounds_and_say_so(bounds, items, pages):
    async def endless(call, writer):
        number = int(call.target.partition("=")[2] or 0)
        writer.write(answer(body=json.dumps({"data": [number], "next": number + 1}).encode()))

    settings = {"by": "cursor", "items": "data", "parameter": "n", **bounds}
    async with listening(endless) as server, reaching(server) as context:
        output = await request.execute({"url": server.url, "pages": settings}, context)
    assert (len(output["json"]), output["pages"], output["complete"]) == (items, pages, False)
    assert len(server.requests) == pages


@pytest.mark.parametrize(
    ("reply", "pages", "code"),
    [
        (page([1], next="/"), {"by": "next", "items": "data"}, "pages-repeat"),
        (page([1], next="http://169.254.169.254/"), {"by": "next", "items": "data"}, "page-elsewhere"),
        (page([1], next="//127.0.0.2/"), {"by": "next", "items": "data"}, "page-elsewhere"),
        (page([1], next=["x"]), {"by": "next", "items": "data"}, "page-elsewhere"),
        (page([1], next=["x"]), {"by": "cursor", "items": "data"}, "no-cursor"),
        (page({}), {"by": "page", "items": "data"}, "no-items"),
        (page([1]), {"by": "page"}, "no-items"),
    ],
)
async def test_pages_that_lead_nowhere_or_elsewhere_fail(reply, pages, code):
    reply_bytes = answer(body=json.dumps(reply).encode(), Content_Type=JSON)
    async with listening(always(reply_bytes)) as server, reaching(server) as context:
        with pytest.raises(StepFailed) as failure:
            await request.execute({"url": server.url + "/", "pages": pages}, context)
    assert failure.value.error_code == code
    assert len(server.requests) == 1


async def test_a_blocked_destination_stays_a_permanent_failure():
    async with listening(by_path()) as server, Context() as context:
        with pytest.raises(StepFailed, match="--allow-net") as failure:
            await request.execute({"url": server.url}, context)
    assert failure.value.error_code == "blocked-destination"
    assert server.connections == 0
