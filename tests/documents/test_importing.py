"""S59: what comes from another place is a draft here, whatever it says of itself."""

import pytest

from auraos.documents.definitions.files import File, FilesRefusedError
from auraos.documents.definitions.importing import Importing
from auraos.documents.definitions.rows import Query, Ref
from kept_definitions import ANN, BEN, GREET, audited, changed, published, workflow


@pytest.fixture
def importing(definitions):
    return Importing(definitions)


def a_file(name: str = "greet", **given) -> File:
    return File(f"workflow/{name}.yaml", workflow(name, **given))


async def states(definitions) -> dict[str, str]:
    rows = await definitions.page(Query(workspace="default", states=("draft", "live", "changed", "archived")))
    return {row.name: row.state for row in rows}


async def test_what_is_imported_is_a_draft(importing, definitions, store):
    imported = await importing.bring(BEN, "default", [a_file("caller", calls="greet"), a_file()])
    assert [(one.name, one.what) for one in imported] == [("caller", "new"), ("greet", "new")]
    assert await states(definitions) == {"caller": "draft", "greet": "draft"}
    assert (await definitions.find(GREET)).owner == BEN.id
    assert await audited(store) == [
        ("definitions.import", "workflow/caller"),
        ("definitions.import", "workflow/greet"),
    ]


async def test_what_it_needs_and_what_is_wrong_with_it_is_told(importing):
    text = """kind: workflow
name: hostile
title: "<script>alert(1)</script>"
spec:
  steps:
    get: {type: http.request, with: {url: "https://a.example/", secret: stock-api}}
    ask: {type: call, with: {workflow: nowhere}}
    any: {type: rm.everything}
"""
    (one,) = await importing.bring(ANN, "default", [File("h.yaml", text)])
    assert "unknown-type" in [problem.code for problem in one.problems]
    (two,) = await importing.bring(
        ANN, "other", [File("h.yaml", text.replace("    any: {type: rm.everything}\n", ""))]
    )
    assert [(need.kind, need.name, need.place) for need in two.needs] == [
        ("secret", "stock-api", "spec.steps.get.with.secret"),
        ("workflow", "nowhere", "spec.steps.ask.with.workflow"),
    ]
    assert "unknown-workflow" in [problem.code for problem in two.problems]


async def test_a_name_that_is_taken_is_skipped_unless_something_else_is_wished(importing, definitions):
    await published(definitions, workflow())
    (one,) = await importing.bring(BEN, "default", [a_file(value=2)])
    assert (one.what, one.words) == ("skipped", ("Step `a`: with value 1 → 2",))
    (same,) = await importing.bring(BEN, "default", [a_file()])
    assert same.what == "same"
    assert (await definitions.find(GREET)).text == workflow()


async def test_replacing_changes_the_draft_and_not_what_is_live(importing, definitions):
    await published(definitions, workflow())
    (one,) = await importing.bring(BEN, "default", [a_file(value=2)], conflicts="replace")
    assert (one.what, one.words) == ("replaced", ("Step `a`: with value 1 → 2",))
    row = await definitions.find(GREET)
    assert (row.state, row.version, row.text) == ("changed", 1, workflow(value=2))
    assert (await definitions.version(GREET)).text == workflow()


async def test_what_is_archived_stays_so_when_its_draft_is_replaced(importing, definitions):
    await published(definitions, workflow())
    await definitions.archive(ANN, GREET)
    await importing.bring(BEN, "default", [a_file(value=2)], conflicts="replace")
    row = await definitions.find(GREET)
    assert (row.state, row.text) == ("archived", workflow(value=2))


async def test_renaming_takes_a_free_name_and_those_that_call_it_call_the_new_one(importing, definitions):
    await published(definitions, workflow())
    await published(definitions, workflow("greet-2"))
    heard = "  settings: {on_failure: {workflow: greet}}\n"
    files = [
        a_file(value=2),
        a_file("caller", calls="greet"),
        a_file("greet-3"),
        a_file("hearing", more=heard),
        a_file("pinned", calls="greet@1"),
    ]
    imported = await importing.bring(BEN, "default", files, conflicts="rename")
    assert [(one.name, one.was, one.what) for one in imported] == [
        ("greet-4", "greet", "renamed"),
        ("caller", "", "new"),
        ("greet-3", "", "new"),
        ("hearing", "", "new"),
        ("pinned", "", "new"),
    ]

    async def text(name: str) -> str:
        return (await definitions.find(Ref("default", "workflow", name))).text

    assert await text("greet-4") == workflow("greet-4", value=2)
    assert await text("caller") == workflow("caller", calls="greet-4")
    assert await text("hearing") == workflow("hearing", more=heard.replace("greet", "greet-4"))
    assert await text("pinned") == workflow("pinned", calls="greet@1")
    assert await text("greet") == workflow()


async def test_a_dry_run_tells_and_keeps_nothing(importing, definitions):
    would = await importing.bring(ANN, "default", [a_file()], dry_run=True)
    assert await states(definitions) == {}
    assert await importing.bring(ANN, "default", [a_file()]) == would


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(9)
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "kind: workflow",
        "a: &a [*a]\n",
        BOMB,
        "kind: workflow\nname: ../../etc/passwd\nspec: {}\n",
        "kind: workflow\nname: '<b>'\nspec: {}\n",
        "kind: user\nname: root\nspec: {role: owner}\n",
        "kind: workflow\nname: a\nname: b\nspec: [",
        "!!python/object/apply:os.system ['true']\n",
        "[" * 10_000,
        "\0",
        "x" * 2_000_001,
    ],
)
async def test_a_hostile_text_is_refused_with_words_and_nothing_is_imported(importing, definitions, text):
    with pytest.raises(FilesRefusedError) as refused:
        await importing.bring(ANN, "default", [a_file(), File("hostile.yaml", text)])
    assert {one.file for one in refused.value.problems} == {"hostile.yaml"}
    assert await states(definitions) == {}


async def test_what_was_imported_is_published_like_any_other_draft(importing, definitions):
    await importing.bring(ANN, "default", [a_file(), a_file("caller", calls="greet")])
    await definitions.publish(ANN, GREET, revision=1)
    await changed(definitions, GREET, workflow(value=2))
    assert await states(definitions) == {"caller": "draft", "greet": "live"}
