"""A text that is written in pieces is masked as one is that comes whole; what is no text stays as it is."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auraos.app.outside.masking import MaskedBlobs
from auraos.security.redaction import BEGINNING, MASK, Redactor
from auraos.storage.blobs import LocalBlobs

CANARY = 'k3y/with+"odd" chars&ä'
AROUND = "x" * BEGINNING


async def in_pieces(content, size):
    """Give bytes in pieces of this size."""
    for at in range(0, len(content), size):
        yield content[at : at + size]


async def masked(content, size, values=(CANARY,)):
    """Return what comes out of a redactor that knows these values."""
    return b"".join([piece async for piece in Redactor(values).redact_stream(in_pieces(content, size))])


@pytest.mark.parametrize("size", [1, 7, 100, BEGINNING, 1_000_000])
@pytest.mark.parametrize(
    "form",
    [
        CANARY,
        quote(CANARY, safe=""),
        json.dumps(CANARY)[1:-1],
        json.dumps(json.dumps(CANARY)[1:-1])[1:-1],
        CANARY.encode().hex(),
        base64.b64encode(CANARY.encode()).decode().rstrip("="),
    ],
    ids=["plain", "percent", "json", "json in json", "hex", "base64"],
)
async def test_a_secret_is_masked_wherever_the_pieces_part(form, size):
    written = await masked(f"{AROUND} {form} {AROUND} {form}!".encode(), size)
    assert form.encode() not in written
    assert written.decode() == Redactor([CANARY]).redact_text(f"{AROUND} {form} {AROUND} {form}!")


@given(
    texts=st.lists(
        st.sampled_from(["a", "ä", "k3y", CANARY, CANARY[:9], CANARY[-9:], "\n", "€" * 50]), max_size=40
    ),
    size=st.integers(1, 400),
)
async def test_pieces_are_masked_as_the_whole_is(texts, size):
    whole = "".join(texts)
    assert (await masked(whole.encode(), size)).decode() == Redactor([CANARY]).redact_text(whole)


@pytest.mark.parametrize("size", [1, 5000])
async def test_a_secret_that_is_cut_off_at_the_start_or_the_end_of_a_text_is_masked(size):
    written = await masked(f"{CANARY[-12:]} and {CANARY[:12]}".encode(), size)
    assert written.decode() == f"{MASK} and {MASK}"


@pytest.mark.parametrize("size", [1, 5000])
async def test_what_is_no_text_stays_as_it_is(size):
    content = b"\x89PNG\0" + CANARY.encode() + bytes(range(256)) * 100
    assert await masked(content, size) == content


async def test_bytes_of_another_encoding_come_out_as_they_went_in():
    content = "Käse € ".encode("latin-1", "replace") * 3000
    assert await masked(content, 1000) == content


async def test_nothing_is_held_back_before_a_secret_is_known():
    assert [piece async for piece in Redactor().redact_stream(in_pieces(b"a" * 20_000, 10_000))] == [
        b"a" * 10_000
    ] * 2


async def test_a_file_on_the_disk_holds_no_secret(tmp_path):
    files = MaskedBlobs(LocalBlobs(tmp_path), Redactor([CANARY])).files("default", "r1")
    kept = await files.write(in_pieces(f"key: {CANARY}\n".encode(), 6), media_type="text/plain")
    content = b"".join([piece async for piece in files.read(kept)])
    assert content.decode() == f"key: {MASK}\n"
    assert kept.size == len(content)
    assert [CANARY.encode() in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()] == [False]
