"""The list of runs in pages, on every store: nothing twice, nothing left out, whatever begins or goes meanwhile."""

import asyncio
from pathlib import Path

import pytest

from auraos.app.house import House
from auraos.app.runs.listing import find_cursor, read_page
from auraos.engine.ports import NotFoundError, RunQuery
from rows_for_tests import started, write
from stores import AnyStore


def house_on(store: AnyStore) -> House:
    return House(Path(".auraos"), store)


async def begin(store: AnyStore, *numbers: int) -> None:
    await asyncio.gather(*(store.commit(started(f"r{n:04}", n)) for n in numbers))


async def test_a_page_may_be_larger_than_what_a_store_answers_at_once(store: AnyStore) -> None:
    await begin(store, *range(1, 1106))
    page = await read_page(house_on(store), RunQuery(limit=1102))
    assert [row.number for row in page.rows] == list(range(1105, 3, -1))
    rest = await read_page(house_on(store), RunQuery(limit=1102, before=page.next or ""))
    assert ([row.number for row in rest.rows], rest.next) == ([3, 2, 1], None)


async def test_what_begins_between_two_pages_does_not_shift_them(store: AnyStore) -> None:
    await begin(store, 1, 2, 3, 4, 5)
    page = await read_page(house_on(store), RunQuery(limit=2))
    await begin(store, 6, 7)
    after = await find_cursor(house_on(store), str(page.rows[-1].number))
    rest = await read_page(house_on(store), RunQuery(limit=3, before=after))
    assert ([row.number for row in rest.rows], rest.next) == ([3, 2, 1], None)


async def test_a_page_that_is_full_is_the_last_where_nothing_follows(store: AnyStore) -> None:
    await begin(store, 1, 2)
    assert (await read_page(house_on(store), RunQuery(limit=2))).next is None
    assert (await read_page(house_on(store), RunQuery(limit=1))).next == "r0002"


async def test_an_id_goes_on_after_a_run_that_was_deleted_and_its_number_is_refused(store: AnyStore) -> None:
    await begin(store, 1, 3)
    await store.commit(started("r0002", 2, state="succeeded", finished_at=10))
    await store.commit(write("", 0, pruned=["r0002"]))
    assert await store.find("r0002") is None
    assert await find_cursor(house_on(store), "r0002") == "r0002"
    rest = await read_page(house_on(store), RunQuery(before="r0002"))
    assert [row.number for row in rest.rows] == [1]
    with pytest.raises(NotFoundError, match="There is no run 2 any more to go on after"):
        await find_cursor(house_on(store), "2")
