"""S08 where no check of a text could see it: data names the secret, or a step type of others asks for one that no text names.

Versions come to the engine unchecked here, as one would that slipped through, or was published by a release that checked less. At
every place of a workflow, by every step type that takes a secret and by every expression it is refused, told to the audit trail,
and nothing is sent.
"""

import itertools
from typing import Annotated, Any, get_type_hints

import msgspec
import pytest

from auraos.app.installed import load_installed
from auraos.core.catalogue import Catalogue, Effect
from auraos.core.graph import check_text
from auraos.core.run.program import CONTAINERS
from auraos.core.workflow import Step
from auraos.sdk import StepContext, names_secret, step_type
from auraos.security.secrets.credentials import Text
from naming_secrets import FROM_DATA, POSITIONS, VERIFYING, taking, text_of
from rooms import Room
from security.local_servers import always, answer, listening
from sending_house import sending_from

TAKING = taking()
DATA = {"name": "stock"}
CANARY = "canary-of-the-stock-9913"


async def told_of(sending) -> list[tuple[str, str]]:
    """Return what the audit trail tells of secrets that runs did not get: the workflow, and by which code."""
    entries = await sending.refused()
    assert {entry.object.name for entry in entries} <= {"stock"}
    return [(entry.after["workflow"], entry.why.rpartition("(")[2].rstrip(")")) for entry in entries]


async def test_a_run_gets_at_no_secret_that_data_names(house):
    """S08: at run, at every place."""
    async with (
        listening(always(answer())) as server,
        sending_from(house, f"127.0.0.1:{server.port}") as sending,
    ):
        await sending.keep("stock", Text(value=CANARY), "127.0.0.1", "@local")
        wrong, names = [], []
        cases = itertools.product(TAKING, POSITIONS.items(), FROM_DATA)
        for number, (takes, (place, made), expression) in enumerate(cases):
            names.append(f"w-{number}")
            text = text_of(names[-1], {"variables": DATA, **made(takes.step(expression, server.url))})
            went = await sending.run(text, DATA)
            if "secret-not-named" not in went.codes:
                wrong.append((str(takes), place, expression, went.codes))
        assert wrong == []
        assert server.connections == 0
        assert sorted(await told_of(sending)) == sorted((name, "secret-not-named") for name in names)


async def test_a_run_gets_at_a_secret_that_its_text_names_wherever_that_stands(house):
    """Beside it: what is refused above is the way of naming, and not the place."""
    async with (
        listening(always(answer())) as server,
        sending_from(house, f"127.0.0.1:{server.port}") as sending,
    ):
        await sending.keep("stock", Text(value=CANARY), "127.0.0.1", "@local")
        for number, (takes, made) in enumerate(itertools.product(TAKING, POSITIONS.values())):
            went = await sending.run(text_of(f"w-{number}", made(takes.step("stock", server.url))), DATA)
            assert set(went.codes) <= {"no-way"}, (takes, went.errors)
        carried = [request.headers.get("authorization", "") for request in server.requests]
        assert carried == [f"Bearer {CANARY}"] * len(POSITIONS) * sum(bool(takes.url) for takes in TAKING)
        assert await told_of(sending) == []


async def test_what_lets_data_name_a_secret_is_neither_published_nor_tried(house):
    """S08: by whoever may use all of them, too."""
    room = Room(house)
    _, admin = await house.signed_in("admin")
    wrong = []
    cases = itertools.product(TAKING, {**POSITIONS, **VERIFYING}.items(), FROM_DATA)
    for number, (takes, (place, made), expression) in enumerate(cases):
        text = text_of(f"w-{number}", {"variables": DATA, **made(takes.step(expression))})
        saved = await room.ask("POST", "/api/v1/definitions", {"text": text}, token=admin)
        path = f"/api/v1/definitions/workflow/w-{number}/publish"
        published = await room.ask("POST", path, {}, token=admin, if_match=f'"{saved.json["revision"]}"')
        tried = await room.ask("POST", "/api/v1/trials", {"text": text, "input": DATA}, token=admin)
        for got in (published, tried):
            codes = [each["code"] for each in got.json.get("problems", ())]
            if got.status != 422 or "secret-from-data" not in codes:
                wrong.append((str(takes), place, expression, got.status, codes))
    assert wrong == []


class Order(msgspec.Struct, kw_only=True):
    """The settings of step types that somebody else wrote, who thought of one way each to name a secret."""

    url: str = ""
    secret: Annotated[str, names_secret("Which one.", goes_to="url")] = ""
    either: Annotated[str | None, names_secret()] = None
    each: list[Annotated[str, names_secret()]] = []
    by_name: dict[str, Annotated[str, names_secret()]] = {}
    inner: "Inner | None" = None
    inners: "list[Inner]" = []
    named: str = ""
    """A setting that holds the name of a secret and does not say so."""


class Inner(msgspec.Struct, kw_only=True):
    """Settings within settings."""

    secret: Annotated[str, names_secret()] = ""


def foreign(name: str, asked: Any) -> Any:
    """Return a step type that asks for the secret which this finds in its settings."""

    @step_type(name, title="Order", effect=Effect.READ)
    async def order(settings: Order, context: StepContext) -> None:
        """Orders something."""
        async with context.http.request("GET", settings.url, secret=asked(settings)):
            return

    return order


WAYS: dict[str, tuple[Any, dict[str, Any]]] = {
    "acme.plain": (lambda order: order.secret, {"secret": "stock"}),
    "acme.either": (lambda order: order.either, {"either": "stock"}),
    "acme.each": (lambda order: order.each[1], {"each": ["mine", "stock"]}),
    "acme.mapped": (lambda order: order.by_name["a"], {"by_name": {"a": "stock"}}),
    "acme.inner": (lambda order: order.inner.secret, {"inner": {"secret": "stock"}}),
    "acme.inners": (lambda order: order.inners[0].secret, {"inners": [{"secret": "stock"}]}),
}
"""Ways to name a secret in a setting that says that it is one: step types, with their settings."""
SLY: dict[str, tuple[Any, dict[str, Any]]] = {
    "acme.unsaid": (lambda order: order.named, {"named": "stock"}),
    "acme.hidden": (lambda order: "stock", {}),
    "acme.beside": (lambda order: "stock", {"secret": "mine"}),
}
"""Step types that ask for a secret which no text names as one."""
OTHERS = Catalogue([foreign(name, way[0]) for name, way in {**WAYS, **SLY}.items()])


def with_data(value: Any) -> list[Any]:
    """Return settings in which data stands for the name, and for each list or mapping around it."""
    if value == "stock":
        return ["{{ input.name }}"]
    if isinstance(value, dict):
        inner = [{**value, key: made} for key, item in value.items() for made in with_data(item)]
    elif isinstance(value, list):
        inner = [
            [*value[:at], made, *value[at + 1 :]] for at, item in enumerate(value) for made in with_data(item)
        ]
    else:
        return []
    return [*inner, "{{ input.whole }}"] if inner else []


@pytest.mark.parametrize("name", WAYS)
async def test_step_types_of_others_get_what_a_text_names_and_never_what_data_does(house, name):
    """S08: a new step type is held by what its settings say."""
    _, settings = WAYS[name]
    (field, value), *_ = settings.items()
    async with (
        listening(always(answer())) as server,
        sending_from(house, f"127.0.0.1:{server.port}", catalogue=OTHERS) as sending,
    ):
        for secret in ("stock", "mine"):
            await sending.keep(secret, Text(value=f"{CANARY}-{secret}"), "127.0.0.1")
        step = {"type": name, "with": {"url": server.url, **settings}}
        went = await sending.run(text_of("fine", {"steps": {"a": step}}))
        assert went.codes == []
        assert server.requests.pop().headers["authorization"] == f"Bearer {CANARY}-stock"
        for number, made in enumerate(with_data(value)):
            step = {"type": name, "with": {"url": server.url, field: made}}
            text = text_of(f"w-{number}", {"steps": {"a": step}})
            went = await sending.run(text, {"name": "stock", "whole": value})
            assert went.codes in (["secret-not-named"], ["settings-refused"]), (
                made
            )  # a name where a list belongs
            assert "secret-from-data" in [problem.code for problem in check_text(text, OTHERS)], made
        assert server.requests == []


@pytest.mark.parametrize("name", SLY)
async def test_step_types_of_others_get_at_no_secret_that_no_text_names(house, name):
    """S08: neither by a setting that does not say what it is, nor by their own code."""
    async with (
        listening(always(answer())) as server,
        sending_from(house, f"127.0.0.1:{server.port}", catalogue=OTHERS) as sending,
    ):
        await sending.keep("stock", Text(value=CANARY), "127.0.0.1")
        step = {"type": name, "with": {"url": server.url, **SLY[name][1]}}
        went = await sending.run(text_of("sly", {"steps": {"a": step}}))
        assert went.codes == ["secret-not-named"]
        assert await told_of(sending) == [("sly", "secret-not-named")]
        assert server.connections == 0


def test_every_step_type_that_takes_a_secret_is_among_the_cases():
    """What says of itself that it takes one, in whatever corner of its schema."""
    catalogue = load_installed().catalogue
    saying = {one.name for one in catalogue.all() if "'x-kind': 'secret'" in repr(one.settings)}
    assert saying == {takes.type.name for takes in TAKING}


def test_every_place_at_which_a_step_can_stand_is_among_the_cases():
    """A new container, or a new step beside a step, is missing until it has its place among `POSITIONS` or `VERIFYING`."""
    holding = {
        name
        for name, kind in get_type_hints(Step).items()
        if any(each in repr(kind) for each in ("Scope", "Undo", "Verify"))
    }
    assert holding == {"body", "branches", "catch", "finally_", "undo", "verify"}
    texts = repr([made({"type": "noop"}) for made in POSITIONS.values()])
    types = load_installed().catalogue.all()
    containers = {one.name for one in types if one.behaviour in CONTAINERS}
    assert {name for name in containers if f"'type': '{name}'" in texts} == containers
