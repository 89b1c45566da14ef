"""Passwords: hashed with Argon2id on a few threads of their own, and refused when others would try them first."""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from auraos.core.errors import UserError
from auraos.security.identity.common_passwords import is_common
from auraos.security.identity.errors import TooManyTriesError

SHORTEST, LONGEST = 10, 500
THREADS = 2
MEMORY, ROUNDS = 47104, 1
"""46 MiB and one round, which is among the settings that OWASP names; two at once take 92 MiB for a moment."""
MOST_WAITING = 64
"""So many wait for the threads; whoever comes then is asked to come again."""

T = TypeVar("T")


class WeakPasswordError(UserError):
    """A password that others would find out."""

    code = "weak-password"


class Passwords:
    """Hashes and verifies. Whoever waits for the threads waits in line."""

    def __init__(self, *, memory: int = MEMORY, rounds: int = ROUNDS) -> None:
        self._hasher = PasswordHasher(time_cost=rounds, memory_cost=memory, parallelism=1)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        self._nobody = ""
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """Return what is kept of a password."""
        return await self._run(lambda: self._hasher.hash(normal(password)))

    async def verify(self, kept: str, password: str) -> bool:
        """Return whether this is the password. For nobody's it takes as long, so that the time tells nothing."""
        if len(password) > LONGEST:
            password = ""
        if not kept and not self._nobody:
            self._nobody = await self.hash("nobody has this password")
        matches = await self._run(lambda: self._matches(kept or self._nobody, normal(password)))
        return matches and bool(kept)

    def is_outdated(self, kept: str) -> bool:
        """Return whether a password was hashed with settings of before."""
        try:
            return self._hasher.check_needs_rehash(kept)
        except InvalidHashError:
            return False

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (Argon2Error, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= MOST_WAITING:
            raise TooManyTriesError(
                "Too many people sign in at once.", hint="Try again in a moment.", retry_after=2
            )
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def refuse_weak(password: str, *about: str) -> None:
    """Raise `WeakPasswordError` for a password that is short, common, or made of the names of its owner."""
    plain = normal(password)
    if len(plain) < SHORTEST:
        raise WeakPasswordError(
            f"A password has at least {SHORTEST} characters.", hint="A sentence is easy to keep."
        )
    if len(password) > LONGEST:
        raise WeakPasswordError(f"A password has at most {LONGEST} characters.")
    folded = plain.casefold()
    if is_common(folded) or len(set(folded)) < 5:
        raise WeakPasswordError(
            "This password is among those that are tried first.", hint="Choose another one."
        )
    if any(
        len(word) > 2 and not any(letter.isalpha() for letter in folded.replace(word.casefold(), ""))
        for word in about
        if word
    ):
        raise WeakPasswordError("The password is little more than a name.", hint="Choose another one.")


def normal(password: str) -> str:
    """Return a password as it is hashed, however the keyboard put its letters together."""
    return unicodedata.normalize("NFKC", password)
