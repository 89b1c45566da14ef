"""S08. Whoever may not start a workflow lets no other one start it in their place, and what is looked at is what is published."""

from typing import Any

import pytest

from auraos.security.identity.keys import KeyWish
from houses import acting

DEFINITIONS = "/api/v1/definitions"
CALLS = "spec:\n  steps:\n    pay: {type: call, with: {workflow: pay-out}}\n"
FAILS = "spec:\n  settings: {on_failure: pay-out}\n  steps:\n    a: {type: noop}\n"
NOOP = "spec:\n  steps:\n    a: {type: noop}\n"


def text_of(name: str, rest: str, team: str = "") -> str:
    labels = f"labels: {{team: {team}}}\n" if team else ""
    return f"kind: workflow\nname: {name}\n{labels}{rest}"


@pytest.fixture
async def admin(room):
    """Whoever keeps the workflow `pay-out`, which belongs to no team."""
    token = (await room.house.signed_in("admin"))[1]
    await publish(room, token, text_of("pay-out", NOOP))
    return token


async def publish(room, token: str, text: str) -> Any:
    made = await room.ask("POST", DEFINITIONS, {"text": text}, token=token)
    if made.status != 201:
        return made
    path = f"{DEFINITIONS}/workflow/{made.json['name']}/publish"
    return await room.ask("POST", path, {}, token=token, if_match=made.headers["etag"])


@pytest.mark.parametrize("rest", [CALLS, FAILS], ids=["a call", "a failure"])
async def test_who_sees_one_team_only_calls_nothing_of_others(room, admin, rest):
    person, editor = await room.house.signed_in("editor", labels={"team": "a"})
    text = text_of("mine", rest, "a")
    refused = await publish(room, editor, text)
    assert (refused.status, refused.json["code"], refused.json["problems"][0]["code"]) == (
        403, "not-allowed", "workflow-not-yours",
    )  # fmt: skip
    checked = (await room.ask("POST", "/api/v1/check", {"text": text}, token=editor)).json
    assert (checked["ok"], [each["code"] for each in checked["problems"]]) == (False, ["workflow-not-yours"])
    applied = {"files": [{"path": "mine.yaml", "text": text}]}
    assert (await room.ask("POST", f"{DEFINITIONS}/apply", applied, token=editor)).status == 403
    await room.house.grant("person", person.id, "operator", kind="workflow", name="pay-out")
    assert (await publish(room, editor, text)).status == 200


@pytest.mark.parametrize("role", ["operator", "viewer"])
async def test_only_a_right_to_start_it_lets_somebody_call_it(room, admin, role):
    person, editor = await room.house.signed_in("editor", labels={"team": "a"})
    await room.house.grant("person", person.id, role, kind="workflow", name="pay-out")
    assert (await publish(room, editor, text_of("mine", CALLS, "a"))).status == (
        200 if role == "operator" else 403
    )


async def test_what_is_not_there_is_told_to_be_missing_and_not_to_be_of_others(room, admin):
    _, editor = await room.house.signed_in("editor", labels={"team": "a"})
    text = text_of("mine", CALLS.replace("pay-out", "absent"), "a")
    checked = (await room.ask("POST", "/api/v1/check", {"text": text}, token=editor)).json
    assert [each["code"] for each in checked["problems"]] == ["unknown-workflow"]


async def test_a_key_for_definitions_alone_publishes_what_calls_others(room, admin):
    person, token = await room.house.signed_in("editor")
    wish = KeyWish(title="deploys", scopes=("definitions.*",))
    made = await room.house.identity.keys.add_own(acting(person), await room.house.known(token), wish)
    assert (await publish(room, made.token, text_of("mine", CALLS))).status == 200


async def test_what_somebody_saves_meanwhile_is_not_published_unlooked_at(room, admin):
    _, editor = await room.house.signed_in("editor", labels={"team": "a"})
    await room.ask("POST", DEFINITIONS, {"text": text_of("mine", NOOP, "a")}, token=editor)
    path = f"{DEFINITIONS}/workflow/mine"
    got = await room.ask("POST", f"{path}/publish", {}, token=editor, if_match='"2"')
    assert (got.status, got.json["code"]) == (412, "definition-changed")
    later = await room.ask(
        "PUT", f"{path}/draft", {"text": text_of("mine", CALLS, "a")}, token=admin, if_match='"1"'
    )
    got = await room.ask("POST", f"{path}/publish", {}, token=editor, if_match=later.headers["etag"])
    assert (got.status, got.json["problems"][0]["code"]) == (403, "workflow-not-yours")
