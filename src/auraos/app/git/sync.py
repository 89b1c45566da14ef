"""`GitSync`: a workspace and a git repository, kept the same from both sides.

What is live stands in one branch, a file each; each draft that differs from it has a branch of its own, to be looked at and
merged there. What only one side changed since they last agreed is taken by the other; what both changed is joined; what
cannot be joined stays as it is on both sides, and is told. What they last agreed on is kept in our repository.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from auraos.app.git.program import Git, MovedError, branch_of, folder_of
from auraos.app.git.settling import Settled, settle
from auraos.app.git.trees import branches, commit_of, read_texts, write_commit
from auraos.core.audit import Actor
from auraos.core.errors import UserError
from auraos.documents.definitions.applying import Applying, Wishes
from auraos.documents.definitions.bundles import path_of
from auraos.documents.definitions.files import File, FilesRefusedError
from auraos.documents.definitions.gate import ReviewNeededError
from auraos.documents.definitions.rows import Definition, Query, Ref
from auraos.documents.definitions.service import LARGEST_PAGE, Definitions

Key: TypeAlias = tuple[str, str]
Became: TypeAlias = Literal["pushed", "pulled", "merged", "removed", "archived", "conflict", "refused"]
DRAFTS = "drafts"
MOST_TRIES = 3
SOMEBODY = ("",)
"""Who wrote what stands in a repository: nobody who is known here for sure."""


class Synced(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one definition in one branch."""

    kind: str
    name: str
    branch: str
    what: Became
    words: tuple[str, ...] = ()


class _Placed(msgspec.Struct, frozen=True):
    """A text of a tree, and its path there."""

    path: str
    text: str


class GitSync:
    """Keeps one workspace and one repository the same. Only one at a time may do so for a workspace."""

    def __init__(
        self, definitions: Definitions, git: Git, workspace: str, *, branch: str = "main", folder: str = ""
    ) -> None:
        self._definitions = definitions
        self._git = git
        self._workspace = workspace
        self._branch = branch_of(branch)
        self._folder = folder_of(folder)

    async def sync(self, actor: Actor) -> tuple[Synced, ...]:
        """Bring both sides together, and return what became of whatever was not the same; begin again when somebody pushes
        meanwhile.
        """
        await self._git.open()
        told: list[Synced] = []
        for attempt in range(MOST_TRIES):
            await self._git.fetch()
            try:
                told += await self._live(actor)
                told += await self._drafts(actor)
            except MovedError:
                if attempt == MOST_TRIES - 1:
                    raise
                continue
            break
        return tuple(told)

    # --- what is live ---

    async def _live(self, actor: Actor) -> list[Synced]:
        commit = await commit_of(self._git, f"refs/remote/{self._branch}")
        theirs = await self._read(commit)
        agreed = await self._read(await commit_of(self._git, "refs/auraos/live"))
        rows = {(row.kind, row.name): row for row in await self._rows(lambda row: row.version > 0)}
        ours = {
            key: await self._live_text(row, _text(theirs, key), _text(agreed, key))
            for key, row in rows.items()
        }
        settled = {
            key: settle(_text(agreed, key), ours.get(key), _text(theirs, key))
            for key in sorted(agreed.keys() | ours.keys() | theirs.keys())
        }
        over = {key: rows[key].version if key in rows else 0 for key in settled}
        refused = await self._take(actor, settled, over, commit)
        kept = {key: one for key, one in settled.items() if key not in refused and not one.conflict}
        changes = {self._path(theirs, key): one.text for key, one in kept.items() if one.to_them}
        made = commit
        if changes:
            made = await write_commit(self._git, commit, changes, message=_message(kept), author=actor.name)
            await self._git.push({self._branch: (commit, made)})
        open_still = {self._path(theirs, key): _text(agreed, key) for key in settled.keys() - kept.keys()}
        if open_still:
            made = await write_commit(self._git, made, open_still, message="Agreed upon", author="AuraOS")
        if made:
            await self._git.run("update-ref", "refs/auraos/live", made)
        return _told(self._branch, settled, refused)

    async def _take(
        self, actor: Actor, settled: Mapping[Key, Settled], over: Mapping[Key, int], commit: str
    ) -> dict[Key, tuple[str, ...]]:
        """Publish and archive what the repository changed; return what could not be, and why."""
        files = [
            File(path_of(Ref("", *key)), one.text)
            for key, one in settled.items()
            if one.to_us and one.text is not None
        ]
        refused: dict[Key, tuple[str, ...]] = {}
        if files:
            wishes = Wishes(note=f"From git, {commit[:12]}", keep_drafts=True, over=over, authors=SOMEBODY)
            try:
                await Applying(self._definitions).apply(actor, self._workspace, files, wishes)
            except ReviewNeededError as error:
                await self._keep_for_review(actor, files)
                refused = {
                    key: (error.message,)
                    for key, one in settled.items()
                    if one.to_us and one.text is not None
                }
            except UserError as error:
                words = _words(error)
                refused = {key: words for key, one in settled.items() if one.to_us and one.text is not None}
        for key, one in settled.items():
            if one.to_us and one.text is None:
                try:
                    await self._definitions.archive(actor, Ref(self._workspace, *key))
                except UserError as error:
                    refused[key] = _words(error)
        return refused

    async def _keep_for_review(self, actor: Actor, files: Sequence[File]) -> None:
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

    async def _drafts(self, actor: Actor) -> list[Synced]:
        rows = {(row.kind, row.name): row for row in await self._rows(lambda _: True)}
        drafts = {key: row.text for key, row in rows.items() if row.state in ("draft", "changed")}
        theirs = {_key(name): commit for name, commit in (await branches(self._git, f"{DRAFTS}/")).items()}
        printed = await self._git.run(
            "for-each-ref", "--format=%(refname) %(objectname)", "--", f"refs/auraos/{DRAFTS}/"
        )
        agreed = {
            _key(name.removeprefix("refs/auraos/")): commit
            for name, _, commit in (line.rpartition(" ") for line in printed.decode().splitlines())
        }
        base = await commit_of(self._git, f"refs/remote/{self._branch}")
        live = await self._read(base)
        told: list[Synced] = []
        moves: dict[str, tuple[str, str]] = {}
        marks: dict[Key, str] = {}
        for key in sorted((drafts.keys() | theirs.keys() | agreed.keys()) - {("", "")}):
            name = f"{DRAFTS}/{key[0]}/{key[1]}"
            before = theirs.get(key, "")
            path = self._path(live, key)
            known, there = await self._draft(agreed.get(key, ""), path), await self._draft(before, path)
            one = settle(known, drafts.get(key), there)
            if one.to_us and one.text is None:
                continue  # who deletes a branch throws no draft away
            refused = await self._take_draft(actor, key, one, rows.get(key))
            if refused:
                told.append(Synced(kind=key[0], name=key[1], branch=name, what="refused", words=refused))
                continue
            if one.conflict:
                told += _told(name, {key: one}, {})
                continue
            after = before
            if one.to_them:
                after = await self._draft_commit(actor, path, one.text, before or base)
                moves[name] = (before, after)
            marks[key] = after
            told += _told(name, {key: one}, {})
        if moves:
            await self._git.push(moves)
        for key, commit in marks.items():
            ref = f"refs/auraos/{DRAFTS}/{key[0]}/{key[1]}"
            if commit:
                await self._git.run("update-ref", ref, commit)
            elif key in agreed:
                await self._git.run("update-ref", "-d", ref)
        return told

    async def _take_draft(
        self, actor: Actor, key: Key, one: Settled, row: Definition | None
    ) -> tuple[str, ...]:
        """Save a draft that the repository changed; return why that cannot be."""
        if not one.to_us or one.text is None:
            return ()
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


def _message(kept: Mapping[Key, Settled]) -> str:
    changed = [f"{kind} {name}" for (kind, name), one in kept.items() if one.to_them]
    title = changed[0] if len(changed) == 1 else f"{len(changed)} definitions"
    return f"Publish {title}\n\n" + "".join(f"- {each}\n" for each in changed)


def _words(error: UserError) -> tuple[str, ...]:
    if isinstance(error, FilesRefusedError):
        return tuple(f"{one.file}: {one.problem.message}" for one in error.problems)
    return (error.message,)


def _told(
    branch: str, settled: Mapping[Key, Settled], refused: Mapping[Key, tuple[str, ...]]
) -> list[Synced]:
    told: list[Synced] = []
    for key, one in settled.items():
        what: Became
        if key in refused:
            what = "refused"
        elif one.conflict:
            what = "conflict"
        elif one.to_us and one.to_them:
            what = "merged"
        elif one.to_us:
            what = "pulled" if one.text is not None else "archived"
        elif one.to_them:
            what = "pushed" if one.text is not None else "removed"
        else:
            continue
        words = refused.get(key, one.conflict)
        told.append(Synced(kind=key[0], name=key[1], branch=branch, what=what, words=words))
    return told
