"""`Seals`: the keys of private runs.

    master key → key of the workspace → key of each person → key of the run → what the run tells

A run that is about several persons opens only with the keys of all of them, so the data of each is gone when the first key is.
"""

import hashlib
import hmac
import os
from collections.abc import Callable, Collection, Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from auraos.core.errors import OperationalError, UserError
from auraos.security.privacy.rows import RunKey, Subject, SubjectIndex
from auraos.security.row_store import Add, Clear, RowStore
from auraos.security.secrets.envelope import KEY_BYTES, seal, unseal
from auraos.security.secrets.errors import SealBrokenError
from auraos.security.secrets.keys import Keys

MOST_TRIES: Final = 20
NOBODY: Final = ""
"""In the place of a person, for a run that names none."""
_NONCE = 12
_SEALER = "subjects"


class SealRefusedError(OperationalError):
    """The key of a private run could not be made."""

    code = "privacy-key"


class DataErasedError(UserError):
    """What a run told was erased, for somebody whom it was about."""

    code = "data-erased"


class RunSeal:
    """The key of one run. `subjects` are the tokens of the persons whom the run is about."""

    __slots__ = ("_chance", "_cipher", "_index", "family", "key", "run", "subjects")

    def __init__(
        self,
        run: str,
        family: str,
        key: bytes,
        subjects: tuple[str, ...],
        *,
        index: bytes,
        chance: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.run = run
        self.family = family
        self.key = key
        self.subjects = subjects
        self._index = index
        self._cipher = AESGCM(key)
        self._chance = chance

    def seal(self, content: bytes) -> bytes:
        """Return the content under seal."""
        nonce = self._chance(_NONCE)
        return nonce + self._cipher.encrypt(nonce, content, None)

    def unseal(self, sealed: bytes) -> bytes:
        """Return what was sealed for this run; raise `SealBrokenError` for all else."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], None)
        except (InvalidTag, ValueError):
            raise SealBrokenError(
                f"What run {self.run} tells does not open.",
                hint="It was changed in the database, or belongs to another run.",
            ) from None

    def mask(self, text: str) -> str:
        """Return what stands for a text wherever the same text must give the same: in keys of limits and the like."""
        return _mac(self._index, f"text\n{text}")[:32]


class Seals:
    """Makes the keys of private runs, brings them, and throws them away."""

    def __init__(
        self,
        store: RowStore,
        keys: Keys,
        *,
        now: Callable[[], int],
        chance: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.store = store
        self._keys = keys
        self._now = now
        self._chance = chance
        self._indexes: dict[str, bytes] = {}

    async def tokens(self, workspace: str, names: Sequence[str]) -> list[str]:
        """Return what stands for persons of these names in this workspace."""
        if not names:
            return []
        index = await self._index(workspace)
        return sorted({_mac(index, f"subject\n{name}") for name in names})

    async def bind(
        self, workspace: str, run: str, names: Sequence[str], after: RunSeal | None = None
    ) -> RunSeal:
        """Return the key of a run that is about these persons; it is there durably. `after` is that of a run before it, which
        handed data on to it.
        """
        index = await self._index(workspace)
        tokens = sorted(
            {*await self.tokens(workspace, names), *(after.subjects if after is not None else ())}
        )
        for _ in range(MOST_TRIES):
            if (found := (await self.load([run])).get(run)) is not None:
                return found
            persons = await self._subjects(workspace, tokens)
            key = self._chance(KEY_BYTES) if after is None else after.key
            family = run if after is None else after.family
            wrapped = await self._wrap(workspace, run, key, persons)
            rows = [
                Add(
                    RunKey(
                        run=run, subject=token, workspace=workspace, family=family, wrapped=wrapped,
                        created_at=self._now(),
                    )
                )
                for token in tokens or [NOBODY]
            ]  # fmt: skip
            if await self.store.save(rows) is not None:
                continue  # another process binds the same run
            still = await self.store.all(Subject, workspace=workspace, token=tokens) if tokens else []
            if len(still) == len(tokens) and {each.wrapped for each in still} == {
                each.wrapped for each in persons
            }:
                return RunSeal(run, family, key, tuple(tokens), index=index, chance=self._chance)
            await self.store.save(
                [Clear(RunKey, {"run": run})]
            )  # one of the persons was erased in that moment
        raise SealRefusedError("The key of a private run could not be made.", hint="Try again.")

    async def load(self, runs: Collection[str]) -> dict[str, RunSeal | None]:
        """Return the keys of those of these runs that are private; None for one whose key was thrown away."""
        by_run: dict[str, list[RunKey]] = {}
        for row in await self.store.all(RunKey, run=list(runs)):
            by_run.setdefault(row.run, []).append(row)
        return {run: await self._open(rows) for run, rows in by_run.items()}

    async def is_private(self, run: str) -> bool:
        """Return whether what a run tells is under seal, or was until it was erased."""
        return bool(await self.store.all(RunKey, run=run, limit=1))

    # --- inside ---

    async def _open(self, rows: Sequence[RunKey]) -> RunSeal | None:
        first = rows[0]
        if any(not row.wrapped for row in rows):
            return None
        tokens = sorted(row.subject for row in rows if row.subject != NOBODY)
        persons = await self.store.all(Subject, workspace=first.workspace, token=tokens) if tokens else []
        if len(persons) != len(tokens):
            return None
        key = await self._unwrap(first, persons)
        index = await self._index(first.workspace)
        return RunSeal(first.run, first.family, key, tuple(tokens), index=index, chance=self._chance)

    async def _subjects(self, workspace: str, tokens: Sequence[str]) -> list[Subject]:
        """Return the keys of persons; those are made that are not there yet."""
        found: list[Subject] = []
        for token in tokens:
            for _ in range(MOST_TRIES):
                one = await self.store.one(Subject, workspace=workspace, token=token)
                if one is not None:
                    found.append(one)
                    break
                sealed = await self._keys.seal(workspace, ("subject", token), self._chance(KEY_BYTES))
                await self.store.save(
                    [Add(Subject(workspace=workspace, token=token, wrapped=sealed, created_at=self._now()))]
                )
            else:
                raise SealRefusedError("The key of a person could not be made.", hint="Try again.")
        return found

    async def _wrap(self, workspace: str, run: str, key: bytes, persons: Sequence[Subject]) -> bytes:
        if not persons:
            return await self._keys.seal(workspace, ("run-key", run), key)
        joined = await self._joined(workspace, persons)
        return seal(joined, _SEALER, (workspace, "run-key", run), key, self._chance)

    async def _unwrap(self, row: RunKey, persons: Sequence[Subject]) -> bytes:
        if not persons:
            return await self._keys.unseal(row.workspace, ("run-key", row.run), row.wrapped)
        return unseal(
            await self._joined(row.workspace, persons), (row.workspace, "run-key", row.run), row.wrapped
        )

    async def _joined(self, workspace: str, persons: Sequence[Subject]) -> bytes:
        """Return the key that nobody has who has not those of all these persons."""
        parts = [
            await self._keys.unseal(workspace, ("subject", person.token), person.wrapped)
            for person in sorted(persons, key=lambda person: person.token)
        ]
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"auraos run key").derive(b"".join(parts))

    async def _index(self, workspace: str) -> bytes:
        """Return the key under which the persons of a workspace are found."""
        for _ in range(MOST_TRIES):
            if workspace in self._indexes:
                return self._indexes[workspace]
            found = await self.store.one(SubjectIndex, workspace=workspace)
            if found is not None:
                self._indexes[workspace] = await self._keys.unseal(workspace, ("subjects",), found.wrapped)
                continue
            sealed = await self._keys.seal(workspace, ("subjects",), self._chance(KEY_BYTES))
            await self.store.save([Add(SubjectIndex(workspace=workspace, wrapped=sealed))])
        raise SealRefusedError("The index of persons of a workspace could not be made.", hint="Try again.")


def _mac(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
