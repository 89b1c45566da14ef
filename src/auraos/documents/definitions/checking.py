"""Reads and checks the texts of definitions beside all others that a workspace has.

A long text is read on a thread of its own: whoever else is served goes on meanwhile.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import msgspec

from auraos.core.catalogue import Catalogue, Schema
from auraos.core.document import Document, content_hash, read_document
from auraos.core.graph.check import in_order
from auraos.core.kind import Kinds, Meaning, Named, Others
from auraos.core.problems import Problem, Severity
from auraos.documents.definitions.rows import Ref
from auraos.documents.definitions.store import DefinitionStore
from auraos.documents.schemas import envelope_schema

LONG_TEXT = 20_000
"""Longer ones are read off the loop."""
MOST_OTHERS = 1_000
"""If a definition leads to more others than these, nothing is said of how it names them."""
MOST_CALLERS = 200
MOST_KEPT = 500_000
"""So many characters of published texts are kept as they were read; each takes some thirty bytes so."""

T = TypeVar("T")


class Checked(msgspec.Struct, frozen=True):
    """A text as it was read: what it is, all that is wrong with it, and what it means."""

    text: str
    document: Document | None
    problems: tuple[Problem, ...]
    meaning: Meaning | None
    hash: str = ""
    rough: tuple[Named, ...] = ()
    """Which others it names, where it has no meaning: as far as it can be read."""

    @property
    def errors(self) -> list[Problem]:
        """Return the problems with which nothing is published."""
        return [problem for problem in self.problems if problem.severity is Severity.ERROR]

    @property
    def names(self) -> tuple[Named, ...]:
        """Return which others it names."""
        return self.meaning.names if self.meaning is not None else self.rough


Beside: TypeAlias = Mapping[tuple[str, str], Checked | None]
"""What will be live in place of what is, by kind and name; None for what will be gone."""

Elsewhere: TypeAlias = Callable[[str, Checked], Awaitable[Sequence[Problem]]]
"""Says what is wrong with how a text of a workspace names what is no definition: its secrets."""


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """A live definition that would not work any more, and why."""

    kind: str
    name: str
    problems: tuple[Problem, ...]


class Checker:
    """Reads and checks texts. What is published never changes, so what was read of it is kept for a while."""

    def __init__(self, store: DefinitionStore, kinds: Kinds, catalogue: Catalogue) -> None:
        self.kinds = kinds
        self._store = store
        self._catalogue = catalogue
        self._schemas: dict[str, Schema] = {}
        self._elsewhere: Elsewhere | None = None
        self._kept: OrderedDict[tuple[str, str], Checked] = OrderedDict()
        self._size = 0

    def schema(self, kind: str) -> Schema | None:
        """Return the JSON Schema of the documents of a kind, None for a kind that nobody knows."""
        found = self.kinds.find(kind)
        if found is None:
            return None
        if kind not in self._schemas:
            self._schemas[kind] = envelope_schema(kind, found.schema(self._catalogue))
        return self._schemas[kind]

    def use(self, elsewhere: Elsewhere) -> None:
        """Ask this too from now on. It is told once whoever keeps secrets is there, who in turn asks who names them."""
        self._elsewhere = elsewhere

    async def read(self, text: str, kind: str = "") -> Checked:
        """Return what a text is and means; of its problems only those that keep it from being a document (of a kind)."""
        return await aside(text, self._read, text, kind)

    async def check(self, workspace: str, text: str, kind: str = "", beside: Beside | None = None) -> Checked:
        """Return what a text is and means with all that is wrong with it, also with how it names others."""
        return await self.checked(workspace, await self.read(text, kind), beside)

    async def checked(self, workspace: str, read: Checked, beside: Beside | None = None) -> Checked:
        """Return what was read with all that is wrong with it."""
        document = read.document
        if document is None:
            return read
        others = await self._others(workspace, read, beside or {})
        found = await aside(read.text, self._complete, read, document, others)
        if self._elsewhere is None or all(named.kind in self.kinds for named in found.names):
            return found
        more = await self._elsewhere(workspace, found)
        return msgspec.structs.replace(found, problems=tuple(in_order([*found.problems, *more])))

    async def broken(self, workspace: str, beside: Mapping[tuple[str, str], Checked | None]) -> list[Broken]:
        """Return the live definitions, not themselves among these, that would not work any more with these in place."""
        callers: dict[tuple[str, str], None] = {}
        for kind, name in beside:
            for use in await self._store.used_by(Ref(workspace, kind, name)):
                if use.is_live and (use.kind, use.name) not in beside:
                    callers[use.kind, use.name] = None
        found: list[Broken] = []
        for kind, name in sorted(callers)[:MOST_CALLERS]:
            problems = await self._new_problems(Ref(workspace, kind, name), beside)
            if problems:
                found.append(Broken(kind=kind, name=name, problems=problems))
        return found

    # --- how ---

    async def _new_problems(self, ref: Ref, beside: Beside) -> tuple[Problem, ...]:
        live = await self._published(ref, 0)
        if live is None:
            return ()
        after = (await self.checked(ref.workspace, live, beside)).errors
        if not after:
            return ()
        before = {_mark(problem) for problem in (await self.checked(ref.workspace, live)).errors}
        return tuple(problem for problem in after if _mark(problem) not in before)

    def _read(self, text: str, kind: str) -> Checked:
        document, problems = read_document(text, [kind] if kind else self.kinds)
        found = self.kinds.find(document.kind) if document is not None else None
        if document is None or found is None:
            return Checked(text, None, tuple(problems), None)
        meaning = found.read(document, self._catalogue)
        if meaning is None:
            return Checked(
                text, document, tuple(problems), None, rough=found.names(document, self._catalogue)
            )
        hash_ = content_hash(document, meaning.step_types)
        return Checked(text, document, tuple(problems), meaning, hash_)

    def _complete(self, read: Checked, document: Document, others: Others) -> Checked:
        kind = self.kinds.find(document.kind)
        assert kind is not None
        known = {(problem.code, problem.path) for problem in read.problems}
        found = kind.check(document, self._catalogue, others)
        more = [problem for problem in found if (problem.code, problem.path) not in known]
        return msgspec.structs.replace(read, problems=tuple(in_order([*read.problems, *more])))

    async def _others(self, workspace: str, read: Checked, beside: Beside) -> Others:
        """Return the live definitions that a text names, and all that these lead to."""
        known: dict[tuple[str, str, int], Document | None] = {}
        waiting = [named for named in read.names if named.kind in self.kinds]
        while waiting:
            named = waiting.pop()
            key = (named.kind, named.name, named.version)
            if key in known:
                continue
            if len(known) >= MOST_OTHERS:
                return Others(None)
            if not named.version and (named.kind, named.name) in beside:
                found = beside[named.kind, named.name]
            else:
                found = await self._published(Ref(workspace, named.kind, named.name), named.version)
            known[key] = found.document if found is not None else None
            waiting += [one for one in found.names if one.kind in self.kinds] if found is not None else ()
        return Others(lambda *key: known.get(key))

    async def _published(self, ref: Ref, number: int) -> Checked | None:
        """Return a published version as it was read, the live one for 0; None where it cannot be called."""
        live = await self._store.live(ref)
        if live is None or live.is_archived or not live.version:
            return None
        if not number:
            kept = self._kept.get((ref.kind, live.hash))
            if kept is not None:
                self._kept.move_to_end((ref.kind, live.hash))
                return kept
        version = await self._store.version(ref, number or live.version)
        if version is None:
            return None
        read = await self.read(version.text, ref.kind)
        self._keep((ref.kind, version.hash), read)
        return read

    def _keep(self, key: tuple[str, str], read: Checked) -> None:
        if key in self._kept:
            return
        self._kept[key] = read
        self._size += len(read.text)
        while self._size > MOST_KEPT:
            self._size -= len(self._kept.popitem(last=False)[1].text)


def _mark(problem: Problem) -> tuple[Any, ...]:
    return problem.code, problem.path, problem.message


async def aside(text: str, work: Callable[..., T], *given: Any) -> T:
    """Do the work on a text here, or on a thread when it takes longer than others should wait."""
    return work(*given) if len(text) < LONG_TEXT else await asyncio.to_thread(work, *given)
