"""S10 over all routes: whatever is asked of a house whose runs have used secrets, none of their values is answered.

The runs are those of every step type that takes a secret with every kind of secret that it can take; the other side gives all
that it was sent away again, in every form, also in what it refuses. The routes are those that the front door has. A new step
type, kind or route is held here without a word.
"""

import re
import secrets
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import msgspec
import pytest

from auraos.api.protocol.routes import Route
from canary_forms import found_in
from example_values import example_of
from naming_secrets import Taking, taking, text_of
from rooms import Got, Room
from secrets_of_each_kind import NOT_FOR_HTTP, hidden, one_of_each
from security.local_servers import Server, listening
from security.secrets.canaries import Traitor

LISTENED = 0.5
"""For so many seconds a stream is listened to: all that a run has told by now comes at once."""
PATHS = ("/say", "/refuse", "/break", "/away")
PLACES = {"text": ("bearer", "basic:me", "header:x-key", "query:key")}


class Used(NamedTuple):
    """A run that used a secret, or tried."""

    workflow: str
    run: str
    text: str


class Filled(NamedTuple):
    """A door behind which secrets were used, and what must not come out of it."""

    room: Room
    canaries: dict[str, str]
    used: list[Used]
    token: str


@pytest.fixture
async def filled(house) -> AsyncIterator[Filled]:
    traitor = Traitor()
    async with (
        listening(traitor.respond) as server,
        Room(house, allowed=[f"127.0.0.1:{server.port}"]).letting_run() as room,
    ):
        token = await token_of_owner(room)
        canaries = await keep_all(room, token, traitor, server)
        texts = dict(workflows(server.url))
        used = [Used(name, await run_of(room, token, text), text) for name, text in texts.items()]
        sent = " ".join(traitor.seen)
        kept = {name for name, value in canaries.items() if value not in sent}
        assert kept == {
            "oauth2.next", "hmac.key", "tls-client.key", "smtp.password", "database.password",
        }  # fmt: skip
        yield Filled(room, canaries, used, token)


def canary() -> str:
    """Return one that may stand in a header as it is."""
    return f"{secrets.token_hex(8)}+/{secrets.token_urlsafe(9)}&="


async def keep_all(room: Room, token: str, traitor: Traitor, server: Server) -> dict[str, str]:
    """Keep a secret of each kind, named like it; return all that must not be seen of them."""
    canaries: dict[str, str] = {}
    for kind in one_of_each("x" * 20):
        credential = one_of_each(canary(), port=server.port)[kind]
        value = {
            "credential": msgspec.to_builtins(credential),
            "hosts": ["@local"] if kind == "hmac" else ["127.0.0.1"],
        }
        got = await room.ask("POST", "/api/v1/secrets", {"name": kind, "value": value}, token=token)
        assert got.status == 201, got.body
        canaries |= hidden({kind: credential})
    canaries |= {"oauth2.access": canary(), "oauth2.next": canary()}
    traitor.next_tokens = [canaries["oauth2.access"], canaries["oauth2.next"]]
    return canaries


def workflows(url: str) -> Any:
    """Yield the names and texts of workflows that use each secret by each step type that can, and tell what they got."""
    for takes in taking():
        for kind in one_of_each("x" * 20):
            if takes.url and kind not in NOT_FOR_HTTP:
                for number, place in enumerate(PLACES.get(kind, ("bearer",))):
                    for path in PATHS:
                        name = f"{kind}-{number}-{path[1:]}-{takes.type.name.replace('.', '-')}"
                        yield name, telling(name, takes, takes.step(kind, url + path, **placed(takes, place)))
            if not takes.url and kind == "hmac":
                yield kind, telling(kind, takes, takes.step(kind))


def placed(takes: Taking, place: str) -> dict[str, str]:
    return {"secret_in": place} if "secret_in" in takes.type.settings["properties"] else {}


def telling(name: str, takes: Taking, step: dict[str, Any]) -> str:
    """Return a workflow that tells what a step gave, or how it failed, and fails as it did."""
    caught = {"type": "log", "with": {"message": "{{ errors }}", "fields": {"why": "{{ errors }}"}}}
    tell = {"type": "log", "with": {"message": "it says {{ steps.a }}", "level": "debug"}}
    inner = {"a": step, "tell": tell}
    steps = {
        "all": {"type": "try", "steps": inner, "links": ["a -> tell"], "catch": {"steps": {"told": caught}}},
        "again": step,
    }
    return text_of(name, {"steps": steps, "links": ["all -> again"], "output": "{{ steps.again }}"})


async def run_of(room: Room, token: str, text: str) -> str:
    """Publish a text, let a run of it go to its end, and return its id."""
    made = await room.ask("POST", "/api/v1/definitions", {"text": text}, token=token)
    assert made.status == 201, made.body
    name, match = made.json["name"], made.headers["etag"]
    path = f"/api/v1/definitions/workflow/{name}/publish"
    published = await room.ask("POST", path, {}, token=token, if_match=match)
    assert published.status == 200, published.body
    got = await room.ask("POST", f"/api/v1/workflows/{name}/runs", {}, token=token)
    run = str(got.json["run"])
    await room.runs.engine.wait(run)
    return run


async def token_of_owner(room: Room) -> str:
    person = await room.house.person("owner", "*")
    return await room.house.session(person)


async def asked(filled: Filled, route: Route, used: Used, token: str) -> Got:
    """Ask a route for what is there: the names of a workflow and of its secret, and a run."""
    at = example_of(route.at) if route.at is not None else {}
    kind = next(kind for kind in one_of_each("x" * 20) if used.workflow.startswith(kind))
    is_secret = route.path.startswith("/api/v1/secrets")
    given = {
        "name": kind if is_secret else used.workflow, "kind": "workflow", "version": 1, "revision": 1, "run": used.run,
        "topic": f"runs/{used.run}", "before": "1", "after": "draft",
    }  # fmt: skip
    at = {name: given.get(name, value) for name, value in at.items()}
    path = re.sub(r"\{([a-z_]+)\}", lambda found: str(at.pop(found[1])), route.path)
    query = "&".join(f"{name}={value}" for name, value in at.items() if name in route.parameters)
    body = example_of(route.body) if route.body is not None else None
    if isinstance(body, dict):
        more = {"run": used.run, "text": used.text, "source": "steps", "url": "http://127.0.0.1:1/"}
        body |= {name: value for name, value in more.items() if name in route.body.__struct_fields__}
    whole = f"{path}?{query}" if query else path
    filled.room.patience = LISTENED if route.name == "follow_topic" else 60
    return await filled.room.ask(route.method, whole, body, token=token, if_match='"1"')


def leaks(filled: Filled, got: Got, *at: str) -> list[tuple[str, ...]]:
    told = b" ".join([got.body, repr(got.headers).encode()])
    return [(*at, each) for each in found_in(told, filled.canaries)]


async def test_nobody_reads_what_a_run_has_used(filled):
    """By no route that reads, for every run, workflow and secret that it can be asked for; by no trial and no expression."""
    found, answered = [], 0
    for route in filled.room.routes.routes:
        if not route.is_safe:
            continue
        is_of_one = (
            "run" in route.in_path or "kind" in route.in_path or route.path.startswith("/api/v1/secrets/")
        )
        for used in filled.used if is_of_one else filled.used[:1]:
            got = await asked(filled, route, used, filled.token)
            answered += got.status == 200
            found += leaks(filled, got, route.path, used.workflow)
    for used in filled.used:
        found += [leak for got in await tried(filled, used) for leak in leaks(filled, got, used.workflow)]
    assert found == []
    assert answered > 10 * len(filled.used)
    journals = [await journal(filled, used) for used in filled.used]
    assert sum("•••" in journal for journal in journals) > len(journals) // 2
    assert found_in(repr(await filled.room.house.entries()).encode(), filled.canaries) == []
    for name in one_of_each("x" * 20):
        shown = (await filled.room.ask("GET", f"/api/v1/secrets/{name}", token=filled.token)).json
        assert not {"credential", "value", "sealed", "password", "token"} & (
            shown.keys() | shown["secret"].keys() | shown["versions"][0].keys()
        )


async def tried(filled: Filled, used: Used) -> list[Got]:
    """Return what a trial and expressions tell: what a run gave can be read by them, and what a step gave be pinned."""
    wish = {"text": used.text, "breakpoints": ["again"], "run": used.run}
    ask = filled.room.ask
    begun = await ask("POST", "/api/v1/trials?wait=30", wish, token=filled.token)
    assert begun.status == 201, begun.body
    went = await ask("POST", f"/api/v1/trials/{begun.json['id']}/step?wait=30", {}, token=filled.token)
    questions = (
        ("evaluate", {"source": "steps", "run": used.run}),
        ("evaluate", {"source": "json(steps)", "run": used.run}),
        ("complete", {"source": "steps.", "offset": 6, "run": used.run}),
    )
    paths = [(f"/api/v1/expressions/{verb}", body) for verb, body in questions]
    return [begun, went, *[await ask("POST", path, body, token=filled.token) for path, body in paths]]


async def journal(filled: Filled, used: Used) -> str:
    return (
        await filled.room.ask("GET", f"/api/v1/runs/{used.run}/journal", token=filled.token)
    ).body.decode()


async def test_no_route_answers_the_value_of_a_secret(filled):
    """Every route at all, also of those that change what others answer then."""
    answered = 0
    chosen = [used for used in filled.used if used.workflow.startswith(("bearer-0-say", "basic-0-refuse"))]
    assert len(chosen) >= 2
    routes = sorted(
        filled.room.routes.routes,
        key=lambda route: (not route.is_safe, route.method == "DELETE", route.path),
    )
    for route in routes:
        for used in chosen if route.is_safe else chosen[:1]:
            got = await asked(filled, route, used, await token_of_owner(filled.room))
            answered += got.status < 400
            assert leaks(filled, got, route.method, route.path) == []
    assert answered > 60
