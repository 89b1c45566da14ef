"""Four eyes: nothing is published that only those have seen who wrote it, whichever way they come (S64)."""

from typing import Any

import pytest

from auraos.core.audit import Actor
from auraos.security.identity.keys import KeyWish
from auraos.security.identity.rows import Person
from houses import EVERYTHING, HOUSE, acting
from kept_definitions import workflow
from rooms import Got, Room

HERE = "/api/v1/definitions/workflow/greet"


class Writer:
    """Somebody who comes in with a token."""

    def __init__(self, room: Room, person: Person, token: str) -> None:
        self.room, self.person, self.token = room, person, token

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Got:
        return await self.room.ask(method, path, body, token=self.token, **headers)

    async def create(self, text: str = "") -> None:
        got = await self.ask("POST", "/api/v1/definitions", {"text": text or workflow()})
        assert got.status == 201, got.body

    async def save(self, text: str) -> Got:
        revision = (await self.ask("GET", HERE)).json["revision"]
        return await self.ask("PUT", f"{HERE}/draft", {"text": text}, if_match=str(revision))

    async def publish(self) -> Got:
        revision = (await self.ask("GET", HERE)).json["revision"]
        return await self.ask("POST", f"{HERE}/publish", {}, if_match=str(revision))

    async def request(self) -> dict[str, Any]:
        revision = (await self.ask("GET", HERE)).json["revision"]
        got = await self.ask("POST", f"{HERE}/reviews", {"note": "please"}, if_match=str(revision))
        assert got.status == 201, got.body
        return dict(got.json)

    async def approve(self, review: dict[str, Any], **changed: Any) -> Got:
        said = {"digest": review["digest"], **changed}
        return await self.ask("POST", f"{HERE}/reviews/{review['revision']}/approve", said)


@pytest.fixture
async def careful(room: Room) -> Room:
    """Return a room whose workspace wants four eyes."""
    owner = await somebody(room, "owner", "*")
    got = await owner.ask("PUT", "/api/v1/workspaces/default", {"four_eyes": True})
    assert (got.status, got.json["four_eyes"]) == (200, True)
    return room


async def somebody(room: Room, role: str = "admin", workspace: str = "default", name: str = "") -> Writer:
    person = await room.house.person(role, workspace, name=name)
    return Writer(room, person, await room.house.session(person))


async def test_what_somebody_else_approved_is_published_and_nothing_else(careful):
    """S64."""
    ann, ben = await somebody(careful), await somebody(careful, "approver")
    await ann.create()
    assert (await ann.publish()).code == "review-needed"
    review = await ann.request()
    assert (await ann.publish()).code == "review-needed"
    waiting = (await ben.ask("GET", "/api/v1/reviews")).json["items"]
    assert [(one["name"], one["digest"]) for one in waiting] == [("greet", review["digest"])]
    got = await ben.approve(review)
    assert (got.status, got.json["state"]) == (200, "approved")
    assert (await ann.publish()).status == 200
    assert (await ann.ask("GET", "/api/v1/reviews")).json["items"] == []
    assert [entry.outcome for entry in await careful.house.entries("definitions.approve")] == ["done"]


async def test_where_no_workspace_wants_it_nobody_is_asked(room):
    ann = await somebody(room)
    await ann.create()
    assert (await ann.publish()).status == 200


async def test_nobody_approves_what_they_wrote_themselves(careful):
    """S64."""
    ann = await somebody(careful)
    await ann.create()
    got = await ann.approve(await ann.request())
    assert (got.status, got.code) == (403, "own-review")
    (entry,) = await careful.house.entries("definitions.approve")
    assert (entry.outcome, entry.actor.id) == ("refused", ann.person.id)
    assert (await ann.publish()).code == "review-needed"


async def test_a_key_approves_nothing_whoever_it_belongs_to(careful):
    """S64."""
    ann, ben = await somebody(careful), await somebody(careful)
    await ann.create()
    review = await ann.request()
    for person in (ann, ben):
        known = await careful.house.known(person.token)
        made = await careful.house.identity.keys.add_own(acting(person.person), known, KeyWish(title="a key"))
        keyed = Writer(careful, person.person, made.token)
        assert (await keyed.approve(review)).code == "person-needed"


async def robot_of(room: Room, maker: Writer) -> Writer:
    """Return a service account by a key that somebody made."""
    await room.house.identity.keys.add_service(HOUSE, "default", "robot", "")
    service = await room.house.identity.keys.service("default", "robot")
    await room.house.grant("service", service.id, "admin")
    made = await room.house.identity.keys.add_to_service(
        acting(maker.person), EVERYTHING, "default", "robot", KeyWish(title="a key")
    )
    return Writer(room, maker.person, made.token)


async def test_what_a_program_wrote_is_not_approved_by_who_made_its_key_nor_by_itself(careful):
    """S64."""
    ann, ben = await somebody(careful), await somebody(careful)
    robot = await robot_of(careful, ann)
    await robot.create()
    review = await robot.request()
    assert (await robot.approve(review)).code == "person-needed"
    assert (await ann.approve(review)).code == "own-review"
    assert (await ben.approve(review)).status == 200


async def test_a_later_edit_voids_an_approval_also_when_it_is_taken_back(careful):
    """S64: the approval is bound to the content."""
    ann, ben = await somebody(careful), await somebody(careful)
    await ann.create()
    review = await ann.request()
    assert (await ben.approve(review)).status == 200
    assert (await ann.save(workflow(value=2))).status == 200
    assert (await ann.publish()).code == "review-needed"
    assert (await ann.save(workflow())).status == 200
    assert (await ann.publish()).code == "review-needed"
    assert (await ben.approve(review)).code == "review-void"
    assert (await ben.ask("GET", "/api/v1/reviews?state=approved")).json["items"] == []


async def test_only_what_was_looked_at_is_approved(careful):
    ann, ben = await somebody(careful), await somebody(careful)
    await ann.create()
    review = await ann.request()
    assert (await ben.approve(review, digest="0" * 64)).code == "review-void"


async def test_an_edit_by_somebody_else_does_not_free_the_first_author(careful):
    """S64."""
    ann, ben = await somebody(careful), await somebody(careful)
    await ann.create()
    assert (await ben.save(workflow(value=3))).status == 200
    review = await ben.request()
    assert (await ann.approve(review)).code == "own-review"
    assert (await ben.approve(review)).code == "own-review"
    assert (await (await somebody(careful)).approve(review)).status == 200


async def test_an_approval_is_given_once_and_good_once(careful):
    """S64: approve twice."""
    ann, ben = await somebody(careful), await somebody(careful)
    await ann.create()
    review = await ann.request()
    assert (await ben.approve(review)).status == 200
    assert (await ben.approve(review)).code == "review-ended"
    assert (await ann.publish()).status == 200
    assert (await ann.save(workflow(value=2))).status == 200
    assert (await ann.publish()).code == "review-needed"


async def test_a_refusal_says_why_and_takes_back_an_approval(careful):
    ann, ben = await somebody(careful), await somebody(careful)
    await ann.create()
    review = await ann.request()
    assert (await ben.approve(review)).status == 200
    path = f"{HERE}/reviews/{review['revision']}/refuse"
    assert (await ben.ask("POST", path, {"comment": " "})).code == "request-refused"
    got = await ben.ask("POST", path, {"comment": "not so"})
    assert (got.json["state"], got.json["comment"]) == ("refused", "not so")
    assert (await ann.publish()).code == "review-needed"


async def test_applying_a_folder_publishes_nothing_that_was_not_approved(careful):
    """S64."""
    ann, ben = await somebody(careful), await somebody(careful)
    files = [{"path": "greet.yaml", "text": workflow()}]
    for more in ({}, {"keep_drafts": True}, {"break_others": True}):
        got = await ann.ask("POST", "/api/v1/definitions/apply", {"files": files, **more})
        assert (got.status, got.code) == (409, "review-needed")
    kept = await ann.ask("POST", "/api/v1/definitions/apply", {"files": files, "publish": False})
    assert kept.status == 200
    review = await ann.request()
    assert (await ann.approve(review)).code == "own-review"
    assert (await ben.approve(review)).status == 200
    other = [{"path": "greet.yaml", "text": workflow(value=2)}]
    for more in ({}, {"keep_drafts": True}):
        got = await ann.ask("POST", "/api/v1/definitions/apply", {"files": other, **more})
        assert got.code == "review-needed"
    assert (await ann.ask("POST", "/api/v1/definitions/apply", {"files": files})).status == 200


async def test_who_imports_a_bundle_wrote_it(careful):
    """S64."""
    ann, ben = await somebody(careful), await somebody(careful)
    await ben.create()
    given = {"files": [{"path": "greet.yaml", "text": workflow(value=2)}], "conflicts": "replace"}
    assert (await ann.ask("POST", "/api/v1/definitions/import", given)).status == 200
    review = await ben.request()
    assert (await ann.approve(review)).code == "own-review"
    assert (await ben.approve(review)).code == "own-review"


async def test_who_wrote_a_version_elsewhere_does_not_approve_it_here(careful):
    """S64: promotion."""
    room = careful
    await room.house.identity.access.add_workspace(HOUSE, "dev", "")
    ann, ben = await somebody(room, "admin", "*"), await somebody(room, "admin", "*")
    ann_there = Writer(room, ann.person, ann.token)
    created = await room.ask(
        "POST", "/api/v1/definitions", {"text": workflow()}, token=ann.token, workspace="dev"
    )
    assert created.status == 201
    there = await room.ask("POST", f"{HERE}/publish", {}, token=ann.token, workspace="dev", if_match="1")
    assert there.status == 200
    promotion = {"source": "dev", "items": [{"kind": "workflow", "name": "greet"}]}
    assert (await ben.ask("POST", "/api/v1/definitions/promote", promotion)).code == "review-needed"
    kept = await ben.ask("POST", "/api/v1/definitions/promote", {**promotion, "publish": False})
    assert kept.status == 200
    review = await ben.request()
    assert (await ann_there.approve(review)).code == "own-review"
    assert (await ben.approve(review)).code == "own-review"
    assert (await (await somebody(room)).approve(review)).status == 200
    assert (await ben.ask("POST", "/api/v1/definitions/promote", promotion)).status == 200


async def test_what_nobody_known_wrote_takes_two(careful):
    """S64: what comes out of a repository."""
    git = Actor(kind="house", id="git", name="git")
    await careful.desk.definitions.create(git, "default", workflow())
    ann, ben = await somebody(careful), await somebody(careful)
    review = await ann.request()
    assert review["needed"] == 2
    assert (await ann.approve(review)).json["state"] == "waiting"
    assert (await ann.approve(review)).code == "own-review"
    assert (await ben.publish()).code == "review-needed"
    assert (await ben.approve(review)).json["state"] == "approved"
    assert (await ben.publish()).status == 200


async def test_a_version_that_is_restored_was_written_by_who_restores_it(careful):
    ann, ben = await somebody(careful), await somebody(careful)
    await ann.create()
    await ben.approve(await ann.request())
    assert (await ann.publish()).status == 200
    assert (await ann.save(workflow(value=2))).status == 200
    await ben.approve(await ann.request())
    assert (await ann.publish()).status == 200
    revision = (await ben.ask("GET", HERE)).json["revision"]
    got = await ben.ask("POST", f"{HERE}/restore", {"version": 1}, if_match=str(revision))
    assert got.status == 200, got.body
    assert (await ben.publish()).code == "review-needed"
    assert (await ben.approve(await ben.request())).code == "own-review"


async def test_an_owner_publishes_unreviewed_only_with_a_reason_and_the_trail_has_it(careful):
    """S64."""
    ann, owner = await somebody(careful), await somebody(careful, "owner", "*")
    await ann.create()
    path = f"{HERE}/publish-unreviewed"
    assert (await ann.ask("POST", path, {"why": "now"}, if_match="1")).code == "not-allowed"
    assert (await owner.ask("POST", path, {"why": "  "}, if_match="1")).code == "request-refused"
    careful.house.clock.sleep(601)
    stale = await owner.ask("POST", path, {"why": "now"}, if_match="1")
    assert stale.code == "step-up-needed"
    fresh = await careful.house.session(owner.person)
    got = await careful.ask("POST", path, {"why": "the house burns"}, token=fresh, if_match="1")
    assert got.status == 200
    (entry,) = await careful.house.entries("definitions.publish-unreviewed")
    assert (entry.actor.name, entry.why) == (owner.person.name, "the house burns")


async def test_only_an_owner_who_proves_it_ends_four_eyes(careful):
    """S39, S64."""
    admin = await somebody(careful, "admin", "*")
    got = await admin.ask("PUT", "/api/v1/workspaces/default", {"four_eyes": False})
    assert got.code == "not-allowed"
    owner = await somebody(careful, "owner", "*")
    careful.house.clock.sleep(601)
    got = await owner.ask("PUT", "/api/v1/workspaces/default", {"four_eyes": False})
    assert got.code == "step-up-needed"


async def test_a_link_approves_nothing(careful):
    """S64: an approval link that is looked at by a scanner of mail."""
    ann, ben = await somebody(careful), await somebody(careful)
    await ann.create()
    review = await ann.request()
    got = await ben.ask("GET", f"{HERE}/reviews/{review['revision']}/approve")
    assert got.code == "method-not-allowed"
    assert (await ann.publish()).code == "review-needed"
