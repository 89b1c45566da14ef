"""What the audit trail keeps outside of the database: the key that signs its heads, the public halves of former ones, and the
last head that was signed.

keys/audit.key           the secret half, for its owner only
keys/audit-public.json   the public halves of all keys that sign or did
keys/audit-head.json     the last head: a database that was put back, or cut short, does not reach it
"""

import base64
import binascii
import os
import stat
from pathlib import Path
from typing import TypeVar

import msgspec

from auraos.core.errors import OperationalError
from auraos.security.audit.signing import SEED_BYTES, KnownKey, SignedHead
from auraos.storage.folder import write_durably

T = TypeVar("T")
KEY, PUBLIC, HEAD = "audit.key", "audit-public.json", "audit-head.json"


class AuditKeyError(OperationalError):
    """The key that signs heads of the audit trail cannot be used, or what is kept beside it."""

    code = "audit-key-refused"


class AuditFolder:
    """The files of one data folder; `path` is its folder of keys."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def seed(self) -> bytes | None:
        """Return the secret half of the key, None where there is none yet."""
        file = self._path / KEY
        content = _read(file, is_secret=True)
        if content is None:
            return None
        try:
            seed = base64.b64decode(content.strip(), validate=True)
        except binascii.Error:
            seed = b""
        if len(seed) != SEED_BYTES:
            raise AuditKeyError(f"{file} holds no key.", hint="Bring it back, or move it away for a new one.")
        return seed

    def keep_seed(self, seed: bytes) -> None:
        """Let this key sign from now on."""
        self._write(KEY, base64.b64encode(seed) + b"\n")

    def known(self) -> tuple[KnownKey, ...]:
        """Return the public halves of all keys that sign or did."""
        return self._load(PUBLIC, tuple[KnownKey, ...]) or ()

    def keep_known(self, keys: tuple[KnownKey, ...]) -> None:
        """Keep the public halves."""
        self._write(PUBLIC, msgspec.json.format(msgspec.json.encode(keys)) + b"\n")

    def head(self) -> SignedHead | None:
        """Return the last head that was signed here."""
        return self._load(HEAD, SignedHead)

    def keep_head(self, head: SignedHead) -> None:
        """Keep a head that was signed."""
        self._write(HEAD, msgspec.json.encode(head) + b"\n")

    def _load(self, name: str, kind: type[T]) -> T | None:
        content = _read(self._path / name)
        try:
            return None if content is None else msgspec.json.decode(content, type=kind)
        except msgspec.DecodeError as error:
            raise AuditKeyError(
                f"{self._path / name} cannot be read: {error}.", hint="Bring back a whole copy of it."
            ) from error

    def _write(self, name: str, content: bytes) -> None:
        try:
            self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_durably(self._path / name, content, mode=0o600)
        except OSError as error:
            raise AuditKeyError(
                f"{self._path / name} cannot be written: {error.strerror or error}.",
                hint="Make room, and let the user who serves write there.",
            ) from error


def _read(file: Path, *, is_secret: bool = False) -> bytes | None:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as opened:
            mode, content = os.fstat(opened.fileno()).st_mode, opened.read(1024 * 1024)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AuditKeyError(
            f"{file} cannot be read: {error.strerror or error}.", hint="It is a file of the user who serves."
        ) from error
    if is_secret and stat.S_IMODE(mode) & 0o077:
        raise AuditKeyError(f"Others may read {file}.", hint=f"chmod 600 {file}")
    return content
