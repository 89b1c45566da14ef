"""A workspace and a bare repository, kept the same from both sides, and a person who works in a clone of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from auraos.app.git.agreement import Agreement
from auraos.app.git.program import Git
from auraos.app.git.sync import GitSync
from auraos.app.git.tables import git_rows
from auraos.documents.definitions.reviews import Reviews
from auraos.documents.definitions.rows import Query, Ref
from auraos.documents.definitions.service import Definitions
from auraos.storage.folder import DataFolder
from auraos.storage.sqlite import SqliteStore
from git_people import Person, bare
from kept_definitions import ANN, BEN, GREET, changed, definitions_over, published, workflow

FILE = "flows/workflow/greet.yaml"
BRANCH = "drafts/workflow/greet"
TWO = "    b: {type: noop, with: {value: 1}}\n"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    folder = DataFolder.claim(tmp_path / "data")
    opened = SqliteStore.open(folder)
    yield opened
    await opened.close()
    folder.release()


@pytest.fixture
def definitions(store: SqliteStore) -> Definitions:
    return definitions_over(store)


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return bare(tmp_path / "remote.git")


@pytest.fixture
def pat(remote: Path, tmp_path: Path) -> Person:
    return Person(remote, tmp_path / "clone")


@pytest.fixture
def sync(store: SqliteStore, definitions: Definitions, remote: Path, tmp_path: Path) -> GitSync:
    return sync_over(store, definitions, Git(tmp_path / "ours.git", str(remote)))


def sync_over(store: SqliteStore, definitions: Definitions, git: Git) -> GitSync:
    agreement = Agreement(git_rows(store.tables), "default")
    return GitSync(definitions, git, agreement, "default", folder="flows")


def told(synced) -> list[tuple[str, str, str]]:
    return [(one.name, one.branch, one.what) for one in synced]


async def test_what_is_live_and_each_draft_come_into_an_empty_repository(sync, definitions, pat):
    await published(definitions, workflow())
    await published(definitions, workflow("other"))
    await changed(definitions, GREET, workflow(value=2), publish=False)
    await definitions.create(ANN, "default", workflow("fresh"))
    assert told(await sync.sync(ANN)) == [
        ("greet", "main", "pushed"),
        ("other", "main", "pushed"),
        ("fresh", "drafts/workflow/fresh", "pushed"),
        ("greet", BRANCH, "pushed"),
    ]
    assert pat.shown(FILE) == workflow()
    assert pat.shown(FILE, BRANCH) == workflow(value=2)
    assert pat.shown("flows/workflow/other.yaml", BRANCH) == workflow("other")
    assert pat.branches() == ["drafts/workflow/fresh", BRANCH, "main"]
    log = pat.git("log", "-1", "--format=%an|%s|%b", "main", within=pat.remote)
    assert log.split() == ["ann|Publish", "2", "definitions|-", "workflow", "greet", "-", "workflow", "other"]
    assert await sync.sync(ANN) == ()


async def test_what_somebody_pushes_is_published(sync, definitions, pat):
    await published(definitions, workflow())
    await sync.sync(ANN)
    pat.pull()
    pat.push("main", {FILE: workflow(value=2), "flows/more/new.yml": workflow("new"), "README.md": "hello"})
    assert told(await sync.sync(BEN)) == [("greet", "main", "pulled"), ("new", "main", "pulled")]
    version = await definitions.version(GREET)
    assert (version.version, version.text, version.author) == (2, workflow(value=2), "ben")
    assert version.note.startswith("From git, ")
    assert await sync.sync(ANN) == ()
    await changed(definitions, Ref("default", "workflow", "new"), workflow("new", value=9))
    await sync.sync(ANN)
    assert pat.shown("flows/more/new.yml") == workflow("new", value=9)
    assert pat.shown("README.md") == "hello"


async def test_a_comment_alone_goes_over_and_comes_back_to_nobody(sync, definitions, pat):
    await published(definitions, workflow())
    await sync.sync(ANN)
    pat.pull()
    pat.push("main", {FILE: "# why\n" + workflow()})
    await sync.sync(ANN)
    assert (await definitions.find(GREET)).text == "# why\n" + workflow()
    assert await sync.sync(ANN) == ()
    assert pat.shown(FILE) == "# why\n" + workflow()


async def test_what_both_sides_changed_is_joined_on_both(sync, definitions, pat):
    await published(definitions, workflow(more=TWO))
    await sync.sync(ANN)
    pat.pull()
    pat.push("main", {FILE: workflow(value=2, more=TWO)})
    await changed(definitions, GREET, workflow(more=TWO.replace("value: 1", "value: 3")))
    assert told(await sync.sync(ANN)) == [("greet", "main", "merged")]
    both = workflow(value=2, more=TWO.replace("value: 1", "value: 3"))
    assert (await definitions.version(GREET)).text == pat.shown(FILE) == both
    assert await sync.sync(ANN) == ()


async def test_what_cannot_be_joined_stays_on_both_sides_until_somebody_decides(sync, definitions, pat):
    await published(definitions, workflow())
    await published(definitions, workflow("other"))
    await sync.sync(ANN)
    pat.pull()
    pat.push("main", {FILE: workflow(value=2)})
    await changed(definitions, GREET, workflow(value=3))
    await changed(definitions, Ref("default", "workflow", "other"), workflow("other", value=5))
    for expected in (
        [("greet", "main", "conflict"), ("other", "main", "pushed")],
        [("greet", "main", "conflict")],
    ):
        synced = await sync.sync(ANN)
        assert told(synced) == expected
        assert "mine says 3, theirs 2" in synced[0].words[0]
    assert (await definitions.version(GREET)).text == workflow(value=3)
    assert pat.shown(FILE) == workflow(value=2)
    pat.pull()
    pat.push("main", {FILE: workflow(value=3)})
    assert await sync.sync(ANN) == ()
    await changed(definitions, GREET, workflow(value=4))
    assert told(await sync.sync(ANN)) == [("greet", "main", "pushed")]


async def test_what_one_side_removes_goes_on_the_other_unless_it_is_used(sync, definitions, pat):
    await published(definitions, workflow())
    await published(definitions, workflow("caller", calls="greet"))
    gone = await published(definitions, workflow("gone"))
    await sync.sync(ANN)
    await definitions.archive(ANN, gone)
    pat.pull()
    pat.push("main", {FILE: None})
    synced = await sync.sync(ANN)
    assert told(synced) == [("gone", "main", "removed"), ("greet", "main", "refused")]
    assert "used by workflow 'caller'" in synced[1].words[0]
    pat.pull()
    pat.push("main", {"flows/workflow/caller.yaml": None})
    assert told(await sync.sync(ANN)) == [("caller", "main", "archived"), ("greet", "main", "archived")]
    assert await definitions.page(Query(workspace="default")) == []
    assert await sync.sync(ANN) == ()


async def test_what_is_wrong_in_the_repository_is_told_and_holds_up_nothing_of_ours(sync, definitions, pat):
    await published(definitions, workflow())
    await published(definitions, workflow("other"))
    await sync.sync(ANN)
    pat.pull()
    pat.push("main", {FILE: workflow(more="    b: {type: nop}\n")})
    await changed(definitions, Ref("default", "workflow", "other"), workflow("other", value=2))
    synced = await sync.sync(ANN)
    assert told(synced) == [("greet", "main", "refused"), ("other", "main", "pushed")]
    assert any("nop" in words for words in synced[0].words)
    assert told(await sync.sync(ANN)) == [("greet", "main", "refused")]
    pat.pull()
    pat.push("main", {FILE: workflow(value=2)})
    assert told(await sync.sync(ANN)) == [("greet", "main", "pulled")]


async def test_a_draft_is_worked_on_from_both_sides_and_its_branch_goes_when_it_is_live(
    sync, definitions, pat
):
    await published(definitions, workflow())
    await changed(definitions, GREET, workflow(value=2), publish=False)
    await sync.sync(ANN)
    pat.pull(BRANCH)
    pat.push(BRANCH, {FILE: workflow(value=2, title="Theirs")})
    assert told(await sync.sync(BEN)) == [("greet", BRANCH, "pulled")]
    row = await definitions.find(GREET)
    assert (row.text, row.changed_by, row.state) == (workflow(value=2, title="Theirs"), "ben", "changed")
    await definitions.publish(ANN, GREET, revision=row.revision)
    assert told(await sync.sync(ANN)) == [("greet", "main", "pushed"), ("greet", BRANCH, "removed")]
    assert pat.branches() == ["main"]


async def test_what_somebody_pushes_leaves_a_draft_that_another_one_works_on(sync, definitions, pat):
    await published(definitions, workflow(more=TWO))
    draft = workflow(more=TWO.replace("value: 1", "value: 7"))
    await changed(definitions, GREET, draft, publish=False)
    await sync.sync(ANN)
    pat.pull()
    pat.push("main", {FILE: "# why\n" + workflow(more=TWO)})
    assert await sync.sync(BEN) == ()
    assert (await definitions.find(GREET)).text == draft
    pat.pull()
    pat.push("main", {FILE: "# why\n" + workflow(value=2, more=TWO)})
    assert told(await sync.sync(BEN)) == [("greet", "main", "pulled"), ("greet", BRANCH, "pushed")]
    joined = workflow(value=2, more=TWO.replace("value: 1", "value: 7"))
    row = await definitions.find(GREET)
    assert (row.state, row.version) == ("changed", 2)
    assert row.text == joined
    assert pat.shown(FILE, BRANCH) == row.text
    assert pat.shown(FILE) == "# why\n" + workflow(value=2, more=TWO)
    assert await sync.sync(ANN) == ()


async def test_a_branch_that_somebody_merges_is_published(sync, definitions, pat):
    await published(definitions, workflow())
    await changed(definitions, GREET, workflow(value=2), publish=False)
    await sync.sync(ANN)
    pat.pull()
    pat.git("merge", "--quiet", "--no-ff", "-m", "Merge", f"origin/{BRANCH}")
    pat.git("push", "--quiet", "origin", "main", f":{BRANCH}")
    assert told(await sync.sync(ANN)) == [("greet", "main", "pulled")]
    assert (await definitions.find(GREET)).state == "live"
    assert await sync.sync(ANN) == ()


async def test_a_branch_that_somebody_makes_is_a_draft(sync, definitions, pat):
    await published(definitions, workflow())
    await sync.sync(ANN)
    pat.pull()
    pat.push(BRANCH, {FILE: workflow(value=7)})
    pat.pull()
    pat.push("drafts/workflow/fresh", {"flows/workflow/fresh.yaml": workflow("fresh")})
    assert told(await sync.sync(ANN)) == [
        ("fresh", "drafts/workflow/fresh", "pulled"),
        ("greet", BRANCH, "pulled"),
    ]
    rows = await definitions.page(Query(workspace="default"))
    assert [(row.name, row.state) for row in rows] == [("fresh", "draft"), ("greet", "changed")]


async def test_who_deletes_a_branch_throws_no_draft_away(sync, definitions, pat):
    await published(definitions, workflow())
    await changed(definitions, GREET, workflow(value=2), publish=False)
    await sync.sync(ANN)
    pat.git("push", "--quiet", "origin", f":{BRANCH}")
    assert await sync.sync(ANN) == ()
    assert (await definitions.find(GREET)).text == workflow(value=2)
    await changed(definitions, GREET, workflow(value=3), publish=False)
    assert (await sync.sync(ANN))[0].what == "conflict"


async def test_who_pushes_at_the_same_moment_is_not_overrun(store, definitions, remote, pat, tmp_path):
    between = [{FILE: workflow(value=2, more=TWO)}, {"NOTES.md": "x"}]

    class Slow(Git):
        """Git that is always a little late."""

        async def push(self, changes):
            if between:
                pat.pull()
                pat.push("main", between.pop(0))
            await super().push(changes)

    git = Git(tmp_path / "ours.git", str(remote))
    await published(definitions, workflow(more=TWO))
    await GitSync(
        definitions, git, Agreement(git_rows(store.tables), "default"), "default", folder="flows"
    ).sync(ANN)
    await changed(definitions, GREET, workflow(more=TWO.replace("value: 1", "value: 3")))
    slow = GitSync(
        definitions,
        Slow(tmp_path / "ours.git", str(remote)),
        Agreement(git_rows(store.tables), "default"),
        "default",
        folder="flows",
    )
    await slow.sync(ANN)
    both = workflow(value=2, more=TWO.replace("value: 1", "value: 3"))
    assert (await definitions.version(GREET)).text == pat.shown(FILE) == both
    assert pat.shown("NOTES.md") == "x"


async def test_where_four_eyes_are_wanted_what_is_pushed_waits_as_a_draft_until_two_approved_it(
    store, remote, tmp_path, pat
):
    """S64: whoever pushes is not known here."""
    wanted = False

    async def wants(workspace: str) -> bool:
        return wanted

    definitions = definitions_over(store, wants)
    await published(definitions, workflow())
    sync = GitSync(
        definitions,
        Git(tmp_path / "ours.git", str(remote)),
        Agreement(git_rows(store.tables), "default"),
        "default",
        folder="flows",
    )
    await sync.sync(ANN)
    wanted = True
    pat.pull()
    pat.push("main", {FILE: workflow(value=2)})
    assert ("greet", "main", "refused") in told(await sync.sync(ANN))
    row = await definitions.find(GREET)
    assert (row.text, row.version, row.state) == (workflow(value=2), 1, "changed")
    reviews = Reviews(definitions)
    review = await reviews.ask(ANN, GREET, revision=row.revision)
    assert review.needed == 2
    for person in (BEN, msgspec.structs.replace(BEN, id="3", name="cleo")):
        review = await reviews.approve(person, GREET, revision=row.revision, digest=review.digest)
    assert review.state == "approved"
    assert ("greet", "main", "pulled") in told(await sync.sync(ANN))
    assert (await definitions.version(GREET)).version == 2
