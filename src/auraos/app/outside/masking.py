"""Files without secrets: what steps keep as text is masked on its way to the disk, as all else that is kept."""

from collections.abc import AsyncIterator, Callable, Mapping

from auraos.core.values import FileReference
from auraos.engine.ports import Blobs
from auraos.sdk import Files
from auraos.security.redaction import Redactor


class MaskedBlobs:
    """Blobs into which no text is written with a revealed secret in it."""

    def __init__(self, blobs: Blobs, redactor: Redactor) -> None:
        self._blobs = blobs
        self._redactor = redactor

    def files(self, workspace: str, run: str) -> "MaskedFiles":
        """Return the door through which the steps of one run write and read files."""
        return MaskedFiles(self._blobs.files(workspace, run), self._redactor)

    async def share(self, reference: FileReference, *, workspace: str, source: str, target: str) -> None:
        """Let another run hold this file too."""
        await self._blobs.share(reference, workspace=workspace, source=source, target=target)

    def keep(self, workspace: str, run: str, contents: Mapping[str, bytes]) -> None:
        """Keep large values, which were masked before they became facts."""
        self._blobs.keep(workspace, run, contents)

    def sealer(self, run: str) -> Callable[[bytes], bytes] | None:
        """Return what seals the large values of a run; None where it is not private."""
        return self._blobs.sealer(run)

    def remove(self, workspace: str, run: str) -> None:
        """Delete all blobs of a run."""
        self._blobs.remove(workspace, run)

    def old(self) -> list[tuple[str, str]]:
        """Return the runs whose blobs nobody has touched for a day."""
        return self._blobs.old()

    def fetch(self, workspace: str, run: str, hash: str) -> bytes:  # noqa: A002 (as in the port)
        """Return a large value of a run."""
        return self._blobs.fetch(workspace, run, hash)


class MaskedFiles:
    """The files of one run; hash and size are those of the masked content."""

    def __init__(self, files: Files, redactor: Redactor) -> None:
        self._files = files
        self._redactor = redactor

    async def write(self, pieces: AsyncIterator[bytes], *, media_type: str, name: str = "") -> FileReference:
        """Keep what the pieces hold, masked, and return how to name it."""
        return await self._files.write(self._redactor.redact_stream(pieces), media_type=media_type, name=name)

    def read(self, reference: FileReference) -> AsyncIterator[bytes]:
        """Yield the content in pieces."""
        return self._files.read(reference)
