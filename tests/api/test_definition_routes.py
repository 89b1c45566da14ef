"""Definitions over HTTP, through the door, on a real store."""

import base64
import zipfile
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from open_house import OpenHouse

from auraos.api.definitions import definition_files, definition_history, definitions
from auraos.app.serving.desk import Desk
from auraos.security.access.principal import Grant
from auraos.storage.folder import DataFolder
from auraos.storage.sqlite import SqliteStore
from kept_definitions import definitions_over, workflow

AT = "/api/v1/definitions"
GREET = f"{AT}/workflow/greet"
NEEDS_NAME = "  input: {type: object, required: [name], properties: {name: {type: string}}}\n"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[OpenHouse]:
    """Return a door with an empty store behind it."""
    folder = DataFolder.claim(tmp_path / "data")
    store = SqliteStore.open(folder)
    nobody: Any = None
    desk = Desk(definitions=definitions_over(store), **dict.fromkeys(_others(), nobody))
    yield OpenHouse([*definitions.routes, *definition_history.routes, *definition_files.routes], desk)
    await store.close()
    folder.release()


def _others() -> list[str]:
    return [name for name in Desk.__struct_fields__ if name != "definitions"]


async def made(house: OpenHouse, text: str, *, publish: bool = True) -> None:
    """Keep a definition, and publish it."""
    got = await house.ask("POST", AT, {"text": text})
    assert got.status == 201, got.body
    if publish:
        path = f"{AT}/{got.json['kind']}/{got.json['name']}/publish"
        got = await house.ask("POST", path, {}, if_match='"1"')
        assert got.status == 200, got.body


async def test_a_definition_from_its_first_draft_to_its_second_version(house):
    got = await house.ask("POST", AT, {"text": workflow(title="Greet")})
    assert (got.status, got.headers["etag"][:3]) == (201, '"1.')
    assert (got.json["title"], got.json["state"], got.json["changed_by"]) == ("Greet", "draft", "ann")
    got = await house.ask("POST", f"{GREET}/publish", {"note": "first"}, if_match='"1"')
    assert (got.status, got.json["version"], got.json["note"]) == (200, 1, "first")
    got = await house.ask("PUT", f"{GREET}/draft", {"text": workflow(value=2)}, if_match='"1"')
    assert (got.status, got.headers["etag"][:3], got.json["state"]) == (200, '"2.', "changed")
    got = await house.ask("GET", f"{GREET}/diff")
    assert sorted(change["words"] for change in got.json["changes"]) == [
        "Step `a`: with value 1 → 2",
        'title Greet → ""',
    ]
    assert (await house.ask("POST", f"{GREET}/publish", {}, if_match='"2"')).json["version"] == 2
    got = await house.ask("GET", f"{GREET}/versions")
    assert [(one["version"], one["note"]) for one in got.json["items"]] == [(2, ""), (1, "first")]
    assert got.json["next"] == 0
    assert "text" not in got.json["items"][0]
    assert (await house.ask("GET", f"{GREET}/versions/1")).json["text"] == workflow(title="Greet")
    got = await house.ask("GET", GREET)
    assert (got.json["state"], got.json["version"], got.json["text"]) == ("live", 2, workflow(value=2))


async def test_a_draft_saved_over_an_older_revision_is_412_with_both_joined(house):
    await made(house, workflow(), publish=False)
    await house.ask("PUT", f"{GREET}/draft", {"text": workflow(value=2)}, if_match='"1"')
    got = await house.ask("PUT", f"{GREET}/draft", {"text": workflow(title="Mine")}, if_match='"1"')
    assert (got.status, got.json["code"]) == (412, "definition-changed")
    assert got.json["data"]["merged"] == workflow(value=2, title="Mine")
    assert got.json["data"]["revision"] == 2
    got = await house.ask("POST", f"{GREET}/publish", {}, if_match='"1"')
    assert (got.status, got.json["code"]) == (412, "definition-changed")
    assert (await house.ask("PUT", f"{GREET}/draft", {"text": "x"})).status == 428


async def test_a_draft_with_errors_is_not_published_and_says_where_they_are(house):
    await made(house, workflow(more="    b: {type: nop}\n"), publish=False)
    got = await house.ask("POST", f"{GREET}/publish", {}, if_match='"1"')
    assert (got.status, got.json["code"]) == (422, "definition-refused")
    (problem,) = (one for one in got.json["problems"] if one["severity"] == "error")
    assert (problem["code"], problem["path"], problem["line"]) == ("unknown-type", "spec.steps.b.type", 6)
    got = await house.ask("GET", f"{GREET}/check")
    assert (got.json["ok"], got.json["breaks"]) == (False, [])
    assert "unknown-type" in [one["code"] for one in got.json["problems"]]


async def test_whom_a_draft_would_break_is_told_before_and_at_publishing(house):
    await made(house, workflow())
    await made(house, workflow("caller", calls="greet"))
    await house.ask("PUT", f"{GREET}/draft", {"text": workflow(more=NEEDS_NAME)}, if_match='"1"')
    got = await house.ask("GET", f"{GREET}/check")
    assert (got.json["ok"], [one["name"] for one in got.json["breaks"]]) == (False, ["caller"])
    got = await house.ask("POST", f"{GREET}/publish", {}, if_match='"2"')
    assert (got.status, got.json["code"]) == (409, "definition-breaks-others")
    got = await house.ask("POST", f"{GREET}/publish", {"break_others": True}, if_match='"2"')
    assert (got.status, got.json["version"]) == (200, 2)


async def test_what_is_used_is_not_archived_and_who_uses_it_is_told(house):
    await made(house, workflow())
    await made(house, workflow("caller", calls="greet"))
    got = await house.ask("POST", f"{GREET}/archive")
    assert (got.status, got.json["code"]) == (409, "definition-used")
    got = await house.ask("GET", f"{GREET}/used-by")
    assert [(use["name"], use["is_live"]) for use in got.json] == [("caller", False), ("caller", True)]
    got = await house.ask("GET", f"{AT}/workflow/caller/uses")
    assert [use["name"] for use in got.json["live"]] == ["greet"]
    assert (await house.ask("POST", f"{AT}/workflow/caller/archive")).json["state"] == "archived"
    assert (await house.ask("POST", f"{GREET}/archive")).json["state"] == "archived"
    got = await house.ask("PUT", f"{GREET}/draft", {"text": workflow(value=3)}, if_match='"1"')
    assert (got.status, got.json["code"]) == (409, "definition-archived")
    assert (await house.ask("POST", f"{GREET}/bring-back")).json["state"] == "live"
    got = await house.ask("POST", f"{AT}/workflow/caller/bring-back")
    assert got.json["state"] == "live"


async def test_a_version_is_restored_and_revisions_stay(house):
    await made(house, workflow())
    await house.ask("PUT", f"{GREET}/draft", {"text": workflow(value=2)}, if_match='"1"')
    got = await house.ask("POST", f"{GREET}/restore", {"version": 1}, if_match='"2"')
    assert (got.status, got.json["revision"], got.json["text"]) == (200, 3, workflow())
    got = await house.ask("GET", f"{GREET}/revisions?limit=2")
    assert ([one["revision"] for one in got.json["items"]], got.json["next"]) == ([3, 2], 2)
    got = await house.ask("GET", f"{GREET}/revisions?limit=2&before=2")
    assert ([one["revision"] for one in got.json["items"]], got.json["next"]) == ([1], 0)
    assert (await house.ask("GET", f"{GREET}/revisions/2")).json["text"] == workflow(value=2)
    got = await house.ask("GET", f"{GREET}/diff?before=r2&after=1")
    assert [change["words"] for change in got.json["changes"]] == ["Step `a`: with value 2 → 1"]
    got = await house.ask("GET", f"{GREET}/diff?before=1&after=r3")
    assert (got.json["changes"], got.json["means_the_same"]) == ([], True)


async def test_lists_come_in_pages_and_are_cut_by_what_is_asked(house):
    for name in "abcde":
        label = "labels: {team: sales}\n" if name in "bd" else ""
        await made(house, workflow(name, title=f"Title {name}x", more=label), publish=name == "e")

    async def names(query: str) -> tuple[list[str], str]:
        got = await house.ask("GET", f"{AT}?{query}")
        assert got.status == 200, got.body
        return [item["name"] for item in got.json["items"]], got.json["next"]

    assert await names("limit=2") == (["a", "b"], "workflow/b")
    assert await names("limit=3&after=workflow/b") == (["c", "d", "e"], "")
    assert await names("label=team%3Dsales") == (["b", "d"], "")
    assert await names("label=team") == (["b", "d"], "")
    assert await names("state=live") == (["e"], "")
    assert await names("q=title+cx") == (["c"], "")
    assert await names("kind=note") == ([], "")
    assert await names("owner=1&limit=1") == (["a"], "workflow/a")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", f"{AT}/workflow/nothing", None, 404, "no-definition"),
        ("GET", f"{AT}/workflow/nothing/versions", None, 404, "no-definition"),
        ("GET", f"{AT}/workflow/nothing/revisions", None, 404, "no-definition"),
        ("GET", f"{AT}/workflow/nothing/versions/1", None, 404, "no-definition"),
        ("GET", f"{AT}/workflow/nothing/used-by", None, 404, "no-definition"),
        ("GET", f"{AT}/workflow/nothing/uses", None, 404, "no-definition"),
        ("GET", f"{AT}/workflow/nothing/text", None, 404, "no-definition"),
        ("GET", f"{AT}/workflow/nothing/check", None, 404, "no-definition"),
        ("GET", f"{AT}/workflow/nothing/diff", None, 404, "no-definition"),
        ("POST", f"{AT}/workflow/nothing/archive", None, 404, "no-definition"),
        ("GET", f"{AT}/workflow/Nothing", None, 422, "request-refused"),
        ("GET", f"{AT}/workflow/a\nb", None, 422, "request-refused"),
        ("GET", f"{GREET}/versions/7", None, 404, "no-version"),
        ("GET", f"{GREET}/versions/0", None, 422, "request-refused"),
        ("GET", f"{GREET}/versions/99999999999999999999", None, 422, "request-refused"),
        ("GET", f"{GREET}/versions/9007199254740992", None, 404, "no-version"),
        ("GET", f"{GREET}/revisions/7", None, 404, "no-version"),
        ("GET", f"{GREET}/text?of=live", None, 404, "no-version"),
        ("GET", f"{GREET}/diff?before=live", None, 404, "no-version"),
        ("GET", f"{GREET}/diff?before=x", None, 422, "request-refused"),
        ("GET", f"{GREET}/diff?before=r0", None, 422, "request-refused"),
        ("GET", f"{AT}?label=%00", None, 422, "request-refused"),
        ("GET", f"{AT}?label==", None, 422, "request-refused"),
        ("GET", f"{AT}?after=%00", None, 422, "request-refused"),
        ("GET", f"{AT}?after=workflow", None, 422, "request-refused"),
        ("GET", f"{AT}?owner=%00", None, 422, "request-refused"),
        ("GET", f"{AT}?state=gone", None, 422, "request-refused"),
        ("GET", f"{AT}?q=%00%22%27*", None, 422, "request-refused"),
        ("POST", AT, {"text": "kind: ["}, 422, "definition-refused"),
        ("POST", AT, {"text": "\0"}, 422, "definition-refused"),
        ("POST", AT, {"text": workflow()}, 409, "definition-exists"),
        ("POST", AT, {"text": workflow(), "owner": "x"}, 422, "request-refused"),
        ("POST", f"{AT}/import", {"bundle": "AAAA"}, 422, "bundle-refused"),
        ("POST", f"{AT}/import", {"bundle": "%"}, 422, "request-refused"),
        ("POST", f"{AT}/import", {"files": [{"path": "a", "text": "["}]}, 422, "files-refused"),
        ("POST", f"{AT}/apply", {"files": [{"path": "a", "text": "["}]}, 422, "files-refused"),
        ("POST", f"{AT}/apply", {}, 422, "request-refused"),
        ("POST", f"{AT}/diff", {"files": [{"path": "a", "text": "\0"}]}, 422, "files-refused"),
        ("PUT", f"{GREET}/owner", {"owner": "\0"}, 422, "request-refused"),
    ],
)
async def test_what_cannot_be_done_is_told_with_its_code(house, method, path, body, status, code):
    await made(house, workflow(), publish=False)
    got = await house.ask(method, path, body)
    assert (got.status, got.json.get("code", "")) == (status, code), got.body


async def test_a_text_is_checked_beside_the_workspace_and_kept_nowhere(house):
    await made(house, workflow())
    for calls, ok in (("greet", True), ("greet@1", True), ("greet@2", False), ("nowhere", False)):
        got = await house.ask("POST", "/api/v1/check", {"text": workflow("caller", calls=calls)})
        assert (got.status, got.json["ok"]) == (200, ok)
    got = await house.ask("POST", "/api/v1/check", {"text": "kind: ["})
    assert (got.json["ok"], bool(got.json["problems"])) == (False, True)
    got = await house.ask(
        "POST", "/api/v1/check", {"text": "kind: note\nname: a\nspec: {}\n", "kind": "workflow"}
    )
    assert got.json["ok"] is False
    assert (await house.ask("GET", f"{AT}/workflow/caller")).status == 404


def folder(*texts: str) -> list[dict[str, str]]:
    return [{"path": f"{number}.yaml", "text": text} for number, text in enumerate(texts)]


async def test_a_folder_is_compared_tried_and_applied(house):
    files = folder(workflow("caller", calls="greet"), workflow())
    got = await house.ask("POST", f"{AT}/diff", {"files": files})
    assert [(one["name"], one["what"]) for one in got.json["items"]] == [("caller", "new"), ("greet", "new")]
    would = await house.ask("POST", f"{AT}/apply", {"files": files, "dry_run": True})
    assert (await house.ask("GET", GREET)).status == 404
    got = await house.ask("POST", f"{AT}/apply", {"files": files})
    assert (got.status, got.json) == (200, would.json)
    assert [(one["what"], one["version"]) for one in got.json["items"]] == [("new", 1), ("new", 1)]
    got = await house.ask("POST", f"{AT}/apply", {"files": [], "prune": True})
    assert [one["what"] for one in got.json["items"]] == ["archived", "archived"]


async def test_what_is_wrong_with_a_folder_is_told_by_file_and_place(house):
    got = await house.ask(
        "POST", f"{AT}/apply", {"files": folder(workflow(), workflow("b", calls="c"), "a: [")}
    )
    assert (got.status, got.json["code"]) == (422, "files-refused")
    places = {(one["file"], one["code"], one.get("line")) for one in got.json["problems"]}
    assert ("1.yaml", "unknown-workflow", 5) in places
    assert {file for file, _, _ in places} == {"1.yaml", "2.yaml"}
    assert (await house.ask("GET", AT)).json["items"] == []


async def test_what_is_exported_is_imported_elsewhere_as_drafts(house):
    await made(house, workflow())
    await made(house, workflow("caller", calls="greet"))
    await house.ask("PUT", f"{GREET}/draft", {"text": workflow(value=2)}, if_match='"1"')
    got = await house.ask("GET", f"{GREET}/text")
    assert (got.headers["content-type"], got.body.decode()) == ("application/yaml", workflow(value=2))
    assert (await house.ask("GET", f"{GREET}/text?of=live")).body.decode() == workflow()
    bundle = await house.ask("GET", f"{AT}/export?of=live")
    assert bundle.headers["content-disposition"] == 'attachment; filename="default.zip"'
    assert bundle.body == (await house.ask("GET", f"{AT}/export?of=live")).body
    with zipfile.ZipFile(BytesIO(bundle.body)) as opened:
        assert opened.namelist() == ["workflow/caller.yaml", "workflow/greet.yaml"]
        assert opened.read("workflow/greet.yaml").decode() == workflow()
    given = {"bundle": base64.b64encode(bundle.body).decode()}
    got = await house.ask("POST", f"{AT}/import", given, x_auraos_workspace="other")
    assert [(one["name"], one["what"]) for one in got.json["items"]] == [("caller", "new"), ("greet", "new")]
    got = await house.ask("GET", AT, x_auraos_workspace="other")
    assert [item["state"] for item in got.json["items"]] == ["draft", "draft"]
    got = await house.ask("POST", f"{AT}/import", {**given, "conflicts": "rename"})
    assert [(one["name"], one["what"]) for one in got.json["items"]] == [
        ("caller", "same"),
        ("greet-2", "renamed"),
    ]


async def test_whoever_may_do_something_to_some_definitions_only_does_it_to_these(house):
    sales = "labels: {team: sales}\n"
    await made(house, workflow(more=sales))
    await made(house, workflow("other"))
    await made(house, workflow("caller", calls="greet"))
    moved = f"{AT}/workflow/moved"
    await made(house, workflow("moved"))
    await house.ask("PUT", f"{moved}/draft", {"text": workflow("moved", more=sales)}, if_match='"1"')
    house.may(Grant(role="editor", workspace="default", labels={"team": "sales"}))
    got = await house.ask("GET", AT)
    assert [item["name"] for item in got.json["items"]] == ["greet", "moved"]
    assert (await house.ask("POST", f"{moved}/restore", {"version": 1}, if_match='"2"')).status == 403
    assert (await house.ask("GET", GREET)).status == 200
    assert (await house.ask("GET", f"{GREET}/used-by")).json == []
    for path in (f"{AT}/workflow/other", f"{AT}/workflow/other/versions/1", f"{AT}/workflow/nothing"):
        got = await house.ask("GET", path)
        assert (got.status, got.json["code"]) == (404, "no-definition")
    with zipfile.ZipFile(BytesIO((await house.ask("GET", f"{AT}/export")).body)) as opened:
        assert opened.namelist() == ["workflow/greet.yaml", "workflow/moved.yaml"]
    assert (await house.ask("POST", AT, {"text": workflow("mine")})).status == 403
    assert (await house.ask("POST", AT, {"text": workflow("mine", more=sales)})).status == 201
    got = await house.ask("PUT", f"{GREET}/draft", {"text": workflow()}, if_match='"1"')
    assert got.status == 403
    got = await house.ask("PUT", f"{GREET}/draft", {"text": workflow(value=2, more=sales)}, if_match='"1"')
    assert got.status == 200
    assert (await house.ask("POST", f"{GREET}/restore", {"version": 1}, if_match='"2"')).status == 200
    for noun in ("apply", "import", "diff"):
        assert (await house.ask("POST", f"{AT}/{noun}", {"files": []})).status == 403


async def test_a_viewer_changes_nothing(house):
    await made(house, workflow())
    house.may(Grant(role="viewer", workspace="default"))
    assert (await house.ask("GET", f"{GREET}/check")).status == 200
    for method, path, body in (
        ("POST", AT, {"text": workflow("a")}),
        ("PUT", f"{GREET}/draft", {"text": workflow(value=2)}),
        ("POST", f"{GREET}/publish", {}),
        ("POST", f"{GREET}/restore", {"version": 1}),
        ("POST", f"{GREET}/archive", None),
        ("POST", f"{GREET}/bring-back", None),
        ("PUT", f"{GREET}/owner", {"owner": "a"}),
        ("POST", f"{AT}/apply", {"files": []}),
        ("POST", f"{AT}/import", {"files": []}),
    ):
        got = await house.ask(method, path, body, if_match='"1"')
        assert (got.status, got.json["code"]) == (403, "not-allowed")


async def test_definitions_of_another_workspace_are_not_there(house):
    await made(house, workflow())
    for method, path, body in (
        ("GET", GREET, None),
        ("PUT", f"{GREET}/draft", {"text": workflow(value=2)}),
        ("POST", f"{GREET}/publish", {}),
        ("POST", f"{GREET}/archive", None),
        ("GET", f"{GREET}/text", None),
    ):
        got = await house.ask(method, path, body, if_match='"1"', x_auraos_workspace="other")
        assert (got.status, got.json["code"]) == (404, "no-definition")
    assert (await house.ask("GET", AT, x_auraos_workspace="other")).json["items"] == []
