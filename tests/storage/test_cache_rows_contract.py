"""Outputs that may be used again, whichever store it is: found by workspace and key until their time is over."""

import asyncio

import msgspec

from auraos.engine.cache import CacheRow
from rows_for_tests import started, write
from stores import AnyStore


async def test_an_output_comes_back_as_it_was_written_until_its_time_is_over(store: AnyStore) -> None:
    value = b'[["out"],"\x00 \xc3\xa9"]'
    await store.commit(msgspec.structs.replace(started(), cached=[CacheRow("k", 100, value)]))
    assert await store.cached("default", "k", 99) == value
    assert await store.cached("default", "k", 100) is None


async def test_an_output_is_its_workspaces_and_its_keys_alone(store: AnyStore) -> None:
    await store.commit(write(cached=[CacheRow("k", 100, b"v")]))
    assert await store.cached("other", "k", 1) is None
    assert await store.cached("default", "other", 1) is None


async def test_of_two_outputs_of_one_key_the_later_stands(store: AnyStore) -> None:
    await store.commit(write("r1", cached=[CacheRow("k", 100, b"first"), CacheRow("k", 200, b"second")]))
    assert await store.cached("default", "k", 150) == b"second"
    await store.commit(write("r2", cached=[CacheRow("k", 120, b"third")]))
    assert await store.cached("default", "k", 110) == b"third"
    assert await store.cached("default", "k", 150) is None


async def test_many_runs_keep_the_same_keys_at_once(store: AnyStore) -> None:
    rows = [CacheRow(f"k{number}", 100, b"v") for number in range(20)]
    order = [rows, rows[::-1]] * 10
    await asyncio.gather(
        *(store.commit(write(f"r{place}", cached=given)) for place, given in enumerate(order))
    )
    assert [await store.cached("default", row.key, 1) for row in rows] == [b"v"] * 20


async def test_outputs_go_in_slices_once_their_time_is_over_and_no_other_does(store: AnyStore) -> None:
    rows = [CacheRow(f"k{number}", 10, b"v") for number in range(700)]
    await store.commit(write(cached=[*rows, CacheRow("young", 11, b"v")]))
    slices = 0
    while await store.has_expired(10):
        await store.commit(write("", 0, expired=10))
        slices += 1
    assert slices == 2
    assert await store.cached("default", "k0", 0) is None
    assert await store.cached("default", "young", 0) == b"v"


async def test_an_output_that_is_written_anew_while_old_ones_go_does_not_fail_the_write(
    store: AnyStore,
) -> None:
    await store.commit(write(cached=[CacheRow("k", 10, b"old")]))
    told: list[object] = []
    done = asyncio.Event()

    def hear(outcomes: object) -> None:
        told.append(outcomes)
        done.set()

    store.submit([write("r1", cached=[CacheRow("k", 100, b"new")]), write("", 0, expired=50)], hear)
    await done.wait()
    assert told == [None]
    assert await store.has_expired(50) is False


async def test_the_end_of_its_run_leaves_an_output_for_others(store: AnyStore) -> None:
    over = started(state="succeeded", finished_at=20)
    await store.commit(msgspec.structs.replace(over, cached=[CacheRow("k", 100, b"v")]))
    await store.commit(write("", 0, pruned=["r1"]))
    assert await store.find("r1") is None
    assert await store.cached("default", "k", 50) == b"v"
