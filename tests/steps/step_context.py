"""The context of one attempt, of real parts: Egress, Reveal, and files kept in memory."""

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from auraos.sdk import FileReference
from auraos.security.egress import Egress
from auraos.security.reveal import Reveal


class MemoryFiles:
    """The sdk's Files, in memory."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    async def write(self, pieces: AsyncIterator[bytes], *, media_type: str, name: str = "") -> FileReference:
        body = b"".join([piece async for piece in pieces])
        digest = hashlib.sha256(body).hexdigest()
        self.contents[digest] = body
        return FileReference(hash=digest, size=len(body), media_type=media_type, name=name)

    async def read(self, reference: FileReference) -> AsyncIterator[bytes]:
        body = self.contents[reference.hash]
        yield body[:5]
        yield body[5:]


class Context:
    """The sdk's StepContext."""

    run_id = "run-1"
    path = "step"
    attempt = 1
    key = "key-of-this-activation"
    now = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

    def __init__(self, allowed=(), *, effect="read", environment=None, sandbox=None, flags=None) -> None:
        self.effect = effect
        self.secrets = Reveal(environment or {})
        self.http = Egress(allowed, secrets=self.secrets)
        self.files = MemoryFiles()
        self.sandbox = sandbox
        self.flags = flags
        self.lines: list[tuple[str, str, dict[str, object]]] = []
        self.steps_done: list[float] = []

    def log(self, message, *, level="info", **fields):
        self.lines.append((level, message, fields))

    def progress(self, done, total=None, message=""):
        self.steps_done.append(done)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.http.close()
