"""Flags that workflows ask, and that say which versions of them begin."""

import pytest

from auraos.core.audit import Actor
from auraos.core.run.facts import RunStarted, StepSucceeded
from auraos.documents.definitions.errors import DefinitionRefusedError, DefinitionUsedError
from auraos.documents.definitions.rows import Ref
from auraos.engine.ports import RunQuery
from auraos.storage.folder import DataFolder
from auraos.storage.sqlite import SqliteStore
from flagged_runs import FAILS, GUARD, RELEASE, RULES, flagged, let_run, release, versions, watch
from kept_definitions import ANN

FAST = "kind: flag\nname: fast\nspec:\n  type: boolean\n  default: {}\n"
ASKS = """kind: workflow
name: asks
spec:
  input: {type: object}
  steps:
    fast: {type: flag, with: {flag: fast, key: "{{ input.who }}"}}
    new: {type: noop, with: {value: new}}
    old: {type: noop, with: {value: old}}
    next: {type: fail, join: any, with: {message: "not yet"}}
  links: [fast.true -> new, fast.false -> old, new -> next, old -> next]
"""
CALLS = """kind: workflow
name: calls
spec:
  input: {type: object}
  steps:
    one: {type: call, with: {workflow: greet, input: {}}}
    two: {type: call, with: {workflow: greet, input: {}}}
  links: [one -> two]
  output: ["{{ steps.one.said }}", "{{ steps.two.said }}"]
"""


@pytest.fixture
async def place(tmp_path):
    folder = DataFolder.claim(tmp_path / "data")
    store = SqliteStore.open(folder)
    async with flagged(store, tmp_path / "blobs") as made:
        yield made
    await store.close()
    folder.release()


@pytest.fixture
async def guarded(place):
    await versions(place, 2, FAILS)
    await release(place, "old", GUARD + RULES)
    return place


async def test_a_retry_sees_what_the_run_was_given_whatever_the_flag_says_by_then(place):
    await place.publish(FAST.format("on"))
    await place.publish(ASKS)
    first = await place.run("asks")
    assert first.state == "failed"
    await place.publish(FAST.format("off"))
    again = await place.engine.wait(await place.engine.retry(first.run))
    facts = await place.engine.facts(again.run)
    assert [fact.path for fact in facts if isinstance(fact, StepSucceeded)] == []
    assert isinstance(facts[0], RunStarted)
    kept = {done.path: (done.output, done.ports) for done in facts[0].inherited}
    assert kept["fast"] == ({"value": True, "variant": "on", "reason": "STATIC"}, ("out", "true"))
    anew = await place.engine.facts((await place.run("asks")).run)
    (given,) = [fact for fact in anew if isinstance(fact, StepSucceeded) and fact.path == "fast"]
    assert given.ports == ("out", "false")


async def test_what_steps_are_given_is_counted(place):
    await place.publish(FAST.format("{on: 50, off: 50}"))
    await place.publish(ASKS)
    for number in range(6):
        await place.run("asks", {"who": f"user-{number}"})
    (facts,) = await place.flags.facts("default")
    assert (sum(facts.given.values()), set(facts.given)) == (6, {"on", "off"})


async def test_a_flag_that_a_live_workflow_names_is_not_archived_and_one_that_is_not_there_keeps_it_from_being_live(
    place,
):
    with pytest.raises(DefinitionRefusedError) as refused:
        await place.publish(ASKS)
    assert [problem.code for problem in refused.value.problems] == ["unknown-flag"]
    await place.publish(FAST.format("on"))
    await place.publish(ASKS)
    with pytest.raises(DefinitionUsedError, match="used by workflow 'asks'"):
        await place.definitions.archive(ANN, Ref("default", "flag", "fast"))
    await place.publish(ASKS.replace("flag: fast,", "flag: missing, default: true,"))
    await place.definitions.archive(ANN, Ref("default", "flag", "fast"))
    facts = await place.engine.facts((await place.run("asks")).run)
    (given,) = [fact for fact in facts if isinstance(fact, StepSucceeded) and fact.path == "fast"]
    assert given.output == {"value": True, "variant": "", "reason": "ERROR"}


async def test_the_unit_is_the_run_or_a_field_of_its_input(place):
    await versions(place, 2)
    await release(place, "{new: 50, old: 50}", "  unit: customer\n")
    said = {}
    for number in range(12):
        outputs = [(await place.run("greet", {"customer": f"c{number}"})).output["said"] for _ in range(2)]
        said[number] = set(outputs)
    assert {len(each) for each in said.values()} == {1}
    assert set.union(*said.values()) == {1, 2}
    assert (await place.run("greet")).output == {"said": 1}, (
        "without a customer, what is given while it is off"
    )


async def test_rules_read_the_input_and_a_pinned_name_asks_no_flag(place):
    await versions(place, 3)
    await release(place, "old", "  rules: [{when: context.country == 'DE', variant: new}]\n")
    assert (await place.run("greet", {"country": "DE"})).output == {"said": 2}
    assert (await place.run("greet", {"country": "FR"})).output == {"said": 1}
    assert (await place.run("greet@3")).output == {"said": 3}
    assert (await place.run("greet@latest")).output == {"said": 3}
    await place.definitions.archive(ANN, Ref("default", "flag", "auraos-version-of-greet"))
    assert (await place.run("greet", {"country": "FR"})).output == {"said": 3}


async def test_all_calls_of_a_run_take_one_version_chosen_by_the_run_that_calls(place):
    await versions(place, 2)
    await release(place, "{new: 50, old: 50}")
    await place.publish(CALLS)
    outputs = [(await place.run("calls", run=f"caller-{number}")).output for number in range(10)]
    assert {tuple(each) for each in outputs} == {(1, 1), (2, 2)}
    facts = await place.engine.facts("caller-0")
    (child, _) = await place.store.runs(RunQuery(parent="caller-0"))
    assert facts[0].resolved == {"greet": child.version}


async def test_a_version_that_was_not_published_keeps_the_flag_from_being_published(place):
    await versions(place, 1)
    with pytest.raises(DefinitionRefusedError) as refused:
        await release(place, "old", new=7)
    assert [(each.code, each.path) for each in refused.value.problems] == [
        ("unknown-workflow", ("spec", "variants", "new"))
    ]
    await versions(place, 2)
    await release_again(place)
    with pytest.raises(DefinitionUsedError, match="flag 'auraos-version-of-greet'"):
        await place.definitions.archive(ANN, Ref("default", "workflow", "greet"))


@pytest.mark.parametrize(
    ("new", "old", "stops"),
    [
        ("x....", "", 0),
        ("xx...", "", 1),
        ("xx...", "xx...", 0),
        ("xx...", ".....", 1),
        ("xx.......", "", 0),
    ],
)
async def test_what_counts_is_the_last_runs_their_share_and_the_others_of_the_same_time(
    guarded, new, old, stops
):
    await let_run(guarded, new=new[:1])
    await let_run(guarded, old=old)
    await let_run(guarded, new=new[1:])
    assert await watch(guarded).look() == stops


async def test_once_it_is_on_again_only_what_ends_after_that_counts(guarded):
    await let_run(guarded, new="xxxxx")
    await watch(guarded).look()
    await guarded.flags.switch(ANN, "default", "auraos-version-of-greet", off=False, why="mended")
    assert await watch(guarded).look() == 0
    await let_run(guarded, new="xx..")
    (facts,) = await guarded.flags.facts("default")
    (standing,) = facts.watched
    assert (standing.variant, standing.version, standing.runs, standing.failed, standing.is_worse) == (
        "new", 2, 4, 2, False,
    )  # fmt: skip
    await let_run(guarded, new=".")
    assert await watch(guarded).look() == 1


async def release_again(place) -> None:
    """Publish the draft that was refused, with versions that there are."""
    ref = Ref("default", "flag", "auraos-version-of-greet")
    row = await place.definitions.find(ref)
    text = RELEASE.format(new=2, old=1, default="old", more="")
    saved = await place.definitions.save(ANN, ref, text, revision=row.revision)
    await place.definitions.publish(ANN, ref, revision=saved.revision)


async def test_who_counted_before_the_flag_was_switched_changes_nothing_any_more(guarded):
    name, guard = "auraos-version-of-greet", Actor(kind="house", id="flag-guard")
    await let_run(guarded, new=".")
    ((_, _, since),) = await guarded.flags.in_use()
    await guarded.flags.switch(ANN, "default", name, off=True)
    assert await guarded.flags.stop_by_guard(guard, "default", name, "late", since=since) is False
    await guarded.flags.switch(ANN, "default", name, off=False)
    assert await guarded.flags.stop_by_guard(guard, "default", name, "late", since=since) is False
    ((_, _, anew),) = await guarded.flags.in_use()
    assert await guarded.flags.stop_by_guard(guard, "default", name, "in time", since=anew) is True
    assert await guarded.flags.in_use() == []
