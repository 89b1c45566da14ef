"""A workspace made to say what a folder says, all at once or not at all."""

import asyncio

import pytest

from auraos.documents.definitions.applying import Applying, Wishes
from auraos.documents.definitions.errors import BreaksOthersError, StaleDefinitionError
from auraos.documents.definitions.files import File, FilesRefusedError
from auraos.documents.definitions.rows import Query, Ref
from kept_definitions import ANN, BEN, GREET, audited, changed, published, workflow

CALLER = Ref("default", "workflow", "caller")
NEEDS_NAME = "  input: {type: object, required: [name], properties: {name: {type: string}}}\n"


@pytest.fixture
def applying(definitions):
    return Applying(definitions)


def a_file(name: str = "greet", **given) -> File:
    return File(f"{name}.yaml", workflow(name, **given))


def told(applied) -> list[tuple[str, str, int]]:
    return [(one.name, one.what, one.version) for one in applied]


async def test_what_is_new_is_kept_and_published_whatever_calls_whatever(applying, definitions):
    applied = await applying.apply(ANN, "default", [a_file("caller", calls="greet"), a_file()])
    assert told(applied) == [("caller", "new", 1), ("greet", "new", 1)]
    assert [one.words for one in applied] == [("published as version 1",)] * 2
    assert [row.state for row in await definitions.page(Query(workspace="default"))] == ["live", "live"]
    assert [use.name for use in await definitions.used_by(GREET) if use.is_live] == ["caller"]


async def test_two_that_call_each_other_are_published_together(applying):
    asks = "    c: {type: if, with: {condition: '{{ input.again }}'}}\n"
    files = [
        a_file(
            one, more=f"{asks}    b: {{type: call, with: {{workflow: {other}}}}}\n  links: [c.true -> b]\n"
        )
        for one, other in (("ping", "pong"), ("pong", "ping"))
    ]
    assert told(await applying.apply(ANN, "default", files)) == [("ping", "new", 1), ("pong", "new", 1)]


async def test_calls_that_never_end_or_go_too_deep_are_seen_across_definitions(applying):
    with pytest.raises(FilesRefusedError) as refused:
        await applying.apply(ANN, "default", [a_file("ping", calls="pong"), a_file("pong", calls="ping")])
    assert {one.problem.code for one in refused.value.problems} == {"call-recursion"}
    chain = [a_file(f"w{n}", calls=f"w{n - 1}" if n else "") for n in range(17)]
    assert len(await applying.apply(ANN, "default", chain)) == 17
    with pytest.raises(FilesRefusedError) as refused:
        await applying.apply(ANN, "default", [a_file("w17", calls="w16")])
    assert [one.problem.code for one in refused.value.problems] == ["call-too-deep"]


async def test_what_pins_an_earlier_version_of_itself_calls_itself_no_more_than_that(applying, definitions):
    await applying.apply(ANN, "default", [a_file()])
    (applied,) = await applying.apply(ANN, "default", [a_file(calls="greet@1")])
    assert (applied.what, applied.version) == ("changed", 2)


async def test_what_is_the_same_is_left_and_what_changed_is_told_in_words(applying, definitions, store):
    await applying.apply(ANN, "default", [a_file(), a_file("other")])
    before = len(await audited(store))
    assert told(await applying.apply(ANN, "default", [a_file(), a_file("other")])) == [
        ("greet", "same", 1),
        ("other", "same", 1),
    ]
    assert len(await audited(store)) == before
    (greet, _) = await applying.apply(ANN, "default", [a_file(value=2), a_file("other")])
    assert (greet.what, greet.version, greet.is_published) == ("changed", 2, True)
    assert greet.words == ("Step `a`: with value 1 → 2", "published as version 2")
    assert [action for action, _ in (await audited(store))[before:]] == [
        "definitions.save",
        "definitions.publish",
    ]


async def test_what_means_the_same_is_kept_as_it_is_written_and_publishes_nothing(applying, definitions):
    await applying.apply(ANN, "default", [a_file()])
    text = "# why\n" + workflow()
    (applied,) = await applying.apply(ANN, "default", [File("greet.yaml", text)])
    assert (applied.what, applied.words, applied.is_published) == ("changed", ("written otherwise",), False)
    row = await definitions.find(GREET)
    assert (row.text, row.version, row.state) == (text, 1, "live")


async def test_a_draft_that_waits_is_published_when_the_folder_says_the_same(applying, definitions):
    await definitions.create(ANN, "default", workflow())
    (applied,) = await applying.apply(ANN, "default", [a_file()])
    assert (applied.what, applied.words) == ("changed", ("published as version 1",))


async def test_that_it_takes_the_place_of_somebodys_draft_is_said(applying, definitions):
    await published(definitions, workflow())
    await definitions.save(BEN, GREET, workflow(value=7), revision=1)
    (applied,) = await applying.apply(ANN, "default", [a_file(value=2)])
    assert "in place of the draft of ben (revision 2)" in applied.words
    assert (await definitions.revision(GREET, 2)).text == workflow(value=7)


TWO = "    b: {type: noop, with: {value: 1}}\n"


async def test_a_draft_is_kept_beside_what_is_published_and_joined_with_it_if_that_is_wished(
    applying, definitions
):
    await published(definitions, workflow(more=TWO))
    draft = workflow(more=TWO.replace("value: 1", "value: 7"))
    await definitions.save(BEN, GREET, draft, revision=1)
    (applied,) = await applying.apply(ANN, "default", [a_file(value=2, more=TWO)], Wishes(keep_drafts=True))
    assert applied.words == ("published as version 2", "joined with the draft of ben")
    row = await definitions.find(GREET)
    assert (row.state, row.version) == ("changed", 2)
    assert row.text == workflow(value=2, more=TWO.replace("value: 1", "value: 7"))
    assert (await definitions.version(GREET)).text == workflow(value=2, more=TWO)
    (applied,) = await applying.apply(ANN, "default", [a_file(value=2, more=TWO)], Wishes(keep_drafts=True))
    assert applied.what == "same"
    assert (await definitions.find(GREET)).text == row.text


async def test_a_draft_that_cannot_be_joined_with_what_is_published_stays_as_it_is(applying, definitions):
    await published(definitions, workflow())
    await definitions.save(BEN, GREET, workflow(value=7), revision=1)
    (applied,) = await applying.apply(ANN, "default", [a_file(value=2)], Wishes(keep_drafts=True))
    assert applied.words[1] == "the draft of ben (revision 2) stays as it is"
    row = await definitions.find(GREET)
    assert (row.text, row.state, row.version) == (workflow(value=7), "changed", 2)
    assert (await definitions.publish(BEN, GREET, revision=2)).version == 3


async def test_nothing_is_done_over_another_version_than_the_one_that_was_meant(applying, definitions):
    await published(definitions, workflow())
    over = {("workflow", "greet"): 1, ("workflow", "new"): 0}
    await applying.apply(ANN, "default", [a_file(value=2), a_file("new")], Wishes(over=over))
    with pytest.raises(StaleDefinitionError):
        await applying.apply(ANN, "default", [a_file(value=3), a_file("other")], Wishes(over=over))
    assert (await definitions.find(GREET)).text == workflow(value=2)
    assert len(await definitions.page(Query(workspace="default"))) == 2


async def test_all_problems_of_all_files_are_told_at_once_and_nothing_is_changed(applying, definitions):
    files = [
        a_file(),
        File("a/wrong.yaml", "kind: workflow\nname: wrong\nspec:\n  steps: {a: {type: nop}}\n"),
        File("b/unreadable.yaml", "kind: [\n"),
        File("c/nameless.yaml", "kind: workflow\nspec: {}\n"),
        File("d/again.yaml", workflow()),
        File("e/lost.yaml", workflow("lost", calls="nowhere")),
        File("f/zero.yaml", "\0"),
    ]
    with pytest.raises(FilesRefusedError, match="in 6 files; nothing was changed") as refused:
        await applying.apply(ANN, "default", files)
    found = {
        (one.file, one.problem.code, one.problem.place.line if one.problem.place else 0)
        for one in refused.value.problems
    }
    assert found >= {
        ("a/wrong.yaml", "unknown-type", 4),
        ("c/nameless.yaml", "missing-field", 1),
        ("d/again.yaml", "named-twice", 0),
        ("e/lost.yaml", "unknown-workflow", 5),
        ("f/zero.yaml", "definition-refused", 0),
    }
    assert {file for file, _, _ in found} == {file.path for file in files[1:]}
    assert not await definitions.page(Query(workspace="default"))


async def test_without_publishing_drafts_may_be_wrong(applying, definitions):
    wrong = File("wrong.yaml", "kind: workflow\nname: wrong\nspec:\n  steps: {a: {type: nop}}\n")
    applied = await applying.apply(ANN, "default", [wrong, a_file()], Wishes(publish=False))
    assert told(applied) == [("wrong", "new", 0), ("greet", "new", 0)]
    assert (await definitions.find(GREET)).state == "draft"


async def test_a_dry_run_says_the_same_and_changes_nothing(applying, definitions, store):
    await applying.apply(ANN, "default", [a_file(), a_file("gone")])
    before = (await definitions.page(Query(workspace="default")), await audited(store))
    files = [a_file(value=2), a_file("new")]
    would = await applying.apply(ANN, "default", files, Wishes(prune=True, dry_run=True))
    assert (await definitions.page(Query(workspace="default")), await audited(store)) == before
    assert await applying.apply(ANN, "default", files, Wishes(prune=True)) == would
    assert told(would) == [("greet", "changed", 2), ("new", "new", 1), ("gone", "archived", 1)]


async def test_pruning_archives_only_what_has_the_labels(applying, definitions):
    labelled = "labels: {by: folder}\n"
    await applying.apply(
        ANN, "default", [a_file("a", more=labelled), a_file("b", more=labelled), a_file("c")]
    )
    wishes = Wishes(prune=True, labels=(("by", "folder"),))
    applied = await applying.apply(ANN, "default", [a_file("a", more=labelled)], wishes)
    assert told(applied) == [("a", "same", 1), ("b", "archived", 1)]
    assert [row.name for row in await definitions.page(Query(workspace="default"))] == ["a", "c"]


async def test_what_stays_keeps_what_it_names_from_being_pruned(applying, definitions):
    files = [a_file("caller", calls="greet", more="labels: {a: b}\n"), a_file(more="labels: {by: folder}\n")]
    await applying.apply(ANN, "default", files)
    with pytest.raises(FilesRefusedError) as refused:
        await applying.apply(ANN, "default", [], Wishes(prune=True, labels=(("by", "folder"),)))
    assert [one.problem.code for one in refused.value.problems] == ["definition-used"]
    with pytest.raises(FilesRefusedError) as refused:
        await applying.apply(ANN, "default", files[:1], Wishes(prune=True))
    assert [one.problem.code for one in refused.value.problems] == ["unknown-workflow"]
    applied = await applying.apply(ANN, "default", [a_file("caller")], Wishes(prune=True))
    assert told(applied) == [("caller", "changed", 2), ("greet", "archived", 1)]


async def test_both_that_name_each_other_can_be_pruned_together(applying, definitions):
    await applying.apply(ANN, "default", [a_file("caller", calls="greet"), a_file()])
    assert told(await applying.apply(ANN, "default", [], Wishes(prune=True))) == [
        ("caller", "archived", 1),
        ("greet", "archived", 1),
    ]


async def test_what_was_archived_comes_back_with_its_folder(applying, definitions):
    await applying.apply(ANN, "default", [a_file("caller", calls="greet"), a_file()])
    await applying.apply(ANN, "default", [], Wishes(prune=True))
    applied = await applying.apply(ANN, "default", [a_file("caller", calls="greet"), a_file()])
    assert told(applied) == [("caller", "changed", 1), ("greet", "changed", 1)]
    assert applied[0].words == ("brought back from the archive",)
    assert [use.name for use in await definitions.used_by(GREET) if use.is_live] == ["caller"]


async def test_callers_outside_of_the_folder_are_not_broken_by_it_unless_that_is_wished(
    applying, definitions
):
    await applying.apply(ANN, "default", [a_file("caller", calls="greet"), a_file()])
    files = [a_file(more=NEEDS_NAME)]
    with pytest.raises(BreaksOthersError, match="workflow 'caller'"):
        await applying.apply(ANN, "default", files)
    assert told(await applying.apply(ANN, "default", files, Wishes(break_others=True))) == [
        ("greet", "changed", 2)
    ]


async def test_warnings_stand_in_nobodys_way_and_are_told(applying):
    (applied,) = await applying.apply(
        ANN, "default", [a_file(more="  variables: {unused: {type: string, default: x}}\n")]
    )
    assert applied.is_published
    assert [problem.code for problem in applied.warnings] == ["unused-variable"]


async def test_two_folders_applied_at_one_time_are_both_there_in_the_end(applying, definitions):
    await asyncio.gather(
        *(applying.apply(ANN, "default", [a_file(f"w{n}"), a_file("shared", value=n)]) for n in range(4))
    )
    rows = await definitions.page(Query(workspace="default"))
    assert [row.name for row in rows] == ["shared", "w0", "w1", "w2", "w3"]
    assert {row.state for row in rows} == {"live"}


async def test_a_folder_is_held_against_the_drafts_in_words(applying, definitions):
    await applying.apply(ANN, "default", [a_file(), a_file("gone"), a_file("same")])
    await changed(definitions, GREET, workflow(value=3), publish=False)
    found = await applying.difference("default", [a_file(value=2), a_file("new"), a_file("same")])
    assert [(one.name, one.what, one.words) for one in found] == [
        ("greet", "changed", ("Step `a`: with value 3 → 2",)),
        ("new", "new", ()),
        ("same", "same", ()),
        ("gone", "missing", ()),
    ]
    with pytest.raises(FilesRefusedError):
        await applying.difference("default", [File("a.yaml", "kind: [")])
