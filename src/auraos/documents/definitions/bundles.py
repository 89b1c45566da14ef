"""Bundles: many definitions as one file, a zip of their texts. The same texts make the same bytes, wherever they are packed.

Nothing of a bundle is ever written to a disk, so what its entries are called decides nothing.
"""

import zipfile
from collections.abc import Iterable
from io import BytesIO

from auraos.core.errors import UserError
from auraos.documents.definitions.files import MOST_FILES, File
from auraos.documents.definitions.rows import Ref

LARGEST_FILE = 8_000_000
LARGEST_BUNDLE = 64_000_000
SUFFIXES = (".yaml", ".yml")
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


class BundleRefusedError(UserError):
    """A bundle cannot be read, or holds more than it may."""

    code = "bundle-refused"


def path_of(ref: Ref) -> str:
    """Return under which path a definition stands in a bundle or folder."""
    return f"{ref.kind}/{ref.name}.yaml"


def pack(files: Iterable[File]) -> bytes:
    """Return a bundle of files. They are not compressed: how well one compresses differs between machines."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as bundle:
        for file in sorted(files, key=lambda each: each.path):
            about = zipfile.ZipInfo(file.path, _LONG_AGO)
            about.create_system, about.external_attr = 3, 0o644 << 16
            bundle.writestr(about, file.text.encode())
    return packed.getvalue()


def unpack(data: bytes) -> list[File]:
    """Return the files of a bundle, in order; raise `BundleRefusedError` for what is none, or is too large unpacked."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as bundle:
            return [_file(bundle, entry) for entry in _entries(bundle)]
    except BundleRefusedError:
        raise
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, OSError, EOFError) as error:
        raise BundleRefusedError("This is no bundle that can be read.", hint="It must be a zip.") from error
    except Exception as error:  # the decompressors of the library have errors of their own
        raise BundleRefusedError("The bundle is damaged.", hint="Export it again.") from error


def _entries(bundle: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the entries that are texts of definitions, in order."""
    entries = [each for each in bundle.infolist() if each.filename.endswith(SUFFIXES)]
    if len(entries) > MOST_FILES:
        raise BundleRefusedError(f"The bundle has {len(entries):,} files; {MOST_FILES:,} may be.")
    if sum(each.file_size for each in entries) > LARGEST_BUNDLE:
        raise BundleRefusedError(f"The bundle is larger than {LARGEST_BUNDLE:,} bytes unpacked.")
    return sorted(entries, key=lambda each: each.filename)


def _file(bundle: zipfile.ZipFile, entry: zipfile.ZipInfo) -> File:
    with bundle.open(entry) as opened:
        data = opened.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise BundleRefusedError(f"{entry.filename!r} is larger than {LARGEST_FILE:,} bytes.")
    try:
        return File(entry.filename, data.decode())
    except UnicodeDecodeError as error:
        raise BundleRefusedError(f"{entry.filename!r} is no UTF-8 text.") from error
