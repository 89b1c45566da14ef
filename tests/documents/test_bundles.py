"""Bundles: the same texts make the same bytes, and nothing that somebody sends breaks the reading of one."""

import contextlib
import hashlib
import io
import zipfile

import pytest

from auraos.documents.definitions.bundles import BundleRefusedError, pack, path_of, unpack
from auraos.documents.definitions.files import File
from auraos.documents.definitions.rows import Ref

FILES = [File("workflow/a.yaml", "kind: workflow # ä\n"), File("workflow/b.yaml", "")]


def zipped(entries: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as bundle:
        for name, data in entries.items():
            bundle.writestr(name, data)
    return packed.getvalue()


def test_what_is_packed_is_unpacked_as_it_was():
    assert unpack(pack(FILES)) == FILES
    assert path_of(Ref("default", "workflow", "a")) == "workflow/a.yaml"


def test_the_same_texts_make_the_same_bytes_in_whatever_order_they_come():
    assert pack(FILES) == pack(reversed(FILES))
    known = "1f39450604ec943ec2b46c6d4c19c7a9c3a75cd99d53fde39e11b9ea8b9fd9ba"
    assert hashlib.sha256(pack(FILES)).hexdigest() == known


def test_other_files_of_a_zip_are_passed_over():
    assert [file.path for file in unpack(zipped({"README.md": b"x", "a.yml": b"y", "d/": b""}))] == ["a.yml"]


def test_where_an_entry_says_that_it_lies_decides_nothing():
    assert [file.path for file in unpack(zipped({"../../etc/a.yaml": b"x", "/root/b.yaml": b"y"}))] == [
        "../../etc/a.yaml",
        "/root/b.yaml",
    ]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no bundle"),
        (b"PK\x03\x04", "no bundle"),
        (b"kind: workflow", "no bundle"),
        (pack(FILES)[:-30], "no bundle"),
        (zipped({"a.yaml": b"\xff"}), "no UTF-8"),
        (zipped({"a.yaml": b" " * 8_000_001}), "larger than 8,000,000"),
        (zipped({f"{n}.yaml": b" " * 7_000_000 for n in range(10)}), "larger than 64,000,000"),
        (zipped({f"{n}.yaml": b"" for n in range(2_001)}), "2,001 files"),
    ],
)
def test_what_is_no_bundle_or_too_large_is_refused(data, said):
    with pytest.raises(BundleRefusedError, match=said):
        unpack(data)


def test_a_bundle_with_any_byte_changed_is_read_or_refused():
    whole = zipped({"a.yaml": b"kind: workflow\n" * 3, "b.yaml": b"x"})
    for at in range(len(whole)):
        damaged = whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :]
        with contextlib.suppress(BundleRefusedError):
            assert len(unpack(damaged)) <= 2
