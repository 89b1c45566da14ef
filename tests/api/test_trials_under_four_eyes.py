"""Where a workspace wants four eyes, no trial does anything to the world by a text that nobody has reviewed (S64)."""

import pytest
from test_review_routes import Writer, careful, somebody

from rooms import Room

__all__ = ["careful"]

TEXT = """kind: workflow
name: greet
spec:
  steps:
    price: {type: noop, with: {value: 3}}
    look: {type: http.request, with: {url: "https://unreachable.invalid/"}, fallback: {json: 1}}
    pay: {type: http.request, with: {method: POST, url: "https://unreachable.invalid/pay"}, fallback: {json: 2}, uncertain: fail}
    thanks: {type: noop, with: {value: "{{ steps.pay.json }}"}}
  links: [price -> look, look -> pay, pay -> thanks]
"""
WRITE = "{type: http.request, with: {method: POST, url: 'https://x.invalid'}}"
CALL = "{type: call, with: {workflow: other}}"
PINNED = {"pay": {"output": {"json": 2}}}


@pytest.fixture
async def running(careful: Room):
    await careful.runs.engine.open()
    yield careful
    await careful.runs.engine.close()


async def attempt(who: Writer, text: str = TEXT, **body):
    return await who.ask("POST", "/api/v1/trials?wait=10", {"text": text, **body})


async def lead(who: Writer, trial: str, **body):
    return await who.ask("POST", f"/api/v1/trials/{trial}/go-on?wait=10", body)


def carried_out(told) -> list[str]:
    return [step["path"] for step in told["steps"] if step["how"] in ("succeeded", "caught", "failed")]


def refused_steps(got) -> list[str]:
    assert (got.status, got.code) == (409, "trial-unreviewed"), got.body
    return list(got.json["data"]["steps"])


async def test_what_writes_is_refused_and_what_reads_is_not(running):
    ann = await somebody(running)
    got = await attempt(ann)
    assert refused_steps(got) == ["pay"]
    assert "Pin what these steps give" in got.json["hint"]
    (entry,) = await running.house.entries("runs.try")
    assert (entry.outcome, entry.actor.id) == ("refused", ann.person.id)
    told = await attempt(ann, until="look")
    assert (told.status, told.json["state"]) == (201, "succeeded")


async def test_what_writes_may_be_pinned(running):
    told = (await attempt(await somebody(running), pins=PINNED)).json
    assert (told["state"], told["output"]) == ("succeeded", 2)
    assert carried_out(told) == ["price", "look", "thanks"]


async def test_a_trial_is_held_before_what_writes_and_goes_on_only_with_its_data(running):
    ann = await somebody(running)
    told = (await attempt(ann, breakpoints=["pay"])).json
    assert (told["state"], [held["step"] for held in told["held"]]) == ("held", ["pay"])
    assert refused_steps(await lead(ann, told["id"])) == ["pay"]
    assert refused_steps(await ann.ask("POST", f"/api/v1/trials/{told['id']}/step", {})) == ["pay"]
    done = await lead(ann, told["id"], pins=PINNED)
    assert (done.json["state"], done.json["output"]) == ("succeeded", 2)
    assert "pay" not in carried_out(done.json)


async def test_other_data_before_what_was_pinned_does_not_let_it_be_carried_out(running):
    ann = await somebody(running)
    told = (await attempt(ann, pins=PINNED, breakpoints=["thanks"])).json
    assert refused_steps(await lead(ann, told["id"], pins={"price": {"output": 4}})) == ["pay"]
    done = await lead(ann, told["id"], pins={"price": {"output": 4}, **PINNED})
    assert (done.status, "pay" in carried_out(done.json)) == (200, False)


async def test_an_approved_text_is_tried_as_it_is_and_a_changed_one_is_not(running):
    ann, ben = await somebody(running), await somebody(running, "approver")
    await ann.create(TEXT)
    review = await ann.request()
    assert refused_steps(await attempt(ann)) == ["pay"]
    assert (await ben.approve(review)).status == 200
    assert (await attempt(ann)).json["output"] == 2
    assert refused_steps(await attempt(ann, TEXT.replace("/pay", "/pay-twice"))) == ["pay"]
    assert (await ann.publish()).status == 200
    await ann.save(TEXT.replace("/pay", "/pay-more"))
    assert (await attempt(ann)).status == 201  # it is live still
    assert refused_steps(await attempt(ann, TEXT.replace("/pay", "/pay-more"))) == ["pay"]


async def test_an_approval_that_was_taken_back_lets_nothing_go_on(running):
    ann, ben = await somebody(running), await somebody(running, "approver")
    await ann.create(TEXT)
    review = await ann.request()
    await ben.approve(review)
    told = (await attempt(ann, breakpoints=["pay"])).json
    no = await ben.ask(
        "POST",
        f"/api/v1/definitions/workflow/greet/reviews/{review['revision']}/refuse",
        {"comment": "Not so."},
    )
    assert no.status == 200, no.body
    assert refused_steps(await lead(ann, told["id"])) == ["pay"]


@pytest.mark.parametrize(
    ("step", "found"),
    [
        (f"{{type: foreach, with: {{items: [1]}}, steps: {{b: {WRITE}}}}}", ["a/b"]),
        (f"{{type: try, steps: {{b: {{type: noop}}}}, finally: {{steps: {{c: {CALL}}}}}}}", ["a/c"]),
        (f"{{type: race, branches: {{x: {{steps: {{b: {WRITE}}}}}}}}}", ["a/b"]),
        (f"{{type: http.request, with: {{url: 'https://x.invalid'}}, undo: {WRITE}}}", ["a!undo"]),
        ("{type: http.request, with: {method: '{{ input.how }}', url: 'https://x.invalid'}}", ["a"]),
        ("{type: human.approve, with: {title: 'Shall it?'}}", ["a"]),
    ],
    ids=["in a loop", "in finally", "in a branch", "to take back", "computed", "asking"],
)
async def test_it_is_found_wherever_it_stands(running, step, found):
    admin = await somebody(running)
    other = "kind: workflow\nname: other\nspec:\n  steps: {a: {type: noop}}\n"
    await admin.create(other)
    owner = await somebody(running, "owner", "*")
    got = await owner.ask(
        "POST",
        "/api/v1/definitions/workflow/other/publish-unreviewed",
        {"why": "It is nothing."},
        if_match="1",
    )
    assert got.status == 200, got.body
    text = (
        f"kind: workflow\nname: draft\nspec:\n  input: {{type: object}}\n  steps:\n    a: {step}\n"
        "    off: {type: http.request, disabled: true, with: {method: PUT, url: 'https://x.invalid'}}\n"
    )
    assert refused_steps(await attempt(admin, text, input={"how": "POST"})) == found


async def test_where_no_workspace_wants_it_everything_is_tried(room):
    await room.runs.engine.open()
    assert (await attempt(await somebody(room))).json["output"] == 2
    await room.runs.engine.close()
