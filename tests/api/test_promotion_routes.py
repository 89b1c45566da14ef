"""Promoting from one workspace to another over HTTP, and who may."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from open_house import OpenHouse

from auraos.api.definitions import definition_files, definition_history, definitions, promotions
from auraos.app.serving.desk import Desk
from auraos.security.access import ROLES, Principal, Role, authorize
from auraos.security.access.authorize import Decision, Thing
from auraos.security.access.principal import Grant
from auraos.security.secrets.errors import NoSecretError
from auraos.storage.folder import DataFolder
from auraos.storage.sqlite import SqliteStore
from kept_definitions import definitions_over, workflow

AT = "/api/v1/definitions"
PROMOTE = f"{AT}/promote"
USING = {"kind": "workflow", "name": "using"}
USES = """kind: workflow
name: using
spec:
  steps:
    get: {type: http.request, with: {url: "https://a.example/", secret: stock-api}}
"""
BOUND = "/api/v1/bindings"
VARYING = "  variables: {currency: EUR}\n"
TEST = {"x_auraos_workspace": "test"}


class ThreeWorkspaces:
    """Knows `test`, `prod` and `secret`, with the roles of the house."""

    async def roles(self, workspace: str) -> Mapping[str, Role] | None:
        return ROLES if workspace in ("test", "prod", "default", "secret") else None

    async def explain(self, who: Principal, action: str, workspace: str, thing: Thing) -> Decision:
        return authorize(who, action, workspace, thing)


class NoSecrets:
    """Keeps none."""

    async def find(self, workspace: str, name: str) -> None:
        raise NoSecretError(f"There is no secret {name!r}.")


class Known(msgspec.Struct):
    access: ThreeWorkspaces


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[OpenHouse]:
    """Return a door with a workflow in `test` behind it; whoever asks is in `default`."""
    folder = DataFolder.claim(tmp_path / "data")
    store = SqliteStore.open(folder)
    others: Any = dict.fromkeys(Desk.__struct_fields__)
    known = {"identity": Known(ThreeWorkspaces()), "secrets": NoSecrets()}
    desk = Desk(**{**others, "definitions": definitions_over(store), **known})
    opened = OpenHouse(
        [*definitions.routes, *definition_history.routes, *definition_files.routes, *promotions.routes], desk
    )
    await opened.ask("POST", AT, {"text": workflow("called", more=VARYING)}, **TEST)
    await opened.ask("POST", AT, {"text": workflow("order", calls="called")}, **TEST)
    await opened.ask("POST", AT, {"text": USES}, **TEST)
    for name in ("called", "order", "using"):
        got = await opened.ask("POST", f"{AT}/workflow/{name}/publish", {}, if_match='"1"', **TEST)
        assert got.status == 200
    yield opened
    await store.close()
    folder.release()


def promotion(**given: Any) -> dict[str, Any]:
    return {"source": "test", "items": [{"kind": "workflow", "name": "order"}], "with_called": True, **given}


async def test_a_version_comes_with_what_it_calls_and_what_is_bound(house):
    got = await house.ask("PUT", f"{BOUND}/variable/currency", {"value": "USD"})
    assert (got.status, got.json["value"], got.json["author"]) == (200, "USD", "ann")
    would = await house.ask("POST", PROMOTE, promotion(dry_run=True))
    assert (await house.ask("GET", AT)).json["items"] == []
    got = await house.ask("POST", PROMOTE, promotion(note="for Monday"))
    assert (got.status, got.json) == (200, would.json)
    assert [(one["applied"]["name"], one["bound"]) for one in got.json["items"]] == [
        ("order", []),
        ("called", ["the variable `currency` is USD here"]),
    ]
    got = await house.ask("GET", f"{AT}/workflow/called/versions/1")
    assert got.json["text"] == workflow("called", more=VARYING.replace("EUR", "USD"))
    assert got.json["note"] == "for Monday (test: order 1, called 1)"


async def test_bindings_are_listed_changed_and_forgotten(house):
    await house.ask("PUT", f"{BOUND}/secret/stock-api?kind=workflow&name=order", {"value": "stock-api-prod"})
    await house.ask("PUT", f"{BOUND}/variable/limits", {"value": {"a": [1, None]}})
    got = await house.ask("GET", BOUND)
    assert [(one["what"], one["given"], one["name"], one["value"]) for one in got.json] == [
        ("variable", "limits", "", {"a": [1, None]}),
        ("secret", "stock-api", "order", "stock-api-prod"),
    ]
    assert (await house.ask("DELETE", f"{BOUND}/variable/limits")).status == 204
    assert len((await house.ask("GET", BOUND)).json) == 1
    assert (await house.ask("GET", BOUND, **TEST)).json == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("PUT", f"{BOUND}/secret/stock-api", {"value": 7}, 422, "binding-refused"),
        ("PUT", f"{BOUND}/secret/stock-api", {"value": "Not A Name"}, 422, "binding-refused"),
        ("PUT", f"{BOUND}/secret/stock-api?kind=workflow", {"value": "a"}, 422, "binding-refused"),
        ("PUT", f"{BOUND}/variable/a", {"value": "x" * 10_000}, 422, "binding-refused"),
        ("PUT", f"{BOUND}/variable/A", {"value": 1}, 422, "request-refused"),
        ("PUT", f"{BOUND}/nothing/a", {"value": 1}, 422, "request-refused"),
        ("DELETE", f"{BOUND}/variable/nothing", None, 404, "no-binding"),
        ("POST", PROMOTE, promotion(source="nowhere"), 404, "no-workspace"),
        ("POST", PROMOTE, promotion(source="default"), 422, "promotion-refused"),
        ("POST", PROMOTE, promotion(items=[]), 422, "request-refused"),
        ("POST", PROMOTE, promotion(with_called=False), 422, "files-refused"),
        ("POST", PROMOTE, promotion(items=[{"kind": "workflow", "name": "nothing"}]), 404, "no-definition"),
        ("POST", PROMOTE, promotion(items=[{"kind": "workflow", "name": "order", "version": 9}]), 404, "no-version"),
    ],
)  # fmt: skip
async def test_what_cannot_be_bound_or_promoted_says_why(house, method, path, body, status, code):
    got = await house.ask(method, path, body)
    assert (got.status, got.json["code"]) == (status, code), got.body


async def test_whoever_promotes_may_read_there_and_apply_here(house):
    viewer, editor = (Grant(role=role, workspace="default") for role in ("viewer", "editor"))
    house.may(editor)
    assert (await house.ask("POST", PROMOTE, promotion())).json["code"] == "no-workspace"
    house.may(viewer, Grant(role="viewer", workspace="test"))
    assert (await house.ask("POST", PROMOTE, promotion())).json["code"] == "not-allowed"
    house.may(editor, Grant(role="viewer", workspace="test", name="order"))
    assert (await house.ask("POST", PROMOTE, promotion())).json["code"] == "not-allowed"
    house.may(editor, Grant(role="viewer", workspace="test"))
    assert (await house.ask("POST", PROMOTE, promotion())).status == 200
    applier = Role(name="applier", title="", actions=("definitions.*",))
    house.may(Grant(role="applier", workspace="default"), Grant(role="viewer", workspace="test"))
    house.keeper.roles = {**ROLES, "applier": applier}
    assert (await house.ask("POST", PROMOTE, promotion())).status == 200
    assert (await house.ask("POST", PROMOTE, promotion(items=[USING]))).json["code"] == "not-allowed"
    house.may(editor)
    assert (await house.ask("PUT", f"{BOUND}/variable/a", {"value": 1})).json["code"] == "not-allowed"
