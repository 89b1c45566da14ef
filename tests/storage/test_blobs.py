"""Files of runs: whole or absent, apart by run, shared only on purpose."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from auraos.core.values import FileReference
from auraos.engine.ports import NotFoundError
from auraos.storage.blobs import LocalBlobs
from auraos.storage.blobs.local import BlobNameError


async def pieces(*content: bytes) -> AsyncIterator[bytes]:
    for piece in content:
        yield piece


async def broken() -> AsyncIterator[bytes]:
    yield b"half"
    raise ConnectionResetError


async def whole(stream: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in stream])


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobs:
    return LocalBlobs(tmp_path / "blobs")


async def test_what_was_written_in_pieces_is_read_whole(blobs: LocalBlobs) -> None:
    files = blobs.files("default", "r1")
    content = b"x" * 700_000
    reference = await files.write(
        pieces(content[:10], b"", content[10:]), media_type="text/csv", name="a.csv"
    )
    assert (reference.size, reference.media_type, reference.name) == (700_000, "text/csv", "a.csv")
    assert await whole(files.read(reference)) == content


async def test_another_run_cannot_read_it_until_it_is_shared_and_then_keeps_it(
    blobs: LocalBlobs, tmp_path: Path
) -> None:
    reference = await blobs.files("default", "r1").write(pieces(b"secret"), media_type="text/plain")
    other = blobs.files("default", "r2")
    with pytest.raises(NotFoundError, match="not among the files of this run"):
        await whole(other.read(reference))
    await blobs.share(reference, workspace="default", source="r1", target="r2")
    await blobs.share(reference, workspace="default", source="r1", target="r2")
    (tmp_path / "blobs" / "default" / "r1" / reference.hash).unlink()
    assert await whole(other.read(reference)) == b"secret"


async def test_a_stream_that_breaks_leaves_nothing_behind(blobs: LocalBlobs, tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError):
        await blobs.files("default", "r1").write(broken(), media_type="text/plain")
    assert list((tmp_path / "blobs" / "default" / "r1").iterdir()) == []


@pytest.mark.parametrize("name", ["..", "a/b", "", ".", "a\0", "ä", "~x", "x" * 200])
def test_no_run_or_workspace_leads_out_of_the_store(blobs: LocalBlobs, name: str) -> None:
    with pytest.raises(BlobNameError):
        blobs.files("default", name)
    with pytest.raises(BlobNameError):
        blobs.files(name, "r1")


@pytest.mark.parametrize("hashed", ["../../../etc/passwd", "0" * 63, "A" * 64, ""])
async def test_only_a_hash_names_a_file(blobs: LocalBlobs, hashed: str) -> None:
    with pytest.raises(BlobNameError):
        await whole(blobs.files("default", "r1").read(FileReference(hash=hashed, size=1)))
