"""`Definitions`: what a team does with its definitions, the same for every kind.

A draft may be anything that is text: whoever writes is in the midst of it. What is published must be free of errors, and
never changes. Every change names who made it and rides with its entry of the audit trail.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from auraos.core.audit import Actor, Entry, Object
from auraos.core.catalogue import Catalogue
from auraos.core.document import Document, content_hash, read_document
from auraos.core.kind import Kinds, Meaning
from auraos.core.problems import Problem, Severity, format_path
from auraos.documents.definitions.errors import (
    ArchivedError,
    DefinitionExistsError,
    DefinitionRefusedError,
    DefinitionUsedError,
    NoDefinitionError,
    NoVersionError,
    StaleDefinitionError,
)
from auraos.documents.definitions.rows import (
    Definition,
    Listed,
    Published,
    Query,
    Ref,
    Revision,
    Saving,
    Use,
    UsedBy,
)
from auraos.documents.definitions.store import DefinitionStore
from auraos.documents.diff import compare
from auraos.documents.difference import Difference
from auraos.documents.merge import merge
from auraos.documents.parts import EditRefusedError

LONGEST_TEXT = 2 * 1024 * 1024
LARGEST_PAGE = 1000
MOST_TRIES = 5


class Checked(msgspec.Struct, frozen=True):
    """A text as it was read: what it is, all that is wrong with it, and what it means."""

    document: Document | None
    problems: tuple[Problem, ...]
    meaning: Meaning | None
    hash: str

    @property
    def errors(self) -> list[Problem]:
        """Return the problems with which nothing is published."""
        return [problem for problem in self.problems if problem.severity is Severity.ERROR]


class Definitions:
    """The definitions of all workspaces. Whoever calls it has asked whether the actor may."""

    def __init__(
        self,
        store: DefinitionStore,
        kinds: Kinds,
        catalogue: Catalogue,
        *,
        now: Callable[[], int],
        new_number: Callable[[], int],
    ) -> None:
        self._store = store
        self._kinds = kinds
        self._catalogue = catalogue
        self._now = now
        self._new_number = new_number

    # --- reading ---

    async def find(self, ref: Ref) -> Definition:
        """Return a definition; raise `NoDefinitionError` if there is none."""
        found = await self._store.find(ref)
        if found is None:
            raise NoDefinitionError.of(ref)
        return found

    async def page(self, query: Query) -> Sequence[Listed]:
        """Return a page of definitions by kind and name."""
        limit = max(1, min(query.limit, LARGEST_PAGE))
        return await self._store.page(msgspec.structs.replace(query, limit=limit))

    async def versions(self, ref: Ref, *, before: int = 0, limit: int = 50) -> Sequence[Published]:
        """Return the published versions, the newest first."""
        await self.find(ref)
        return await self._store.versions(ref, before=before, limit=max(1, min(limit, LARGEST_PAGE)))

    async def version(self, ref: Ref, number: int = 0) -> Published:
        """Return a published version, the live one without a number."""
        if not number:
            number = (await self.find(ref)).version
            if not number:
                raise NoVersionError(f"The {ref} was never published.", hint="Publish its draft first.")
        found = await self._store.version(ref, number)
        if found is None:
            await self.find(ref)
            raise NoVersionError(f"The {ref} has no version {number}.", hint="List its versions.")
        return found

    async def revision(self, ref: Ref, number: int) -> Revision:
        """Return a draft as it was saved."""
        found = await self._store.revision(ref, number)
        if found is None:
            await self.find(ref)
            raise NoVersionError(
                f"The {ref} has no revision {number}, or it is too old and was forgotten.",
                hint="Published versions are never forgotten.",
            )
        return found

    async def used_by(self, ref: Ref) -> Sequence[UsedBy]:
        """Return which definitions name this one, in their live version or their draft."""
        return await self._store.used_by(ref)

    def check(self, text: str, kind: str = "") -> Checked:
        """Read a text and find all that is wrong with it; with a kind, also when it is of another one."""
        document, problems = read_document(text, [kind] if kind else self._kinds)
        if document is None:
            return Checked(None, tuple(problems), None, "")
        found = self._kinds.find(document.kind)
        assert found is not None
        problems = [*problems, *found.check(document, self._catalogue)]
        meaning = found.read(document, self._catalogue)
        hash_ = content_hash(document, meaning.step_types) if meaning is not None else ""
        return Checked(document, tuple(problems), meaning, hash_)

    def compare(self, before: str, after: str) -> Difference:
        """Return what changed from one text to another; raise `DefinitionRefusedError` when one cannot be read."""
        read: list[Document] = []
        for text in (before, after):
            document, problems = read_document(text, self._kinds)
            if document is None:
                raise DefinitionRefusedError("One of the texts cannot be read as a document.", problems)
            read.append(document)
        return compare(*read)

    # --- changing ---

    async def create(self, actor: Actor, workspace: str, text: str, *, kind: str = "") -> Definition:
        """Keep a new definition as a draft under the name that its text gives."""
        checked = self._readable(text, kind)
        document = checked.document
        assert document is not None
        ref = Ref(workspace, document.kind, document.name)
        now = self._now()
        made = Definition(
            id=self._new_number(),
            workspace=workspace,
            kind=ref.kind,
            name=ref.name,
            owner=actor.id,
            revision=1,
            text=text,
            changed_at=now,
            changed_by=actor.name,
            created_at=now,
        )
        made = _described(made, checked)
        saving = Saving(before=None, after=made, words=_words(made, document), draft_uses=_uses(checked))
        entry = _entry(actor, ref, "definitions.create", now, after={"revision": 1})
        if not await self._store.save([saving], [entry]):
            raise DefinitionExistsError(
                f"There is a {ref} in this workspace already.",
                hint="Choose another name, or change that one.",
            )
        return made

    async def save(self, actor: Actor, ref: Ref, text: str, *, revision: int) -> Definition:
        """Save a draft over the revision that it was made from; raise `StaleDefinitionError` when that is not the last."""
        _refuse_long(text)
        before = await self._changeable(ref)
        if before.revision != revision:
            raise await self._stale(before, revision, text)
        checked = self.check(text, ref.kind)
        self._refuse_other_name(ref, checked)
        if text == before.text:
            return before
        after = _described(self._next(before, actor, text=text), checked)
        saving = Saving(
            before=before, after=after, words=_words(after, checked.document), draft_uses=_uses(checked)
        )
        entry = _entry(actor, ref, "definitions.save", after.changed_at, after={"revision": after.revision})
        if not await self._store.save([saving], [entry]):
            raise await self._stale(await self.find(ref), revision, text)
        return after

    async def publish(self, actor: Actor, ref: Ref, *, revision: int, note: str = "") -> Published:
        """Publish the draft, if nothing is wrong with it. A draft that means what is live publishes nothing new."""
        before = await self._changeable(ref)
        if before.revision != revision:
            raise await self._stale(before, revision, before.text)
        checked = self.check(before.text, ref.kind)
        if checked.errors or checked.meaning is None:
            raise DefinitionRefusedError(
                f"The {ref} has {_count(checked.errors)} and cannot be published.",
                checked.problems,
                hint="Mend the errors; warnings do not stand in the way.",
            )
        if before.version and checked.hash == before.hash:
            return await self.version(ref, before.version)
        now = self._now()
        published = Published(
            version=before.version + 1,
            hash=checked.hash,
            text=before.text,
            step_types=checked.meaning.step_types,
            at=now,
            author=actor.name,
            note=note,
        )
        after = msgspec.structs.replace(
            before, version=published.version, hash=checked.hash, meaning=checked.hash, published_at=now
        )
        saving = Saving(before=before, after=after, published=published, live_uses=_uses(checked))
        entry = _entry(
            actor, ref, "definitions.publish", now, why=note,
            before={"version": before.version, "hash": before.hash},
            after={"version": published.version, "hash": published.hash},
        )  # fmt: skip
        if not await self._store.save([saving], [entry]):
            raise await self._stale(await self.find(ref), revision, before.text)
        return published

    async def restore(self, actor: Actor, ref: Ref, *, version: int, revision: int) -> Definition:
        """Make a published version the draft again; what was in the draft stays as a revision."""
        return await self.save(actor, ref, (await self.version(ref, version)).text, revision=revision)

    async def archive(self, actor: Actor, ref: Ref) -> Definition:
        """Put a definition away: nothing starts it any more. Refused while a live version names it."""

        async def put_away(before: Definition) -> Saving:
            users = [use for use in await self._store.used_by(ref) if use.is_live and use.name != ref.name]
            if users:
                named = ", ".join(sorted({f"{use.kind} {use.name!r}" for use in users})[:10])
                raise DefinitionUsedError(
                    f"The {ref} is used by {named}.", hint="Change or archive these first.",
                    used_by=[msgspec.to_builtins(use) for use in users],
                )  # fmt: skip
            return Saving(
                before=before,
                after=msgspec.structs.replace(before, archived_at=self._now()),
                draft_uses=(),
                live_uses=(),
            )

        before = await self.find(ref)
        return before if before.archived_at else await self._change(actor, ref, "archive", put_away)

    async def bring_back(self, actor: Actor, ref: Ref) -> Definition:
        """Bring back a definition that was put away."""

        async def back(before: Definition) -> Saving:
            live = await self.version(ref) if before.version else None
            return Saving(
                before=before,
                after=msgspec.structs.replace(before, archived_at=0),
                draft_uses=_uses(self.check(before.text, ref.kind)),
                live_uses=_uses(self.check(live.text, ref.kind)) if live is not None else None,
            )

        before = await self.find(ref)
        return await self._change(actor, ref, "bring-back", back) if before.archived_at else before

    async def give(self, actor: Actor, ref: Ref, owner: str) -> Definition:
        """Let somebody else own a definition."""

        async def given(before: Definition) -> Saving:
            return Saving(before=before, after=msgspec.structs.replace(before, owner=owner))

        return await self._change(actor, ref, "give", given)

    # --- how ---

    async def _change(
        self, actor: Actor, ref: Ref, what: str, make: Callable[[Definition], Any]
    ) -> Definition:
        """Make a change of what a definition is, not of its text; begin again when another one came between."""
        for _ in range(MOST_TRIES):
            saving: Saving = await make(await self.find(ref))
            entry = _entry(
                actor, ref, f"definitions.{what}", self._now(), after={"owner": saving.after.owner}
            )
            if await self._store.save([saving], [entry]):
                return saving.after
        raise await self._stale(await self.find(ref), 0, "")

    def _next(self, before: Definition, actor: Actor, *, text: str) -> Definition:
        return msgspec.structs.replace(
            before, text=text, revision=before.revision + 1, changed_at=self._now(), changed_by=actor.name
        )

    async def _changeable(self, ref: Ref) -> Definition:
        found = await self.find(ref)
        if found.archived_at:
            raise ArchivedError(f"The {ref} is archived.", hint="Bring it back first.")
        return found

    async def _stale(self, current: Definition, revision: int, text: str) -> StaleDefinitionError:
        """Return what is told of a change to an older revision, with both changes joined where that can be done."""
        base = await self._store.revision(current.ref, revision) if revision else None
        if base is None:
            return StaleDefinitionError(current, merged=None, conflicts=())
        try:
            joined = merge(base.text, text, current.text)
        except EditRefusedError:
            return StaleDefinitionError(current, merged=None, conflicts=())
        return StaleDefinitionError(
            current, merged=joined.text, conflicts=[conflict.words for conflict in joined.conflicts]
        )

    def _readable(self, text: str, kind: str) -> Checked:
        """Return a text that says at least of which kind it is and what it is called."""
        _refuse_long(text)
        checked = self.check(text, kind)
        if checked.document is None or not checked.document.name:
            raise DefinitionRefusedError(
                "The text does not say what it is.",
                checked.problems,
                hint="It needs `kind`, `name` and `spec`; the rest may still be wrong in a draft.",
            )
        return checked

    def _refuse_other_name(self, ref: Ref, checked: Checked) -> None:
        name = checked.document.name if checked.document is not None else ""
        if name and name != ref.name:
            raise DefinitionRefusedError(
                f"The text is called {name!r}, and this is the {ref}.",
                checked.problems,
                hint="A definition keeps its name; save the text as a new one instead.",
            )


def _refuse_long(text: str) -> None:
    if len(text) > LONGEST_TEXT:
        raise DefinitionRefusedError(
            f"The text has {len(text)} characters; a definition has at most {LONGEST_TEXT}.", ()
        )


def _described(row: Definition, checked: Checked) -> Definition:
    """Return a definition with what its text says of it; what cannot be read leaves it as it was."""
    document = checked.document
    if document is None:
        return msgspec.structs.replace(row, meaning="")
    return msgspec.structs.replace(
        row, title=document.title, labels=dict(document.labels), meaning=checked.hash
    )


def _words(row: Definition, document: Document | None) -> str:
    """Return what a search finds a definition by."""
    described = "" if document is None else document.description
    labels = " ".join(f"{label} {value}" for label, value in row.labels.items())
    return " ".join((row.name.replace("-", " "), row.name, row.title, described, labels, row.text))


def _uses(checked: Checked) -> tuple[Use, ...]:
    named = () if checked.meaning is None else checked.meaning.names
    return tuple(Use(kind=one.kind, name=one.name, place=format_path(one.path)) for one in named)


def _entry(actor: Actor, ref: Ref, action: str, now: int, **told: Any) -> Entry:
    about = Object(kind=ref.kind, name=ref.name)
    return Entry(at=now, workspace=ref.workspace, actor=actor, action=action, object=about, **told)


def _count(errors: Sequence[Problem]) -> str:
    return "1 error" if len(errors) == 1 else f"{len(errors)} errors"
