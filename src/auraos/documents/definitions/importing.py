"""Importing: definitions of another place as drafts of this one. Whatever they say, nothing of them is live until somebody
has looked at it and publishes it.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from auraos.core.audit import Actor
from auraos.core.document import parse
from auraos.core.document.envelope import LONGEST_NAME
from auraos.core.problems import Path, Problem
from auraos.documents.definitions import changes
from auraos.documents.definitions.changes import entry_of
from auraos.documents.definitions.checking import Checked, aside
from auraos.documents.definitions.errors import DefinitionRefusedError, StaleDefinitionError
from auraos.documents.definitions.files import File, FilesRefusedError, ReadFile, read_files, told_of
from auraos.documents.definitions.rows import Definition, Ref, Saving
from auraos.documents.definitions.service import MOST_TRIES, Definitions
from auraos.documents.diff import compare
from auraos.documents.parts import EditRefusedError
from auraos.documents.splice import apply_edits, set_value

Conflicts: TypeAlias = Literal["skip", "replace", "rename"]
Became: TypeAlias = Literal["new", "replaced", "renamed", "skipped", "same"]
MOST_NAMES = 1_000


class Needed(msgspec.Struct, frozen=True, kw_only=True):
    """What an imported definition names, and may have to be given here before it can be published."""

    kind: str
    name: str
    place: str


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one definition that was imported."""

    kind: str
    name: str
    file: str
    was: str = ""
    """What it was called, where it goes by another name here."""
    what: Became
    words: tuple[str, ...] = ()
    """How it differs from what is here under its name."""
    needs: tuple[Needed, ...] = ()
    problems: tuple[Problem, ...] = ()


class Importing:
    """Imports definitions. Whoever calls it has asked whether the actor may."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._checker = definitions.checker
        self._store = definitions.store

    async def bring(
        self,
        actor: Actor,
        workspace: str,
        files: Sequence[File],
        *,
        conflicts: Conflicts = "skip",
        dry_run: bool = False,
    ) -> tuple[Imported, ...]:
        """Keep definitions as drafts; where a name is taken, leave what is there, replace its draft, or take another name.

        Raise `FilesRefusedError` when a file does not even say what it is; then nothing is imported.
        """
        read, problems = await read_files(self._checker, files)
        if problems:
            raise FilesRefusedError(problems)
        for _ in range(MOST_TRIES):
            known = {one.key: await self._store.find(Ref(workspace, *one.key)) for one in read}
            if conflicts == "rename":
                taken = [one.key for one in read if _became(known[one.key], one, conflicts) == "renamed"]
                names = await self._free_names(workspace, taken, known)
                renamed = await self._renamed(read, names)
            else:
                names, renamed = {}, {}
            when = self._definitions.when(actor)
            savings, told = [], []
            for one in read:
                text = renamed.get(one.key, one.read)
                row = known[one.key]
                ref = Ref(workspace, one.key[0], names.get(one.key, one.key[1]))
                became = _became(row, one, conflicts)
                told.append(await self._told(ref, one, text, row, became))
                if became in ("new", "renamed"):
                    savings.append(changes.begin(ref, text, when, self._definitions.new_number()))
                elif became == "replaced" and row is not None:
                    savings.append(_replaced(row, text, when))
            entries = [
                entry_of(when, saving.after.ref, "import", after={"revision": saving.after.revision})
                for saving in savings
            ]
            if dry_run or not savings or await self._store.save(savings, entries):
                return tuple(told)
        raise StaleDefinitionError(savings[0].before or savings[0].after)

    async def _told(
        self, ref: Ref, one: ReadFile, read: Checked, row: Definition | None, became: Became
    ) -> Imported:
        checked = await self._checker.checked(ref.workspace, read)
        words: tuple[str, ...] = ()
        if row is not None and became in ("replaced", "skipped"):
            old = (await self._checker.read(row.text)).document
            if old is not None and read.document is not None:
                found = await aside(read.text, compare, old, read.document)
                words = tuple(change.words for change in found.changes)
        return Imported(
            kind=ref.kind,
            name=ref.name,
            file=one.path,
            was=one.key[1] if ref.name != one.key[1] else "",
            what=became,
            words=words,
            needs=tuple(
                Needed(kind=use.kind, name=use.name, place=use.place) for use in changes.uses_of(checked)
            ),
            problems=checked.problems,
        )

    async def _free_names(
        self,
        workspace: str,
        taken: Sequence[tuple[str, str]],
        known: dict[tuple[str, str], Definition | None],
    ) -> dict[tuple[str, str], str]:
        """Return a name for each whose own is taken: neither anybody's here, nor that of another in the bundle."""
        names: dict[tuple[str, str], str] = {}
        given: set[tuple[str, str]] = set(known)
        for kind, name in taken:
            for number in range(2, MOST_NAMES):
                tail = f"-{number}"
                free = name[: LONGEST_NAME - len(tail)] + tail
                if (kind, free) not in given and await self._store.live(Ref(workspace, kind, free)) is None:
                    names[kind, name] = free
                    given.add((kind, free))
                    break
            else:
                raise DefinitionRefusedError(f"No name is free for the {kind} {name!r}.", ())
        return names

    async def _renamed(
        self, read: Sequence[ReadFile], names: dict[tuple[str, str], str]
    ) -> dict[tuple[str, str], Checked]:
        """Return the texts that say another name: their own, or that of another one in the bundle."""
        found: dict[tuple[str, str], Checked] = {}
        problems = []
        for one in read:
            try:
                text = await aside(one.read.text, _rename, one.read, names)
            except EditRefusedError as error:
                problems.append(told_of(one.path, error))
                continue
            if text != one.read.text:
                found[one.key] = await self._checker.read(text, one.key[0])
        if problems:
            raise FilesRefusedError(problems)
        return found


def _rename(read: Checked, names: dict[tuple[str, str], str]) -> str:
    document = read.document
    assert document is not None
    text = read.text
    wanted: list[tuple[Path, str]] = []
    if (document.kind, document.name) in names:
        wanted.append((("name",), names[document.kind, document.name]))
    for named in read.names:
        new = names.get((named.kind, named.name))
        if new is not None and not named.version:
            node = document.tree.find(named.path)
            is_inner = node is not None and node.kind == "mapping"
            wanted.append(((*named.path, "workflow") if is_inner else named.path, new))
    for path, name in wanted:
        text = apply_edits(text, set_value(parse(text), path, name))
    return text


def _became(row: Definition | None, one: ReadFile, conflicts: Conflicts) -> Became:
    if row is None:
        return "new"
    if row.text == one.read.text:
        return "same"
    if conflicts == "rename":
        return "renamed"
    return "replaced" if conflicts == "replace" else "skipped"


def _replaced(row: Definition, read: Checked, when: changes.When) -> Saving:
    """Return what replaces a draft; one that is archived stays so, for its live version would come back with it."""
    saving = changes.redraft(row, read, when)
    after = msgspec.structs.replace(saving.after, archived_at=row.archived_at)
    return msgspec.structs.replace(
        saving, after=after, draft_uses=() if row.archived_at else saving.draft_uses
    )
