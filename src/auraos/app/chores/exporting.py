"""`Exporting`: a whole workspace in one file, a ZIP of texts.

    manifest.json             what it is, and how much of each
    definitions/KIND/NAME.yaml  the drafts, as they are written
    tables/NAME.jsonl         all rows of the workspace: definitions with their versions, grants, roles, settings, bindings, …
    secrets.jsonl             secrets without a value, or with it under the seal of a passphrase
    runs/ID.jsonl             the journals of runs, a fact a line
    files/ID/HASH             their files and large values

What private runs are about is left out, as it is of all copies. Tokens of keys were never kept, and their digests stay here.
"""

import asyncio
import base64
import os
import re
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from auraos.app.chores.steps import Step
from auraos.app.runs.runs import Runs
from auraos.core.errors import OperationalError
from auraos.core.run import encode_fact
from auraos.documents.definitions.exporting import export
from auraos.documents.definitions.rows import Query
from auraos.documents.definitions.service import Definitions
from auraos.engine.ports import Blobs, RunQuery, RunRow
from auraos.security.secrets.keys import Keys
from auraos.security.secrets.rows import Secret, SecretVersion
from auraos.security.secrets.sealed import unseal_version
from auraos.security.secrets.store import SecretStore
from auraos.storage.tables.chores import ChoreTables

FORMAT: Final = 1
PAGE: Final = 200
FACTS: Final = 5000
COST: Final = {"n": 2**15, "r": 8, "p": 1}
"""Of the key that is made of a passphrase (scrypt)."""
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Exporting:
    """Writes workspaces into files."""

    def __init__(  # noqa: PLR0913 (a whole workspace is in all of these)
        self, tables: ChoreTables, definitions: Definitions, runs: Runs, blobs: Blobs, folder: Path, *,
        secrets: SecretStore, keys: Keys, now: Callable[[], int],
    ) -> None:  # fmt: skip
        self._tables = tables
        self._definitions = definitions
        self._runs = runs
        self._blobs = blobs
        self._folder = folder
        self._secrets = secrets
        self._keys = keys
        self._now = now

    async def write(self, workspace: str, file: Path, passphrase: str = "") -> AsyncIterator[Step]:
        """Write a workspace into a new file, and yield how far that is. The file is there when all of it is."""
        await asyncio.to_thread(file.parent.mkdir, mode=0o700, parents=True, exist_ok=True)
        beside = file.with_suffix(".new")
        counts: dict[str, int] = {}
        opened = await asyncio.to_thread(os.open, beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(opened, "wb") as raw, zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as bundle:
            yield Step("definitions")
            counts["definitions"] = await self._write_definitions(bundle, workspace)
            for number, table in enumerate(self._tables.exported):
                yield Step("tables", number, len(self._tables.exported))
                rows = await self._tables.rows(table, workspace)
                counts[table] = len(rows)
                await asyncio.to_thread(bundle.writestr, f"tables/{table}.jsonl", _lines(rows))
            yield Step("secrets")
            salt = os.urandom(16)
            counts["secrets"] = await self._write_secrets(bundle, workspace, passphrase, salt)
            total, done = await self._tables.count_runs(workspace), 0
            async for row in self._all_runs(workspace):
                if done % PAGE == 0:
                    yield Step("runs", done, total)
                await self._write_run(bundle, row)
                done += 1
            yield Step("runs", done, total)
            counts["runs"] = done
            manifest = {
                "format": FORMAT, "workspace": workspace, "at": self._now(), "counts": counts,
                "secrets": {"sealed_by": "passphrase", "kdf": "scrypt", **COST, "salt": salt.hex()} if passphrase else {},
            }  # fmt: skip
            await asyncio.to_thread(bundle.writestr, "manifest.json", msgspec.json.encode(manifest))
        await asyncio.to_thread(beside.replace, file)

    async def _write_definitions(self, bundle: zipfile.ZipFile, workspace: str) -> int:
        query = Query(workspace=workspace, states=("draft", "live", "changed", "archived"))
        files = await export(self._definitions, query)
        for one in files:
            await asyncio.to_thread(bundle.writestr, f"definitions/{one.path}", one.text)
        return len(files)

    async def _write_secrets(
        self, bundle: zipfile.ZipFile, workspace: str, passphrase: str, salt: bytes
    ) -> int:
        key = await asyncio.to_thread(key_of, passphrase, salt) if passphrase else b""
        rows: list[dict[str, Any]] = []
        for secret in await self._secrets.all(Secret, workspace=workspace):
            told: dict[str, Any] = msgspec.to_builtins(secret)
            row = await self._secrets.one(SecretVersion, secret=secret.id, version=secret.version)
            if key and row is not None and row.state == "kept":
                content = msgspec.json.encode(await unseal_version(self._keys, secret, row))
                nonce = os.urandom(12)
                place = f"{workspace}/{secret.name}".encode()
                told["sealed"] = base64.b64encode(nonce + AESGCM(key).encrypt(nonce, content, place)).decode()
            rows.append(told)
        await asyncio.to_thread(bundle.writestr, "secrets.jsonl", _lines(rows))
        return len(rows)

    async def _all_runs(self, workspace: str) -> AsyncIterator[RunRow]:
        """Yield the runs that somebody started, and after each those that it called."""
        before = ""
        while True:
            query = RunQuery(workspace=workspace, before=before, limit=PAGE)
            page, before = await self._runs.page(query)
            for row in page:
                yield row
                async for child in self._children(row):
                    yield child
            if not before:
                return

    async def _children(self, row: RunRow) -> AsyncIterator[RunRow]:
        before = ""
        while True:
            query = RunQuery(workspace=row.workspace, parent=row.run, before=before, limit=PAGE)
            page, before = await self._runs.page(query)
            for child in page:
                yield child
                async for inner in self._children(child):
                    yield inner
            if not before:
                return

    async def _write_run(self, bundle: zipfile.ZipFile, row: RunRow) -> None:
        lines = [msgspec.json.encode({"run": msgspec.to_builtins(row)})]
        after = 0
        while True:
            found = await self._runs.journal(row, after, FACTS)
            lines += [encode_fact(one.fact) for one in found if one.fact is not None]
            if len(found) < FACTS:
                break
            after = found[-1].seq
        await asyncio.to_thread(bundle.writestr, f"runs/{row.run}.jsonl", b"\n".join(lines) + b"\n")
        if not await self._runs.is_private(row):
            await asyncio.to_thread(self._write_files, bundle, row)

    def _write_files(self, bundle: zipfile.ZipFile, row: RunRow) -> None:
        folder = self._folder / row.workspace / row.run
        names = sorted(each.name for each in folder.iterdir()) if folder.is_dir() else []
        for name in names:
            if _HASH.fullmatch(name):
                try:
                    content = self._blobs.fetch(row.workspace, row.run, name)
                except OperationalError:
                    continue  # it went in this moment
                bundle.writestr(f"files/{row.run}/{name}", content)


def key_of(passphrase: str, salt: bytes) -> bytes:
    """Return the key that is made of a passphrase."""
    return Scrypt(salt=salt, length=32, **COST).derive(passphrase.encode())


def open_secret(sealed: str, key: bytes, workspace: str, name: str) -> Any:
    """Return what stands under the seal of a passphrase in an export."""
    raw = base64.b64decode(sealed)
    return msgspec.json.decode(AESGCM(key).decrypt(raw[:12], raw[12:], f"{workspace}/{name}".encode()))


def _lines(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
