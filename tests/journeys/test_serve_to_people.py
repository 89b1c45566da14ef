"""The server from its first start: nobody owns it, one person becomes its owner by what it printed, and works with it."""

import http.client
import json
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from server_process import Server

PASSWORD = "a long way home"
GREET = """kind: workflow
name: greet
spec:
  input: {type: object, required: [name], properties: {name: {type: string}}}
  steps: {say: {type: noop, with: {value: "Hello, {{ input.name }}!"}}}
  output: "{{ steps.say }}"
"""


@pytest.fixture
def server(auraos):
    opened = Server(auraos)
    yield opened
    opened.kill()


def ask(server, method, path, body=None, *, token="", **headers):
    """Return the status and the document of an answer."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        given["Authorization"] = f"Bearer {token}"
    if body is not None:
        given["Content-Type"] = "application/json"
    with closing(http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)) as connection:
        connection.request(method, path, None if body is None else json.dumps(body), given)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None


def own(server, name="ada"):
    """Become the first owner; return the token of the session."""
    wish = {"token": server.ready["first_owner"], "name": name, "password": PASSWORD, "carry": "token"}
    status, welcome = ask(server, "POST", "/api/v1/owner", wish)
    assert status == 201, welcome
    return welcome["token"]


def test_whoever_has_the_token_that_was_printed_becomes_the_owner_once(auraos, server):
    assert ask(server, "GET", "/api/v1/owner") == (200, {"owned": False})
    assert ask(server, "GET", "/api/v1/definitions")[1]["code"] == "not-signed-in"
    token = own(server)
    assert ask(server, "GET", "/api/v1/definitions", token=token)[0] == 200
    again = {"token": server.ready["first_owner"], "name": "eve", "password": PASSWORD}
    assert ask(server, "POST", "/api/v1/owner", again)[1]["code"] == "already-owned"
    assert server.stop()[0] == 0
    later = Server(auraos)
    assert later.ready["first_owner"] == ""
    assert ask(later, "GET", "/api/v1/definitions", token=token)[0] == 200
    later.kill()


def test_s56_no_address_that_others_reach_is_listened_at_until_there_is_an_owner(auraos, server):
    own(server)
    assert server.stop()[0] == 0
    refused = auraos("serve", "--host", "0.0.0.0", "--port", "0", "--data", "elsewhere")
    assert (refused.code, "error[no-owner]" in refused.err) == (2, True)
    owned = Server(auraos, "--host", "0.0.0.0")
    assert owned.stop()[0] == 0


def test_s56_the_token_stands_in_no_log(auraos, server):
    own(server)
    code, log = server.stop()
    assert code == 0
    assert server.ready["first_owner"] not in log


def test_what_is_published_over_http_is_started_by_its_name(auraos, server):
    token = own(server)
    status, made = ask(server, "POST", "/api/v1/definitions", {"text": GREET}, token=token)
    assert status == 201, made
    revision = {"If_Match": f'"{made["revision"]}"'}
    status, told = ask(
        server, "POST", "/api/v1/definitions/workflow/greet/publish", {}, token=token, **revision
    )
    assert status == 200, told
    assert auraos("start", "greet", "--input", "name=Ada", "--wait").out == '"Hello, Ada!"\n'


@pytest.mark.parametrize(
    "words", [("--url", "auraos.test"), ("--url", "https://a.test/x"), ("--proxy", "10.0.0.300")]
)
def test_an_address_that_is_none_is_refused_with_what_would_be_one(auraos, words):
    done = auraos("serve", "--port", "0", *words)
    assert (done.code, "is as in" in done.err) == (2, True)
