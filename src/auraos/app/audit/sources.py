"""Where an audit trail is checked without a server: the file of a data folder, a database, or a file that was exported."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from auraos.core.errors import UnexpectedError, UserError
from auraos.security.audit.chain import Kept
from auraos.security.audit.export import ExportedLine, Opening, kept_of_line
from auraos.security.audit.signing import KnownKey
from auraos.security.audit.store import Checkpoint, Filter, Head
from auraos.storage.migrations.walls import INSTALLATION
from auraos.storage.sqlite.opening import check_database
from auraos.storage.sqlite.readers import Readers
from auraos.storage.tables.audit import AuditTables
from auraos.storage.tables.looked_at import LookedAtTables

T = TypeVar("T")
LONGEST_READ = 60.0
_is_line = msgspec.json.Decoder(ExportedLine)
_is_signed = msgspec.json.Decoder(dict[str, Checkpoint])
_is_opening = msgspec.json.Decoder(Opening)


class NoTrailError(UserError):
    """There is no audit trail here that could be read."""

    code = "no-audit-trail"


@asynccontextmanager
async def trail_of_folder(data: Path) -> AsyncIterator[AuditTables]:
    """Yield the trail of a data folder, whether a server runs on it or none."""
    file = (data / "auraos.db").absolute()
    if not file.exists():
        raise NoTrailError(
            f"There is no database in {data}.",
            hint="Name the data folder with --data, or a database with --database.",
        )
    log = file.with_name(file.name + "-wal")
    immutable = (
        not log.exists()
    )  # nobody has it open: it may stand where nobody may write, as on a disk of evidence
    check_database(file, immutable=immutable)
    readers = Readers(file, threads=1, longest=LONGEST_READ, immutable=immutable)
    try:
        yield AuditTables(LookedAtTables(readers, "sqlite"))
    finally:
        readers.close()


@asynccontextmanager
async def trail_of_database(url: str) -> AsyncIterator[AuditTables]:
    """Yield the trail of a PostgreSQL database."""
    from auraos.storage.postgres.address import Address  # noqa: PLC0415 (a folder with SQLite needs no driver)
    from auraos.storage.postgres.readers import Readers as DatabaseReaders  # noqa: PLC0415

    readers = DatabaseReaders(Address(url), most=1, longest=LONGEST_READ, plans=INSTALLATION)
    try:
        yield AuditTables(LookedAtTables(readers, "postgres"))
    finally:
        await readers.close()


class ExportedTrail:
    """The trail of a file of JSON lines, read through once and in order."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._place = 0
        self._opening, self._checkpoints = self._look_through()

    @property
    def installation(self) -> str:
        """Return whose trail it is, as the file says."""
        return self._opening.installation

    @property
    def keys(self) -> tuple[KnownKey, ...]:
        """Return the keys that the file brings along. They show damage, and not a file that somebody made anew."""
        return self._opening.keys

    async def head(self) -> Head:
        """Return where the file says that it ends."""
        opening = self._opening
        return Head(seq=opening.head.seq, hash=opening.head.hash, floor=opening.head.floor)

    async def checkpoints(self, *, after: int = 0, limit: int = 1000) -> Sequence[Checkpoint]:
        """Return the signed heads of the file in order."""
        return [made for made in self._checkpoints if made.seq > after][:limit]

    async def oldest(self, wanted: Filter, *, after: int, limit: int) -> Sequence[Kept]:
        """Return the next entries as they stand in the file; after 0, the first ones."""
        if wanted != Filter():
            raise UnexpectedError("An exported trail is read as a whole.")
        found: list[Kept] = []
        with self._file.open("rb") as lines:
            lines.seek(self._place if after else 0)
            while len(found) < limit and (line := lines.readline()):
                if line.startswith(b'{"seq":'):
                    found.append(self._read(line))
            self._place = lines.tell()
        return found

    def _look_through(self) -> tuple[Opening, list[Checkpoint]]:
        signed: list[Checkpoint] = []
        try:
            with self._file.open("rb") as lines:
                opening = _is_opening.decode(lines.readline())
                signed += (
                    _is_signed.decode(line)["signed"] for line in lines if line.startswith(b'{"signed":')
                )
        except (OSError, msgspec.DecodeError) as error:
            raise NoTrailError(
                f"{self._file} is no exported audit trail: {error}.",
                hint="Export one as JSON lines: auraos audit export --output FILE",
            ) from error
        return opening, sorted(signed, key=lambda made: made.seq)

    def _read(self, line: bytes) -> Kept:
        try:
            return kept_of_line(_is_line.decode(line))
        except msgspec.DecodeError as error:
            raise NoTrailError(
                f"A line of {self._file} cannot be read: {error}.", hint="Bring a whole copy of the file."
            ) from error
