"""What a team does with its definitions, over a real store."""

import pytest

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
from auraos.documents.definitions.rows import Query, Ref
from kept_definitions import ANN, BEN, GREET, audited, changed, published, workflow

# --- drafts ---


async def test_a_new_definition_is_a_draft_under_the_name_in_its_text(definitions, store):
    made = await definitions.create(ANN, "default", workflow(title="Greet", more="labels: {team: sales}\n"))
    found = await definitions.find(GREET)
    assert found == made
    assert (found.state, found.revision, found.version) == ("draft", 1, 0)
    assert (found.title, found.labels, found.owner, found.changed_by) == (
        "Greet",
        {"team": "sales"},
        "1",
        "ann",
    )
    assert await audited(store) == [("definitions.create", "workflow/greet")]


async def test_a_name_is_taken_once_in_each_workspace(definitions):
    await definitions.create(ANN, "default", workflow())
    await definitions.create(ANN, "other", workflow())
    with pytest.raises(DefinitionExistsError, match="workflow 'greet'"):
        await definitions.create(ANN, "default", workflow(value=2))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "does not say what it is"),
        ("kind: [", "does not say what it is"),
        ("kind: nothing\nname: a\nspec: {}\n", "does not say what it is"),
        ("kind: workflow\nspec: {}\n", "does not say what it is"),
        ("kind: workflow\nname: Bad Name\nspec: {}\n", "cannot be called this"),
        (f"kind: workflow\nname: {'a' * 200}\nspec: {{}}\n", "cannot be called this"),
        ("a" * 2_000_001, "at most 2,000,000"),
        ("kind: workflow\0", "cannot be kept"),
        ("kind: workflow\ud800", "cannot be kept"),
    ],
)
async def test_what_says_not_what_it_is_cannot_be_kept(definitions, text, said):
    with pytest.raises(DefinitionRefusedError, match=said):
        await definitions.create(ANN, "default", text)
    assert not await definitions.page(Query(workspace="default"))


async def test_a_draft_may_be_as_wrong_as_who_writes_it_is_in_the_midst_of_it(definitions):
    await definitions.create(ANN, "default", workflow(title="Greet"))
    for revision, text in enumerate(("kind: [", "", "kind: workflow\nname: greet\nspec: 7\n"), start=1):
        saved = await definitions.save(ANN, GREET, text, revision=revision)
        assert (saved.text, saved.revision, saved.meaning) == (text, revision + 1, "")
    assert saved.title == "Greet"


async def test_a_text_with_escaped_characters_that_no_database_keeps_is_kept_as_a_draft(definitions):
    text = workflow(more='labels: {"a\\0b": "c\\0d"}\ndescription: "x\\0y"\n', title='"a\\0b"')
    made = await definitions.create(ANN, "default", text)
    assert (made.title, made.labels, made.text) == ("ab", {"ab": "cd"}, text)


async def test_saving_over_the_last_revision_makes_the_next(definitions, store):
    await definitions.create(ANN, "default", workflow())
    saved = await definitions.save(BEN, GREET, workflow(value=2), revision=1)
    assert (saved.revision, saved.changed_by) == (2, "ben")
    assert [(edit.revision, edit.author) for edit in await definitions.revisions(GREET)] == [
        (2, "ben"),
        (1, "ann"),
    ]
    assert (await definitions.revision(GREET, 1)).text == workflow()
    assert (await audited(store))[-1] == ("definitions.save", "workflow/greet")


async def test_saving_what_is_there_changes_nothing(definitions, store):
    await definitions.create(ANN, "default", workflow())
    for revision in (1, 1, 7):
        assert (await definitions.save(BEN, GREET, workflow(), revision=revision)).revision == 1
    assert len(await audited(store)) == 1


async def test_saving_over_an_older_revision_answers_with_both_changes_joined(definitions):
    await definitions.create(ANN, "default", workflow(more="    b: {type: noop}\n"))
    await definitions.save(ANN, GREET, workflow(value=2, more="    b: {type: noop}\n"), revision=1)
    mine = workflow(title="Mine", more="    b: {type: noop}\n")
    with pytest.raises(StaleDefinitionError, match="by ann since you read it") as told:
        await definitions.save(BEN, GREET, mine, revision=1)
    assert told.value.data["revision"] == 2
    assert told.value.data["conflicts"] == []
    assert told.value.data["merged"] == workflow(value=2, title="Mine", more="    b: {type: noop}\n")
    saved = await definitions.save(BEN, GREET, told.value.data["merged"], revision=2)
    assert saved.title == "Mine"


async def test_what_both_changed_differently_is_told_as_a_conflict(definitions):
    await definitions.create(ANN, "default", workflow())
    await definitions.save(ANN, GREET, workflow(value=2), revision=1)
    with pytest.raises(StaleDefinitionError) as told:
        await definitions.save(BEN, GREET, workflow(value=3), revision=1)
    (conflict,) = told.value.data["conflicts"]
    assert "mine says 3, theirs 2" in conflict
    assert told.value.data["merged"] == workflow(value=3)


@pytest.mark.parametrize("mine", ["kind: [", ""])
async def test_where_nothing_can_be_joined_the_refusal_says_so(definitions, mine):
    await definitions.create(ANN, "default", workflow())
    await definitions.save(ANN, GREET, workflow(value=2), revision=1)
    with pytest.raises(StaleDefinitionError, match="Read it again") as told:
        await definitions.save(BEN, GREET, mine, revision=1)
    assert told.value.data["merged"] is None


async def test_a_revision_that_never_was_is_stale_too(definitions):
    await definitions.create(ANN, "default", workflow())
    with pytest.raises(StaleDefinitionError):
        await definitions.save(BEN, GREET, workflow(value=2), revision=9)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (workflow("other"), "the workflow 'other', and this is the workflow 'greet'"),
        ("kind: note\nname: greet\nspec: {}\n", "the note 'greet', and this is the workflow 'greet'"),
    ],
)
async def test_a_definition_keeps_its_kind_and_name(definitions, text, said):
    await definitions.create(ANN, "default", workflow())
    with pytest.raises(DefinitionRefusedError, match=said):
        await definitions.save(ANN, GREET, text, revision=1)


async def test_what_is_not_there_is_told_by_its_name(definitions):
    with pytest.raises(NoDefinitionError, match="There is no workflow 'greet' in this workspace"):
        await definitions.find(GREET)
    for ask in (definitions.versions, definitions.revisions, definitions.used_by, definitions.uses):
        with pytest.raises(NoDefinitionError):
            await ask(GREET)
    with pytest.raises(NoDefinitionError):
        await definitions.version(GREET, 3)
    await definitions.create(ANN, "default", workflow())
    with pytest.raises(NoVersionError, match="never published"):
        await definitions.version(GREET)
    with pytest.raises(NoVersionError, match="no version 3"):
        await definitions.version(GREET, 3)
    with pytest.raises(NoVersionError, match="no revision 3"):
        await definitions.revision(GREET, 3)


# --- publishing ---


async def test_publishing_makes_a_version_that_stays_as_it_is(definitions, store):
    await definitions.create(ANN, "default", workflow())
    first = await definitions.publish(ANN, GREET, revision=1, note="first")
    assert (first.version, first.text, first.author, first.note) == (1, workflow(), "ann", "first")
    assert first.step_types == {"noop": 1}
    await changed(definitions, GREET, workflow(value=2))
    assert await definitions.version(GREET, 1) == first
    assert (await definitions.version(GREET)).version == 2
    assert [release.version for release in await definitions.versions(GREET)] == [2, 1]
    assert (await audited(store))[1] == ("definitions.publish", "workflow/greet")


async def test_a_draft_with_errors_is_not_published_and_all_of_them_are_told(definitions):
    wrong = workflow(more="    b: {type: nop}\n    c: {type: noop, retries: 3}\n  links: [a -> d]\n")
    await definitions.create(ANN, "default", wrong)
    with pytest.raises(DefinitionRefusedError, match="has 3 errors") as told:
        await definitions.publish(ANN, GREET, revision=1)
    codes = sorted(problem.code for problem in told.value.problems if problem.severity.value == "error")
    assert codes == ["dangling-link", "unknown-field", "unknown-type"]
    assert (await definitions.find(GREET)).state == "draft"


@pytest.mark.parametrize("text", ["", "kind: [", "kind: workflow\nname: greet\n"])
async def test_what_cannot_be_read_is_not_published(definitions, text):
    await definitions.create(ANN, "default", workflow())
    await definitions.save(ANN, GREET, text, revision=1)
    with pytest.raises(DefinitionRefusedError, match="cannot be published") as told:
        await definitions.publish(ANN, GREET, revision=2)
    assert told.value.problems


async def test_publishing_what_means_the_same_publishes_nothing(definitions, store):
    await definitions.create(ANN, "default", workflow())
    first = await definitions.publish(ANN, GREET, revision=1)
    await changed(definitions, GREET, "# a comment\n" + workflow(title="Title"), publish=False)
    assert (await definitions.find(GREET)).state == "live"
    assert await definitions.publish(BEN, GREET, revision=2) == first
    assert [action for action, _ in await audited(store)].count("definitions.publish") == 1


async def test_a_draft_that_was_changed_since_it_was_read_is_not_published(definitions):
    await definitions.create(ANN, "default", workflow())
    await definitions.save(BEN, GREET, workflow(value=2), revision=1)
    with pytest.raises(StaleDefinitionError, match="revision 2 now") as told:
        await definitions.publish(ANN, GREET, revision=1)
    assert told.value.data["merged"] is None
    assert (await definitions.find(GREET)).version == 0


async def test_a_version_that_goes_back_to_an_earlier_one_has_the_text_of_its_own(definitions):
    await published(definitions, workflow())
    await changed(definitions, GREET, workflow(value=2))
    await changed(definitions, GREET, "# as it was at first\n" + workflow())
    third, first = await definitions.version(GREET, 3), await definitions.version(GREET, 1)
    assert third.hash == first.hash
    assert (first.text, third.text) == (workflow(), "# as it was at first\n" + workflow())


async def test_what_calls_another_is_published_when_that_is_live(definitions):
    caller = (await definitions.create(ANN, "default", workflow("caller", calls="greet"))).ref
    with pytest.raises(DefinitionRefusedError, match="has 1 error") as told:
        await definitions.publish(ANN, caller, revision=1)
    assert [problem.code for problem in told.value.problems] == ["unknown-workflow"]
    await definitions.create(BEN, "default", workflow())
    with pytest.raises(DefinitionRefusedError):
        await definitions.publish(ANN, caller, revision=1)
    await definitions.publish(ANN, GREET, revision=1)
    assert (await definitions.publish(ANN, caller, revision=1)).version == 1


async def test_a_call_may_pin_a_version_that_was_published(definitions):
    await published(definitions, workflow())
    caller = (await definitions.create(ANN, "default", workflow("caller", calls="greet@2"))).ref
    with pytest.raises(DefinitionRefusedError) as told:
        await definitions.publish(ANN, caller, revision=1)
    assert [problem.message for problem in told.value.problems] == [
        "There is no published version 'greet@2'."
    ]
    await changed(definitions, GREET, workflow(value=2))
    assert (await definitions.publish(ANN, caller, revision=1)).version == 1


async def test_a_draft_with_other_errors_is_told_of_its_calls_too(definitions):
    text = workflow("caller", calls="greet@1", more="    b: {type: nop}\n")
    checked = await definitions.check("default", text)
    assert [problem.code for problem in checked.errors] == ["unknown-workflow", "unknown-type"]
    await published(definitions, workflow())
    checked = await definitions.check("default", text)
    assert [problem.code for problem in checked.errors] == ["unknown-type"]


NEEDS_NAME = "  input: {type: object, required: [name], properties: {name: {type: string}}}\n"


async def test_a_version_with_which_live_callers_would_break_is_refused_unless_that_is_wished(definitions):
    await published(definitions, workflow())
    await published(definitions, workflow("caller", calls="greet"))
    await published(definitions, workflow("pinned", calls="greet@1"))
    await changed(definitions, GREET, workflow(more=NEEDS_NAME), publish=False)
    checked, broken = await definitions.broken_by(GREET)
    assert checked.errors == []
    assert [(one.name, [problem.code for problem in one.problems]) for one in broken] == [
        ("caller", ["missing-field"])
    ]
    with pytest.raises(BreaksOthersError, match="workflow 'caller' would not work any more") as told:
        await definitions.publish(ANN, GREET, revision=2)
    assert told.value.data["broken"] == [{"kind": "workflow", "name": "caller"}]
    assert (await definitions.publish(ANN, GREET, revision=2, break_others=True)).version == 2


async def test_what_was_broken_before_stands_in_nobodys_way(definitions):
    await published(definitions, workflow())
    await published(definitions, workflow("caller", calls="greet"))
    await changed(definitions, GREET, workflow(more=NEEDS_NAME), publish=False)
    await definitions.publish(ANN, GREET, revision=2, break_others=True)
    await changed(definitions, GREET, workflow(value=2, more=NEEDS_NAME))
    assert (await definitions.find(GREET)).version == 3


# --- one after another ---


async def test_a_version_is_made_the_draft_again(definitions):
    await published(definitions, workflow())
    await changed(definitions, GREET, workflow(value=2))
    restored = await definitions.restore(BEN, GREET, version=1, revision=2)
    assert (restored.text, restored.revision, restored.state) == (workflow(), 3, "changed")
    assert (await definitions.revision(GREET, 2)).text == workflow(value=2)
    with pytest.raises(StaleDefinitionError):
        await definitions.restore(BEN, GREET, version=2, revision=2)
    with pytest.raises(NoVersionError):
        await definitions.restore(BEN, GREET, version=9, revision=3)


async def test_what_a_live_version_names_is_not_archived(definitions):
    await published(definitions, workflow())
    caller = await published(definitions, workflow("caller", calls="greet"))
    with pytest.raises(DefinitionUsedError, match="used by workflow 'caller'") as told:
        await definitions.archive(ANN, GREET)
    assert [use["place"] for use in told.value.data["used_by"]] == ["spec.steps.a.with.workflow"]
    await definitions.archive(ANN, caller)
    assert (await definitions.archive(ANN, GREET)).state == "archived"


async def test_a_draft_that_names_it_keeps_nobody_from_archiving(definitions):
    await published(definitions, workflow())
    await definitions.create(ANN, "default", workflow("caller", calls="greet"))
    (use,) = await definitions.used_by(GREET)
    assert not use.is_live
    assert (await definitions.archive(ANN, GREET)).archived_at


async def test_what_calls_itself_can_be_archived(definitions):
    again = (
        "    c: {type: if, with: {condition: '{{ input.again }}'}}\n"
        "    b: {type: call, with: {workflow: greet}}\n"
        "  links: [c.true -> b]\n"
    )
    await definitions.create(ANN, "default", workflow(more=again))
    await definitions.publish(ANN, GREET, revision=1)
    assert (await definitions.archive(ANN, GREET)).archived_at


async def test_nothing_is_done_with_what_is_archived_until_it_is_brought_back(definitions, store):
    await published(definitions, workflow())
    await definitions.archive(BEN, GREET)
    assert (await definitions.archive(BEN, GREET)).archived_at
    assert not await definitions.page(Query(workspace="default"))
    with pytest.raises(ArchivedError, match="Bring it back first"):
        await definitions.save(ANN, GREET, workflow(value=2), revision=1)
    with pytest.raises(ArchivedError):
        await definitions.publish(ANN, GREET, revision=1)
    assert (await definitions.bring_back(BEN, GREET)).state == "live"
    assert (await definitions.bring_back(BEN, GREET)).state == "live"
    assert [action for action, _ in await audited(store)][-2:] == [
        "definitions.archive",
        "definitions.bring-back",
    ]


async def test_who_is_named_by_what_comes_back_must_be_there(definitions):
    await published(definitions, workflow())
    caller = await published(definitions, workflow("caller", calls="greet"))
    await definitions.archive(ANN, caller)
    await definitions.archive(ANN, GREET)
    with pytest.raises(DefinitionRefusedError, match="names what is not there"):
        await definitions.bring_back(ANN, caller)
    await definitions.bring_back(ANN, GREET)
    await definitions.bring_back(ANN, caller)
    with pytest.raises(DefinitionUsedError):
        await definitions.archive(ANN, GREET)


async def test_an_archived_definition_cannot_be_called_any_more(definitions):
    await published(definitions, workflow())
    await definitions.archive(ANN, GREET)
    for calls in ("greet", "greet@1"):
        checked = await definitions.check("default", workflow("caller", calls=calls))
        assert [problem.code for problem in checked.errors] == ["unknown-workflow"]


async def test_a_definition_gets_another_owner(definitions, store):
    await definitions.create(ANN, "default", workflow())
    given = await definitions.give(ANN, GREET, "2")
    assert (given.owner, given.revision) == ("2", 1)
    assert [row.owner for row in await definitions.page(Query(workspace="default", owner="2"))] == ["2"]
    assert (await audited(store))[-1] == ("definitions.give", "workflow/greet")


async def test_what_a_draft_names_stays_known_while_it_cannot_be_read(definitions):
    await published(definitions, workflow())
    caller = (await definitions.create(ANN, "default", workflow("caller", calls="greet"))).ref
    await definitions.save(ANN, caller, "kind: [", revision=1)
    assert [use.name for use in await definitions.used_by(GREET)] == ["caller"]
    assert [use.name for use in await definitions.uses(caller)] == ["greet"]
    assert await definitions.uses(caller, is_live=True) == []


async def test_which_secrets_a_definition_uses_is_known(definitions):
    text = """kind: workflow
name: greet
spec:
  steps:
    get:
      type: http.request
      with: {url: "https://a.example/", secret: stock-api}
      undo: {type: http.request, with: {url: "https://a.example/", method: DELETE, secret: admin-api}}
"""
    await published(definitions, text)
    assert [(use.kind, use.name, use.place) for use in await definitions.uses(GREET, is_live=True)] == [
        ("secret", "admin-api", "spec.steps.get.undo.with.secret"),
        ("secret", "stock-api", "spec.steps.get.with.secret"),
    ]
    users = await definitions.store.used_by(Ref("default", "secret", "stock-api"))
    assert {(use.name, use.is_live) for use in users} == {("greet", False), ("greet", True)}


# --- finding and comparing ---


async def test_definitions_are_found_by_what_they_are_called_and_say(definitions):
    await definitions.create(ANN, "default", workflow("send-invoice", title="Rechnung für Müller"))
    await definitions.create(ANN, "default", workflow("other", calls="send-invoice"))
    await definitions.create(ANN, "elsewhere", workflow("invoice"))

    async def found(*words: str) -> list[str]:
        return [row.name for row in await definitions.page(Query(workspace="default", words=words))]

    assert await found("rechnung") == ["send-invoice"]
    assert await found("muller") == ["send-invoice"]
    assert await found("invoice") == ["other", "send-invoice"]
    assert await found("call") == ["other"]
    await changed(definitions, Ref("default", "workflow", "other"), workflow("other"), publish=False)
    assert await found("invoice") == ["send-invoice"]


async def test_two_texts_are_compared_in_words(definitions):
    told = await definitions.compare(workflow(), workflow(value=2, title="New"))
    assert [change.words for change in told.changes] == [
        "Step `a`: with value 1 → 2",
        'title "" → New',
    ]
    with pytest.raises(DefinitionRefusedError, match="cannot be read") as refused:
        await definitions.compare(workflow(), "kind: [")
    assert refused.value.problems
