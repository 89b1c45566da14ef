"""S08, S60 over all routes: whoever may not use a secret brings it into no workflow, by whatever step, place, spelling and route.

Step types and settings are those that are installed (`naming_secrets`), and routes those of the front door: a new route that
takes the text of a definition, or makes one that is there count, is missing here until it has a story.
"""

import base64
import itertools
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple

import msgspec
import pytest

from auraos.api.front import route_map
from auraos.api.protocol.routes import Route
from auraos.app.health import Health
from auraos.documents.definitions.bundles import pack
from auraos.documents.definitions.files import File
from auraos.security.access import Grant
from auraos.security.access.rows import OwnRole
from example_values import example_of
from git_people import Person as Clone
from git_people import bare
from houses import EVERYTHING, HOUSE, House
from kept_git import REPOSITORIES
from naming_secrets import POSITIONS, SPELLINGS, VERIFYING, Taking, taking, text_of
from rooms import Got, Room

DEFINITIONS = "/api/v1/definitions"
PLAIN = {"steps": {"a": {"type": "noop", "with": {"value": 1}}}}
HOSTS = ["stock.example", "@local"]
TAKING = taking()


class Case(NamedTuple):
    """A text that names the secret `stock`, under a name of its own."""

    name: str
    text: str
    what: str

    def told_by(self, tell: "Tell") -> "Case":
        """Return the same under another name, so that many stories have room in one workspace."""
        name = f"{tell.__name__.replace('_', '-')}-{self.name}"
        return Case(name, self.text.replace(self.name, name), self.what)

    @property
    def at(self) -> str:
        return f"{DEFINITIONS}/workflow/{self.name}"

    @property
    def plain(self) -> str:
        """Return the text of the same workflow without a secret."""
        return text_of(self.name, PLAIN)

    @property
    def file(self) -> dict[str, str]:
        return {"path": f"workflow/{self.name}.yaml", "text": self.text}


class Scene:
    """A workspace with the secret `stock`, an admin, and a planner who does everything there but with this secret."""

    def __init__(self, room: Room, admin: str, planner: str, person: str) -> None:
        self.room, self.admin, self.planner, self.person = room, admin, planner, person

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Got:
        """Ask as the planner."""
        return await self.room.ask(method, path, body, token=self.planner, **more)

    async def kept(self, case: Case, *texts: str, publish: bool = True) -> str:
        """Have the admin keep these texts one after the other, published or as drafts; return the revision for `If-Match`."""
        got = await self.room.ask("POST", DEFINITIONS, {"text": texts[0]}, token=self.admin)
        assert got.status == 201, (case.what, got.body)
        for text in (*texts[1:], None):
            revision = f'"{got.json["revision"]}"'
            if publish:
                path = f"{case.at}/publish"
                published = await self.room.ask("POST", path, {}, token=self.admin, if_match=revision)
                assert published.status == 200, (case.what, published.body)
            if text is not None:
                path = f"{case.at}/draft"
                got = await self.room.ask("PUT", path, {"text": text}, token=self.admin, if_match=revision)
                assert got.status == 200, (case.what, got.body)
        return revision


@pytest.fixture
async def scene(house) -> Scene:
    return await scene_in(house)


async def scene_in(house: House, *, once_could: bool = False) -> Scene:
    """Return the scene; the planner may use the secret `mine`, and perhaps could use `stock` until just now."""
    room = Room(house)
    _, admin = await house.signed_in("admin", "*")
    await house.identity.access.add_workspace(HOUSE, "test", "")
    for workspace, name in itertools.product(("default", "test"), ("stock", "mine")):
        value = {"credential": {"kind": "bearer", "token": f"canary-of-{name}"}, "hosts": HOSTS}
        body = {"name": name, "value": value}
        made = await room.ask("POST", "/api/v1/secrets", body, token=admin, workspace=workspace)
        assert made.status == 201, made.body
    actions = ("definitions.*", "git.*", "runs.*", "installation.publish-unreviewed")
    for workspace in ("default", "test"):
        role = OwnRole(workspace=workspace, name="planner", actions=actions)
        await house.identity.access.put_role(HOUSE, EVERYTHING, role)
    person = await house.person("planner")
    await house.grant("person", person.id, "planner", "test")
    await may_use(house, person.id, "mine")
    if once_could:
        former = await may_use(house, person.id, "stock")
        assert (await room.ask("DELETE", f"/api/v1/access/grants/{former}", token=admin)).status == 204
    return Scene(room, admin, await house.session(person), person.id)


async def may_use(house: House, person: str, secret: str) -> str:
    """Let somebody use a secret; return the id of the grant."""
    wish = Grant(role="editor", workspace="default", kind="secret", name=secret)
    return (await house.identity.access.grant(HOUSE, EVERYTHING, wish, "person", person)).id


def by_place() -> Iterator[Case]:
    for takes in TAKING:
        for number, (place, made) in enumerate({**POSITIONS, **VERIFYING}.items()):
            name = f"{takes.type.name.replace('.', '-')}-{number}"
            yield Case(name, text_of(name, made(takes.step("stock"))), f"{takes} {place}")


def by_spelling(takes: Taking) -> Iterator[Case]:
    text = text_of("spelt", POSITIONS["at the top"](takes.step("stock")))
    for number, (how, spell) in enumerate(SPELLINGS.items()):
        if spell(text) != text or how == "plain":
            name = f"spelt-{takes.type.name.replace('.', '-')}-{number}"
            yield Case(name, spell(text).replace("spelt", name), f"{takes} {how}")


ALL = (*by_place(), *(case for takes in TAKING for case in by_spelling(takes)))
SOUND = tuple(by_place())
"""What an admin can publish: it is at an ordinary place, and written as one would."""
Tell = Callable[[Scene, Case], Awaitable[Got]]


async def create_definition(scene: Scene, case: Case) -> Got:
    return await scene.ask("POST", DEFINITIONS, {"text": case.text})


async def save_draft(scene: Scene, case: Case) -> Got:
    revision = await scene.kept(case, case.plain, publish=False)
    return await scene.ask("PUT", f"{case.at}/draft", {"text": case.text}, if_match=revision)


async def publish_definition(scene: Scene, case: Case) -> Got:
    revision = await scene.kept(case, case.text, publish=False)
    return await scene.ask("POST", f"{case.at}/publish", {}, if_match=revision)


async def publish_unreviewed(scene: Scene, case: Case) -> Got:
    revision = await scene.kept(case, case.text, publish=False)
    return await scene.ask("POST", f"{case.at}/publish-unreviewed", {"why": "now"}, if_match=revision)


async def restore_version(scene: Scene, case: Case) -> Got:
    revision = await scene.kept(case, case.text, case.plain)
    return await scene.ask("POST", f"{case.at}/restore", {"version": 1}, if_match=revision)


async def roll_back(scene: Scene, case: Case) -> Got:
    await scene.kept(case, case.text, case.plain)
    return await scene.ask("POST", f"{case.at}/roll-back", {})


async def bring_back_definition(scene: Scene, case: Case) -> Got:
    await scene.kept(case, case.text)
    path = f"{case.at}/archive"
    assert (await scene.room.ask("POST", path, token=scene.admin)).status == 200
    return await scene.ask("POST", f"{case.at}/bring-back")


async def apply_files(scene: Scene, case: Case) -> Got:
    return await scene.ask("POST", f"{DEFINITIONS}/apply", {"files": [case.file]})


async def apply_files_for_a_look(scene: Scene, case: Case) -> Got:
    return await scene.ask("POST", f"{DEFINITIONS}/apply", {"files": [case.file], "dry_run": True})


async def apply_files_over_another(scene: Scene, case: Case) -> Got:
    await scene.kept(case, case.plain)
    body = {"files": [case.file], "publish": False, "keep_drafts": True}
    return await scene.ask("POST", f"{DEFINITIONS}/apply", body)


async def import_definitions(scene: Scene, case: Case) -> Got:
    return await scene.ask("POST", f"{DEFINITIONS}/import", {"files": [case.file]})


async def import_definitions_of_a_bundle(scene: Scene, case: Case) -> Got:
    bundle = base64.b64encode(pack([File(case.file["path"], case.text)])).decode()
    return await scene.ask("POST", f"{DEFINITIONS}/import", {"bundle": bundle, "conflicts": "replace"})


async def promote_definitions(scene: Scene, case: Case) -> Got:
    await there(scene, case.text, case)
    body = {"source": "test", "items": [{"kind": "workflow", "name": case.name}]}
    return await scene.ask("POST", f"{DEFINITIONS}/promote", body)


async def promote_definitions_of_what_is_bound(scene: Scene, case: Case) -> Got:
    """What is promoted names a secret that the planner may use, and here that stands for another one."""
    await there(scene, case.text.replace("stock", "mine").replace("mine.example", "stock.example"), case)
    bound = await scene.ask("PUT", "/api/v1/bindings/secret/mine", {"value": "stock"})
    assert bound.status == 200, bound.body
    body = {"source": "test", "items": [{"kind": "workflow", "name": case.name}]}
    return await scene.ask("POST", f"{DEFINITIONS}/promote", body)


async def there(scene: Scene, text: str, case: Case) -> None:
    """Publish a text in the other workspace, past the checks of that one: what is promoted are its texts."""
    definitions = scene.room.desk.definitions
    plain = await definitions.create(HOUSE, "test", text)
    await definitions.publish(HOUSE, plain.ref, revision=plain.revision)


async def try_text(scene: Scene, case: Case) -> Got:
    return await scene.ask("POST", "/api/v1/trials", {"text": case.text})


async def go_on_with_trial(scene: Scene, case: Case, verb: str = "go-on") -> Got:
    """A trial that somebody else has begun, who may."""
    body = {"text": case.text, "breakpoints": [next(iter(msgspec.json.decode(case.text)["spec"]["steps"]))]}
    tried = await scene.room.ask("POST", "/api/v1/trials?wait=5", body, token=scene.admin)
    assert tried.status == 201, (case.what, tried.body)
    return await scene.ask("POST", f"/api/v1/trials/{tried.json['id']}/{verb}", {})


async def step_through_trial(scene: Scene, case: Case) -> Got:
    return await go_on_with_trial(scene, case, "step")


OF_TEXTS: dict[str, tuple[Tell, ...]] = {
    "create_definition": (create_definition,),
    "save_draft": (save_draft,),
    "apply_files": (apply_files, apply_files_for_a_look, apply_files_over_another),
    "import_definitions": (import_definitions, import_definitions_of_a_bundle),
    "try_text": (try_text,),
}
"""The routes that are given a text."""
OF_WHAT_IS_THERE: dict[str, tuple[Tell, ...]] = {
    "publish_definition": (publish_definition,),
    "publish_unreviewed": (publish_unreviewed,),
    "restore_version": (restore_version,),
    "roll_back": (roll_back,),
    "bring_back_definition": (bring_back_definition,),
    "promote_definitions": (promote_definitions, promote_definitions_of_what_is_bound),
    "go_on_with_trial": (go_on_with_trial,),
    "step_through_trial": (step_through_trial,),
}
"""The routes by which a text counts that is there already: of somebody who may."""
BY_GIT = {"sync_git"}
ONLY_LOOK = {"check_text", "compare_files"}
BRING_NO_TEXT = {
    "archive_definition", "give_definition", "bind", "unbind", "request_review", "approve_draft", "refuse_draft",
    "connect_git", "disconnect_git", "stop_trial", "evaluate_expression", "complete_expression",
}  # fmt: skip
"""What these make count names no secret, or counts only when somebody publishes it, who is asked then."""


def brings_definitions(route: Route) -> bool:
    """Return whether a route may bring the text of a definition: by what it is about, or since it takes texts of any length."""
    if route.is_safe:
        return False
    about = route.may.split(".")[0] in ("definitions", "git") or route.may in (
        "runs.try", "installation.publish-unreviewed",
    )  # fmt: skip
    return about or (route.body is not None and takes_long_text(msgspec.inspect.type_info(route.body)))


def takes_long_text(info: Any, seen: tuple[Any, ...] = ()) -> bool:
    """Return whether a value of this type can hold the text of a workflow."""
    match info:
        case msgspec.inspect.StrType(max_length=longest):
            return longest is not None and longest >= 50_000
        case msgspec.inspect.BytesType():
            return True
        case msgspec.inspect.StructType(cls=cls, fields=fields):
            return cls not in seen and any(takes_long_text(field.type, (*seen, cls)) for field in fields)
    inner = [getattr(info, name, None) for name in ("type", "item_type", "value_type")]
    inner += [*getattr(info, "types", ()), *getattr(info, "item_types", ())]
    return any(takes_long_text(one, seen) for one in inner if one is not None)


def test_no_route_that_brings_definitions_is_without_a_story():
    """S08."""
    found = {route.name for route in route_map(Health()).routes if brings_definitions(route)}
    assert found == {*OF_TEXTS, *OF_WHAT_IS_THERE, *BY_GIT, *ONLY_LOOK, *BRING_NO_TEXT}


async def is_refused(scene: Scene, tell: Tell, case: Case) -> list[str]:
    """Return what is wrong with how a route refuses a text: nothing where it does as it should.

    What somebody changes is in the audit trail; so who has no entry but the refusal has changed nothing.
    """
    room, wrong = scene.room, []
    known = len(await room.house.entries())
    got = await tell(scene, case)
    route = next(route for route in room.routes.routes if tell.__name__.startswith(route.name))
    if (got.status, got.code) != (403, "not-allowed"):
        wrong.append(f"{got.status} {got.body[:300]!r}")
    elif "secret 'stock'" not in got.json["detail"]:
        wrong.append(got.json["detail"])
    theirs = [each for each in (await room.house.entries())[known:] if each.actor.id == scene.person]
    told = [(each.action, each.outcome) for each in theirs if each.action != "definitions.bind"]
    if told != [(route.may, "refused")]:
        wrong.append(f"told as {told}")
    return [f"{tell.__name__} {case.what}: {each}" for each in wrong]


async def test_nobody_writes_the_secret_of_another_into_a_workflow(scene):
    """S08: every step type, place and spelling, by every route that is given a text."""
    told = itertools.product((tell for tells in OF_TEXTS.values() for tell in tells), ALL)
    wrong = [each for tell, case in told for each in await is_refused(scene, tell, case.told_by(tell))]
    assert wrong == []


async def test_nobody_makes_a_workflow_count_that_uses_the_secret_of_another(scene):
    """S08, S60: every step type and place, by every route that makes a text count which is there."""
    told = itertools.product((tell for tells in OF_WHAT_IS_THERE.values() for tell in tells), SOUND)
    wrong = [each for tell, case in told for each in await is_refused(scene, tell, case.told_by(tell))]
    assert wrong == []


async def test_what_somebody_could_once_they_cannot_any_more(house):
    """S60: whoever loses the right to use a secret makes nothing count with it from then on."""
    scene = await scene_in(house, once_could=True)
    cases = [case for case in SOUND if case.what.endswith("at the top")]
    every = [*OF_TEXTS.values(), *OF_WHAT_IS_THERE.values()]
    told = itertools.product((tell for tells in every for tell in tells), cases)
    wrong = [each for tell, case in told for each in await is_refused(scene, tell, case.told_by(tell))]
    assert wrong == []


async def test_a_repository_brings_in_no_secret_of_another(scene):
    """S08: neither what was pushed there, nor what somebody decides where both sides differ, nor a look at what would be."""
    room = scene.room
    remote = bare(room.house.folder / REPOSITORIES / "flows.git")
    clone = Clone(remote, room.house.folder / "clone")
    linked = await room.ask("PUT", "/api/v1/git", {"remote": str(remote)}, token=scene.admin)
    assert linked.status == 200, linked.body
    cases = SOUND
    clone.push("main", {case.file["path"]: case.text for case in cases})
    decided = [{"kind": "workflow", "name": case.name, "text": case.text} for case in cases]
    for method, path, body in (
        ("GET", "changes", None),
        ("POST", "sync", {"dry_run": True}),
        ("POST", "sync", {}),
        ("POST", "sync", {"decided": decided}),
    ):
        got = await scene.ask(method, f"/api/v1/git/{path}", body)
        assert got.status == 200, got.body
        told = {one["name"]: (one["what"], "secret 'stock'" in repr(one)) for one in got.json["items"]}
        assert told == {case.name: ("refused", True) for case in cases}
    listed = await scene.ask("GET", DEFINITIONS)
    assert listed.json["items"] == []


async def test_a_check_tells_of_the_secrets_of_others(scene):
    """S08: what publishing would refuse, a check says."""
    for case in ALL:
        got = await scene.ask("POST", "/api/v1/check", {"text": case.text})
        codes = [each["code"] for each in got.json["problems"]]
        assert (got.json["ok"], "secret-not-yours" in codes) == (False, True), (case.what, codes)


async def test_nobody_tries_or_changes_the_secret_of_another(scene):
    """S11, S12: every route of one secret, and each that takes the name of one."""
    wrong = []
    for route in scene.room.routes.routes:
        if route.path.startswith("/api/v1/secrets/{name}"):
            path = route.path.format(name="stock", version=1)
            body = example_of(route.body) if route.body is not None else None
            got = await scene.ask(route.method, path, body, if_match='"1"')
            if (got.status, got.code) not in ((404, "no-secret"), (403, "not-allowed")):
                wrong.append((route.method, route.path, got.status, got.body))
    linked = await scene.ask(
        "PUT", "/api/v1/git", {"remote": "https://stock.example/x.git", "secret": "stock"}
    )
    assert (wrong, linked.status, linked.code) == ([], 403, "not-allowed")
    shown = await scene.room.ask("GET", "/api/v1/secrets/stock", token=scene.admin)
    assert (shown.json["secret"]["version"], shown.json["secret"]["revision"]) == (1, 1)


async def test_a_trial_takes_the_name_of_a_secret_from_its_path_alone(scene):
    """S11: a value that lies here is never tried with a host, a place or a name that somebody brings along."""
    trial, stored = {"url": "https://127.0.0.2/"}, "/api/v1/secrets/mine/test"
    whole = {"credential": {"kind": "bearer", "token": "long-enough"}, "hosts": ["evil.example"]}
    for path, body in (
        *((stored, {**trial, field: "stock"}) for field in ("name", "secret", "id", "workspace", "kind")),
        (stored, {**trial, "hosts": ["evil.example"]}),
        (stored, {**trial, "value": whole}),
        (stored, {**trial, "source": {"from": "environment", "name": "stock"}}),
        *(("/api/v1/secret-tests", {**trial, field: "stock"}) for field in ("name", "secret", "value")),
        ("/api/v1/secret-tests", {**trial, "value": {"hosts": ["evil.example"], "name": "stock"}}),
        ("/api/v1/secret-tests", {**trial, "value": {**whole, "secret": "stock"}}),
        ("/api/v1/secret-tests", {**trial, "value": whole, "name": "stock"}),
    ):
        got = await scene.room.ask("POST", path, body, token=scene.admin)
        assert (got.status, got.code) == (422, "request-refused"), (path, body, got.body)
    got = await scene.room.ask("POST", stored, trial, token=scene.admin)
    assert (got.json["works"], got.json["code"]) == (False, "blocked-destination")
