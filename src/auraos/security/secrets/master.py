"""The master key: it seals the keys of workspaces and nothing else. It comes from a file, the environment or a command.

Where it comes from says one key, or several separated by spaces, commas or line breaks: the first one seals, the others
still open until everything is sealed by the first.
"""

import base64
import binascii
import contextlib
import fcntl
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from auraos.security.secrets.envelope import KEY_BYTES
from auraos.security.secrets.errors import MasterKeyError
from auraos.security.secrets.programs import run_program

VARIABLE = "AURAOS_MASTER_KEY"
COMMAND = "AURAOS_MASTER_KEY_COMMAND"
FILE = "master.key"
_FORM = "A master key is 32 bytes in Base64, as `openssl rand -base64 32` prints them."

Chance = Callable[[int], bytes]


class MasterKeys:
    """The master keys that are known: one that seals, and perhaps former ones that open."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = {master_id(key): key for key in keys}
        self.current = next(iter(self._keys))

    def __repr__(self) -> str:
        return f"MasterKeys({', '.join(self._keys)})"

    def __contains__(self, name: str) -> bool:
        return name in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def key(self, name: str) -> bytes:
        """Return a key by its id."""
        found = self._keys.get(name)
        if found is None:
            raise MasterKeyError(
                f"A key of the store is sealed by the master key {name}, which is not known here.",
                hint="Bring back the master key that this store was used with, beside the one that is known.",
            )
        return found

    def all(self) -> list[bytes]:
        """Return all keys, the one that seals first."""
        return list(self._keys.values())


class MasterSource(Protocol):
    """Where the master key comes from."""

    async def read(self, *, make: bool) -> MasterKeys:
        """Return the keys; make one first where there is none and that may be."""
        ...

    async def begin_rotation(self) -> MasterKeys:
        """Return the keys with a new one that seals, if this place can have one made."""
        ...

    async def end_rotation(self, keys: MasterKeys) -> None:
        """Forget former keys, for nothing is sealed by them any more."""
        ...


class KeyFile:
    """A file that only its owner may read, made on first use."""

    def __init__(self, path: Path, chance: Chance = os.urandom) -> None:
        self._path = path
        self._chance = chance

    async def read(self, *, make: bool) -> MasterKeys:
        """Return the keys of the file."""
        if make and not self._path.exists():
            with self._alone():
                if not self._path.exists():
                    self._write([self._chance(KEY_BYTES)])
        return self._read()

    async def begin_rotation(self) -> MasterKeys:
        """Put a new key before the others; one that was begun and not ended goes on."""
        with self._alone():
            keys = self._read()
            if len(keys) > 1:
                return keys
            made = [self._chance(KEY_BYTES), *keys.all()]
            self._write(made)
            return MasterKeys(made)

    async def end_rotation(self, keys: MasterKeys) -> None:
        """Leave only the key that seals."""
        with self._alone():
            if self._read().current == keys.current:
                self._write(keys.all()[:1])

    def _read(self) -> MasterKeys:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            with os.fdopen(descriptor, "rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                content = file.read(64 * 1024)
        except FileNotFoundError:
            raise MasterKeyError(
                f"The master key {self._path} is gone.",
                hint="Bring it back from where you keep it: without it no secret of this store opens.",
            ) from None
        except OSError as error:
            raise MasterKeyError(
                f"The master key {self._path} cannot be read: {error.strerror}.",
                hint="It must be a file of the user who serves, and no link.",
            ) from error
        if stat.S_IMODE(mode) & 0o077:
            raise MasterKeyError(
                f"Others may read the master key {self._path}.", hint=f"chmod 600 {self._path}"
            )
        return keys_of(content.decode("ascii", "replace"), str(self._path))

    def _write(self, keys: Sequence[bytes]) -> None:
        """Put the file in place, durably."""
        beside = self._path.with_name(self._path.name + ".new")
        try:
            beside.unlink(missing_ok=True)
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(b"".join(base64.b64encode(key) + b"\n" for key in keys))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise MasterKeyError(
                f"The master key {self._path} cannot be written: {error.strerror}.",
                hint="Make room, or name another folder.",
            ) from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from changing the file meanwhile."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(
            self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


class GivenKey:
    """Keys that the operator keeps somewhere else. `ask` brings their text, `where` says whom to ask for a new one."""

    def __init__(self, ask: "Asking", where: str) -> None:
        self._ask = ask
        self._where = where

    async def read(self, *, make: bool) -> MasterKeys:  # noqa: ARG002 (it is the operator who makes it)
        """Return the keys that are given."""
        return keys_of(await self._ask(), self._where)

    async def begin_rotation(self) -> MasterKeys:
        """Return the keys that are given now: the operator puts a new one before the former."""
        keys = await self.read(make=False)
        if len(keys) < 2:
            raise MasterKeyError(
                f"{self._where} gives one master key, and this house cannot make another one there.",
                hint="Put a new one before it, separated by a comma, start anew, and rotate again.",
            )
        return keys

    async def end_rotation(self, keys: MasterKeys) -> None:
        """Do nothing: the operator takes former keys away."""


class Asking(Protocol):
    """Brings a text."""

    async def __call__(self) -> str: ...


def master_source(environment: Mapping[str, str], folder: Path, chance: Chance = os.urandom) -> MasterSource:
    """Return where the master key comes from: what the environment says, else a file in a folder."""
    given, command = environment.get(VARIABLE, ""), environment.get(COMMAND, "")
    if given and command:
        raise MasterKeyError(f"Both {VARIABLE} and {COMMAND} are set.", hint="Set one of them.")
    if given:

        async def told() -> str:
            return given

        return GivenKey(told, VARIABLE)
    if command:

        async def asked() -> str:
            return await run_program(command, (), COMMAND)

        return GivenKey(asked, COMMAND)
    return KeyFile(folder / FILE, chance)


def keys_of(text: str, where: str) -> MasterKeys:
    """Return the keys that a text holds; what is wrong with it is told without it."""
    found: list[bytes] = []
    for word in text.replace(",", " ").split():
        key = b""
        with contextlib.suppress(binascii.Error, ValueError):
            key = base64.b64decode(word.translate(_PLAIN), validate=True)
        if len(key) != KEY_BYTES:
            raise MasterKeyError(f"{where} holds something that is no master key.", hint=_FORM)
        found.append(key)
    if not found:
        raise MasterKeyError(f"{where} holds no master key.", hint=_FORM)
    return MasterKeys(found)


_PLAIN = str.maketrans("-_", "+/")


def master_id(key: bytes) -> str:
    """Return the id of a master key, from which nothing of the key follows."""
    return hashlib.blake2b(b"", key=key, digest_size=8, person=b"auraos-master").hexdigest()
