"""Private runs over a real store, for tests: an engine whose steps say what a test wants, and the files that it leaves."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from auraos.app.definitions.versions import FolderDefinitions
from auraos.app.installed import load_installed
from auraos.app.outside.world import World
from auraos.app.secrets.sealing import LateSealing, seal_store
from auraos.core.run.facts import AnyFact
from auraos.engine.endings import Ended
from auraos.engine.engine import Engine
from auraos.storage.blobs import LocalBlobs
from auraos.storage.blobs.sealed import SealedBlobs
from auraos.storage.veil import veiled
from stores import AnyStore

CANARY = "canary.alice.7391@example.test"
TAGGED = """
kind: workflow
name: {name}
spec:
  input:
    type: object
    required: [email]
    properties:
      email: {{type: string, personal: true, subject: true}}
      note: {{personal: true}}
{rest}
"""
PLAIN = "kind: workflow\nname: {name}\nspec:\n{rest}\n"
GREET = """\
  steps:
    greet: {type: transform, with: {set: {text: "Hello {{ input.email }}"}}}
    tell: {type: log, with: {message: "mail for {{ input.email }}", fields: {to: "{{ input.email }}"}}}
  links: [greet -> tell]
  output: "{{ steps.greet.text }}"
"""


def tagged(rest: str = GREET, *, name: str = "greet") -> str:
    """Return the text of a workflow whose input tells of a person."""
    return TAGGED.format(name=name, rest=rest)


def plain(rest: str = GREET, *, name: str = "greet") -> str:
    """Return the text of the same workflow without tags."""
    return PLAIN.format(name=name, rest=rest)


def forms_of(canary: str) -> list[bytes]:
    """Return how a value may lie in a file: as it is, in base64 at each offset, in hex, URL-encoded, as a JSON text."""
    raw = canary.encode()
    forms = [raw, raw.hex().encode(), raw.hex().upper().encode(), quote(canary, safe="").encode()]
    for offset in range(3):
        encoded = base64.b64encode(b"x" * offset + raw)
        forms.append(encoded[-(-offset * 8 // 6) : len(encoded) - 4])
    return forms


def found_in(root: Path, canary: str) -> list[str]:
    """Return which files below a folder hold a value in some form."""
    forms = forms_of(canary)
    return [
        f"{path.relative_to(root)} holds {form!r}"
        for path in sorted(root.rglob("*"))
        if path.is_file()
        for content in [path.read_bytes()]
        for form in forms
        if form in content
    ]


class PrivateHouse:
    """An engine on a store whose private runs are under seal."""

    def __init__(self, store: AnyStore, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.store = store
        self.folder = folder
        self.sealing: LateSealing = seal_store(store, folder, "test", {})
        self.blobs = SealedBlobs(LocalBlobs(folder / "blobs"), self.sealing)
        catalogue = load_installed().catalogue
        self.definitions = FolderDefinitions(None, catalogue)
        self.world = World()
        self.engine = Engine(
            store, catalogue, self.definitions, self.world.doors(self.blobs), privacy=self.sealing
        )
        self.shown = veiled(store, store.tables)

    async def run(self, text: str, given: Any, *, called: tuple[str, ...] = (), **how: Any) -> Ended:
        """Return how a run of this workflow ended."""
        others = [self.definitions.add(other) for other in called]
        return await self.engine.run(self.definitions.add(text), input=given, called=others, **how)

    async def facts(self, run: str) -> list[AnyFact]:
        """Return the facts of a run."""
        return await self.engine.facts(run)

    async def raw(self) -> bytes:
        """Return all that the tables of runs hold, as it is kept."""
        found = b""
        for sql in (
            "select facts from journal", "select body from requests", "select fields from logs",
            "select state from snapshots", "select value from cache",
        ):  # fmt: skip
            found += b"\n".join(await self.store.tables.all(sql, (), lambda row: bytes(row[0])))
        for sql in ("select why from runs", "select message from logs", "select key || gate from gates"):
            found += "\n".join(await self.store.tables.all(sql, (), lambda row: str(row[0]))).encode()
        return found


@asynccontextmanager
async def private_house(store: AnyStore, folder: Path) -> AsyncIterator[PrivateHouse]:
    """Yield an engine that runs on a store."""
    house = PrivateHouse(store, folder)
    await house.engine.open()
    yield house
    await house.engine.close()
    await house.world.close()
