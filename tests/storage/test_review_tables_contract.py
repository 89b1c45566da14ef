"""What keeps reviews, on both databases: a yes is for a text as it was, and good once."""

import asyncio

import pytest

from auraos.documents.definitions.gate import ReviewNeededError
from auraos.documents.definitions.reviews import OwnReviewError, Reviews, ReviewVoidError
from auraos.documents.definitions.rows import Part
from kept_definitions import ANN, BEN, GREET, NOTE, changed, definitions_over, published, workflow


async def wants(workspace: str) -> bool:
    return workspace == "default"


@pytest.fixture
def definitions(store):
    return definitions_over(store, wants)


async def test_a_draft_is_asked_for_approved_and_published_once(definitions):
    reviews = Reviews(definitions)
    await definitions.create(ANN, "default", workflow())
    asked = await reviews.ask(ANN, GREET, revision=1, note="please")
    assert await reviews.ask(BEN, GREET, revision=1) == asked
    assert await reviews.open("default", "waiting") == [asked]
    assert await reviews.open("other", "waiting") == []
    with pytest.raises(ReviewNeededError):
        await definitions.publish(ANN, GREET, revision=1)
    given = await reviews.approve(BEN, GREET, revision=1, digest=asked.digest)
    assert await reviews.open("default", "approved") == [given]
    await definitions.publish(ANN, GREET, revision=1)
    assert (await reviews.find(GREET, 1)).state == "used"
    assert (await definitions.version(GREET)).authors == (ANN.id,)
    assert (await definitions.find(GREET)).authors == ()


async def test_two_who_approve_in_the_same_moment_give_one_approval(definitions):
    reviews = Reviews(definitions)
    await definitions.create(ANN, "default", workflow())
    asked = await reviews.ask(ANN, GREET, revision=1)
    answers = await asyncio.gather(
        *(reviews.approve(BEN, GREET, revision=1, digest=asked.digest) for _ in range(5)), return_exceptions=True
    )  # fmt: skip
    assert len([each for each in answers if not isinstance(each, Exception)]) == 1
    assert len((await reviews.find(GREET, 1)).approvals) == 1


async def test_an_approval_of_what_is_changed_in_the_same_moment_is_worth_nothing(definitions):
    reviews = Reviews(definitions)
    await definitions.create(ANN, "default", workflow())
    asked = await reviews.ask(ANN, GREET, revision=1)
    await asyncio.gather(
        changed(definitions, GREET, workflow(value=2), publish=False),
        reviews.approve(BEN, GREET, revision=1, digest=asked.digest),
        return_exceptions=True,
    )
    with pytest.raises(ReviewNeededError):
        await definitions.publish(ANN, GREET, revision=2)
    with pytest.raises(ReviewVoidError):
        await reviews.refuse(BEN, GREET, revision=1, comment="no")


async def test_all_who_wrote_since_it_was_published_are_its_authors(definitions):
    reviews = Reviews(definitions)
    await definitions.create(ANN, "default", workflow())
    await definitions.save(BEN, GREET, workflow(value=2), revision=1)
    asked = await reviews.ask(ANN, GREET, revision=2)
    for author in (ANN, BEN):
        with pytest.raises(OwnReviewError):
            await reviews.approve(author, GREET, revision=2, digest=asked.digest)


async def test_who_sees_some_definitions_sees_the_reviews_of_those(definitions):
    reviews = Reviews(definitions)
    labelled = workflow().replace("spec:", "labels: {team: sales}\nspec:")
    await definitions.create(ANN, "default", labelled)
    await reviews.ask(ANN, GREET, revision=1)
    for part, count in (
        (Part(kind="workflow"), 1), (Part(kind=NOTE.name), 0), (Part(labels=(("team", "sales"),)), 1),
        (Part(name="greet", labels=(("team", "other"),)), 0),
    ):  # fmt: skip
        assert len(await reviews.open("default", "waiting", within=(part,))) == count
    assert await reviews.open("default", "waiting", within=()) == []


async def test_elsewhere_nobody_is_asked(definitions):
    await published(definitions, workflow(), "elsewhere")
