"""S10 over all routes: whatever is asked of a house with secrets, none of their values is answered.

The routes are those that the front door has. A new one is held here without a word.
"""

import base64
import re
from urllib.parse import quote

import pytest

from example_values import example_of
from kept_definitions import published

CANARY = "canary+9f27/ab51=c04e"
NAMED = """kind: workflow
name: stock
spec:
  steps:
    ask: {type: http.request, with: {url: "https://stock.example/items", secret: stock}}
"""


def forms() -> list[bytes]:
    raw = CANARY.encode()
    return [
        raw,
        raw.hex().encode(),
        base64.b64encode(raw)[:24],
        quote(CANARY, safe="").encode(),
        raw[::-1],
        raw[:16],
    ]


@pytest.fixture
async def filled(room):
    """Return a door behind which a workflow uses a secret, both of them called `stock`."""
    _, token = await room.house.signed_in("owner", "*")
    body = {
        "name": "stock",
        "value": {
            "credential": {"kind": "basic", "user": "me", "password": CANARY},
            "hosts": ["stock.example"],
        },
    }
    assert (await room.ask("POST", "/api/v1/secrets", body, token=token)).status == 201
    await published(room.desk.definitions, NAMED)
    return room


async def token_of_owner(room) -> str:
    person = await room.house.person("owner", "*")
    return await room.house.session(person)


async def test_no_route_answers_the_value_of_a_secret(filled):
    answered = 0
    routes = sorted(
        filled.routes.routes, key=lambda route: (not route.is_safe, route.method == "DELETE", route.path)
    )
    for route in routes:
        at = example_of(route.at) if route.at is not None else {}
        at = {
            name: "stock" if name == "name" else "workflow" if name == "kind" else value
            for name, value in at.items()
        }
        at = {name: 1 if name in ("version", "revision") else value for name, value in at.items()}
        path = re.sub(r"\{([a-z_]+)\}", lambda found, at=at: str(at.pop(found[1])), route.path)
        query = "&".join(f"{name}={value}" for name, value in at.items() if name in route.parameters)
        body = example_of(route.body) if route.body is not None else None
        if isinstance(body, dict) and "url" in body:
            body["url"] = "https://stock.example/"
        token = await token_of_owner(filled)
        got = await filled.ask(
            route.method, f"{path}?{query}" if query else path, body, token=token, if_match='"1"'
        )
        answered += got.status < 400
        told = b" ".join([got.body, repr(got.headers).encode()])
        assert [form for form in forms() if form in told] == [], (route.method, path)
    assert answered > 20


async def test_what_is_told_of_a_secret_wherever_it_is_told_has_no_field_for_a_value(filled):
    token = await token_of_owner(filled)
    shown = (await filled.ask("GET", "/api/v1/secrets/stock", token=token)).json
    assert not {"credential", "value", "sealed", "password", "token"} & (
        shown.keys() | shown["secret"].keys() | shown["versions"][0].keys()
    )
    entries = await filled.house.entries()
    assert not [entry for entry in entries if CANARY in repr(entry)]
