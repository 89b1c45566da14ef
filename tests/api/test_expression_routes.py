"""What editors ask over HTTP: all that is wrong with a text, what an expression gives, and what can stand at a place."""

import time

import pytest
from test_run_routes import BROKEN, GREET, publish, start

from houses import HOUSE
from rooms import Room

TEXT = """kind: workflow
name: prices
spec:
  input: {type: object, properties: {sku: {type: string}, amount: {type: integer}}}
  variables: {currency: EUR}
  steps:
    stock: {type: noop, with: {value: {price: 3, place: here}}}
    each:
      type: foreach
      with: {items: "{{ [1, 2] }}"}
      steps:
        one: {type: noop, with: {value: "{{ item }}"}}
    last: {type: noop, with: {value: "{{ steps.stock.price }}"}}
  links: [stock -> each, each -> last]
"""


@pytest.fixture
async def room(house):
    """A front door whose engine lets runs go."""
    room = Room(house)
    await room.runs.engine.open()
    yield room
    await room.runs.engine.close()


@pytest.fixture
async def token(room):
    return (await room.house.signed_in("editor"))[1]


async def evaluate(room, token, source, **more):
    got = await room.ask("POST", "/api/v1/expressions/evaluate", {"source": source, **more}, token=token)
    assert got.status == 200, got.json
    return got.json


async def complete(room, token, source, **more):
    body = {"source": source, "offset": len(source), **more}
    got = await room.ask("POST", "/api/v1/expressions/complete", body, token=token)
    assert got.status == 200, got.json
    return got.json["start"], [(option["label"], option["kind"]) for option in got.json["options"]]


async def test_all_that_is_wrong_is_told_with_its_place_and_how_it_is_mended(room, token):
    text = TEXT.replace("steps.stock.price", "steps.stok.price").replace(
        "noop, with: {value: {p", "nop, with: {value: {p"
    )
    got = await room.ask("POST", "/api/v1/check", {"text": text}, token=token)
    told = {problem["code"]: problem for problem in got.json["problems"]}
    read = told["unknown-step"]
    line = text.splitlines()[read["line"] - 1]
    assert line[read["column"] - 1 : read["end_column"] - 1] == "steps.stok"
    (edit,) = read["fix"]["edits"]
    assert "steps.stock" in text[: edit["start"]] + edit["text"] + text[edit["end"] :]
    assert {"unknown-step", "unknown-type"} <= told.keys()


@pytest.mark.parametrize(
    ("source", "value", "kind"),
    [
        ("input.price * 2", 6, "int"),
        ("Total: {{ input.price }} {{ vars.currency }}", "Total: 3 EUR", "text"),
        ("{{ input.price > 2 }}", True, "bool"),
        ("steps.nothing", None, "null"),
        ("input.at.format('%Y')", "2026", "text"),
    ],
)
async def test_an_expression_is_evaluated_over_what_is_sent_along(room, token, source, value, kind):
    names = {"input": {"price": 3, "at": {"$date": "2026-11-20"}}, "vars": {"currency": "EUR"}}
    told = await evaluate(room, token, source, names=names)
    assert (told["ok"], told["value"], told["type"]) == (True, value, kind)


@pytest.mark.parametrize(
    ("source", "code", "line", "column"),
    [
        ("input.price +", "expression-syntax", 1, 13),
        ("nothing.here", "unknown-name", 1, 1),
        ("1 +\n'a'", "wrong-type", 1, 1),
        ("Hello {{ input.name + 1 }}", "wrong-type", 1, 10),
    ],
)
async def test_what_is_wrong_with_an_expression_is_told_with_its_place(
    room, token, source, code, line, column
):
    told = await evaluate(room, token, source, names={"input": {"price": 3, "name": "Ada"}})
    problem = told["problems"][0]
    assert (told["ok"], problem["code"], problem["line"], problem["column"]) == (False, code, line, column)


async def test_a_secret_is_no_name_of_an_expression(room, token):
    for source in ("secrets.stock", "env.HOME", "{{ secrets['stock'] }}"):
        told = await evaluate(room, token, source)
        assert (told["ok"], told["problems"][0]["code"]) == (False, "unknown-name")


async def test_s47_an_expression_without_end_is_cut_off_and_a_vast_value_is_not_shown(room, token):
    """S47."""
    began = time.monotonic()
    endless = await evaluate(
        room, token, "[[[x * y * z for x in range(9999)] for y in range(9999)] for z in range(9999)]"
    )
    assert (endless["ok"], endless["problems"][0]["code"]) == (False, "too-many-steps")
    vast = await evaluate(room, token, "'x' * 1000000")
    assert (vast["ok"], vast["is_cut"], vast["value"]) == (True, True, None)
    assert time.monotonic() - began < 5


async def test_an_expression_is_evaluated_over_the_data_of_a_run(room, token):
    _, admin = await room.house.signed_in("admin")
    for text in (GREET, BROKEN):
        await publish(room, admin, text)
    await start(room, token)
    told = await evaluate(room, token, "input.name + '/' + steps.say", run="1")
    assert told["value"] == "Ada/Hello, Ada!"
    assert (await evaluate(room, token, "input.name", run="1", names={"input": {"name": "Bob"}}))[
        "value"
    ] == "Bob"
    assert ("say", "field") in (await complete(room, token, "steps.", run="1"))[1]
    await room.house.identity.access.add_workspace(HOUSE, "other", "")
    _, theirs = await room.house.signed_in("editor", "other")
    body = {"source": "input", "run": "1"}
    foreign = await room.ask("POST", "/api/v1/expressions/evaluate", body, token=theirs, workspace="other")
    assert (foreign.status, foreign.code) == (404, "not-found")
    _, narrow = await room.house.signed_in("viewer", labels={"team": "cash"})
    await room.house.grant("person", (await room.house.known(narrow)).id, "editor")
    assert (await room.ask("POST", "/api/v1/expressions/evaluate", body, token=narrow)).status == 200


async def test_fields_of_samples_come_first_and_functions_bring_their_words(room, token):
    names = {"input": {"price": 3, "place": {"city": "Ulm"}}}
    start_at, options = await complete(room, token, "1 + input.p", names=names)
    assert (start_at, options[:2]) == (10, [("place", "field"), ("price", "field")])
    assert (await complete(room, token, "Hello {{ input.place.c", names=names))[1][0] == ("city", "field")
    assert (await complete(room, token, "Hello input.", names=names))[1] != []
    got = await room.ask("POST", "/api/v1/expressions/complete", {"source": "rou", "offset": 3}, token=token)
    function = got.json["options"][0]
    assert (function["label"], function["kind"]) == ("round", "function")
    assert function["detail"].startswith("round(")
    assert function["words"]
    assert function["examples"]


async def test_in_a_workflow_it_is_known_what_has_run_by_then_and_what_it_gives(room, token):
    _, last = await complete(room, token, "{{ steps.", text=TEXT, step="last", field="value")
    assert [name for name, kind in last if kind == "field"] == ["each", "stock"]
    _, first = await complete(room, token, "{{ steps.", text=TEXT, step="stock", field="value")
    assert [name for name, kind in first if kind == "field"] == []
    assert ("price", "field") in (await complete(room, token, "{{ steps.stock.", text=TEXT, step="last"))[1]
    assert ("item", "name") in (await complete(room, token, "{{ ite", text=TEXT, step="each/one"))[1]
    assert ("amount", "field") in (await complete(room, token, "{{ input.am", text=TEXT, step="last"))[1]
    assert ("currency", "field") in (await complete(room, token, "{{ vars.", text=TEXT, step="last"))[1]


async def test_a_cursor_beyond_the_text_is_refused(room, token):
    got = await room.ask("POST", "/api/v1/expressions/complete", {"source": "a", "offset": 2}, token=token)
    assert (got.status, got.code) == (422, "beyond-the-text")


async def test_s15_very_much_that_is_not_alike_is_answered_soon(room, token):
    """S15."""
    names = {"steps": {"rows": [{f"k{number % 977}": {"a": number}} for number in range(60_000)]}}
    began = time.perf_counter()
    assert ("k0", "field") in (await complete(room, token, "steps.rows[0].", names=names))[1]
    assert (await evaluate(room, token, "steps.rows[977].k0.a", names=names))["value"] == 977
    assert time.perf_counter() - began < 6
