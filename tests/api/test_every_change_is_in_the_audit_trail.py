"""S51, L07: every route that changes something makes one entry, which names who did what to what, in which request.

The routes are those that the front door has. A new one is missing here until some story comes through it.
"""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import unquote

import pyotp
import pytest
from test_run_routes import ADA, BROKEN, GREET, PAID

from auraos.api.protocol.site import Site
from auraos.core.audit import Entry
from authenticators import Device
from houses import NOBODY, PASSWORD, House
from rooms import Got, Room

SILENT = {
    "compare_files", "check_text", "evaluate_expression", "complete_expression", "ask_for_passkey", "begin_passkey",
    "begin_totp", "evaluate_flag", "evaluate_flags", "explain_flag",
}  # fmt: skip
"""What changes nothing that stays: it only answers."""
ELSEWHERE = {
    "link_myself": "test_federation_routes", "unlink_myself": "test_federation_routes", "connect_git": "test_git_routes",
    "disconnect_git": "test_git_routes", "sync_git": "test_git_routes", "stop_bulk": "test_bulk_routes",
    "go_on_with_bulk": "test_bulk_routes", "resolve_run": "test_run_routes",
    "export_workspace": "test_chore_routes", "delete_workspace": "test_chore_routes", "begin_consent": "test_consent_routes",
}  # fmt: skip
"""What needs another world than this one, by the tests that hold its entries."""
ORIGIN = "https://auraos.test"


class Story:
    """Somebody who does one thing after the other, each looked at in the audit trail."""

    def __init__(self, room: Room, token: str, person: str) -> None:
        self.room = room
        self.token = token
        self.person = person
        self.came_through: set[str] = set()

    async def did(
        self, method: str, path: str, body: Any = None, *expected: str, who: str = "", token: str | None = None,
        outcome: str = "done", **headers: str,
    ) -> Got:  # fmt: skip
        """Do something, and hold that exactly these entries tell of it, as `action object`."""
        before = len(await self.room.house.entries())
        asked = self.token if token is None else token
        got = await self.room.ask(method, path, body, token=asked, **headers)
        assert got.status < 400, (method, path, got.status, got.body)
        entries = (await self.room.house.entries())[before:]
        assert [told(entry) for entry in entries] == list(expected), (method, path)
        for entry in entries:
            assert entry.outcome == outcome, entry
            assert entry.actor.id == (who or self.person), (method, path, entry.actor)
            assert entry.actor.request == got.headers["x-request-id"], (method, path)
            assert entry.actor.address == "192.0.2.7"
        found = self.room.routes.find(method, unquote(path.partition("?")[0]))
        assert found is not None
        self.came_through.add(found.route.name)
        return got


def told(entry: Entry) -> str:
    about = entry.object
    return f"{entry.action} {about.kind}/{about.name}" if about is not None else entry.action


@pytest.fixture
async def room(house: House) -> AsyncIterator[Room]:
    room = Room(house, Site(ORIGIN))
    await room.runs.engine.open()
    yield room
    await room.runs.engine.close()


@pytest.fixture
async def story(room: Room) -> Story:
    person, token = await room.house.signed_in("owner", "*", name="olga")
    return Story(room, token, person.id)


async def access(story: Story) -> None:
    vic = await story.room.house.person(name="vic")
    role = {"actions": ["runs.read"]}
    await story.did("PUT", "/api/v1/access/roles/looker", role, "access.change-roles role/looker")
    await story.did("DELETE", "/api/v1/access/roles/looker", None, "access.change-roles role/looker")
    wish = {"holder_kind": "person", "holder": "vic", "role": "viewer"}
    made = await story.did("POST", "/api/v1/access/grants", wish, "access.grant person/vic")
    await story.did("DELETE", f"/api/v1/access/grants/{made.json['id']}", None, "access.revoke person/vic")
    assert vic.name == "vic"
    await story.did("POST", "/api/v1/workspaces", {"name": "w2"}, "workspaces.create workspace/w2")
    await story.did("PUT", "/api/v1/workspaces/w2", {"title": "W"}, "workspaces.change workspace/w2")
    await story.did("PUT", "/api/v1/workspaces/w2/quotas", {"secrets": 5}, "workspaces.change workspace/w2")


async def people(story: Story) -> None:
    made = await story.did("POST", "/api/v1/people", {"name": "ben"}, "people.add person/ben")
    ben = made.json["person"]["id"]
    wish = {"token": made.json["token"], "password": PASSWORD}
    await story.did("POST", "/api/v1/invitations/accept", wish, "people.accept person/ben", who=ben, token="")
    await story.did("PUT", "/api/v1/people/ben", {"title": "Ben"}, "people.change person/ben")
    await story.did("POST", "/api/v1/people/ben/disable", None, "people.disable person/ben")
    await story.did("POST", "/api/v1/people/ben/enable", None, "people.enable person/ben")
    await story.did("POST", "/api/v1/people/ben/reset", {}, "people.reset person/ben")
    await story.did("POST", "/api/v1/groups", {"name": "crew"}, "people.group group/crew")
    await story.did("PUT", "/api/v1/groups/crew/members", {"people": ["ben"]}, "people.group group/crew")
    await story.did("DELETE", "/api/v1/groups/crew", None, "people.group group/crew")
    path = "/api/v1/directories"
    made = await story.did("POST", path, {"title": "HR"}, "people.directories directory/HR")
    number = made.json["directory"]["id"]
    await story.did("DELETE", f"{path}/{number}", None, "people.directories directory/HR")
    provider = {"issuer": "https://id.example", "client_id": "c", "client_secret": "s"}
    await story.did("PUT", "/api/v1/providers/corp", provider, "people.providers provider/corp")
    await story.did("DELETE", "/api/v1/providers/corp", None, "people.providers provider/corp")


async def keys(story: Story) -> None:
    made = await story.did("POST", "/api/v1/me/keys", {"title": "k"}, "keys.add person/olga")
    number = made.json["key"]["id"]
    await story.did("DELETE", f"/api/v1/me/keys/{number}", None, f"keys.revoke key/{number}")
    await story.did("POST", "/api/v1/services", {"name": "robot"}, "services.add service/robot")
    await story.did("POST", "/api/v1/services/robot/disable", None, "services.disable service/robot")
    await story.did("POST", "/api/v1/services/robot/enable", None, "services.enable service/robot")
    made = await story.did("POST", "/api/v1/services/robot/keys", {"title": "k"}, "keys.add service/robot")
    number = made.json["key"]["id"]
    await story.did("DELETE", f"/api/v1/services/robot/keys/{number}", None, f"keys.revoke key/{number}")
    await story.did("DELETE", "/api/v1/services/robot", None, "services.remove service/robot")


async def oneself(story: Story) -> None:
    wish = {"name": "olga", "password": PASSWORD, "carry": "token"}
    got = await story.did("POST", "/api/v1/sign-in", wish, "sessions.begin person/olga", token="")
    other = got.json["session"]
    await story.did("DELETE", f"/api/v1/me/sessions/{other}", None, "sessions.end person/olga")
    await story.room.ask("POST", "/api/v1/sign-in", wish)
    await story.did("DELETE", "/api/v1/me/sessions", None, "sessions.end person/olga")
    proof = {"password": PASSWORD}
    got = await story.did("POST", "/api/v1/me/prove", proof, "sessions.prove person/olga")
    story.token = got.json["token"]
    begun = (await story.room.ask("POST", "/api/v1/me/totp", token=story.token)).json
    code = pyotp.TOTP(begun["secret"]).at(story.room.house.clock.time // 1_000_000)
    setup = {"setup": begun["setup"], "code": code}
    await story.did("PUT", "/api/v1/me/totp", setup, "second-proof.add person/olga")
    await story.did("POST", "/api/v1/me/recovery-codes", None, "second-proof.renew-codes person/olga")
    await story.did("DELETE", "/api/v1/me/totp", None, "second-proof.remove person/olga")
    new = {"old": PASSWORD, "new": "another way home"}
    got = await story.did("PUT", "/api/v1/me/password", new, "people.change-password person/olga")
    story.token = got.json["token"]
    await story.did("POST", "/api/v1/sign-out", None, "sessions.end person/olga")


async def passkeys(story: Story) -> None:
    device = Device(ORIGIN)
    challenge = (await story.room.ask("POST", "/api/v1/me/passkeys/challenge", token=story.token)).json
    wish = {"title": "phone", "state": challenge["state"], "answer": device.make(challenge["options"])}
    await story.did("POST", "/api/v1/me/passkeys", wish, "second-proof.add-passkey person/olga")
    story.room.house.clock.sleep(1)
    challenge = (await story.room.ask("POST", "/api/v1/passkeys/challenge")).json
    wish = {"state": challenge["state"], "answer": device.sign(challenge["options"]), "carry": "token"}
    await story.did("POST", "/api/v1/sign-in/passkey", wish, "sessions.begin person/olga", token="")
    story.room.house.clock.sleep(1)
    challenge = (await story.room.ask("POST", "/api/v1/passkeys/challenge")).json
    wish = {"state": challenge["state"], "answer": device.sign(challenge["options"])}
    got = await story.did("POST", "/api/v1/me/prove/passkey", wish, "sessions.prove person/olga")
    story.token = got.json["token"]
    await story.did(
        "DELETE", f"/api/v1/me/passkeys/{device.id}", None, "second-proof.remove-passkey person/olga"
    )


async def definitions(story: Story) -> None:
    at = "/api/v1/definitions/workflow/greet"
    made = await story.did(
        "POST", "/api/v1/definitions", {"text": GREET}, "definitions.create workflow/greet"
    )
    tag = made.headers["etag"]
    text = {"text": GREET.replace("Hello", "Hallo")}
    got = await story.did("PUT", f"{at}/draft", text, "definitions.save workflow/greet", if_match=tag)
    tag = got.headers["etag"]
    await story.did("POST", f"{at}/publish", {}, "definitions.publish workflow/greet", if_match=tag)
    got = await story.room.ask("GET", at, token=story.token)
    text = {"text": GREET.replace("Hello", "Ahoy")}
    got = await story.room.ask("PUT", f"{at}/draft", text, token=story.token, if_match=got.headers["etag"])
    tag = got.headers["etag"]
    await story.did("POST", f"{at}/restore", {"version": 1}, "definitions.save workflow/greet", if_match=tag)
    await story.did("PUT", f"{at}/owner", {"owner": story.person}, "definitions.give workflow/greet")
    await story.did("POST", f"{at}/archive", None, "definitions.archive workflow/greet")
    await story.did("POST", f"{at}/bring-back", None, "definitions.bring-back workflow/greet")
    text = {"text": GREET.replace("Hello", "Moin")}
    tag = (await story.room.ask("GET", at, token=story.token)).headers["etag"]
    tag = (await story.room.ask("PUT", f"{at}/draft", text, token=story.token, if_match=tag)).headers["etag"]
    await story.room.ask("POST", f"{at}/publish", {}, token=story.token, if_match=tag)
    await story.did(
        "POST", f"{at}/roll-back", {}, "definitions.save workflow/greet", "definitions.publish workflow/greet"
    )
    files = {"files": [{"path": "paid.yaml", "text": PAID}]}
    await story.did(
        "POST",
        "/api/v1/definitions/apply",
        files,
        "definitions.create workflow/paid",
        "definitions.publish workflow/paid",
    )
    files = {"files": [{"path": "broken.yaml", "text": BROKEN}]}
    await story.did("POST", "/api/v1/definitions/import", files, "definitions.import workflow/broken")
    await story.did("PUT", "/api/v1/bindings/variable/limit", {"value": 5}, "definitions.bind")
    await story.did("DELETE", "/api/v1/bindings/variable/limit", None, "definitions.unbind")
    await story.room.ask("POST", "/api/v1/workspaces", {"name": "live"}, token=story.token)
    wish = {"source": "default", "items": [{"kind": "workflow", "name": "paid"}]}
    await story.did(
        "POST",
        "/api/v1/definitions/promote",
        wish,
        "definitions.create workflow/paid",
        "definitions.publish workflow/paid",
        workspace="live",
    )


async def flags(story: Story) -> None:
    made = await story.room.ask("POST", "/api/v1/definitions", {"text": FLAG}, token=story.token)
    path = "/api/v1/definitions/flag/new-price/publish"
    await story.room.ask("POST", path, {}, token=story.token, if_match=made.headers["etag"])
    await story.did("POST", "/api/v1/flags/new-price/off", {"why": "w"}, "flags.switch flag/new-price")
    await story.did("POST", "/api/v1/flags/new-price/on", {"why": "w"}, "flags.switch flag/new-price")


async def reviews(story: Story) -> None:
    room = story.room
    await room.ask("PUT", "/api/v1/workspaces/default", {"four_eyes": True}, token=story.token)
    _, writer = await room.house.signed_in("editor")
    at = "/api/v1/definitions/workflow/greet"
    made = await room.ask("POST", "/api/v1/definitions", {"text": GREET}, token=writer)
    tag = made.headers["etag"]
    who = (await room.house.known(writer)).id
    await story.did(
        "POST",
        f"{at}/reviews",
        {},
        "definitions.request-review workflow/greet",
        who=who,
        token=writer,
        if_match=tag,
    )
    await story.did(
        "POST", f"{at}/reviews/1/refuse", {"comment": "no"}, "definitions.refuse-review workflow/greet"
    )
    text = {"text": GREET.replace("Hello", "Hi")}
    tag = (await room.ask("PUT", f"{at}/draft", text, token=writer, if_match=tag)).headers["etag"]
    asked = await room.ask("POST", f"{at}/reviews", {}, token=writer, if_match=tag)
    given = {"digest": asked.json["digest"]}
    await story.did("POST", f"{at}/reviews/2/approve", given, "definitions.approve workflow/greet")
    text = {"text": GREET.replace("Hello", "Oi")}
    tag = (await room.ask("PUT", f"{at}/draft", text, token=writer, if_match=tag)).headers["etag"]
    await story.did(
        "POST",
        f"{at}/publish-unreviewed",
        {"why": "night"},
        "definitions.publish-unreviewed workflow/greet",
        if_match=tag,
    )


async def secrets(story: Story) -> None:
    value = {"credential": {"kind": "bearer", "token": "a-token"}, "hosts": ["a.example", "b.example"]}
    at = "/api/v1/secrets/mailer"
    wish = {"name": "mailer", "value": value}
    await story.did("POST", "/api/v1/secrets", wish, "secrets.create secret/mailer")
    await story.did("PUT", f"{at}/value", {"value": value}, "secrets.replace secret/mailer", if_match='"1"')
    await story.did("PUT", f"{at}/about", {"title": "M"}, "secrets.describe secret/mailer", if_match='"2"')
    await story.did(
        "PUT", f"{at}/binding", {"hosts": ["a.example"]}, "secrets.narrow secret/mailer", if_match='"3"'
    )
    trial = {"url": "http://a.example:1/"}
    await story.did("POST", f"{at}/test", trial, "secrets.test secret/mailer", outcome="failed")
    trial = {"url": "http://127.0.0.1:1/", "value": {**value, "hosts": ["127.0.0.1"]}}
    await story.did("POST", "/api/v1/secret-tests", trial, "secrets.test secret/", outcome="failed")
    await story.did("POST", f"{at}/versions/1/revoke", {}, "secrets.revoke secret/mailer")
    await story.did("DELETE", at, None, "secrets.delete secret/mailer")
    got = await story.room.ask("GET", "/api/v1/encryption-keys", token=story.token)
    before = len(await story.room.house.entries())
    await story.room.ask("POST", "/api/v1/encryption-keys/rotate", token=story.token)
    (entry,) = (await story.room.house.entries())[before:]
    assert (got.status, entry.action, entry.object.kind) == (200, "secrets.rotate", "key")
    await story.room.ask("POST", "/api/v1/encryption-keys/rotate-master", token=story.token)
    assert (await story.room.house.entries())[-1].action == "installation.rotate"
    story.came_through |= {"rotate_encryption_key", "rotate_master_key"}


async def publish(story: Story, text: str) -> None:
    made = await story.room.ask("POST", "/api/v1/definitions", {"text": text}, token=story.token)
    path = f"/api/v1/definitions/workflow/{made.json['name']}/publish"
    await story.room.ask("POST", path, {}, token=story.token, if_match=made.headers["etag"])


async def runs(story: Story) -> None:
    for text in (GREET, PAID, BROKEN, ASKING):
        await publish(story, text)
    start = "/api/v1/workflows/{}/runs?wait=1"
    await story.did("POST", start.format("greet"), ADA, "runs.start workflow/greet")
    paid = (await story.did("POST", start.format("paid"), {}, "runs.start workflow/paid")).json["run"]
    at = f"/api/v1/runs/{paid}"
    await story.did("POST", f"{at}/pause", {"reason": "wait"}, f"runs.pause run/{paid}")
    await story.did("POST", f"{at}/resume", {}, f"runs.resume run/{paid}")
    signal = {"name": "paid", "data": {"amount": 5}}
    await story.did("POST", f"{at}/signal", signal, f"runs.signal run/{paid}")
    paid = (await story.did("POST", start.format("paid"), {}, "runs.start workflow/paid")).json["run"]
    await story.did("POST", f"/api/v1/runs/{paid}/cancel", {"reason": "no"}, f"runs.cancel run/{paid}")
    asked = (await story.did("POST", start.format("asking"), {}, "runs.start workflow/asking")).json["run"]
    await story.did(
        "POST", f"/api/v1/runs/{asked}/approve", {"decision": "approved"}, f"runs.approve run/{asked}"
    )
    failed = (await story.did("POST", start.format("broken"), {}, "runs.start workflow/broken")).json["run"]
    await story.did("POST", f"/api/v1/runs/{failed}/retry", {}, f"runs.retry run/{failed}")
    await story.did("POST", f"/api/v1/runs/{failed}/fork", {}, f"runs.fork run/{failed}")
    moved = (await story.did("POST", start.format("paid"), {}, "runs.start workflow/paid")).json["run"]
    files = {
        "files": [
            {
                "path": "paid.yaml",
                "text": PAID.replace("steps.paid.data.amount", "steps.paid.data.amount + 1"),
            }
        ]
    }
    await story.room.ask("POST", "/api/v1/definitions/apply", files, token=story.token)
    await story.did("POST", f"/api/v1/runs/{moved}/move", {"version": "live"}, f"runs.move run/{moved}")
    event = {"type": "paper.arrived", "data": 1}
    await story.did("POST", "/api/v1/events", event, "events.send event/paper.arrived")
    wish = {"text": GREET, **ADA, "breakpoints": ["say"]}
    tried = (await story.did("POST", "/api/v1/trials?wait=2", wish, "runs.try workflow/greet")).json["id"]
    await story.did("POST", f"/api/v1/trials/{tried}/step?wait=2", {}, "runs.try workflow/greet")
    await story.did("POST", f"/api/v1/trials/{tried}/stop", None, "runs.try workflow/greet")
    tried = (await story.did("POST", "/api/v1/trials?wait=2", wish, "runs.try workflow/greet")).json["id"]
    await story.did("POST", f"/api/v1/trials/{tried}/go-on?wait=2", {}, "runs.try workflow/greet")


async def turns(story: Story) -> None:
    """One run has the only turn, and another waits for it."""
    await publish(story, ONE_BY_ONE)
    start = "/api/v1/workflows/one-by-one/runs"
    await story.room.ask("POST", f"{start}?wait=1", {}, token=story.token)
    waits = (await story.room.ask("POST", start, {}, token=story.token)).json["run"]
    await story.did(
        "POST", f"/api/v1/runs/{waits}/prioritize", {"priority": 3}, f"runs.prioritize run/{waits}"
    )


async def bulks(story: Story) -> None:
    """One entry tells of the wish, and one of each run that it was done to."""
    for text in (PAID, BROKEN, ONE_BY_ONE):
        await publish(story, text)

    async def begun(name: str, wait: int = 1) -> str:
        path = f"/api/v1/workflows/{name}/runs?wait={wait}"
        return str((await story.room.ask("POST", path, {}, token=story.token)).json["run"])

    async def many(verb: str, run: str, **more: Any) -> None:
        before = len(await story.room.house.entries())
        body = {"runs": [run], **more}
        got = await story.room.ask("POST", f"/api/v1/bulks/{verb}?wait=5", body, token=story.token)
        assert got.status < 400, got.body
        entries = (await story.room.house.entries())[before:]
        assert [told(entry).partition("/")[0] for entry in entries] == [
            f"runs.{verb} bulk",
            f"runs.{verb} run",
        ]
        assert {entry.actor.id for entry in entries} == {story.person}
        story.came_through.add(f"{verb}_many")

    await many("pause", paused := await begun("paid"))
    await many("resume", paused)
    await many("signal", paused, how={"name": "paid", "data": {"amount": 1}})
    await many("cancel", await begun("paid"))
    await many("retry", failed := await begun("broken"))
    await many("fork", failed)
    await begun("one-by-one")
    await many("prioritize", await begun("one-by-one"), how={"priority": 4})


async def settings(story: Story) -> None:
    name = "log.level"
    for base, place in (
        ("/api/v1/installation/settings", ""),
        ("/api/v1/settings", ""),
        ("/api/v1/me/settings", ""),
    ):
        listed = (await story.room.ask("GET", base, token=story.token)).json["items"]
        assert listed, (base, place)
        name = listed[0]["name"]
        revision, value = listed[0]["revision"], another(listed[0])
        got = await story.did(
            "PUT",
            f"{base}/{name}",
            {"value": value},
            f"settings.change setting/{name}",
            if_match=f'"{revision}"',
        )
        await story.did(
            "POST",
            f"{base}/{name}/clear",
            None,
            f"settings.change setting/{name}",
            if_match=got.headers["etag"],
        )


def another(setting: dict[str, Any]) -> Any:
    """Return a value for a setting that it does not have."""
    value, kind = setting["value"], setting.get("schema", {})
    if "enum" in kind:
        return next(each for each in kind["enum"] if each != value)
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else "13h"


async def privacy(story: Story) -> None:
    about = {"subject": "ada@example.org", "reason": "asked"}
    for verb in ("find", "export", "erase"):
        before = len(await story.room.house.entries())
        got = await story.room.ask("POST", f"/api/v1/privacy/requests/{verb}", about, token=story.token)
        entries = (await story.room.house.entries())[before:]
        assert (got.status < 400) == bool(entries), (verb, got.status, got.body)
        assert {entry.action for entry in entries} <= {f"privacy.{verb}"}
    story.came_through |= {"find_person", "export_person", "erase_person"}
    hold = {"kind": "workspace", "reason": "case 7"}
    got = await story.room.ask("POST", "/api/v1/privacy/holds", hold, token=story.token)
    assert got.status < 400, got.body
    assert (await story.room.house.entries())[-1].action == "privacy.hold"
    await story.room.ask("DELETE", f"/api/v1/privacy/holds/{got.json['id']}", token=story.token)
    assert (await story.room.house.entries())[-1].action == "privacy.lift"
    await story.room.house.person(name="gone")
    got = await story.room.ask("POST", "/api/v1/people/gone/erase", token=story.token)
    assert got.status < 400, got.body
    assert "people.erase" in {entry.action for entry in await story.room.house.entries()}
    story.came_through |= {"add_hold", "lift_hold", "erase_account"}


async def trail(story: Story) -> None:
    await story.room.desk.audit.checkpoints.sign()
    got = await story.room.ask("POST", "/api/v1/installation/audit/rotate-key", token=story.token)
    assert got.status == 200
    assert "audit.rotate-key" in {entry.action for entry in await story.room.house.entries()}
    story.room.house.clock.sleep(40 * 24 * 3600)
    person = await story.room.house.identity.people.find("olga")
    token = (await story.room.house.identity.sign_in.begin(NOBODY, person, ("password",))).token
    path, wish = "/api/v1/installation/audit/prune", {"older_than_days": 30}
    assert (await story.room.ask("POST", path, wish, token=token)).json["entries"] > 0
    (entry,) = await story.room.house.entries("audit.prune")
    assert entry.actor.id == story.person
    story.came_through |= {"rotate_audit_key", "prune_audit"}


async def first_owner(story: Story) -> None:
    """The first owner is made in a house of its own: see `test_the_first_owner_is_told`."""
    story.came_through.add("claim_ownership")


FLAG = """kind: flag
name: new-price
spec:
  type: number
  variants: {old: 10, new: 12}
  default: old
  off: old
"""
ASKING = """kind: workflow
name: asking
spec:
  steps: {ok: {type: human.approve, with: {title: "Fine?"}}}
"""
ONE_BY_ONE = """kind: workflow
name: one-by-one
spec:
  settings: {concurrency: {limit: 1}}
  steps: {go: {type: wait.signal, with: {name: go}}}
"""
STORIES: list[Callable[[Story], Awaitable[None]]] = [
    access, people, keys, oneself, passkeys, definitions, flags, reviews, secrets, runs, turns, bulks, settings, privacy, trail,
]  # fmt: skip
THROUGH: dict[str, str] = {
    "access": """
        add_workspace change_workspace grant_role put_quotas put_role remove_role revoke_grant
    """,
    "people": """
        accept_invitation add_directory add_group add_person change_members change_person disable_person
        enable_person put_provider remove_directory remove_group remove_provider reset_person
    """,
    "keys": """
        add_my_key add_service add_service_key disable_service enable_service remove_service revoke_my_key
        revoke_service_key
    """,
    "oneself": """
        change_my_password confirm_totp end_my_other_sessions end_my_session prove_myself remove_totp
        renew_recovery_codes sign_in sign_out
    """,
    "passkeys": """
        add_passkey prove_myself_by_passkey remove_passkey sign_in_by_passkey
    """,
    "definitions": """
        apply_files archive_definition bind bring_back_definition create_definition give_definition
        import_definitions promote_definitions publish_definition restore_version roll_back save_draft unbind
    """,
    "flags": """
        switch_flag_off switch_flag_on
    """,
    "reviews": """
        approve_draft publish_unreviewed refuse_draft request_review
    """,
    "secrets": """
        create_secret delete_secret describe_secret narrow_secret replace_secret revoke_version
        rotate_encryption_key rotate_master_key try_secret try_value
    """,
    "runs": """
        approve_run cancel_run fork_run go_on_with_trial move_run pause_run resume_run retry_run send_event
        signal_run start_run step_through_trial stop_trial try_text
    """,
    "turns": """
        prioritize_run
    """,
    "bulks": """
        cancel_many fork_many pause_many prioritize_many resume_many retry_many signal_many
    """,
    "settings": """
        clear_installation_setting clear_own_setting clear_setting set_installation_setting set_own_setting
        set_setting
    """,
    "privacy": """
        add_hold erase_account erase_person export_person find_person lift_hold
    """,
    "trail": """
        prune_audit rotate_audit_key
    """,
}
"""The routes that each story comes through."""


@pytest.mark.parametrize("tell", STORIES, ids=lambda tell: tell.__name__)
async def test_whatever_is_done_is_told_once_with_who_did_it(story, tell):
    """S51."""
    await tell(story)
    assert story.came_through == set(THROUGH[tell.__name__].split())


async def test_the_first_owner_is_told(house):
    """S51, S55."""
    room = Room(house)
    token = await house.identity.ownership.token_for_first_start()
    wrong = {"token": "wrong", "name": "olga", "password": PASSWORD}
    assert (await room.ask("POST", "/api/v1/owner", wrong)).status == 403
    got = await room.ask("POST", "/api/v1/owner", {**wrong, "token": token, "carry": "token"})
    assert got.status < 300, got.body
    told_of = [(entry.action, entry.outcome, entry.actor.name) for entry in await house.entries()]
    assert told_of[:2] == [("ownership.claim", "refused", ""), ("ownership.claim", "done", "olga")]


async def test_no_route_that_changes_something_is_left_out(room):
    """S51."""
    seen = {name for names in THROUGH.values() for name in names.split()} | {"claim_ownership"}
    changing = {route.name for route in room.routes.routes if not route.is_safe}
    assert changing - seen - SILENT - ELSEWHERE.keys() == set()
    assert (SILENT | ELSEWHERE.keys()) - changing == set()


async def test_who_fails_to_come_in_is_told_once_for_each_try(room):
    """S51: the name that was tried is told as a person only where there is one."""
    person = await room.house.person(name="vic")
    before = len(await room.house.entries())
    for name in ("vic", "nobody-has-it"):
        got = await room.ask("POST", "/api/v1/sign-in", {"name": name, "password": "wrong"})
        assert got.status == 401
    first, second = (await room.house.entries())[before:]
    assert (first.action, first.outcome, first.object.id) == ("sessions.begin", "refused", person.id)
    assert (second.action, second.outcome, second.object.id) == ("sessions.begin", "refused", "")
    assert {first.actor.address, second.actor.address} == {"192.0.2.7"}
    assert first.actor.kind == "nobody"


@pytest.mark.parametrize("end", ["revoked", "expired", "disabled"])
async def test_who_comes_with_a_key_that_opens_nothing_any_more_is_told_once_in_a_while(room, story, end):
    """S51."""
    _, session = await room.house.signed_in("viewer", name="ben")
    made = await room.ask("POST", "/api/v1/me/keys", {"title": "k"}, token=session)
    key, number = made.json["token"], made.json["key"]["id"]
    if end == "revoked":
        await room.ask("DELETE", f"/api/v1/me/keys/{number}", token=session)
    if end == "disabled":
        await room.ask("POST", "/api/v1/people/ben/disable", token=story.token)
    if end == "expired":
        room.house.clock.sleep(91 * 24 * 3600)
    for _ in range(3):
        assert (await room.ask("GET", "/api/v1/me", token=key)).status == 401
    (entry,) = await room.house.entries("keys.use")
    assert (entry.outcome, entry.actor.kind, entry.actor.key, entry.object.name) == (
        "refused",
        "nobody",
        number,
        number,
    )
    room.house.clock.sleep(601)
    await room.ask("GET", "/api/v1/me", token=key)
    assert len(await room.house.entries("keys.use")) == 2


async def test_what_a_run_refuses_is_told_as_refused(room, story):
    """S51: never as done."""
    await publish(story, GREET)
    got = await room.ask("POST", "/api/v1/workflows/greet/runs?wait=5", ADA, token=story.token)
    run = got.json["run"]
    refused = await room.ask("POST", f"/api/v1/runs/{run}/cancel", {"reason": "late"}, token=story.token)
    assert refused.status == 409
    (entry,) = await room.house.entries("runs.cancel")
    assert (entry.outcome, entry.why) == ("refused", "late (request-refused-by-run)")
    wrong = await room.ask("POST", "/api/v1/workflows/greet/runs", {"input": {}}, token=story.token)
    assert wrong.status == 422
    assert [entry.outcome for entry in await room.house.entries("runs.start")] == ["done", "refused"]


async def test_a_program_is_told_with_its_key_and_who_made_it(room, story):
    """S51: who acts for another is told."""
    await room.ask("POST", "/api/v1/services", {"name": "robot"}, token=story.token)
    made = await room.ask("POST", "/api/v1/services/robot/keys", {"title": "k"}, token=story.token)
    wish = {"holder_kind": "service", "holder": "robot", "role": "operator"}
    await room.ask("POST", "/api/v1/access/grants", wish, token=story.token)
    await publish(story, GREET)
    await room.ask("POST", "/api/v1/workflows/greet/runs", ADA, token=made.json["token"])
    (entry,) = await room.house.entries("runs.start")
    assert (entry.actor.kind, entry.actor.name) == ("service", "robot")
    assert (entry.actor.key, entry.actor.maker) == (made.json["key"]["id"], story.person)


async def test_no_value_of_a_secret_comes_into_the_trail(room, story):
    """S51, S10: in no form, whatever is done with it."""
    canary = "canary+9f27/ab51=c04e"
    value = {"credential": {"kind": "bearer", "token": canary}, "hosts": ["127.0.0.1"]}
    at = "/api/v1/secrets/mailer"
    await room.ask("POST", "/api/v1/secrets", {"name": "mailer", "value": value}, token=story.token)
    await room.ask("PUT", f"{at}/value", {"value": value}, token=story.token, if_match='"1"')
    await room.ask("POST", f"{at}/test", {"url": f"http://127.0.0.1:1/?key={canary}"}, token=story.token)
    trial = {"url": "http://127.0.0.1:1/", "value": value}
    await room.ask("POST", "/api/v1/secret-tests", trial, token=story.token)
    wrong = {"name": "mailer", "value": {**value, "more": canary}}
    await room.ask("POST", "/api/v1/secrets", wrong, token=story.token)
    await room.ask("POST", "/api/v1/sign-in", {"name": "olga", "password": canary})
    await room.ask("GET", "/api/v1/me", token=canary)
    provider = {"issuer": "https://id.example", "client_id": "c", "client_secret": canary}
    await room.ask("PUT", "/api/v1/providers/corp", provider, token=story.token)
    await room.ask("POST", "/api/v1/me/keys", {"title": "k"}, token=story.token)
    rows = await room.house.tables.all("select facts, told, origin from audit", (), "".join)
    raw = "".join(rows)
    for form in (canary, canary.encode().hex(), base64.b64encode(canary.encode()).decode()[:24], canary[:12]):
        assert form not in raw
    assert "client_secret" in raw
