"""Taking what tells of a person out of the trail, so that the rest of it still verifies."""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import msgspec

from auraos.core.audit import Actor, Entry, Object
from auraos.core.canonical import canonical_json
from auraos.security.audit.chain import Kept
from auraos.security.audit.store import AuditStore, Filter, Part
from auraos.security.audit.verify import ERASE, PRUNE

PAGE: Final = 500
STRETCH: Final = 50_000
"""So many entries are searched for a word by one query."""


class TrailErasing:
    """Erases parts of entries."""

    def __init__(self, store: AuditStore, *, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now

    async def erase(
        self, actor: Actor, *, person: str = "", words: Sequence[str] = (), workspace: str | None = None, why: str = ""
    ) -> int:  # fmt: skip
        """Take out from where a person acted, what was told of what was done to them, and what tells one of these words in
        entries of a workspace, or of all; return how many parts went. The id of a person stays, and stands for nobody once they
        are erased where people are kept.
        """
        count = 0
        if person:
            count += await self._take(actor, Filter(actor=person), "origin", "", why)
            count += await self._take(actor, Filter(object=f"person/{person}"), "told", "", why)
        for word in words:
            written = canonical_json(word)[1:-1]
            count += await self._take(actor, Filter(workspace=workspace, text=written), "told", written, why)
        return count

    async def _take(self, actor: Actor, wanted: Filter, part: Part, word: str, why: str) -> int:
        holds = re.compile(rf"(?<!\w){re.escape(word.lower())}(?!\w)") if word else None
        count = 0
        async for page in self._pages(wanted):
            found = [each for each in page if _is_erasable(each, part, holds)]
            if found:
                entry = Entry(
                    at=self._now(), workspace="", actor=actor, action=ERASE, object=Object(kind="audit"), why=why,
                    after={part: ranges_of([each.seq for each in found])},
                )  # fmt: skip
                await self._store.erase(found, part, entry)
                count += len(found)
        return count

    async def _pages(self, wanted: Filter) -> AsyncIterator[Sequence[Kept]]:
        """Yield entries up to the end of the trail as it is now, never so many at once that a query takes long."""
        head = await self._store.head()
        after = head.floor
        while after < head.seq:
            last = min(after + STRETCH, head.seq)
            stretch = msgspec.structs.replace(wanted, last=last)
            page = await self._store.oldest(stretch, after=after, limit=PAGE)
            if page:
                yield page
            after = page[-1].seq if len(page) == PAGE else last


def _is_erasable(kept: Kept, part: Part, holds: re.Pattern[str] | None) -> bool:
    """Return whether a part of an entry is there to be erased, and holds a word. What tells of the trail itself stays."""
    text, salt = (kept.told, kept.told_salt) if part == "told" else (kept.origin, kept.origin_salt)
    return (
        bool(salt)
        and kept.action not in (ERASE, PRUNE)
        and (holds is None or bool(holds.search(text.lower())))
    )


def ranges_of(numbers: Sequence[int]) -> list[list[int]]:
    """Return numbers in order as the first and last of each stretch without holes."""
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found
