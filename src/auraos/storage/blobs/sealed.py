"""Files and large values of private runs, under the seal of their run: what lies on the disk tells nothing.

A file is sealed piece by piece, and is named by the hash of what lies on the disk; its size is that of its content.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from auraos.core.errors import OperationalError
from auraos.core.values import FileReference, Hidden, to_wire
from auraos.engine.ports import Blobs
from auraos.sdk import Files

if TYPE_CHECKING:
    from auraos.security.privacy.seals import RunSeal

PIECE: Final = 256 * 1024
_LENGTH: Final = 4
_MARK: Final = b"\0"
"""Begins a large value under seal; JSON never does."""


class FileDamagedError(OperationalError):
    """A file under seal is not whole."""

    code = "file-damaged"


class Sealers(Protocol):
    """Knows the keys of private runs."""

    def seal_of(self, run: str) -> "RunSeal | None":
        """Return the key of a run that this process leads, or read lately."""
        ...


class SealedBlobs:
    """Blobs of which those of private runs are under seal."""

    def __init__(self, blobs: Blobs, sealing: Sealers) -> None:
        self._blobs = blobs
        self._sealing = sealing

    def files(self, workspace: str, run: str) -> Files:
        """Return the door through which the steps of one run write and read files."""
        seal = self._sealing.seal_of(run)
        files = self._blobs.files(workspace, run)
        return files if seal is None else SealedFiles(files, seal)

    async def share(self, reference: FileReference, *, workspace: str, source: str, target: str) -> None:
        """Let another run hold this file too. Runs that hand files on to each other have one key."""
        await self._blobs.share(reference, workspace=workspace, source=source, target=target)

    def sealer(self, run: str) -> Callable[[bytes], bytes] | None:
        """Return what seals the large values of a run; None where it is not private."""
        seal = self._sealing.seal_of(run)
        return None if seal is None else lambda content: _MARK + seal.seal(content)

    def keep(self, workspace: str, run: str, contents: Mapping[str, bytes]) -> None:
        """Keep large values, which are under seal already where they must be."""
        self._blobs.keep(workspace, run, contents)

    def remove(self, workspace: str, run: str) -> None:
        """Delete all blobs of a run."""
        self._blobs.remove(workspace, run)

    def old(self) -> list[tuple[str, str]]:
        """Return the runs whose blobs nobody has touched for a day."""
        return self._blobs.old()

    def fetch(self, workspace: str, run: str, hash: str) -> bytes:  # noqa: A002 (as in the port)
        """Return a large value of a run; a sign that it is hidden where its key is gone."""
        content = self._blobs.fetch(workspace, run, hash)
        if not content.startswith(_MARK):
            return content
        seal = self._sealing.seal_of(run)
        return (
            msgspec.json.encode(to_wire(Hidden(why="erased")))
            if seal is None
            else seal.unseal(content[len(_MARK) :])
        )


class SealedFiles:
    """The files of one private run."""

    def __init__(self, files: Files, seal: "RunSeal") -> None:
        self._files = files
        self._seal = seal

    async def write(self, pieces: AsyncIterator[bytes], *, media_type: str, name: str = "") -> FileReference:
        """Keep what the pieces hold, and return how to name it."""
        size = 0

        async def sealed() -> AsyncIterator[bytes]:
            nonlocal size
            async for piece in pieces:
                for start in range(0, len(piece), PIECE):
                    part = piece[start : start + PIECE]
                    size += len(part)
                    content = self._seal.seal(part)
                    yield len(content).to_bytes(_LENGTH, "big") + content

        kept = await self._files.write(sealed(), media_type=media_type, name=name)
        return msgspec.structs.replace(kept, size=size)

    async def read(self, reference: FileReference) -> AsyncIterator[bytes]:
        """Yield the content in pieces."""
        waiting = b""
        async for piece in self._files.read(reference):
            waiting += piece
            while len(waiting) >= _LENGTH:
                end = _LENGTH + int.from_bytes(waiting[:_LENGTH], "big")
                if len(waiting) < end:
                    break
                yield self._seal.unseal(waiting[_LENGTH:end])
                waiting = waiting[end:]
        if waiting:
            raise FileDamagedError(
                f"The file {reference.name or reference.hash!r} is cut off.",
                hint="Restore the blobs from a backup.",
            )
