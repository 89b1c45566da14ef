"""What a team does with definitions, on both databases: what only a real one refuses shows here."""

import asyncio

import pytest

from auraos.app.definitions.published import PublishedDefinitions
from auraos.app.installed import load_installed
from auraos.documents.definitions.applying import Applying, Wishes
from auraos.documents.definitions.errors import DefinitionUsedError, StaleDefinitionError
from auraos.documents.definitions.files import File
from auraos.documents.definitions.importing import Importing
from auraos.documents.definitions.promoting import Pick, Promoting
from auraos.documents.definitions.rows import Query, Ref
from kept_definitions import ANN, BEN, GREET, audited, changed, definitions_over, published, workflow


@pytest.fixture
def definitions(store):
    return definitions_over(store)


def a_file(name: str = "greet", **given) -> File:
    return File(f"{name}.yaml", workflow(name, **given))


async def test_a_definition_lives_from_its_draft_to_the_archive(definitions, store):
    await published(definitions, workflow(title="Greet"))
    await changed(definitions, GREET, "# same\n" + workflow(title="Greet"), publish=False)
    await changed(definitions, GREET, workflow(value=2))
    await changed(definitions, GREET, "# again\n" + workflow())
    assert [(await definitions.version(GREET, n)).text[:7] for n in (1, 2, 3)] == [
        "kind: w",
        "kind: w",
        "# again",
    ]
    await published(definitions, workflow("caller", calls="greet@2"))
    with pytest.raises(DefinitionUsedError):
        await definitions.archive(ANN, GREET)
    await definitions.archive(ANN, Ref("default", "workflow", "caller"))
    await definitions.archive(ANN, GREET)
    await definitions.bring_back(ANN, GREET)
    await definitions.give(ANN, GREET, "2")
    assert (await audited(store))[-1] == ("definitions.give", "workflow/greet")


@pytest.mark.parametrize(
    "more",
    [
        'labels: {"a\\0b": "c\\0d"}\n',
        "labels: {" + ", ".join(f"l{n}: {'v' * 5000}" for n in range(150)) + "}\n",
        "description: '" + " ".join(f"w{n}" for n in range(100_000)) + "'\n",
        "description: '" + "w" * 500_000 + "'\n",
        'description: "\\U0001F600 \\uFFFE ﷺ"\n',
        "    b: {type: call, with: {workflow: " + "w" * 5000 + "}}\n",
        "    b: {type: http.request, with: {url: x, secret: " + "s" * 5000 + "}}\n",
    ],
)
async def test_whatever_a_draft_says_both_databases_keep_it(definitions, more):
    made = await definitions.create(ANN, "default", workflow(more=more))
    assert (await definitions.find(GREET)).text == made.text
    saved = await definitions.save(ANN, GREET, workflow(more=more) + "# more\n", revision=1)
    assert saved.revision == 2


async def test_of_many_who_save_at_one_time_each_revision_is_taken_once(definitions):
    await definitions.create(ANN, "default", workflow())

    async def save(value: int) -> bool:
        try:
            await definitions.save(BEN, GREET, workflow(value=value), revision=1)
        except StaleDefinitionError:
            return False
        return True

    assert sum(await asyncio.gather(*(save(value) for value in range(2, 12)))) == 1
    assert (await definitions.find(GREET)).revision == 2


async def test_of_many_who_publish_at_one_time_each_version_is_made_once(definitions):
    await definitions.create(ANN, "default", workflow())
    versions = await asyncio.gather(*(definitions.publish(ANN, GREET, revision=1) for _ in range(8)))
    assert {one.version for one in versions} == {1}
    assert [release.version for release in await definitions.versions(GREET)] == [1]


async def test_folders_that_are_applied_at_one_time_end_in_one_of_them(definitions):
    applying = Applying(definitions)
    folders = [
        [a_file("a", value=n), a_file("b", value=n), a_file("c", calls="a"), a_file(f"own-{n}")]
        for n in range(1, 5)
    ]
    await asyncio.gather(*(applying.apply(ANN, "default", files) for files in folders))
    texts = [(await definitions.find(Ref("default", "workflow", name))).text for name in "ab"]
    assert texts[0].partition("value: ")[2] == texts[1].partition("value: ")[2]
    rows = await definitions.page(Query(workspace="default"))
    assert [row.name for row in rows] == ["a", "b", "c", "own-1", "own-2", "own-3", "own-4"]
    assert {row.state for row in rows} == {"live"}
    await applying.apply(ANN, "default", [], Wishes(prune=True))
    assert await definitions.page(Query(workspace="default")) == []


async def test_what_is_imported_and_promoted_starts_where_it_is_published(definitions, store):
    await Importing(definitions).bring(ANN, "test", [a_file("caller", calls="greet"), a_file()])
    await Applying(definitions).apply(ANN, "test", [a_file("caller", calls="greet"), a_file()])
    pick = Pick(kind="workflow", name="caller")
    prepared = await Promoting(definitions).prepare("test", "prod", [pick], with_called=True)
    promoted = await Promoting(definitions).promote(ANN, "prod", prepared)
    assert [one.applied.version for one in promoted] == [1, 1]
    resolver = PublishedDefinitions(definitions.store, load_installed().catalogue)
    version = await resolver.resolve("prod", "caller")
    assert (version.text, version.step_types) == (workflow("caller", calls="greet"), {"call": 1})
    assert await store.version(version.hash) is not None
