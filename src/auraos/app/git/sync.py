"""`GitSync`: a workspace and a git repository, kept the same from both sides.

What is live stands in one branch, a file each; each draft that differs from it has a branch of its own, to be looked at and
merged there. What only one side changed since they last agreed is taken by the other; what both changed is joined; what
cannot be joined stays as it is on both sides, and is told, until somebody says what both are to have.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeAlias

import msgspec

from auraos.app.git.agreement import Agreement, Key
from auraos.app.git.program import Git, MovedError, branch_of, folder_of
from auraos.app.git.rows import Direction, Side, Synced
from auraos.app.git.settling import Settled, one_way, settle
from auraos.app.git.trees import branches, commit_of, read_texts, write_commit
from auraos.core.audit import Actor
from auraos.core.errors import UserError
from auraos.documents.definitions.applying import Applying, Wishes
from auraos.documents.definitions.bundles import path_of
from auraos.documents.definitions.files import File, FilesRefusedError
from auraos.documents.definitions.gate import ReviewNeededError
from auraos.documents.definitions.rows import Definition, Query, Ref
from auraos.documents.definitions.service import LARGEST_PAGE, Definitions

Admit: TypeAlias = Callable[[str], Awaitable[tuple[str, ...]]]
"""Says in words why whoever synchronises may not bring in a text."""
DRAFTS = "drafts"
MOST_TRIES = 3
SOMEBODY = ("",)
"""Who wrote what stands in a repository: nobody who is known here for sure."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """How both sides are brought together."""

    direction: Direction = "both"
    dry_run: bool = False
    """Say what would be done, and do nothing."""
    decided: Mapping[tuple[Side, str, str], str] = {}
    """The texts that both sides are to have, by side, kind and name: whatever each of them has now."""
    admit: Admit | None = None


class _Placed(msgspec.Struct, frozen=True):
    """A text of a tree, and its path there."""

    path: str
    text: str


class _Sides(msgspec.Struct, frozen=True):
    """One definition as each side has it, and what becomes of it."""

    base: str | None
    ours: str | None
    theirs: str | None
    settled: Settled


class GitSync:
    """Keeps one workspace and one repository the same. Only one at a time may do so for a workspace."""

    def __init__(
        self,
        definitions: Definitions,
        git: Git,
        agreement: Agreement,
        workspace: str,
        *,
        branch: str = "main",
        folder: str = "",
    ) -> None:
        self._definitions = definitions
        self._git = git
        self._agreement = agreement
        self._workspace = workspace
        self._branch = branch_of(branch)
        self._folder = folder_of(folder)

    async def sync(self, actor: Actor, wish: Wish | None = None) -> tuple[Synced, ...]:
        """Bring both sides together, and return what became of whatever was not the same; begin again when somebody pushes
        meanwhile.
        """
        wish = wish or Wish()
        await self._git.open()
        told: list[Synced] = []
        for attempt in range(MOST_TRIES):
            await self._git.fetch()
            try:
                told += await self._live(actor, wish)
                told += await self._drafts(actor, wish)
            except MovedError:
                if attempt == MOST_TRIES - 1:
                    raise
                continue
            break
        return tuple(told)

    # --- what is live ---

    async def _live(self, actor: Actor, wish: Wish) -> list[Synced]:
        commit = await commit_of(self._git, f"refs/remote/{self._branch}")
        theirs = await self._read(commit)
        agreed = await self._agreement.texts("live")
        rows = {(row.kind, row.name): row for row in await self._rows(lambda row: row.version > 0)}
        ours = {
            key: await self._live_text(row, _text(theirs, key), agreed.get(key)) for key, row in rows.items()
        }
        found = {
            key: _sides("live", key, agreed.get(key), ours.get(key), _text(theirs, key), wish)
            for key in sorted(agreed.keys() | ours.keys() | theirs.keys())
        }
        over = {key: rows[key].version if key in rows else 0 for key in found}
        refused = await self._take(actor, found, over, commit, wish)
        if not wish.dry_run:
            kept = {key: one for key, one in found.items() if key not in refused and not one.settled.conflict}
            changes = {
                self._path(theirs, key): one.settled.text for key, one in kept.items() if one.settled.to_them
            }
            if changes:
                made = await write_commit(
                    self._git, commit, changes, message=_message(kept), author=actor.name
                )
                await self._git.push({self._branch: (commit, made)})
            await self._agreement.note("live", agreed, _agreed(kept))
        return _told(self._branch, found, refused)

    async def _take(
        self, actor: Actor, found: Mapping[Key, _Sides], over: Mapping[Key, int], commit: str, wish: Wish
    ) -> dict[Key, tuple[str, ...]]:
        """Publish and archive what the repository changed; return what could not be, and why."""
        coming = {key: one.settled.text for key, one in found.items() if one.settled.to_us}
        refused: dict[Key, tuple[str, ...]] = {}
        for key, text in coming.items():
            words = await wish.admit(text) if wish.admit is not None and text is not None else ()
            if words:
                refused[key] = words
        files = {
            key: File(path_of(Ref("", *key)), text)
            for key, text in coming.items()
            if text is not None and key not in refused
        }
        if files:
            wishes = Wishes(
                note=f"From git, {commit[:12]}",
                keep_drafts=True,
                over=over,
                dry_run=wish.dry_run,
                authors=SOMEBODY,
            )
            try:
                await Applying(self._definitions).apply(actor, self._workspace, list(files.values()), wishes)
            except ReviewNeededError as error:
                if not wish.dry_run:
                    await self._keep_for_review(actor, files.values())
                refused |= dict.fromkeys(files, (error.message,))
            except UserError as error:
                refused |= dict.fromkeys(files, _words(error))
        for key, text in coming.items():
            if text is None and not wish.dry_run:
                try:
                    await self._definitions.archive(actor, Ref(self._workspace, *key))
                except UserError as error:
                    refused[key] = _words(error)
        return refused

    async def _keep_for_review(self, actor: Actor, files: Iterable[File]) -> None:
        """Keep what may not be published unseen as drafts, where that replaces nobody's; it is published once it is approved."""
        for file in files:
            read = await self._definitions.checker.read(file.text)
            if read.document is None:
                continue
            ref = Ref(self._workspace, read.document.kind, read.document.name)
            row = await self._definitions.store.find(ref)
            if row is None:
                await self._definitions.create(actor, self._workspace, file.text, authors=SOMEBODY)
            elif row.state == "live":
                await self._definitions.save(actor, ref, file.text, revision=row.revision, authors=SOMEBODY)

    async def _live_text(self, row: Definition, *spelled: str | None) -> str:
        """Return what is live as it is written: by its draft, or as the repository spells it, where that means the same."""
        if row.state == "live":
            return row.text
        for text in spelled:
            if text is not None and (await self._definitions.checker.read(text, row.kind)).hash == row.hash:
                return text
        return (await self._definitions.version(row.ref, row.version)).text

    # --- drafts ---

    async def _drafts(self, actor: Actor, wish: Wish) -> list[Synced]:
        rows = {(row.kind, row.name): row for row in await self._rows(lambda _: True)}
        drafts = {key: row.text for key, row in rows.items() if row.state in ("draft", "changed")}
        theirs = {_key(name): commit for name, commit in (await branches(self._git, f"{DRAFTS}/")).items()}
        agreed = await self._agreement.texts("draft")
        base = await commit_of(self._git, f"refs/remote/{self._branch}")
        live = await self._read(base)
        told: list[Synced] = []
        moves: dict[str, tuple[str, str]] = {}
        kept: dict[Key, _Sides] = {}
        for key in sorted((drafts.keys() | theirs.keys() | agreed.keys()) - {("", "")}):
            name = f"{DRAFTS}/{key[0]}/{key[1]}"
            before = theirs.get(key, "")
            path = self._path(live, key)
            there = await self._draft(before, path)
            one = _sides("draft", key, agreed.get(key), drafts.get(key), there, wish)
            if one.settled.to_us and one.settled.text is None:
                continue  # who deletes a branch throws no draft away
            refused = await self._take_draft(actor, key, one.settled, rows.get(key), wish)
            told += _told(name, {key: one}, {key: refused} if refused else {})
            if refused or one.settled.conflict or wish.dry_run:
                continue
            if one.settled.to_them:
                after = await self._draft_commit(actor, path, one.settled.text, before or base)
                moves[name] = (before, after)
            kept[key] = one
        if moves:
            await self._git.push(moves)
        await self._agreement.note("draft", agreed, _agreed(kept))
        return told

    async def _take_draft(
        self, actor: Actor, key: Key, one: Settled, row: Definition | None, wish: Wish
    ) -> tuple[str, ...]:
        """Save a draft that the repository changed; return why that cannot be."""
        if not one.to_us or one.text is None:
            return ()
        words = await wish.admit(one.text) if wish.admit is not None else ()
        if words or wish.dry_run:
            return words
        try:
            if row is None:
                await self._definitions.create(
                    actor, self._workspace, one.text, kind=key[0], authors=SOMEBODY
                )
            else:
                await self._definitions.save(
                    actor, row.ref, one.text, revision=row.revision, authors=SOMEBODY
                )
        except UserError as error:
            return _words(error)
        return ()

    async def _draft(self, commit: str, path: str) -> str | None:
        return (await read_texts(self._git, commit, path)).get(path)

    async def _draft_commit(self, actor: Actor, path: str, text: str | None, parent: str) -> str:
        """Return the commit of a draft; none where the draft is gone, and its branch with it."""
        if text is None:
            return ""
        message = f"Draft of {path}\n"
        return await write_commit(self._git, parent, {path: text}, message=message, author=actor.name)

    # --- how ---

    async def _rows(self, wanted: Callable[[Definition], bool]) -> list[Definition]:
        found: list[Definition] = []
        query = Query(workspace=self._workspace, limit=LARGEST_PAGE)
        while True:
            page = await self._definitions.store.whole(query)
            found += [row for row in page if wanted(row)]
            if len(page) < LARGEST_PAGE:
                return found
            query = msgspec.structs.replace(query, after=(page[-1].kind, page[-1].name))

    async def _read(self, commit: str) -> dict[Key, _Placed]:
        """Return the texts of a commit by what they are; of one that cannot be read its path says it."""
        found: dict[Key, _Placed] = {}
        for path, text in sorted((await read_texts(self._git, commit, self._folder)).items()):
            document = (await self._definitions.checker.read(text)).document
            named = (document.kind, document.name) if document is not None else ("", "")
            key = named if all(named) else _key(f"{DRAFTS}/{path.removeprefix(self._folder)}")
            if all(key):
                found.setdefault(key, _Placed(path, text))
        return found

    def _path(self, theirs: Mapping[Key, _Placed], key: Key) -> str:
        return theirs[key].path if key in theirs else self._folder + path_of(Ref("", *key))


def _key(branch: str) -> Key:
    """Return the definition that `drafts/kind/name` is of, two empty names for none."""
    parts = branch.removesuffix(".yaml").split("/")
    is_ours = len(parts) == 3 and parts[0] == DRAFTS and all(parts)
    return (parts[1], parts[2]) if is_ours else ("", "")


def _text(placed: Mapping[Key, _Placed], key: Key) -> str | None:
    return placed[key].text if key in placed else None


def _message(kept: Mapping[Key, _Sides]) -> str:
    changed = [f"{kind} {name}" for (kind, name), one in kept.items() if one.settled.to_them]
    title = changed[0] if len(changed) == 1 else f"{len(changed)} definitions"
    return f"Publish {title}\n\n" + "".join(f"- {each}\n" for each in changed)


def _words(error: UserError) -> tuple[str, ...]:
    if isinstance(error, FilesRefusedError):
        return tuple(f"{one.file}: {one.problem.message}" for one in error.problems)
    return (error.message,)


def _sides(
    side: Side, key: Key, base: str | None, ours: str | None, theirs: str | None, wish: Wish
) -> _Sides:
    decided = wish.decided.get((side, *key))
    if decided is not None:
        one = Settled(text=decided, to_us=decided != ours, to_them=decided != theirs)
    else:
        one = one_way(settle(base, ours, theirs), wish.direction)
    return _Sides(base, ours, theirs, one)


def _agreed(kept: Mapping[Key, _Sides]) -> dict[Key, str | None]:
    """Return what both sides have now; what only we were given is agreed on as they have it."""
    return {
        key: one.theirs if one.settled.is_half else one.settled.text
        for key, one in kept.items()
        if not one.settled.waits
    }


def _told(branch: str, found: Mapping[Key, _Sides], refused: Mapping[Key, tuple[str, ...]]) -> list[Synced]:
    told: list[Synced] = []
    for (kind, name), one in found.items():
        words = refused.get((kind, name))
        what = one.settled.became if words is None else "refused"
        if what is None:
            continue
        told.append(
            Synced(kind=kind, name=name, branch=branch, what=what, words=words or one.settled.conflict)
        )
        if what == "conflict":
            told[-1] = msgspec.structs.replace(
                told[-1], base=one.base, ours=one.ours, theirs=one.theirs, merged=one.settled.merged
            )
    return told
