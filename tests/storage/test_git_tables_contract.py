"""What keeps links to repositories, and what both sides of each agreed on, on both databases."""

import msgspec
import pytest

from auraos.app.git.agreement import Agreement, AgreementLostError
from auraos.app.git.rows import Agreed, Link
from auraos.app.git.tables import git_rows
from auraos.security.row_store import Add, Clear, Replace

LINK = Link(
    workspace="default", remote="https://git.example/flows.git", branch="main", folder="flows", secret="flows-git",
    changed_at=1, changed_by="ann",
)  # fmt: skip


async def test_a_link_is_kept_as_it_was_and_taken_by_one_at_a_time(store):
    rows = git_rows(store.tables)
    assert await rows.save([Add(LINK)]) is None
    assert await rows.one(Link, workspace="default") == LINK
    assert await rows.one(Link, workspace="other") is None
    held = msgspec.structs.replace(LINK, busy_until=9)
    other = msgspec.structs.replace(LINK, busy_until=8)
    assert await rows.save([Replace(LINK, held)]) is None
    assert await rows.save([Replace(LINK, other)]) is not None
    assert await rows.one(Link, workspace="default") == held


async def test_what_was_agreed_on_is_told_for_each_side_and_workspace_alone(store):
    rows = git_rows(store.tables)
    ours, theirs = Agreement(rows, "default"), Agreement(rows, "other")
    greet, many = ("workflow", "greet"), {("workflow", f"w-{number}"): "text" for number in range(450)}
    await ours.note("live", {}, {greet: "ä\n", **many})
    await ours.note("draft", {}, {greet: "draft"})
    assert await ours.texts("live") == {greet: "ä\n", **many}
    assert await ours.texts("draft") == {greet: "draft"}
    assert await theirs.texts("live") == {}
    await ours.note("live", {greet: "ä\n"}, {greet: "b"})
    await ours.note("draft", {greet: "draft"}, {greet: None})
    assert (await ours.texts("live"))[greet] == "b"
    assert await ours.texts("draft") == {}
    await rows.save([Clear(Agreed, {"workspace": "default"})])
    assert await ours.texts("live") == {}


async def test_two_who_agree_at_once_do_not_overrun_each_other(store):
    agreement = Agreement(git_rows(store.tables), "default")
    greet = ("workflow", "greet")
    await agreement.note("live", {}, {greet: "a"})
    before = await agreement.texts("live")
    await agreement.note("live", before, {greet: "b"})
    with pytest.raises(AgreementLostError):
        await agreement.note("live", before, {greet: "c"})
    assert await agreement.texts("live") == {greet: "b"}
