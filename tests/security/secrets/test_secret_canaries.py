"""Secrets are used by real runs, and are found nowhere afterwards: not on the disk, nor in logs, exports or answers (S10)."""

import logging
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from canaries import Traitor, forms_of, found_below, found_in
from local_servers import listening

from auraos.app.definitions.published import PublishedDefinitions
from auraos.app.installed import load_installed
from auraos.app.outside.world import World
from auraos.app.secrets.secrets import secret_services, users_of
from auraos.engine.clock import SystemClock
from auraos.engine.engine import Engine
from auraos.security.secrets.checking import Value
from auraos.security.secrets.credentials import Basic, Bearer, Header, Hmac, OAuth2Client, OAuth2Refresh, Text
from auraos.security.secrets.service import About
from auraos.storage.blobs import LocalBlobs
from auraos.storage.folder import DataFolder
from auraos.storage.sqlite import SqliteStore
from auraos.storage.tables.definitions import DefinitionTables
from houses import Clock, House
from kept_definitions import ANN, definitions_over, published
from naming_secrets import Taking, taking, text_of
from rooms import Room
from secrets_of_each_kind import certificate_and_key, one_of_each

ASKING = """kind: workflow
name: {name}
spec:
  steps:
    ask:
      type: http.request
      with: {{url: "{url}", secret: {name}, secret_in: "{place}", as: {kind}, redirects: true}}
    tell: {{type: log, with: {{message: "it says {{{{ steps.ask }}}}"}}}}
  links: [ask -> tell]
  output: "{{{{ steps.ask }}}}"
"""


def canary() -> str:
    return f'{secrets.token_hex(8)}+/{secrets.token_urlsafe(9)}"ä'


def plain_canary() -> str:
    """Return one that may stand in a header as it is."""
    return f"{secrets.token_hex(8)}+/{secrets.token_urlsafe(9)}&="


@pytest.fixture
def logged():
    """Return all that the house logs meanwhile, as text."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record):
            lines.append(f"{self.format(record)} {record.__dict__}")

    keep, root = Keep(), logging.getLogger()
    before = root.level
    root.addHandler(keep)
    root.setLevel(logging.DEBUG)
    yield lines
    root.removeHandler(keep)
    root.setLevel(before)


def auraos(data: Path, *words: str) -> bytes:
    """Return what the command line prints of a folder."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AURAOS_")},
        "AURAOS_STATE_HOME": str(data.parent / "state"),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, "-m", "auraos", *words, "--data", str(data)],
        capture_output=True, timeout=60, check=False, env=environment, cwd=data.parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def credentials(canaries: dict[str, str], server) -> dict[str, object]:
    token_url = f"{server.url}/token"
    return {
        "text": Text(value=canaries["text"]),
        "in-query": Text(value=canaries["in-query"]),
        "header": Header(name="X-Api-Key", value=canaries["header"]),
        "basic": Basic(user="me", password=canaries["basic"]),
        "client": OAuth2Client(
            token_url=token_url, client_id="me", client_secret=canaries["client"], sent_as="form"
        ),
        "refresh": OAuth2Refresh(token_url=token_url, client_id="me", refresh_token=canaries["refresh"]),
        **{
            name: Bearer(token=canaries[name])
            for name in ("bearer", "failed", "broken", "away", "file", "revoked")
        },
    }


async def keep_all(services, definitions, canaries, server) -> list[str]:
    """Keep a secret of each kind with a workflow that uses it; return the names of the workflows."""
    kept = credentials(canaries, server)
    for name, credential in kept.items():
        value = Value(credential=credential, hosts=("127.0.0.1",))
        await services.secrets.create(ANN, "default", name, About(), value)
        path = {"failed": "refuse", "broken": "break", "away": "away"}.get(name, "say")
        place = "query:key" if name == "in-query" else "bearer"
        kind = "file" if name == "file" else "text"
        text = ASKING.format(name=name, url=f"{server.url}/{path}", place=place, kind=kind)
        await published(definitions, text)
    value = Value(credential=Hmac(key=canaries["sign"]), hosts=("@local",))
    await services.secrets.create(ANN, "default", "sign", About(), value)
    await services.secrets.revoke(ANN, "default", "revoked", 1)
    for kind, credential in only_kept(canaries).items():
        value = Value(credential=credential, hosts=("127.0.0.1",))
        await services.secrets.create(ANN, "default", kind, About(), value)
    return [*kept, *[await publish_by_type(definitions, takes, server) for takes in taking()]]


def only_kept(canaries: dict[str, str]) -> dict[str, object]:
    """Return a secret of each kind that no run here uses: they lie on the disk like all others."""
    return {
        kind: one_of_each(canaries.get(kind, "not a text"))[kind]
        for kind in ("smtp", "database", "tls-client")
    }


async def publish_by_type(definitions, takes: Taking, server) -> str:
    """Publish a workflow for a step type that takes a secret, with one that it can take; return its name."""
    name = f"type-{takes.type.name.replace('.', '-')}"
    step = takes.step("bearer" if takes.url else "sign", f"{server.url}/say")
    tell = {"type": "log", "with": {"message": "it says {{ steps.a }}"}}
    spec = {"steps": {"a": step, "tell": tell}, "links": ["a -> tell"], "output": "{{ steps.a }}"}
    await published(definitions, text_of(name, spec))
    return name


async def run_all(engine: Engine, names: list[str], answers: list[bytes]) -> dict[str, str]:
    """Return how the runs of all workflows ended."""
    ended = {}
    for name in names:
        row = await engine.wait(await engine.start(name, input="something to sign"))
        ended[name] = row.state
        answers.append(repr(row).encode())
    return ended


async def ask_all(house: House, server) -> list[bytes]:
    """Return what the routes answer of all secrets."""
    room = Room(house)
    _, token = await house.signed_in("admin")
    names = [each["name"] for each in (await room.ask("GET", "/api/v1/secrets", token=token)).json["items"]]
    asked = (
        ("GET", "/api/v1/secrets", None),
        *(("GET", f"/api/v1/secrets/{name}", None) for name in names),
        ("POST", "/api/v1/secrets/bearer/test", {"url": f"{server.url}/say"}),
        ("POST", "/api/v1/encryption-keys/rotate", None),
    )
    got = [await room.ask(method, path, body, token=token) for method, path, body in asked]
    assert {each.status for each in got} == {200}
    return [each.body for each in got]


async def use_all(data: Path, canaries: dict[str, str], server, answers: list[bytes]) -> dict[str, str]:
    """Use secrets of all kinds by runs of a real engine; return how these ended."""
    folder = DataFolder.claim(data)
    store = SqliteStore.open(folder)
    house = House(store.tables, data, Clock())
    house.store = store
    world = World([f"127.0.0.1:{server.port}"])
    clock, definitions = SystemClock(), definitions_over(store)
    services = secret_services(
        {},
        house.keys,
        store.tables,
        world.http,
        named_by=users_of(definitions),
        now=clock.now,
        new_id=clock.new_id,
    )
    world.use(services.stored)
    names = await keep_all(services, definitions, canaries, server)
    catalogue = load_installed().catalogue
    resolver = PublishedDefinitions(DefinitionTables(store.tables), catalogue)
    engine = Engine(store, catalogue, resolver, world.doors(LocalBlobs(folder.blobs)))
    await engine.open()
    ended = await run_all(engine, names, answers)
    answers += await ask_all(house, server)
    await engine.close()
    await services.close()
    await world.close()
    await store.close()
    folder.release()
    return ended


async def test_what_runs_use_is_found_nowhere(tmp_path, logged):
    data, traitor, answers = tmp_path / "data", Traitor(), []
    names = (
        "text", "in-query", "header", "basic", "bearer", "client", "refresh", "access", "renewed", "failed", "broken",
        "away", "file", "revoked",
    )  # fmt: skip
    canaries = {name: plain_canary() for name in (*names, "smtp", "database")}
    canaries |= {"sign": canary(), "the key": certificate_and_key()[1].splitlines()[1]}
    traitor.next_tokens = [canaries["access"], canaries["renewed"]]
    async with listening(traitor.respond) as server:
        ended = await use_all(data, canaries, server, answers)

    # all but the revoked one were really sent, and given away by the other side
    assert {name for name, state in ended.items() if state != "succeeded"} == {"failed", "broken", "revoked"}
    sent = " ".join(traitor.seen)
    assert [name for name, value in canaries.items() if value not in sent] == [
        "renewed", "revoked", "smtp", "database", "sign", "the key",
    ]  # fmt: skip

    runs = range(1, len(ended) + 1)
    shown = (
        ("runs", "list", "--json"),
        *(("runs", "show", str(number), "--json") for number in runs),
        *(("runs", "logs", str(number)) for number in runs),
        ("journal", "export", "--all"),
    )
    answers += [auraos(data, *words) for words in shown]
    auraos(data, "backup", str(tmp_path / "whole.backup"))

    assert found_in("\n".join(logged).encode(), canaries) == []
    assert [each for answer in answers for each in found_in(answer, canaries)] == []
    assert list(found_below(tmp_path, canaries)) == []
    assert any("•••" in answer.decode() for answer in answers)


def test_a_canary_is_found_in_every_form_where_it_is_not_kept_back(tmp_path):
    value = canary()
    for form, text in forms_of(value).items():
        (tmp_path / "file").write_bytes(b"before " + text + b" after")
        assert any(form in each for each in found_below(tmp_path, {"it": value}))
