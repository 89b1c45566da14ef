"""What the engine may rely on, whichever store it is given."""

import asyncio

import msgspec
import pytest

from auraos.engine.ports import (
    ALL_SHARDS,
    FencedError,
    LogLine,
    RequestRow,
    RunQuery,
    Subscription,
    Timer,
    Version,
    WriteRefusedError,
)
from rows_for_tests import row, started, write
from stores import AnyStore, take_over


async def test_a_started_run_is_found_by_id_by_number_and_by_the_beginning_of_its_id(
    store: AnyStore,
) -> None:
    await store.commit(started("0190abc", 7))
    found = await asyncio.gather(
        *(store.find(name, workspace="default") for name in ("0190abc", "7", "0190a"))
    )
    assert found == [row("0190abc", 7)] * 3


async def test_a_run_of_another_workspace_is_not_found(store: AnyStore) -> None:
    await store.commit(started("0190abc", 7))
    assert await store.find("0190abc", workspace="other") is None


async def test_the_journal_comes_back_in_order_with_its_bytes(store: AnyStore) -> None:
    await store.commit(started())
    await store.commit(write(seq=2, count=2, facts=b"a\nb"))
    await store.commit(write(seq=4, count=1, facts=b"\x00\xff"))
    journal = await store.journal("r1")
    assert [(batch.seq, batch.count, batch.facts) for batch in journal] == [
        (1, 1, b"{}"),
        (2, 2, b"a\nb"),
        (4, 1, b"\x00\xff"),
    ]


async def test_the_rest_of_a_journal_begins_with_the_batch_that_holds_what_is_new(store: AnyStore) -> None:
    await store.commit(started())
    await store.commit(write(seq=2, count=2, facts=b"a\nb"))
    assert [batch.seq for batch in await store.journal("r1", after=2)] == [2]
    assert await store.journal("r1", after=3) == []


async def test_a_second_fact_with_the_same_number_is_refused(store: AnyStore) -> None:
    await store.commit(started())
    with pytest.raises(WriteRefusedError, match="run r1"):
        await store.commit(write(seq=1, count=1, facts=b"again"))
    assert [batch.facts for batch in await store.journal("r1")] == [b"{}"]


async def test_a_refused_change_is_refused_wholly_and_alone(store: AnyStore) -> None:
    await store.commit(started())
    guilty = write(seq=1, count=1, facts=b"again", timers=[Timer("r1", "a", "t", 5)])
    outcomes = await asyncio.gather(
        store.commit(started("r2", 2)),
        store.commit(guilty),
        store.commit(started("r3", 3)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), WriteRefusedError, type(None)]
    assert [found.run for found in await store.runs(RunQuery())] == ["r3", "r2", "r1"]
    assert await store.timers(1_000, ALL_SHARDS) == []


async def test_no_result_of_an_effect_counts_twice(store: AnyStore) -> None:
    await store.commit(started())
    await store.commit(write(seq=2, count=1, facts=b"a", results=[("charge", 0)]))
    with pytest.raises(WriteRefusedError):
        await store.commit(write(seq=3, count=1, facts=b"b", results=[("charge", 0)]))
    await store.commit(write(seq=3, count=1, facts=b"c", results=[("charge", 1)]))
    assert [batch.facts for batch in await store.journal("r1")] == [b"{}", b"a", b"c"]


async def test_a_final_run_keeps_its_state(store: AnyStore) -> None:
    await store.commit(started())
    await store.commit(write(seq=2, row=row(state="failed", finished_at=20, changed_at=20)))
    await store.commit(write(seq=3, row=row(state="running", changed_at=30)))
    found = await store.find("r1")
    assert found == row(state="failed", finished_at=20, changed_at=20)


async def test_what_waits_is_what_was_put_and_not_taken_back(store: AnyStore) -> None:
    timers = [Timer("r1", "a", "wait", 50), Timer("r1", "b", "wait", 20), Timer("r1", "c", "wait", 900)]
    await store.commit(msgspec.structs.replace(started(), timers=timers))
    await store.commit(write(seq=2, stopped=[("a", "wait")], timers=[Timer("r1", "c", "wait", 30)]))
    assert await store.timers(100, ALL_SHARDS) == [Timer("r1", "b", "wait", 20), Timer("r1", "c", "wait", 30)]
    assert await store.timers(25, ALL_SHARDS) == [Timer("r1", "b", "wait", 20)]


async def test_the_end_of_a_run_takes_its_timers_and_subscriptions_with_it(store: AnyStore) -> None:
    waits = {"timers": [Timer("r1", "a", "t", 5)], "subscriptions": [Subscription("r1", "a", "paid")]}
    await store.commit(msgspec.structs.replace(started(), **waits))
    assert await store.subscribers("paid", "default") == [Subscription("r1", "a", "paid")]
    await store.commit(write(seq=2, row=row(state="succeeded", finished_at=20)))
    assert await store.timers(100, ALL_SHARDS) == []
    assert await store.subscribers("paid", "default") == []


async def test_a_request_waits_until_its_receiver_has_answered_it(store: AnyStore) -> None:
    asked = RequestRow("q1", "r2", "start", b"start")
    await store.commit(
        msgspec.structs.replace(started(), requests=[asked, RequestRow("q2", "r3", "start", b"x")])
    )
    await store.commit(msgspec.structs.replace(started("r2", 2), answered=["q1"]))
    assert await store.requests(ALL_SHARDS) == [RequestRow("q2", "r3", "start", b"x")]


async def test_only_runs_that_are_neither_final_nor_asleep_are_awake(store: AnyStore) -> None:
    await store.commit(started("r1", 1))
    await store.commit(started("r2", 2, asleep=True))
    await store.commit(started("r3", 3, state="succeeded", finished_at=10))
    assert [found.run for found in await store.awake(ALL_SHARDS)] == ["r1"]


async def test_runs_are_listed_newest_first_page_by_page(store: AnyStore) -> None:
    await asyncio.gather(*(store.commit(started(f"r{n}", n)) for n in range(1, 6)))
    first = await store.runs(RunQuery(limit=2))
    second = await store.runs(RunQuery(limit=2, before=first[-1].run))
    assert [found.number for found in first + second] == [5, 4, 3, 2]


async def test_runs_are_listed_by_state_workflow_and_parent(store: AnyStore) -> None:
    await store.commit(started("r1", 1, state="waiting"))
    await store.commit(started("r2", 2, workflow="other"))
    await store.commit(started("r3", 3, parent="r1"))
    queries = [RunQuery(states=("waiting",)), RunQuery(workflow="other"), RunQuery(parent="r1")]
    assert [[found.run for found in await store.runs(query)] for query in queries] == [["r1"], ["r2"], ["r3"]]


async def test_internal_runs_have_no_number_and_are_not_listed(store: AnyStore) -> None:
    await store.commit(started("r1", 1))
    await store.commit(started("r2", 0, parent="r1"))
    await store.commit(started("r3", 0, parent="r1"))
    assert [found.run for found in await store.runs(RunQuery())] == ["r1"]


async def test_a_version_keeps_its_text(store: AnyStore) -> None:
    version = Version(
        hash="h1", kind="workflow", name="w", text="kind: workflow\n# ä", step_types={"noop": 1}
    )
    await store.commit(msgspec.structs.replace(started(), versions=[version]))
    changed = msgspec.structs.replace(version, text="other")
    await store.commit(msgspec.structs.replace(started("r2", 2), versions=[changed]))
    assert await store.version("h1") == version
    assert await store.version("h2") is None


async def test_log_lines_come_back_in_the_order_they_were_written(store: AnyStore) -> None:
    lines = [
        LogLine(run="r1", path=path, attempt=1, at=5, level="info", message=message, fields={"n": [1]})
        for path, message in (("a", "one"), ("b", "two"), ("a", "three"))
    ]
    await store.commit(msgspec.structs.replace(started(), logs=lines))
    assert await store.logs("r1") == lines
    assert [line.message for line in await store.logs("r1", path="a", limit=1)] == ["one"]


async def test_numbers_go_on_by_workspace(store: AnyStore) -> None:
    await store.commit(started("r1", 41))
    await store.commit(msgspec.structs.replace(started("r2"), row=row("r2", 3, workspace="b")))
    assert [(await store.numbers(name))[0] for name in ("default", "b", "new")] == [42, 4, 1]


async def test_changes_that_wait_share_transactions(store: AnyStore) -> None:
    await asyncio.gather(*(store.commit(started(f"r{n}", n)) for n in range(1, 501)))
    assert store.writes == 500
    assert store.commits <= 5


async def test_a_batch_of_much_data_is_cut(store: AnyStore) -> None:
    large = b"x" * 400_000
    writes = [msgspec.structs.replace(started(f"r{n}", n), facts=large) for n in range(1, 10)]
    await asyncio.gather(*(store.commit(each) for each in writes))
    assert store.commits == 3


async def test_a_store_that_was_taken_over_writes_nothing_more(store: AnyStore) -> None:
    await store.commit(started())
    await take_over(store)
    for number in (2, 3):
        with pytest.raises(FencedError, match="Another process has taken"):
            await store.commit(started(f"r{number}", number))
    assert [found.run for found in await store.runs(RunQuery())] == ["r1"]
