"""Checking an audit trail without a server, against the keys and heads that are kept outside of its database."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from auraos.app.audit.sources import ExportedTrail, trail_of_database, trail_of_folder
from auraos.app.secrets.secrets import KEYS
from auraos.security.audit.signing import HeadRefusedError, KnownKey, SignedHead, publics_of, read_head
from auraos.security.audit.verify import Source, Verdict, verify
from auraos.storage.audit_folder import AuditFolder
from auraos.storage.folder import read_marker


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What came of checking a trail."""

    what: str
    """What was checked, for people."""
    verdict: Verdict
    believed: int
    """So many keys were believed; without any, signed heads say nothing."""


async def check_trail(
    data: Path, *, database: str = "", file: Path | None = None, heads: Sequence[Path] = ()
) -> Checked:
    """Check the trail of a file, else of a database, else of a data folder."""
    elsewhere = [read_head(path.read_bytes(), str(path)) for path in heads]
    async with AsyncExitStack() as stack:
        source: Source
        if file is not None:
            exported = ExportedTrail(file)
            source, what, installation = exported, str(file), exported.installation
        elif database:
            from auraos.storage.postgres.holding import key_of  # noqa: PLC0415 (a folder with SQLite needs no driver)

            source = await stack.enter_async_context(trail_of_database(database))
            what, installation = "the database", await key_of(database)
        else:
            source = await stack.enter_async_context(trail_of_folder(data))
            marker = read_marker(data)
            what, installation = str(data), marker.key if marker is not None else ""
        keys, own = _beside(data, installation)
        _refuse_foreign(elsewhere, heads, installation)
        if file is not None and not keys and not elsewhere:
            keys = exported.keys
        publics = publics_of(keys)
        verdict = await verify(source, publics, [*elsewhere, *own])
        return Checked(
            what=what, verdict=verdict, believed=len({*publics, *(head.key_id for head in elsewhere)})
        )


def _beside(data: Path, installation: str) -> tuple[tuple[KnownKey, ...], list[SignedHead]]:
    """Return the keys and the last head that the folder of an installation keeps; nothing where it is another's folder."""
    marker = read_marker(data)
    if marker is None or marker.key != installation:
        return (), []
    folder = AuditFolder(data / KEYS)
    head = folder.head()
    return folder.known(), [head] if head is not None else []


def _refuse_foreign(elsewhere: Sequence[SignedHead], files: Sequence[Path], installation: str) -> None:
    for head, path in zip(elsewhere, files, strict=True):
        if head.installation != installation:
            raise HeadRefusedError(
                f"The head in {path} is one of another installation.", hint="Name the head of this trail."
            )
