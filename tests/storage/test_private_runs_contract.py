"""What private runs tell lies in a store under seal, and comes back whole, on both databases."""

import asyncio
from datetime import timedelta

import pytest

from auraos.core.run.facts import RunFinished, RunStarted
from auraos.core.values import Hidden
from auraos.engine.answers import RequestRefusedError
from auraos.engine.engine import Engine
from auraos.engine.stream import facts_of
from auraos.security.privacy.rows import RunKey
from auraos.storage.sqlite import SqliteStore
from private_runs import CANARY, PrivateHouse, forms_of, found_in, plain, private_house, tagged

GIVEN = {"email": CANARY, "note": {"of": CANARY}}
FAILS = """\
  steps:
    a: {type: fail, with: {message: "no mail for {{ input.email }}"}}
"""
ASKS = """\
  steps:
    a: {type: human.approve, with: {title: "Pay {{ input.email }}?"}}
"""
CALLS = """\
  steps:
    c: {type: call, with: {workflow: other, input: {mail: "{{ input.email }}"}}}
  output: "{{ steps.c }}"
"""
CALLED = """\
  steps:
    a: {type: transform, with: {set: {said: "{{ input.mail }} again"}}}
  output: "{{ steps.a.said }}"
"""
LOOPS = """\
  steps:
    each:
      type: foreach
      with: {items: "{{ [input.email + str(n) for n in range(1200)] }}"}
      steps:
        one: {type: transform, with: {set: {it: "{{ item }}"}}}
  output: "{{ len(steps.each) }}"
"""
LARGE = """\
  steps:
    a: {type: transform, with: {set: {many: "{{ [input.email for n in range(5000)] }}"}}}
    b: {type: log, with: {message: "n={{ len(steps.a.many) }}"}}
  links: [a -> b]
  output: "{{ steps.a.many }}"
"""
WAITS = """\
  settings: {concurrency: {key: "{{ input.email }}", limit: 1, when_full: wait}}
  steps:
    w: {type: wait.signal, with: {name: go, timeout: 1h}}
  output: "{{ [input.email, steps.w] }}"
"""


@pytest.fixture
async def house(store, tmp_path):
    async with private_house(store, tmp_path / "data") as made:
        yield made


def holds(content: bytes) -> bool:
    return any(form in content for form in forms_of(CANARY))


async def test_a_run_without_tags_is_kept_as_ever(house: PrivateHouse):
    await house.run(plain(), GIVEN)
    assert holds(await house.raw())
    assert list(await house.sealing.made.seals.store.all(RunKey)) == []


async def test_a_private_run_comes_back_as_it_was_and_lies_in_the_store_under_seal(house):
    ended = await house.run(tagged(), GIVEN)
    first, last = (await house.facts(ended.run))[:: len(await house.facts(ended.run)) - 1]
    assert isinstance(first, RunStarted)
    assert first.input == GIVEN
    assert isinstance(last, RunFinished)
    assert last.output == ended.output == f"Hello {CANARY}"
    lines = await house.store.logs(ended.run)
    assert [(line.message, line.fields["to"]) for line in lines] == [(f"mail for {CANARY}", CANARY)]
    assert not holds(await house.raw())


async def test_whoever_looks_through_the_veil_sees_the_course_and_no_value(house):
    ended = await house.run(tagged(), GIVEN)
    batches = await house.shown.journal(ended.run)
    assert not holds(b"".join(batch.facts for batch in batches))
    assert b'"$hidden":"redacted"' in batches[0].facts
    assert b'"greet"' in b"".join(batch.facts for batch in batches)
    assert [line.message for line in await house.shown.logs(ended.run)] == [
        "What is said here is under seal."
    ]


async def test_why_a_private_run_failed_is_under_seal_too(house):
    ended = await house.run(tagged(FAILS), GIVEN)
    assert ended.error.message == f"no mail for {CANARY}"
    assert not holds(await house.raw())
    row = await house.store.find(ended.run)
    assert row.why == "What it says is under seal."


async def test_a_run_that_a_private_one_calls_is_private_with_the_same_persons(house):
    ended = await house.run(tagged(CALLS), GIVEN, called=(plain(CALLED, name="other"),))
    assert ended.output == f"{CANARY} again"
    rows = await house.sealing.made.seals.store.all(RunKey)
    assert len(rows) == 2
    assert {row.subject for row in rows} == {rows[0].subject}
    assert {row.family for row in rows} == {ended.run}
    assert not holds(await house.raw())


async def test_the_pages_of_a_long_loop_are_private(house):
    ended = await house.run(tagged(LOOPS), GIVEN)
    assert ended.output == 1200
    assert not holds(await house.raw())


async def test_large_values_of_a_private_run_lie_on_the_disk_under_seal(house):
    ended = await house.run(tagged(LARGE), GIVEN)
    assert ended.output == [CANARY] * 5000
    facts = await house.facts(ended.run)
    assert facts[-1].output == [CANARY] * 5000
    assert list((house.folder / "blobs" / "default" / ended.run).iterdir())
    assert found_in(house.folder / "blobs", CANARY) == []


async def test_the_same_workflow_without_tags_leaves_what_the_scan_finds(house):
    await house.run(plain(LARGE), GIVEN)
    assert found_in(house.folder / "blobs", CANARY)


async def test_a_private_run_goes_on_in_the_next_process(house, store, tmp_path):
    run = await house.engine.start(house.definitions.add(tagged(WAITS)), input=GIVEN)
    await house.engine.drive_until_idle()
    await house.engine.close()
    assert not holds(await house.raw())
    async with private_house(store, tmp_path / "data") as after:
        await after.engine.signal(run, "go", data={"to": CANARY})
        ended = await after.engine.wait(run)
        assert ended.output[0] == CANARY
        assert not holds(await after.raw())


async def test_the_key_of_a_limit_does_not_tell_whom_a_private_run_is_about(house):
    text = tagged(WAITS)
    first = await house.engine.start(house.definitions.add(text), input=GIVEN)
    second = await house.engine.start(house.definitions.add(text), input=GIVEN)
    other = await house.engine.start(house.definitions.add(text), input={"email": "bob"})
    await house.engine.drive_until_idle()
    states = [(await house.store.find(run)).state for run in (first, second, other)]
    assert states == ["waiting", "queued", "waiting"]
    assert not holds(await house.raw())


async def test_a_retry_of_a_private_run_is_private_under_the_same_key(house):
    ended = await house.run(tagged(FAILS), GIVEN)
    again = await house.engine.retry(ended.run)
    assert (await house.engine.wait(again)).error.message == f"no mail for {CANARY}"
    rows = await house.sealing.made.seals.store.all(RunKey)
    assert {row.family for row in rows} == {ended.run}
    assert not holds(await house.raw())


async def test_without_keys_a_private_run_is_refused_and_not_kept_in_the_clear(house, store):
    keyless = Engine(store, house.definitions._catalogue, house.definitions, house.world.doors(house.blobs))
    with pytest.raises(RequestRefusedError, match="no keys here"):
        await keyless.start(house.definitions.add(tagged()), input=GIVEN)


async def test_nothing_is_left_of_the_keys_of_a_run_that_was_pruned(house):
    await house.run(tagged(), GIVEN)
    pruned = await house.engine.retention.prune(timedelta(0))
    assert pruned.runs == 1
    assert list(await house.sealing.made.seals.store.all(RunKey)) == []


async def test_many_private_runs_of_one_person_begin_at_once_under_one_key_of_theirs(house):
    ended = await asyncio.gather(*(house.run(tagged(), {"email": f" {CANARY.upper()}  "}) for _ in range(10)))
    assert len({one.run for one in ended}) == 10
    rows = await house.sealing.made.seals.store.all(RunKey)
    assert len(rows) == 10
    assert len({row.subject for row in rows}) == 1


async def test_what_the_log_of_a_file_holds_is_sealed_as_well(house, store, tmp_path):
    if not isinstance(store, SqliteStore):
        pytest.skip("PostgreSQL keeps its files elsewhere")
    await house.run(tagged(), GIVEN)
    assert (tmp_path / "data" / "auraos.db").exists()
    assert found_in(tmp_path / "data", CANARY) == []


async def test_hidden_values_keep_their_kind_when_they_are_read_again(house):
    ended = await house.run(tagged(), GIVEN)
    facts = facts_of(await house.shown.journal(ended.run), lambda _: b"null")
    assert facts[0].input == Hidden(why="redacted")
    assert facts[-1].output == Hidden(why="redacted")


async def test_whoever_watches_hears_how_private_runs_stand_and_not_what_they_are_about(house, caplog):
    house.engine.watching.begin(0)
    caplog.set_level("DEBUG")
    run = await house.engine.start(house.definitions.add(tagged(ASKS, name="asks")), input=GIVEN)
    await house.engine.drive_until_idle()
    failed = await house.run(tagged(FAILS), GIVEN)
    rows = house.engine.watching.since("default", 1)
    told = {(row.run, row.state, row.why) for row in rows}
    assert (failed.run, "failed", "What it says is under seal.") in told
    assert (run, "waiting", "What it says is under seal.") in told
    assert not holds(repr(rows).encode())
    assert not holds(caplog.text.encode())
