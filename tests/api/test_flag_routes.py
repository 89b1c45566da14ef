"""Feature flags over HTTP, also by the protocol of OpenFeature."""

import pytest

TEXT = """kind: flag
name: new-price
title: The new price
spec:
  type: number
  variants: {old: 10, new: 12.5}
  default: old
  off: old
  rules:
    - name: friends
      when: "{{ context.company == 'friends' }}"
      variant: new
    - when: context.country == 'DE'
      split: {new: 50, old: 50}
"""


@pytest.fixture
async def editor(room):
    """Return the token of somebody who publishes flags."""
    return (await room.house.signed_in("editor"))[1]


@pytest.fixture
async def flag(room, editor):
    """Publish a flag."""
    await publish(room, editor, TEXT, "new-price")


async def publish(room, token: str, text: str, name: str) -> None:
    made = await room.ask("POST", "/api/v1/definitions", {"text": text}, token=token)
    assert made.status == 201, made.json
    path = f"/api/v1/definitions/flag/{name}/publish"
    got = await room.ask("POST", path, {}, token=token, if_match=made.headers["etag"])
    assert got.status == 200, got.json


async def ofrep(room, token: str, key: str = "", context: object = None, **headers: str):
    path = f"/ofrep/v1/evaluate/flags{'/' if key else ''}{key}"
    return await room.ask("POST", path, {"context": context or {}}, token=token, **headers)


async def test_a_flag_that_is_wrong_is_not_published_and_says_where(room, editor):
    text = TEXT.replace("variant: new", "variant: newest")
    checked = await room.ask("POST", "/api/v1/definitions", {"text": text}, token=editor)
    path = "/api/v1/definitions/flag/new-price/publish"
    got = await room.ask("POST", path, {}, token=editor, if_match=checked.headers["etag"])
    assert (got.status, got.json["problems"][0]["code"]) == (422, "flag-variant")
    assert (got.json["problems"][0]["path"], got.json["problems"][0]["line"]) == (
        "spec.rules[0].variant",
        12,
    )


@pytest.mark.parametrize(
    ("context", "value", "variant", "reason"),
    [
        ({}, 10, "old", "DEFAULT"),
        ({"company": "friends"}, 12.5, "new", "TARGETING_MATCH"),
        ({"country": "DE", "targetingKey": "user-1"}, 12.5, "new", "SPLIT"),
        ({"country": "DE", "targetingKey": "user-2"}, 10, "old", "SPLIT"),
    ],
)
async def test_a_flag_is_evaluated_by_the_protocol(room, editor, flag, context, value, variant, reason):
    got = await ofrep(room, editor, "new-price", context)
    assert got.status == 200
    told = got.json
    assert (told["key"], told["value"], told["variant"], told["reason"]) == (
        "new-price",
        value,
        variant,
        reason,
    )
    assert told["metadata"]["version"] == 1


async def test_what_goes_wrong_is_told_by_the_protocol(room, editor, flag):
    missing = await ofrep(room, editor, "no-such")
    assert (missing.status, missing.json["errorCode"], missing.json["key"]) == (
        404,
        "FLAG_NOT_FOUND",
        "no-such",
    )
    keyless = await ofrep(room, editor, "new-price", {"country": "DE"})
    assert (keyless.status, keyless.json["errorCode"]) == (400, "TARGETING_KEY_MISSING")
    wrong = await room.ask("POST", "/ofrep/v1/evaluate/flags", {"context": []}, token=editor)
    assert wrong.status == 422
    assert (await ofrep(room, "", "new-price")).status == 401


async def test_all_flags_are_told_once_until_something_changes(room, editor, flag):
    first = await ofrep(room, editor, context={"company": "friends"})
    assert [each["value"] for each in first.json["flags"]] == [12.5]
    mark = first.headers["etag"]
    again = await ofrep(room, editor, context={"company": "friends"}, if_none_match=mark)
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", mark)
    assert (await ofrep(room, editor, context={}, if_none_match=mark)).status == 200
    await room.ask("POST", "/api/v1/flags/new-price/off", {"why": "test"}, token=editor)
    off = await ofrep(room, editor, context={"company": "friends"}, if_none_match=mark)
    assert (off.status, off.json["flags"][0]["reason"], off.json["flags"][0]["value"]) == (
        200,
        "DISABLED",
        10,
    )


async def test_an_evaluation_explains_itself(room, editor, flag):
    body = {"context": {"country": "DE", "targetingKey": "user-1"}}
    told = (await room.ask("POST", "/api/v1/flags/new-price/explain", body, token=editor)).json
    assert [(each["rule"], each["fits"]) for each in told["tried"]] == [("friends", False), ("rule 2", True)]
    assert (told["rule"], told["reason"], 0 <= told["bucket"] < 50) == ("rule 2", "SPLIT", True)


async def test_who_only_looks_evaluates_and_does_not_switch(room, editor, flag):
    viewer = (await room.house.signed_in("viewer"))[1]
    assert (await ofrep(room, viewer, "new-price")).status == 200
    assert (await room.ask("POST", "/api/v1/flags/new-price/off", {}, token=viewer)).status == 403
    (shown,) = (await room.ask("GET", "/api/v1/flags", token=viewer)).json["items"]
    assert (shown["name"], shown["title"], shown["is_off"], shown["version"]) == (
        "new-price",
        "The new price",
        False,
        1,
    )
    assert (await room.ask("GET", "/api/v1/flags?stale=true", token=viewer)).json["items"] == []


async def test_who_sees_some_flags_only_is_given_those(room, editor, flag):
    await publish(room, editor, TEXT.replace("new-price", "theirs\nlabels: {team: theirs}"), "theirs")
    _, token = await room.house.signed_in("viewer", labels={"team": "theirs"})
    assert [each["key"] for each in (await ofrep(room, token)).json["flags"]] == ["theirs"]
    assert (await ofrep(room, token, "new-price")).status == 404
    listed = (await room.ask("GET", "/api/v1/flags", token=token)).json["items"]
    assert [each["name"] for each in listed] == ["theirs"]


async def test_a_flag_of_the_workspace_keeps_runs_of_a_workflow_from_beginning(room, editor):
    text = (
        "kind: flag\nname: auraos-start-runs\nspec:\n  type: boolean\n  default: on\n"
        "  rules: [{when: \"context.workflow == 'greet'\", variant: off}]\n"
    )
    await publish(room, editor, text, "auraos-start-runs")
    got = await room.ask("POST", "/api/v1/workflows/greet/runs", {}, token=editor)
    assert (got.status, got.code, got.headers["retry-after"]) == (503, "starts-off", "30")
    other = await room.ask("POST", "/api/v1/workflows/other/runs", {}, token=editor)
    assert other.code == "not-found"
