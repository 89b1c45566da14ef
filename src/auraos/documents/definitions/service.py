"""`Definitions`: what a team does with its definitions, the same for every kind.

A draft may be anything that is text: whoever writes is in the midst of it. What is published must be free of errors, and
never changes. Every change names who made it and rides with its entry of the audit trail.
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from auraos.core.audit import Actor
from auraos.core.catalogue import Catalogue
from auraos.core.kind import Kinds
from auraos.core.problems import Problem
from auraos.documents.definitions import changes
from auraos.documents.definitions.changes import When, entry_of, refuse_unkeepable, uses_of
from auraos.documents.definitions.checking import Broken, Checked, Checker, aside
from auraos.documents.definitions.errors import (
    ArchivedError,
    BreaksOthersError,
    DefinitionExistsError,
    DefinitionRefusedError,
    DefinitionUsedError,
    NoDefinitionError,
    NoVersionError,
    StaleDefinitionError,
)
from auraos.documents.definitions.gate import Gate, Wants
from auraos.documents.definitions.rows import (
    Definition,
    Edit,
    Listed,
    Live,
    Published,
    Query,
    Ref,
    Release,
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

LARGEST_PAGE = 1000
MOST_TRIES = 5


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
        wants_review: Wants | None = None,
    ) -> None:
        self.checker = Checker(store, kinds, catalogue)
        self.store = store
        self.gate = Gate(store.reviews, wants_review)
        self.new_number = new_number
        self._now = now

    # --- reading ---

    async def find(self, ref: Ref) -> Definition:
        """Return a definition; raise `NoDefinitionError` if there is none."""
        found = await self.store.find(ref)
        if found is None:
            raise NoDefinitionError.of(ref)
        return found

    async def live(self, ref: Ref) -> Live:
        """Return which version of a definition is live."""
        found = await self.store.live(ref)
        if found is None:
            raise NoDefinitionError.of(ref)
        return found

    async def page(self, query: Query) -> Sequence[Listed]:
        """Return a page of definitions by kind and name."""
        return await self.store.page(msgspec.structs.replace(query, limit=_within(query.limit)))

    async def versions(self, ref: Ref, *, before: int = 0, limit: int = 50) -> Sequence[Release]:
        """Return the published versions, the newest first."""
        await self.live(ref)
        return await self.store.versions(ref, before=before, limit=_within(limit))

    async def version(self, ref: Ref, number: int = 0) -> Published:
        """Return a published version, the live one without a number."""
        if not number:
            number = (await self.live(ref)).version
            if not number:
                raise NoVersionError(f"The {ref} was never published.", hint="Publish its draft first.")
        found = await self.store.version(ref, number)
        if found is None:
            await self.live(ref)
            raise NoVersionError(f"The {ref} has no version {number}.", hint="List its versions.")
        return found

    async def revisions(self, ref: Ref, *, before: int = 0, limit: int = 50) -> Sequence[Edit]:
        """Return the drafts as they were saved, the newest first."""
        await self.live(ref)
        return await self.store.revisions(ref, before=before, limit=_within(limit))

    async def revision(self, ref: Ref, number: int) -> Revision:
        """Return a draft as it was saved."""
        found = await self.store.revision(ref, number)
        if found is None:
            await self.live(ref)
            raise NoVersionError(
                f"The {ref} has no revision {number}, or it is too old and was forgotten.",
                hint="Published versions are never forgotten.",
            )
        return found

    async def uses(self, ref: Ref, *, is_live: bool = False) -> Sequence[Use]:
        """Return which definitions the draft of this one names, or its live version."""
        await self.live(ref)
        return await self.store.uses(ref, is_live=is_live)

    async def used_by(self, ref: Ref) -> Sequence[UsedBy]:
        """Return which definitions name this one, in their live version or their draft."""
        await self.live(ref)
        return await self.store.used_by(ref)

    async def check(self, workspace: str, text: str, kind: str = "") -> Checked:
        """Return all that is wrong with a text (of a kind) beside the definitions of a workspace."""
        return await self.checker.check(workspace, text, kind)

    async def is_unreviewed(self, ref: Ref, text: str) -> bool:
        """Return whether a workspace wants four eyes and this text is neither live in it nor approved."""
        if not await self.gate.is_wanted(ref.workspace):
            return False
        row = await self.store.find(ref)
        if row is not None and row.version and not row.archived_at:
            live = await self.store.version(ref, row.version)
            if live is not None and live.text == text:
                return False
        return await self.gate.approval(row, text) is None

    async def broken_by(self, ref: Ref) -> tuple[Checked, list[Broken]]:
        """Return what is wrong with the draft, and with the live callers that would be given it."""
        row = await self.find(ref)
        checked = await self.checker.check(ref.workspace, row.text, ref.kind)
        broken = await self.checker.broken(ref.workspace, {(ref.kind, ref.name): checked})
        return checked, broken

    async def compare(self, before: str, after: str) -> Difference:
        """Return what changed from one text to another; raise `DefinitionRefusedError` when one cannot be read."""
        read = [await self.checker.read(text) for text in (before, after)]
        unread = next((one for one in read if one.document is None), None)
        if unread is not None:
            raise DefinitionRefusedError("One of the texts cannot be read as a document.", unread.problems)
        old, new = (one.document for one in read)
        assert old is not None
        assert new is not None
        return await aside(after, compare, old, new)

    # --- changing ---

    async def create(
        self, actor: Actor, workspace: str, text: str, *, kind: str = "", authors: tuple[str, ...] = ()
    ) -> Definition:
        """Keep a new definition as a draft under the name that its text gives; `authors` are the ids of others who wrote it."""
        refuse_unkeepable(text)
        read = await self.checker.read(text, kind)
        if read.document is None or not read.document.name:
            raise DefinitionRefusedError(
                "The text does not say what it is.",
                read.problems,
                hint="It needs `kind`, `name` and `spec`; the rest may still be wrong in a draft.",
            )
        if any(problem.code == "bad-name" and problem.path == ("name",) for problem in read.problems):
            raise DefinitionRefusedError("A definition cannot be called this.", read.problems)
        ref = Ref(workspace, read.document.kind, read.document.name)
        when = self.when(actor, authors)
        saving = changes.begin(ref, read, when, self.new_number())
        if not await self.store.save([saving], [entry_of(when, ref, "create", after={"revision": 1})]):
            raise DefinitionExistsError(
                f"There is a {ref} in this workspace already.",
                hint="Choose another name, or change that one.",
            )
        return saving.after

    async def save(
        self, actor: Actor, ref: Ref, text: str, *, revision: int, authors: tuple[str, ...] = ()
    ) -> Definition:
        """Save a draft over the revision that it was made from; raise `StaleDefinitionError` when that is not the last."""
        refuse_unkeepable(text)
        before = await self._changeable(ref)
        if text == before.text:
            return before
        if before.revision != revision:
            raise await self._stale(before, revision, text)
        read = await self.checker.read(text)
        _refuse_another(ref, read)
        when = self.when(actor, authors)
        saving = changes.redraft(before, read, when)
        entry = entry_of(when, ref, "save", after={"revision": saving.after.revision})
        if not await self.store.save([saving], [entry]):
            raise await self._stale(await self.find(ref), revision, text)
        return saving.after

    async def publish(
        self, actor: Actor, ref: Ref, *, revision: int, note: str = "", break_others: bool = False, unreviewed: str = ""
    ) -> Published:  # fmt: skip
        """Publish the draft, if nothing is wrong with it, and nothing would be with those that name it (unless one wishes that).

        A draft that means what is live publishes nothing new. `unreviewed` says why it is published without an approval.
        """
        before = await self._changeable(ref)
        if before.revision != revision:
            raise StaleDefinitionError(before)
        checked = await self.checker.check(ref.workspace, before.text, ref.kind)
        _refuse_another(ref, checked)
        if checked.errors or checked.meaning is None:
            raise DefinitionRefusedError(
                f"The {ref} has {_count(checked.errors)} and cannot be published.",
                checked.problems,
                hint="Mend the errors; warnings do not stand in the way.",
            )
        if before.version and checked.hash == before.hash:
            return await self.version(ref, before.version)
        if not break_others:
            await self.refuse_breaking(ref.workspace, {(ref.kind, ref.name): checked})
        review = None if unreviewed else await self.gate.admit(ref, before, before.text)
        when = self.when(actor)
        saving, published = changes.publish(
            Saving(before=before, after=before, review=review), checked, when, note
        )
        action = "publish-unreviewed" if unreviewed else "publish"
        entry = entry_of(
            when, ref, action, why=unreviewed or note,
            before={"version": before.version, "hash": before.hash},
            after={"version": published.version, "hash": published.hash},
        )  # fmt: skip
        if not await self.store.save([saving], [entry]):
            now = await self._changeable(ref)
            if now.revision == revision:  # it was published meanwhile, or something that it names has changed
                return await self.publish(
                    actor, ref, revision=revision, note=note, break_others=break_others, unreviewed=unreviewed
                )
            raise StaleDefinitionError(now)
        return published

    async def restore(self, actor: Actor, ref: Ref, *, version: int, revision: int) -> Definition:
        """Make a published version the draft again; what was in the draft stays as a revision."""
        return await self.save(actor, ref, (await self.version(ref, version)).text, revision=revision)

    async def archive(self, actor: Actor, ref: Ref) -> Definition:
        """Put a definition away: nothing starts it any more. Refused while a live version names it."""

        async def put_away(before: Definition, when: When) -> Saving:
            users = [use for use in await self.store.used_by(ref) if use.is_live]
            users = [use for use in users if (use.kind, use.name) != (ref.kind, ref.name)]
            if users:
                raise used_error(ref, users)
            return changes.put_away(before, when)

        before = await self.find(ref)
        return before if before.archived_at else await self._change(actor, ref, "archive", put_away)

    async def bring_back(self, actor: Actor, ref: Ref) -> Definition:
        """Bring back a definition that was put away; its version is live again if all that it names is there."""

        async def back(before: Definition, _when: When) -> Saving:
            draft = await self.checker.read(before.text)
            saving = Saving(
                before=before,
                after=msgspec.structs.replace(before, archived_at=0),
                draft_uses=uses_of(draft),
            )
            if not before.version:
                return saving
            live = await self.version(ref, before.version)
            checked = await self.checker.check(ref.workspace, live.text, ref.kind)
            missing = [problem for problem in checked.errors if problem.code.startswith("unknown-")]
            if missing:
                raise DefinitionRefusedError(
                    f"The {ref} names what is not there any more.", missing, hint="Bring that back first."
                )
            return changes.live(saving, checked)

        before = await self.find(ref)
        return await self._change(actor, ref, "bring-back", back) if before.archived_at else before

    async def give(self, actor: Actor, ref: Ref, owner: str) -> Definition:
        """Let somebody else own a definition."""

        async def given(before: Definition, _when: When) -> Saving:
            return Saving(before=before, after=msgspec.structs.replace(before, owner=owner))

        return await self._change(actor, ref, "give", given)

    # --- how ---

    def when(self, actor: Actor, also: tuple[str, ...] = ()) -> When:
        """Return who changes something, with who else wrote it, and that it is now."""
        return When(actor, self._now(), also)

    async def refuse_breaking(self, workspace: str, beside: dict[tuple[str, str], Checked | None]) -> None:
        """Raise when a live definition would not work any more with these in place."""
        broken = await self.checker.broken(workspace, beside)
        if broken:
            named = ", ".join(f"{one.kind} {one.name!r}" for one in broken[:10])
            raise BreaksOthersError(
                f"With this, {named} would not work any more.",
                hint="Publish these together, or say that it may break them.",
                problems=tuple(problem for one in broken for problem in one.problems),
                broken=[{"kind": one.kind, "name": one.name} for one in broken],
            )

    async def _change(
        self, actor: Actor, ref: Ref, what: str, make: Callable[[Definition, When], Awaitable[Saving]]
    ) -> Definition:
        """Make a change of what a definition is, not of its text; begin again when another one came between."""
        for _ in range(MOST_TRIES):
            when = self.when(actor)
            before = await self.find(ref)
            saving = await make(before, when)
            told = {"before": {"owner": before.owner}, "after": {"owner": saving.after.owner}}
            entry = entry_of(when, ref, what, **(told if what == "give" else {}))
            if await self.store.save([saving], [entry]):
                return saving.after
        raise StaleDefinitionError(await self.find(ref))

    async def _changeable(self, ref: Ref) -> Definition:
        found = await self.find(ref)
        if found.archived_at:
            raise ArchivedError(f"The {ref} is archived.", hint="Bring it back first.")
        return found

    async def _stale(self, current: Definition, revision: int, text: str) -> StaleDefinitionError:
        """Return what is told of a change to an older revision, with both changes joined where that can be done."""
        base = await self.store.revision(current.ref, revision)
        if base is None:
            return StaleDefinitionError(current)
        try:
            joined = await aside(text, merge, base.text, text, current.text)
        except EditRefusedError:
            return StaleDefinitionError(current)
        return StaleDefinitionError(
            current, merged=joined.text, conflicts=[conflict.words for conflict in joined.conflicts]
        )


def used_error(ref: Ref, users: Sequence[UsedBy]) -> DefinitionUsedError:
    """Return what is told of a definition that others name."""
    named = ", ".join(sorted({f"{use.kind} {use.name!r}" for use in users})[:10])
    return DefinitionUsedError(
        f"The {ref} is used by {named}.", hint="Change or archive these first.",
        used_by=[msgspec.to_builtins(use) for use in users],
    )  # fmt: skip


def _refuse_another(ref: Ref, read: Checked) -> None:
    """Raise for a text that says that it is another definition."""
    document = read.document
    if document is None or (document.kind, document.name or ref.name) == (ref.kind, ref.name):
        return
    found = Ref(ref.workspace, document.kind, document.name)
    raise DefinitionRefusedError(
        f"The text is the {found}, and this is the {ref}.",
        read.problems,
        hint="A definition keeps its kind and name; save the text as a new one instead.",
    )


def _within(limit: int) -> int:
    return max(1, min(limit, LARGEST_PAGE))


def _count(errors: Sequence[Problem]) -> str:
    return "1 error" if len(errors) == 1 else f"{len(errors)} errors"
