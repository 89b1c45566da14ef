"""Each code that is answered has a page: the `type` of a problem leads somewhere."""

import base64
import hashlib
import importlib
import pkgutil
import re

import pytest

import auraos
from auraos.api.protocol.pages import html_of, wants_json
from auraos.api.protocol.problems import STATUSES
from auraos.core.errors import AuraError
from auraos.core.problem_codes import PROBLEM_CODES

JSON = {"accept": "application/json"}


def every_error() -> set[type[AuraError]]:
    """Return all classes of errors that there are in any module."""
    for module in pkgutil.walk_packages(auraos.__path__, "auraos."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found, below = set(), [AuraError]
    while below:
        found.add(below[-1])
        below += below.pop().__subclasses__()
    return {kind for kind in found if kind.__module__.startswith("auraos.")}


async def test_every_error_and_every_code_that_is_told_has_a_page(room):
    _, token = await room.house.signed_in("viewer")  # who is known may read them all at once
    codes = {kind.code for kind in every_error()} | PROBLEM_CODES.keys() | STATUSES.keys()
    codes |= {code for route in room.routes.routes for code in route.tells}
    listed = {each["code"] for each in (await room.ask("GET", "/docs/problems", **JSON)).json}
    assert codes - listed == set()
    for code in sorted(codes):
        told = (await room.ask("GET", f"/docs/problems/{code}", token=token, **JSON)).json
        assert told["code"] == code
        assert told["title"]
        assert told["means"], code
        page = await room.ask("GET", f"/docs/problems/{code}", token=token)
        assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")


async def test_the_type_of_an_answer_leads_to_its_page_with_its_status(room):
    told = (await room.ask("GET", "/api/v1/runs")).json
    assert (told["type"], told["status"]) == ("/docs/problems/not-signed-in", 401)
    page = (await room.ask("GET", told["type"], accept="text/html,application/xhtml+xml,*/*;q=0.8")).body
    assert b"<code>not-signed-in</code> \xc2\xb7 HTTP status 401" in page
    shown = (await room.ask("GET", "/docs/problems/not-signed-in", **JSON)).json
    assert shown["status"] == 401


async def test_a_code_that_nothing_has_is_a_problem_itself(room):
    got = await room.ask("GET", "/docs/problems/no-such-thing", accept="text/html")
    assert (got.status, got.code, got.json["hint"]) == (404, "no-problem", "/docs/problems lists all.")


async def test_the_list_leads_to_each_page(room):
    page = (await room.ask("GET", "/docs/problems", accept="text/html")).body.decode()
    codes = [each["code"] for each in (await room.ask("GET", "/docs/problems", **JSON)).json]
    assert re.findall(r'href="/docs/problems/([^"]+)"', page) == codes == sorted(codes)


async def test_nothing_runs_on_a_page_and_what_is_shown_on_it_is_no_markup(room):
    got = await room.ask("GET", "/docs/problems/unknown-step")
    policy = dict(part.split(" ", 1) for part in got.headers["content-security-policy"].split("; "))
    (style,) = re.findall("<style>(.*?)</style>", got.body.decode(), re.DOTALL)
    told = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy["style-src"] == f"'sha256-{told}'"
    assert (policy["default-src"], policy["script-src"], got.headers["vary"]) == (
        "'none'",
        "'none'",
        "Accept, accept-encoding",
    )
    assert "prefers-color-scheme: dark" in style
    assert b"<pre" in got.body
    assert b"<script" not in got.body
    assert html_of('a <b onclick="x"> & `c<d`') == (
        "a &lt;b onclick=&quot;x&quot;&gt; &amp; <code>c&lt;d</code>"
    )


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", False), ("*/*", False), ("text/html, */*;q=0.8", False), ("application/json", True),
        ("application/json, */*", True), ("application/json;q=0.5, text/html", False),
        ("text/html;q=0.3, Application/JSON;q=0.9", True), ("application/json;q=0", False), ("application/json;q=x", False),
        (";;,,=", False),
    ],
)  # fmt: skip
def test_json_is_for_those_who_name_it(accept, expected):
    assert wants_json(accept) is expected
