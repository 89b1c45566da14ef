"""`Applying`: a workspace made to say what the files of a folder say, all at once or not at all."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from auraos.core.audit import Actor, Entry
from auraos.core.problems import Problem, Severity
from auraos.documents.definitions import changes
from auraos.documents.definitions.changes import When, entry_of
from auraos.documents.definitions.checking import Beside, Checked, aside
from auraos.documents.definitions.errors import StaleDefinitionError
from auraos.documents.definitions.files import (
    File,
    FileProblem,
    FilesRefusedError,
    ReadFile,
    errors_of,
    read_files,
    told_of,
)
from auraos.documents.definitions.rows import Definition, Query, Ref, Saving
from auraos.documents.definitions.service import LARGEST_PAGE, MOST_TRIES, Definitions, used_error
from auraos.documents.diff import compare
from auraos.documents.merge import merge
from auraos.documents.parts import EditRefusedError

What: TypeAlias = Literal["new", "changed", "same", "archived", "missing"]


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """How a folder is applied."""

    publish: bool = True
    prune: bool = False
    """Archive what is not in the folder."""
    labels: tuple[tuple[str, str], ...] = ()
    """Of the definitions that have these labels only, what is not in the folder is archived, or told as missing."""
    dry_run: bool = False
    """Say what would be done, and do nothing."""
    break_others: bool = False
    """Publish also with what would break those that name it."""
    keep_drafts: bool = False
    """Leave a draft that differs from what is live, joined with what is published where that can be done."""
    over: Mapping[tuple[str, str], int] = {}
    """Which version must be live still, by kind and name; 0 for none. Else nothing is done."""
    note: str = ""
    authors: tuple[str, ...] = ()
    """The ids of others who wrote it; an empty one for somebody whom nobody here knows."""


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one definition, in words."""

    kind: str
    name: str
    file: str = ""
    what: What
    version: int = 0
    """The version that is live after it; 0 for none."""
    is_published: bool = False
    """Whether that version is a new one."""
    words: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()


class _Plan(msgspec.Struct):
    """All that one change writes, and what is told of it."""

    savings: list[Saving]
    entries: list[Entry]
    told: list[Applied]


class Applying:
    """Applies folders to workspaces. Whoever calls it has asked whether the actor may."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._checker = definitions.checker
        self._store = definitions.store

    async def apply(
        self, actor: Actor, workspace: str, files: Sequence[File], wishes: Wishes | None = None
    ) -> tuple[Applied, ...]:
        """Make a workspace say what these files say; raise `FilesRefusedError` with all that is wrong with any of them."""
        wishes = wishes or Wishes()
        read, problems = await read_files(self._checker, files)
        for _ in range(MOST_TRIES):
            gone = await self._missing(workspace, read, wishes) if wishes.prune else []
            checked = await self._check(workspace, read, gone, problems, wishes)
            plan = await self._plan(
                self._definitions.when(actor, wishes.authors), workspace, checked, gone, wishes
            )
            if wishes.dry_run or not plan.savings or await self._store.save(plan.savings, plan.entries):
                return tuple(plan.told)
        raise StaleDefinitionError(plan.savings[0].before or plan.savings[0].after)

    async def difference(
        self, workspace: str, files: Sequence[File], labels: tuple[tuple[str, str], ...] = ()
    ) -> tuple[Applied, ...]:
        """Return how these files differ from the drafts of a workspace, in words; what only the workspace has is missing."""
        read, problems = await read_files(self._checker, files)
        if problems:
            raise FilesRefusedError(problems)
        told: list[Applied] = []
        for one in read:
            before = await self._store.find(Ref(workspace, *one.key))
            what, words = await self._changes(before, one.read)
            version = before.version if before is not None else 0
            told.append(
                Applied(
                    kind=one.key[0], name=one.key[1], file=one.path, what=what, version=version, words=words
                )
            )
        gone = await self._missing(workspace, read, Wishes(labels=labels))
        told += [Applied(kind=row.kind, name=row.name, what="missing", version=row.version) for row in gone]
        return tuple(told)

    # --- how ---

    async def _missing(self, workspace: str, read: Sequence[ReadFile], wishes: Wishes) -> list[Definition]:
        """Return the definitions that no file holds."""
        held = {one.key for one in read}
        found: list[Definition] = []
        query = Query(workspace=workspace, labels=wishes.labels, limit=LARGEST_PAGE)
        while True:
            page = await self._store.whole(query)
            found += [row for row in page if (row.kind, row.name) not in held]
            if len(page) < LARGEST_PAGE:
                return found
            query = msgspec.structs.replace(query, after=(page[-1].kind, page[-1].name))

    async def _check(
        self,
        workspace: str,
        read: Sequence[ReadFile],
        gone: Sequence[Definition],
        known: Sequence[FileProblem],
        wishes: Wishes,
    ) -> list[tuple[ReadFile, Checked]]:
        """Return the files as they were checked beside each other; raise with all problems of all of them."""
        beside: dict[tuple[str, str], Checked | None] = {(row.kind, row.name): None for row in gone}
        if wishes.publish:
            beside |= {one.key: one.read for one in read}
        problems = list(known)
        checked: list[tuple[ReadFile, Checked]] = []
        for one in read:
            found = await self._checker.checked(workspace, one.read, beside)
            if wishes.publish:
                problems += errors_of(one, found)
            checked.append((one, found))
            await asyncio.sleep(0)  # others are served meanwhile
        problems += await self._still_used(workspace, gone, beside)
        if problems:
            raise FilesRefusedError(problems)
        if wishes.publish and not wishes.break_others:
            await self._definitions.refuse_breaking(workspace, beside)
        return checked

    async def _still_used(
        self, workspace: str, gone: Sequence[Definition], beside: Beside
    ) -> list[FileProblem]:
        """Return which of those that would be archived are named by a live version that stays."""
        problems: list[FileProblem] = []
        for row in gone:
            users = [
                use
                for use in await self._store.used_by(Ref(workspace, row.kind, row.name))
                if use.is_live and (use.kind, use.name) not in beside
            ]
            if users:
                problems.append(told_of("", used_error(row.ref, users)))
        return problems

    async def _plan(
        self,
        when: When,
        workspace: str,
        checked: Sequence[tuple[ReadFile, Checked]],
        gone: Sequence[Definition],
        wishes: Wishes,
    ) -> _Plan:
        plan = _Plan([], [], [])
        for one, found in checked:
            before = await self._store.find(Ref(workspace, *one.key))
            version = before.version if before is not None else 0
            if before is not None and wishes.over.get(one.key, version) != version:
                raise StaleDefinitionError(before)
            if before is not None and _keeps_draft(before, found, wishes):
                await self._publish_beside(plan, when, before, one, found, wishes)
            else:
                await self._put(plan, when, Ref(workspace, *one.key), before, one, found, wishes)
        for row in gone:
            plan.savings.append(changes.put_away(row, when))
            plan.entries.append(entry_of(when, row.ref, "archive", why=wishes.note))
            plan.told.append(Applied(kind=row.kind, name=row.name, what="archived", version=row.version))
        return plan

    async def _put(
        self, plan: _Plan, when: When, ref: Ref, before: Definition | None, one: ReadFile, checked: Checked,
        wishes: Wishes,
    ) -> None:  # fmt: skip
        """Add to a plan what one file changes."""
        what, words = await self._changes(before, checked, by=when.actor.name)
        saving, action = _drafted(ref, before, checked, when, what, self._definitions.new_number)
        is_published = wishes.publish and (saving.after.hash != checked.hash or not saving.after.version)
        if is_published:
            review = await self._definitions.gate.admit(ref, before, checked.text)
            saving = msgspec.structs.replace(saving, review=review)
            saving, published = changes.publish(saving, checked, when, wishes.note)
            words = (*words, f"published as version {published.version}")
        elif before is not None and before.archived_at and before.version:
            live = await self._definitions.version(ref, before.version)
            saving = changes.live(saving, await self._checker.read(live.text, ref.kind))
        if is_published or what != "same":
            plan.savings.append(saving)
            plan.entries += [entry_of(when, ref, action, after={"revision": saving.after.revision})] * (
                what != "same"
            )
        if is_published:
            plan.entries.append(_published(saving, when, wishes))
        what = "changed" if is_published and what == "same" else what
        plan.told.append(_applied(saving.after, one, checked, what, words, is_published=is_published))

    async def _publish_beside(
        self, plan: _Plan, when: When, before: Definition, one: ReadFile, checked: Checked, wishes: Wishes
    ) -> None:
        """Add to a plan what publishes a file and leaves somebody's draft, joined with it where that can be done."""
        if before.version and before.hash == checked.hash:
            plan.told.append(_applied(before, one, checked, "same", (), is_published=False))
            return
        await self._definitions.gate.admit(before.ref, None, checked.text)
        draft, became = await self._joined(before, checked)
        saving = Saving(before=before, after=before)
        if draft != before.text:
            saving = changes.redraft(before, await self._checker.read(draft, before.kind), when)
            plan.entries.append(entry_of(when, before.ref, "save", after={"revision": saving.after.revision}))
        saving, published = changes.publish(saving, checked, when, wishes.note)
        plan.savings.append(saving)
        plan.entries.append(_published(saving, when, wishes))
        words = (f"published as version {published.version}", became)
        plan.told.append(_applied(saving.after, one, checked, "changed", words, is_published=True))

    async def _joined(self, before: Definition, checked: Checked) -> tuple[str, str]:
        """Return a draft with what a new version changes of the live one, and what became of it in words."""
        kept = f"the draft of {before.changed_by or 'somebody'} (revision {before.revision}) stays as it is"
        if not before.version:
            return before.text, kept
        live = await self._definitions.version(before.ref, before.version)
        try:
            joined = await aside(checked.text, merge, live.text, before.text, checked.text)
        except EditRefusedError:
            return before.text, kept
        if joined.conflicts:
            return before.text, kept
        return joined.text, f"joined with the draft of {before.changed_by or 'somebody'}"

    async def _changes(
        self, before: Definition | None, read: Checked, by: str | None = None
    ) -> tuple[What, tuple[str, ...]]:
        """Return what a text changes of a definition, in words."""
        if before is None:
            return "new", ()
        words: list[str] = []
        if before.archived_at:
            words.append("brought back from the archive")
        if before.text != read.text:
            old = (await self._checker.read(before.text)).document
            if old is not None and read.document is not None:
                found = await aside(read.text, compare, old, read.document)
                words += [change.words for change in (*found.changes, *found.layout)]
            if len(words) == bool(before.archived_at):
                words.append("written otherwise")
            if by is not None and before.state in ("draft", "changed") and before.changed_by not in ("", by):
                words.append(f"in place of the draft of {before.changed_by} (revision {before.revision})")
        return ("changed" if words else "same"), tuple(words)


def _keeps_draft(before: Definition, checked: Checked, wishes: Wishes) -> bool:
    is_open = before.state in ("draft", "changed") and before.text != checked.text
    return wishes.publish and wishes.keep_drafts and is_open


def _published(saving: Saving, when: When, wishes: Wishes) -> Entry:
    told = {"version": saving.after.version, "hash": saving.after.hash}
    return entry_of(when, saving.after.ref, "publish", why=wishes.note, after=told)


def _applied(
    row: Definition,
    one: ReadFile,
    checked: Checked,
    what: What,
    words: tuple[str, ...],
    *,
    is_published: bool,
) -> Applied:
    return Applied(
        kind=row.kind,
        name=row.name,
        file=one.path,
        what=what,
        version=row.version,
        is_published=is_published,
        words=words,
        warnings=tuple(each for each in checked.problems if each.severity is Severity.WARNING),
    )


def _drafted(
    ref: Ref,
    before: Definition | None,
    checked: Checked,
    when: When,
    what: What,
    new_number: changes.NewNumber,
) -> tuple[Saving, str]:
    """Return the change that makes a text the draft, and what the audit trail calls it."""
    if before is None:
        return changes.begin(ref, checked, when, new_number()), "create"
    if what == "same":
        return Saving(before=before, after=before), "save"
    return changes.redraft(before, checked, when), "save"
