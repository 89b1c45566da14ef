"""Promoting: versions of one workspace published in another, with what is bound there in place of what differs."""

from collections.abc import Sequence

import msgspec

from auraos.core.audit import Actor
from auraos.core.errors import UserError
from auraos.core.kind import OF_FLAGS
from auraos.documents.definitions.applying import Applied, Applying, Wishes
from auraos.documents.definitions.bindings import Bindings, rebound, unbound
from auraos.documents.definitions.bundles import path_of
from auraos.documents.definitions.checking import Checked, aside
from auraos.documents.definitions.errors import ArchivedError
from auraos.documents.definitions.files import MOST_FILES, File, FileProblem, FilesRefusedError, told_of
from auraos.documents.definitions.rows import Binding, Ref
from auraos.documents.definitions.service import Definitions
from auraos.documents.parts import EditRefusedError

LONGEST_NOTE = 1_000


class PromotionRefusedError(UserError):
    """These definitions cannot be promoted so."""

    code = "promotion-refused"


class Pick(msgspec.Struct, frozen=True, kw_only=True):
    """A definition to promote, in its live version, or in this one."""

    kind: str
    name: str
    version: int = 0


class Promoted(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one definition in the other workspace."""

    version_there: int
    """The version that was promoted, as the workspace that it comes from counts."""
    bound: tuple[str, ...]
    """What is bound in it, in words."""
    applied: Applied


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """One definition on its way: which version, the text that it would have in the other workspace, and what is bound in it."""

    ref: Ref
    version: int
    file: File
    bound: tuple[str, ...]
    authors: tuple[str, ...] = ()
    """The ids of those who wrote that version."""


class Promoting:
    """Promotes definitions. Whoever calls it has asked whether the actor may, in both workspaces."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._bindings = Bindings(definitions)

    async def prepare(
        self,
        source: str,
        target: str,
        picks: Sequence[Pick],
        *,
        with_called: bool = False,
        as_written: Sequence[str] = (),
    ) -> tuple[Prepared, ...]:
        """Return the versions of one workspace as they would be in another; with all that they call, if that is wished.

        What is bound there and not here is a problem, but for the variables that are to stay `as_written`.
        """
        if source == target:
            raise PromotionRefusedError("A definition is promoted from one workspace to another one.")
        found = await self._gather(source, picks, with_called=with_called)
        known, theirs = await self._bindings.all(target), await self._bindings.all(source)
        prepared, problems = [], []
        for ref, number, read in found:
            missing = unbound(read, known, theirs, as_written)
            problems += [FileProblem(path_of(ref), each) for each in missing]
            try:
                text, words = await aside(read.text, rebound, read, known, theirs)
            except EditRefusedError as error:
                problems.append(told_of(path_of(ref), error))
                continue
            authors = await self._authors(ref, number, target, known)
            file = File(path_of(ref), text)
            prepared.append(Prepared(ref=ref, version=number, file=file, bound=words, authors=authors))
        if problems:
            raise FilesRefusedError(problems)
        return tuple(prepared)

    async def promote(
        self, actor: Actor, target: str, prepared: Sequence[Prepared], wishes: Wishes | None = None
    ) -> tuple[Promoted, ...]:
        """Publish what was prepared, all or none; with `wishes.dry_run` say what would change."""
        wishes = wishes or Wishes()
        what = ", ".join(f"{one.ref.name} {one.version}" for one in prepared)
        source = prepared[0].ref.workspace if prepared else ""
        note = f"{wishes.note or 'Promoted'} ({source}: {what})"
        authors = tuple(sorted({each for one in prepared for each in one.authors}))
        wishes = msgspec.structs.replace(wishes, prune=False, note=note[:LONGEST_NOTE], authors=authors)
        files = [one.file for one in prepared]
        applied = await Applying(self._definitions).apply(actor, target, files, wishes)
        return tuple(
            Promoted(version_there=one.version, bound=one.bound, applied=each)
            for one, each in zip(prepared, applied, strict=True)
        )

    async def _authors(self, ref: Ref, number: int, target: str, known: Sequence[Binding]) -> tuple[str, ...]:
        """Return who wrote a version and those before it, back to the one that is live in the other workspace."""
        if not await self._definitions.gate.is_wanted(target):
            return ()
        live = await self._definitions.store.live(msgspec.structs.replace(ref, workspace=target))
        authors: set[str] = set()
        while number:
            version = await self._definitions.version(ref, number)
            read = await self._definitions.checker.read(version.text, ref.kind)
            text, _ = await aside(version.text, rebound, read, known)
            if live is not None and (await self._definitions.checker.read(text, ref.kind)).hash == live.hash:
                break
            authors |= set(version.authors)
            number -= 1
        return tuple(sorted(authors))

    async def _gather(
        self, source: str, picks: Sequence[Pick], *, with_called: bool
    ) -> list[tuple[Ref, int, Checked]]:
        """Return the versions to promote; with those that they call, if that is wished, in their live versions."""
        checker = self._definitions.checker
        found: dict[tuple[str, str], tuple[Ref, int, Checked]] = {}
        waiting = list(picks)
        while waiting:
            pick = waiting.pop(0)
            key = (pick.kind, pick.name)
            if key in found:
                continue
            if len(found) >= MOST_FILES:
                raise PromotionRefusedError(f"These are more than {MOST_FILES:,} definitions.")
            ref = Ref(source, *key)
            if (await self._definitions.live(ref)).is_archived:
                raise ArchivedError(f"The {ref} is archived.", hint="Bring it back first.")
            version = await self._definitions.version(ref, pick.version)
            read = await checker.read(version.text, ref.kind)
            if ref.kind == OF_FLAGS and any(named.version for named in read.names):
                raise PromotionRefusedError(
                    f"The {ref} names versions as its own workspace counts them.",
                    hint="Write a flag in the other workspace, with the versions of there.",
                )
            found[key] = (ref, version.version, read)
            if with_called:
                waiting += [
                    Pick(kind=named.kind, name=named.name)
                    for named in read.names
                    if named.kind in checker.kinds and named.kind != OF_FLAGS and not named.version
                ]
        return list(found.values())
