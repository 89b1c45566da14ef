"""Whether an audit trail is as it was written: every link anew, every signed head, and the heads that were kept elsewhere.

It reads the trail once, in order, and holds no more of it in memory than the surroundings of one entry.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from auraos.security.audit.chain import BEGINNING, ERASED, Kept, hash_of
from auraos.security.audit.diagnosis import AROUND, Finding, diagnose
from auraos.security.audit.parts import Facts, Told
from auraos.security.audit.signing import SignedHead, is_signed
from auraos.security.audit.store import Checkpoint, Filter, Head

ERASE, PRUNE = "audit.erase", "audit.prune"
PAGE = 2000
_facts = msgspec.json.Decoder(Facts)
_told = msgspec.json.Decoder(Told)


class Source(Protocol):
    """Where a trail is read from."""

    async def head(self) -> Head: ...

    async def oldest(self, wanted: Filter, *, after: int, limit: int) -> Sequence[Kept]: ...

    async def checkpoints(self, *, after: int = 0, limit: int = 1000) -> Sequence[Checkpoint]: ...


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    entries: int
    first: int
    last: int
    hash: str
    """Of the last entry that holds."""
    erased: int
    """Parts of entries that were erased, as entries say."""
    signed: int
    """Signed heads that hold."""
    signed_until: int
    """The number of the last entry that a signature by a known key covers."""
    unknown_keys: tuple[str, ...]
    """Keys that signed heads and are not known here."""
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Return whether all of it is as it was written."""
        return not self.findings


async def verify(
    source: Source, publics: Mapping[str, str], kept_elsewhere: Sequence[SignedHead] = ()
) -> Verdict:
    """Read a whole trail. `publics` has the public halves of the keys that are believed, by their ids."""
    check = _Check(await source.head(), publics, kept_elsewhere)
    after = check.head.floor
    signed: deque[Checkpoint] = deque()
    is_last = False
    await _fill(source, signed, after - 1)
    check.begin(signed.popleft() if signed and signed[0].seq == after and after else None)
    while not check.findings:
        page = await source.oldest(Filter(), after=after, limit=PAGE)
        if not page:
            check.head = await source.head()
            if check.head.seq <= after or is_last:
                break
            is_last = True  # more came meanwhile, or should have
            continue
        is_last = False
        while signed and signed[-1].seq <= page[-1].seq:
            if not await _fill(source, signed, signed[-1].seq):
                break
        for place, kept in enumerate(page):
            if not check.follows(kept):
                rest = [*page[place + 1 :], *await source.oldest(Filter(), after=page[-1].seq, limit=AROUND)]
                check.broke(kept, rest[:AROUND])
                break
            while signed and signed[0].seq <= kept.seq:
                check.signed(signed.popleft())
        after = page[-1].seq
    return check.end(signed)


async def _fill(source: Source, signed: "deque[Checkpoint]", after: int) -> bool:
    """Read more signed heads; return whether there were more."""
    found = await source.checkpoints(after=after)
    signed.extend(found)
    return bool(found)


class _Check:
    """A trail that is read, as far as it is."""

    def __init__(self, head: Head, publics: Mapping[str, str], kept_elsewhere: Sequence[SignedHead]) -> None:
        self.head = head
        self.findings: list[Finding] = []
        self._publics = {**{kept.key_id: kept.public for kept in kept_elsewhere}, **publics}
        self._elsewhere = sorted(kept_elsewhere, key=lambda kept: kept.seq)
        self._seq, self._hash = 0, BEGINNING
        self._prior: deque[Kept] = deque(maxlen=AROUND)
        self._entries = self._signed = self._signed_until = 0
        self._unknown: set[str] = set()
        self._erased: dict[str, list[int]] = {"told": [], "origin": []}
        self._may_be_erased: dict[str, list[tuple[int, int]]] = {"told": [], "origin": []}
        self._pruned: set[int] = set()

    def begin(self, checkpoint: Checkpoint | None) -> None:
        """Begin after the floor, if entries were deleted up to one."""
        if not self.head.floor:
            return
        self._seq = self.head.floor
        if checkpoint is None or not self._is_signed(checkpoint):
            message = (
                f"Entries up to {self.head.floor} were deleted, and no signed head of that number is known."
            )
            self._find("unsigned", self.head.floor + 1, message)
            return
        self._hash, self._signed_until = checkpoint.hash, checkpoint.seq

    def follows(self, kept: Kept) -> bool:
        """Take the next entry; return whether it is as it was written."""
        is_next = kept.seq == self._seq + 1 and hash_of(self._hash, kept.seq, kept.digest) == kept.hash
        if not is_next or not _says_the_same(kept):
            return False
        self._seq, self._hash = kept.seq, kept.hash
        self._prior.append(kept)
        self._entries += 1
        for part in ("told", "origin"):
            if getattr(kept, part).startswith(ERASED):
                self._erased[part].append(kept.seq)
        if kept.action in (ERASE, PRUNE):
            self._allow(kept)
        while self._elsewhere and self._elsewhere[0].seq <= kept.seq:
            self._compare(self._elsewhere.pop(0))
        return True

    def broke(self, kept: Kept, rest: Sequence[Kept]) -> None:
        """Say what became of the chain at an entry that does not follow."""
        is_next = kept.seq == self._seq + 1 and hash_of(self._hash, kept.seq, kept.digest) == kept.hash
        if is_next:
            message = f"Entry {kept.seq} is listed otherwise than it says."
            self._find("changed", kept.seq, message)
        elif not self._prior and kept.seq > self._seq + 1:
            self._find("removed", self._seq + 1, f"Entries {self._seq + 1} to {kept.seq - 1} are gone.")
        else:
            self.findings.append(diagnose(self._hash, list(self._prior), kept, rest))

    def signed(self, made: Checkpoint) -> None:
        """Compare a signed head with the entry of its number."""
        if not self._is_signed(made):
            return
        if made.hash == self._hash:
            self._signed += 1
            self._signed_until = made.seq
        elif not self.findings:
            self._rewritten(made.seq, "the head that was signed then")

    def end(self, left: Sequence[Checkpoint]) -> Verdict:
        """Compare the end with what is known of it, and say what came of all."""
        broken = bool(self.findings)
        if not broken:
            self._compare_end([made for made in left if self._is_signed(made)])
            self._compare_erased()
        first = self._seq - self._entries + 1
        return Verdict(
            entries=self._entries, first=first if self._entries else 0, last=self._seq, hash=self._hash,
            erased=sum(len(found) for found in self._erased.values()), signed=self._signed,
            signed_until=self._signed_until, unknown_keys=tuple(sorted(self._unknown)), findings=tuple(self.findings),
        )  # fmt: skip

    def _compare_end(self, left: Sequence[Checkpoint]) -> None:
        known: list[tuple[int, str]] = [
            *((made.seq, "a head that was kept elsewhere") for made in self._elsewhere),
            *((made.seq, "a signed head") for made in left),
            (self.head.seq, "the row of the head"),
        ]
        beyond = [(seq, words) for seq, words in known if seq > self._seq]
        if beyond:
            seq, words = max(beyond, key=lambda each: each[0])
            gone = f"Entry {seq} is" if seq == self._seq + 1 else f"Entries {self._seq + 1} to {seq} are"
            self._find("truncated", self._seq + 1, f"{gone} gone from the end: {words} tells of them.")
        elif (self.head.seq, self.head.hash) != (self._seq, self._hash):
            self._find(
                "inserted",
                self.head.seq + 1,
                f"The head of the trail is entry {self.head.seq}, and there are more.",
            )
        if self.head.floor and self.head.floor not in self._pruned:
            message = f"Entries up to {self.head.floor} were deleted, and no entry says so."
            self._find("unpruned", self.head.floor + 1, message)

    def _compare_erased(self) -> None:
        for part, numbers in self._erased.items():
            allowed = self._may_be_erased[part]
            wrong = [seq for seq in numbers if not any(first <= seq <= last for first, last in allowed)]
            if wrong:
                words = "What it told" if part == "told" else "Where it came from"
                self._find(
                    "erased", wrong[0], f"{words} was taken out of entry {wrong[0]}, and no entry says so."
                )

    def _compare(self, kept: SignedHead) -> None:
        """Compare a head that was kept elsewhere with the entry of its number."""
        if kept.seq == self._seq and kept.hash != self._hash:
            self._rewritten(kept.seq, "the head that was kept elsewhere")

    def _rewritten(self, seq: int, words: str) -> None:
        first = self._signed_until + 1
        self._find(
            "rewritten",
            first,
            f"Entry {seq} is not the one of {words}: entries were rewritten between {first} and {seq}.",
        )

    def _is_signed(self, made: Checkpoint) -> bool:
        """Return whether a head is signed by a key that is believed; one of an unknown key says nothing."""
        public = self._publics.get(made.key_id)
        if public is None:
            self._unknown.add(made.key_id)
            return False
        if is_signed(made, public):
            return True
        self._find("unsigned", made.seq, f"The signature of the head of entry {made.seq} does not hold.")
        return False

    def _allow(self, kept: Kept) -> None:
        told: Any = _told.decode(kept.told).after if kept.told.startswith("{") else None
        if not isinstance(told, dict):
            return
        if kept.action == PRUNE:
            self._pruned.add(told.get("until", 0))
            return
        for part in ("told", "origin"):
            self._may_be_erased[part] += [(first, last) for first, last in told.get(part, ())]

    def _find(self, kind: Any, seq: int, message: str) -> None:
        self.findings.append(Finding(kind=kind, seq=seq, message=message))


def _says_the_same(kept: Kept) -> bool:
    """Return whether an entry is listed by what it says."""
    try:
        facts = _facts.decode(kept.facts)
    except msgspec.DecodeError:
        return False
    about = facts.object
    listed = f"{about.kind}/{about.id or about.name}" if about is not None else ""
    return (kept.at, kept.workspace, kept.actor, kept.action, kept.object, kept.outcome) == (
        facts.at, facts.workspace, facts.actor.id, facts.action, listed, facts.outcome
    )  # fmt: skip
