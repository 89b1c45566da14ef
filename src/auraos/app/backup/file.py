"""The form of a backup: named contents in one file, compressed, sealed piece by piece, and perhaps encrypted.

    "AURAOS BACKUP 1\\n"   length of the header (4 bytes)   the header, as JSON
    then frames: length (4 bytes, the highest bit marks the last one)   body   seal (16 bytes)

A body is up to 1 MB of the stream of contents, compressed with zlib. With a key it is encrypted with AES-256-GCM, and the seal
is its tag; without one the seal is a BLAKE2b digest, which finds damage and no intent. Each seal covers the hash of the header
and the number of the frame, so that nothing can be changed, moved, left out or cut off. The key of a backup is derived from the
content of the key file with scrypt and a salt of its own, so a nonce is never used twice.

    the stream: length of a name (2 bytes)  name  pieces (length of 4 bytes, bytes)  0 (4 bytes)  …  0 (2 bytes)
"""

import hashlib
import hmac
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol

import msgspec

from auraos.core.errors import OperationalError, UserError
from auraos.storage.folder import sync_folder

MAGIC = b"AURAOS BACKUP 1\n"
PIECE = 1024 * 1024
SEAL = 16
_LAST = 1 << 31
_LARGEST_HEADER = 64 * 1024
_LARGEST_FRAME = 2 * PIECE
SHORTEST_KEY = 16
LONGEST_KEY = 64 * 1024


class BackupDamagedError(OperationalError):
    """The file is no backup, or not a whole one."""

    code = "backup-damaged"


class BackupKeyError(UserError):
    """The key is missing, wrong, or none that can be used."""

    code = "backup-key"


class BackupExistsError(UserError):
    """There is a file already where the backup was to be written."""

    code = "backup-exists"


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself. It can be read without the key, and cannot be changed without being found out."""

    format: int = 1
    made_at: int
    release: str
    store: str
    """sqlite or postgresql: into which kind of store it goes back."""
    schema: int
    encrypted: bool = False
    salt: str = ""


class _Seal(Protocol):
    def close(self, number: bytes, body: bytes) -> bytes: ...

    def open(self, number: bytes, sealed: bytes) -> bytes | None: ...


class _Digest:
    """Seals without a key."""

    def __init__(self, header: bytes) -> None:
        self._header = header

    def close(self, number: bytes, body: bytes) -> bytes:
        return body + self._of(number, body)

    def open(self, number: bytes, sealed: bytes) -> bytes | None:
        body, seal = sealed[:-SEAL], sealed[-SEAL:]
        return body if hmac.compare_digest(seal, self._of(number, body)) else None

    def _of(self, number: bytes, body: bytes) -> bytes:
        return hashlib.blake2b(self._header + number + body, digest_size=SEAL).digest()


class _Cipher:
    """Encrypts and seals with a key of 32 bytes that is used for one file only."""

    def __init__(self, header: bytes, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 (most commands encrypt nothing)

        self._header = header
        self._aead = AESGCM(key)

    def close(self, number: bytes, body: bytes) -> bytes:
        return self._aead.encrypt(number, body, self._header)

    def open(self, number: bytes, sealed: bytes) -> bytes | None:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415

        try:
            return self._aead.decrypt(number, sealed, self._header)
        except InvalidTag:
            return None


def read_key(file: Path) -> bytes:
    """Return the key that a file holds: its content, without white space around it."""
    content = file.read_bytes()[: LONGEST_KEY + 1].strip()
    if not SHORTEST_KEY <= len(content) <= LONGEST_KEY:
        raise BackupKeyError(
            f"{file} holds no key: it has {len(content)} bytes.",
            hint=f"Make one: head -c 32 /dev/urandom | base64 > {file}",
        )
    return content


class BackupWriter:
    """Writes a backup beside its place; it is moved there, durably, when the block ends without an error."""

    def __init__(self, file: Path, header: Header, key: bytes | None) -> None:
        if file.exists():
            raise BackupExistsError(f"{file} is there already.", hint="Choose another name, or move it away.")
        salt = os.urandom(32)
        header = msgspec.structs.replace(header, encrypted=key is not None, salt=salt.hex() if key else "")
        told = msgspec.json.encode(header)
        self._seal = _seal_of(told, key, salt)
        self._file = file
        self._beside = file.with_name(f".{file.name}.part")
        self._number = 0
        self._held = bytearray()
        self._beside.unlink(missing_ok=True)
        descriptor = os.open(self._beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._out: BinaryIO = os.fdopen(descriptor, "wb")
        self._out.write(MAGIC + struct.pack(">I", len(told)) + told)

    def __enter__(self) -> "BackupWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._held += struct.pack(">H", 0)
                self._flush(everything=True)
                self._out.flush()
                os.fsync(self._out.fileno())
        except BaseException:
            self._give_up()
            raise
        if kind is not None:
            self._give_up()
            return
        self._out.close()
        self._beside.replace(self._file)
        sync_folder(self._file.parent)

    def add(self, name: str, pieces: Iterable[bytes]) -> None:
        """Write one content under a name."""
        self.begin(name)
        for piece in pieces:
            self.put(piece)
        self.end()

    def begin(self, name: str) -> None:
        """Let a content begin; `put` gives its pieces, and `end` ends it."""
        told = name.encode()
        self._held += struct.pack(">H", len(told)) + told

    def put(self, piece: bytes) -> None:
        """Write a piece of the content that has begun."""
        for start in range(0, len(piece), PIECE):
            part = piece[start : start + PIECE]
            self._held += struct.pack(">I", len(part)) + part
            self._flush()

    def end(self) -> None:
        """End the content that has begun."""
        self._held += struct.pack(">I", 0)

    def _flush(self, *, everything: bool = False) -> None:
        while len(self._held) > PIECE:
            self._write(bytes(self._held[:PIECE]), last=False)
            del self._held[:PIECE]
        if everything:
            self._write(bytes(self._held), last=True)

    def _write(self, body: bytes, *, last: bool) -> None:
        sealed = self._seal.close(_number(self._number, last=last), zlib.compress(body, 1))
        self._number += 1
        self._out.write(struct.pack(">I", len(sealed) | (_LAST if last else 0)) + sealed)

    def _give_up(self) -> None:
        self._out.close()
        self._beside.unlink(missing_ok=True)


class BackupReader:
    """Reads a backup; the key is tried before anything else, and every piece is checked before it is given out."""

    def __init__(self, file: Path, key: bytes | None) -> None:
        self.file = file
        self._in: BinaryIO = file.open("rb")
        try:
            self.size = file.stat().st_size
            self.header, told = self._read_header()
            self._seal = self._check_key(told, key)
            self._number = 0
            self._ended = False
            self._ready = bytearray(self._first_frame(key))
        except BaseException:
            self._in.close()
            raise

    def __enter__(self) -> "BackupReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._in.close()

    @property
    def read_bytes(self) -> int:
        """Return how far the file was read."""
        return self._in.tell()

    def contents(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Yield each name with its pieces, which are read before the next name is."""
        while length := struct.unpack(">H", self._take(2))[0]:
            name = self._take(length).decode()
            pieces = self._pieces()
            yield name, pieces
            for _ in pieces:
                pass  # whoever did not want them all
        if self._ready or not self._ended or self._in.read(1):
            raise self._damaged("there is more behind its end")

    def _pieces(self) -> Iterator[bytes]:
        while length := struct.unpack(">I", self._take(4))[0]:
            if length > PIECE:
                raise self._damaged("a piece is too large")
            yield self._take(length)

    def _take(self, count: int) -> bytes:
        while len(self._ready) < count:
            if self._ended:
                raise self._damaged("it ends in the middle")
            self._ready += self._next_frame()
        taken = bytes(self._ready[:count])
        del self._ready[:count]
        return taken

    def _first_frame(self, key: bytes | None) -> bytes:
        try:
            return self._next_frame()
        except BackupDamagedError as damaged:
            if key is None:
                raise
            raise BackupKeyError(
                f"{self.file} does not open with this key.", hint="Another key made it, or it is damaged."
            ) from damaged

    def _next_frame(self) -> bytes:
        head = self._in.read(4)
        if len(head) < 4:
            raise self._damaged("it is cut off")
        word = struct.unpack(">I", head)[0]
        length, last = word & ~_LAST, bool(word & _LAST)
        sealed = self._in.read(length) if SEAL <= length <= _LARGEST_FRAME else b""
        if len(sealed) != length or not sealed:
            raise self._damaged("it is cut off")
        body = self._seal.open(_number(self._number, last=last), sealed)
        if body is None:
            raise self._damaged(f"a piece in it was changed (frame {self._number})")
        self._number += 1
        self._ended = last
        unpacking = zlib.decompressobj()
        unpacked = unpacking.decompress(body, PIECE + 1)
        if len(unpacked) > PIECE or unpacking.unconsumed_tail:
            raise self._damaged("a piece is too large")
        return unpacked

    def _read_header(self) -> tuple[Header, bytes]:
        start = self._in.read(len(MAGIC) + 4)
        if start[: len(MAGIC)] != MAGIC or len(start) < len(MAGIC) + 4:
            raise self._damaged("it does not begin as one does")
        length = struct.unpack(">I", start[len(MAGIC) :])[0]
        told = self._in.read(length) if length <= _LARGEST_HEADER else b""
        try:
            header = msgspec.json.decode(told, type=Header)
        except msgspec.DecodeError as error:
            raise self._damaged("its header cannot be read") from error
        if header.format != 1:
            raise self._damaged(f"its format is {header.format}, and this release knows 1")
        return header, told

    def _check_key(self, told: bytes, key: bytes | None) -> _Seal:
        if self.header.encrypted and key is None:
            raise BackupKeyError(
                f"{self.file} is encrypted.", hint="Name the file of its key with --key-file."
            )
        if not self.header.encrypted and key is not None:
            raise BackupKeyError(f"{self.file} is not encrypted.", hint="Leave --key-file out.")
        return _seal_of(told, key, bytes.fromhex(self.header.salt))

    def _damaged(self, what: str) -> BackupDamagedError:
        return BackupDamagedError(
            f"{self.file} is no whole backup: {what}.", hint="Use another copy of it. Nothing was restored."
        )


def _seal_of(header: bytes, key: bytes | None, salt: bytes) -> _Seal:
    digest = hashlib.sha256(header).digest()
    if key is None:
        return _Digest(digest)
    return _Cipher(digest, hashlib.scrypt(key, salt=salt, n=2**15, r=8, p=1, maxmem=2**26, dklen=32))


def _number(number: int, *, last: bool) -> bytes:
    return struct.pack(">IQ", int(last), number)
