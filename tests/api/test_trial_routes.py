"""Drafts tried out over HTTP: up to a step, a step alone, from a step on, from breakpoint to breakpoint, and never as a run."""

import pytest
from test_run_routes import PAID, publish, start

from houses import HOUSE
from rooms import Room

TEXT = """kind: workflow
name: order
spec:
  input: {type: object, properties: {amount: {type: integer}}}
  steps:
    stock: {type: noop, with: {value: {price: 3}}}
    total: {type: noop, with: {value: "{{ steps.stock.price * input.amount }}"}}
    big: {type: if, with: {condition: "{{ steps.total > 10 }}"}}
    thanks: {type: noop, with: {value: "Thank you for {{ steps.total }}"}}
    sorry: {type: fail, with: {message: Too little, code: too-little}}
  links: [stock -> total, total -> big, big.true -> thanks, big.false -> sorry]
  output: "{{ steps.thanks }}"
"""
INPUT = {"amount": 5}


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


async def attempt(room, token, text=TEXT, **body):
    return await room.ask(
        "POST", "/api/v1/trials?wait=10", {"text": text, "input": INPUT, **body}, token=token
    )


async def lead(room, token, trial, verb, body=None):
    got = await room.ask("POST", f"/api/v1/trials/{trial}/{verb}?wait=10", body or {}, token=token)
    assert got.status == 200, got.json
    return got.json


def outputs(told):
    return {
        step["path"]: step["output"] for step in told["steps"] if step["how"] in ("succeeded", "inherited")
    }


async def test_a_draft_is_tried_as_a_whole_and_counts_as_no_run(room, token):
    got = await attempt(room, token)
    assert (got.status, got.json["state"], got.json["output"]) == (201, "succeeded", "Thank you for 15")
    (run,) = got.json["runs"]
    shown = await room.ask("GET", f"/api/v1/runs/{run}", token=token)
    assert (shown.status, shown.json["number"]) == (200, 0)
    assert (await room.ask("GET", "/api/v1/runs", token=token)).json["items"] == []
    journal = (await room.ask("GET", f"/api/v1/runs/{run}/journal", token=token)).json["items"]
    assert journal[0]["fact"]["trial"] is True
    assert [entry.object.name for entry in await room.house.entries("runs.try")] == ["order"]


async def test_the_next_real_run_has_the_number_that_it_would_have_had(room, token):
    _, admin = await room.house.signed_in("admin")
    await publish(room, admin, PAID)
    await attempt(room, token)
    assert (await start(room, token, "paid", {}, wait=0)).json["number"] == 1


async def test_up_to_a_step_nothing_behind_it_runs(room, token):
    told = (await attempt(room, token, until="total")).json
    assert (told["state"], outputs(told)) == ("succeeded", {"stock": {"price": 3}, "total": 15})


async def test_a_step_alone_runs_on_pinned_data(room, token):
    told = (await attempt(room, token, only="total", pins={"stock": {"output": {"price": 7}}})).json
    assert outputs(told)["total"] == 35
    assert [step["path"] for step in told["steps"] if step["how"] == "succeeded"] == ["total"]
    lacking = await attempt(room, token, only="total")
    assert (lacking.status, lacking.code, lacking.json["data"]["steps"]) == (422, "trial-refused", ["stock"])


async def test_from_a_step_on_what_was_before_is_taken_of_a_run(room, token):
    _, admin = await room.house.signed_in("admin")
    await publish(room, admin, TEXT)
    run = (await start(room, token, "order", {"input": {"amount": 9}})).json["run"]
    changed = TEXT.replace("Thank you for", "Thanks for")
    told = (await attempt(room, token, changed, after="big", run=run)).json
    assert (told["state"], outputs(told)["thanks"]) == ("succeeded", "Thanks for 27")
    over = (await attempt(room, token, after="big", run=run, pins={"total": {"output": 2}})).json
    assert (over["state"], over["error"]["code"]) == ("failed", "too-little")


async def test_it_is_held_before_a_breakpoint_with_the_data_that_the_step_would_be_given(room, token):
    told = (await attempt(room, token, breakpoints=["big"])).json
    assert (told["state"], outputs(told)["total"]) == ("held", 15)
    (held,) = told["held"]
    assert (held["step"], held["type"]) == ("big", "if")
    assert (held["settings"]["condition"]["value"], held["settings"]["condition"]["type"]) == (True, "bool")
    done = await lead(room, token, told["id"], "go-on")
    assert (done["state"], done["output"]) == ("succeeded", "Thank you for 15")
    assert len(done["runs"]) == 2
    late = await room.ask("GET", f"/api/v1/trials/{told['id']}", token=token)
    assert (late.json["state"], late.json["held"]) == ("succeeded", [])


async def test_it_goes_on_by_single_steps_and_with_changed_data(room, token):
    told = (await attempt(room, token, breakpoints=["stock"])).json
    assert [held["step"] for held in told["held"]] == ["stock"]
    told = await lead(room, token, told["id"], "step")
    assert ([held["step"] for held in told["held"]], outputs(told)) == (["total"], {"stock": {"price": 3}})
    told = await lead(room, token, told["id"], "step")
    assert [held["step"] for held in told["held"]] == ["big"]
    done = await lead(room, token, told["id"], "go-on", {"pins": {"total": {"output": 1}}})
    assert (done["state"], done["error"]["code"]) == ("failed", "too-little")


async def test_another_process_goes_on_with_a_trial_that_is_held(room, token):
    told = (await attempt(room, token, breakpoints=["thanks"])).json
    await room.runs.engine.close()
    again = Room(room.house)
    await again.runs.engine.open()
    done = await lead(again, token, told["id"], "go-on")
    assert (done["state"], done["output"]) == ("succeeded", "Thank you for 15")
    await again.runs.engine.close()


async def test_a_stopped_trial_does_nothing_more(room, token):
    text = PAID.replace("name: paid\nlabels", "name: waits\nlabels")
    told = (await room.ask("POST", "/api/v1/trials?wait=0", {"text": text}, token=token)).json
    await room.runs.engine.drive_until_idle()
    assert (await room.ask("GET", f"/api/v1/trials/{told['id']}", token=token)).json["state"] == "waiting"
    stopped = await room.ask("POST", f"/api/v1/trials/{told['id']}/stop?wait=5", token=token)
    assert (stopped.status, stopped.json["state"]) == (200, "stopped")
    await room.runs.engine.wait(told["runs"][0])
    refused = await room.ask("POST", f"/api/v1/trials/{told['id']}/go-on", {}, token=token)
    assert (refused.status, refused.code) == (409, "trial-state")


async def test_an_error_in_a_step_that_is_not_tried_does_not_matter(room, token):
    broken = TEXT.replace("Thank you for {{ steps.total }}", "{{ steps.nothing + }}")
    assert (await attempt(room, token, broken, until="total")).json["state"] == "succeeded"
    whole = await attempt(room, token, broken)
    assert (whole.status, whole.code) == (422, "definition-refused")
    assert whole.json["problems"][0]["line"] > 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"until": "nothing"}, "trial-refused"),
        ({"until": "total", "only": "total"}, "trial-refused"),
        ({"breakpoints": ["nothing"]}, "trial-refused"),
        ({"pins": {"nothing": {}}}, "trial-refused"),
        ({"input": {"amount": "five"}}, "input-refused"),
        ({"text": "kind: workflow"}, "definition-refused"),
    ],
)
async def test_what_cannot_be_tried_is_refused_with_the_reason(room, token, body, code):
    got = await room.ask("POST", "/api/v1/trials", {"text": TEXT, "input": INPUT, **body}, token=token)
    assert (got.status, got.code) == (422, code)


async def test_a_run_that_a_trial_calls_is_a_trial_too(room, token):
    _, admin = await room.house.signed_in("admin")
    inner = "kind: workflow\nname: inner\nspec:\n  steps:\n    a: {type: noop, with: {value: 4}}\n"
    await publish(room, admin, inner)
    outer = "kind: workflow\nname: outer\nspec:\n  steps:\n    b: {type: call, with: {workflow: inner}}\n"
    told = (await attempt(room, token, outer, input=None)).json
    assert (told["state"], told["output"]) == ("succeeded", 4)
    assert (await room.ask("GET", "/api/v1/runs", token=token)).json["items"] == []


async def test_nobody_hears_of_the_failure_of_a_trial(room, token):
    _, admin = await room.house.signed_in("admin")
    hears = "kind: workflow\nname: hears\nspec:\n  steps:\n    a: {type: noop}\n"
    await publish(room, admin, hears)
    text = TEXT.replace("spec:\n", "spec:\n  settings: {on_failure: hears, concurrency: {limit: 1}}\n", 1)
    assert (await attempt(room, token, text, input={"amount": 1})).json["state"] == "failed"
    await room.runs.engine.drive_until_idle()
    assert (await room.ask("GET", "/api/v1/runs", token=token)).json["items"] == []


async def test_s01_a_trial_of_another_workspace_is_as_good_as_none(room, token):
    """S01."""
    told = (await attempt(room, token, breakpoints=["big"])).json
    await room.house.identity.access.add_workspace(HOUSE, "other", "")
    _, theirs = await room.house.signed_in("admin", "other")
    for method, verb in (("GET", ""), ("POST", "/go-on"), ("POST", "/step"), ("POST", "/stop")):
        body = {} if verb in ("/go-on", "/step") else None
        path = f"/api/v1/trials/{told['id']}{verb}"
        foreign = await room.ask(method, path, body, token=theirs, workspace="other")
        assert (foreign.status, foreign.code) == (404, "no-trial")


async def test_s08_a_trial_is_not_repeated_by_whoever_may_only_repeat_runs(room, token):
    """Its text was published by nobody, and names secrets that others may not use."""
    trial = (await attempt(room, token)).json["runs"][0]
    _, repeater = await room.house.signed_in("operator")
    got = await room.ask("POST", f"/api/v1/runs/{trial}/retry", {"again": True}, token=repeater)
    assert (got.status, got.code) == (409, "request-refused-by-run")
    got = await room.ask("POST", f"/api/v1/runs/{trial}/fork", {"changes": {"stock": 1}}, token=token)
    assert (got.status, got.code) == (409, "request-refused-by-run")
    body = {"runs": [trial]}
    got = await room.ask("POST", "/api/v1/bulks/retry?wait=10", body, token=repeater)
    assert (got.json["done"], got.json["refused"]) == (0, 1)
