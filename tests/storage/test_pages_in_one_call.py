"""A page of rows comes out of SQLite in one call, and is what reading row by row brings."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auraos.storage.reads import ReadFailedError
from auraos.storage.sqlite.readers import MOST_PACKED, SMALL, Readers

ROWS = [
    (1, "plain", None),
    (2, 'two\nlines, "quoted", it\'s', 2**62),
    (3, "größer \U0001f600 \x1e \\n", -1),
    (4, "", 0),
]
LONG = (
    "with recursive n(i) as (select 1 union all select i + 1 from n where i < ?)"
    " select max(i), 'words' from n limit ?"
)


@pytest.fixture
def readers(tmp_path: Path) -> Iterator[Readers]:
    file = tmp_path / "some.db"
    connection = sqlite3.connect(file)
    connection.execute("create table things(id integer primary key, words text, number integer)")
    connection.executemany("insert into things values(?,?,?)", ROWS)
    connection.executemany(
        "insert into things values(?,?,?)", [(number, f"w{number}", number) for number in range(5, 1001)]
    )
    connection.commit()
    connection.close()
    found = Readers(file)
    yield found
    found.close()


@pytest.mark.parametrize("limit", [4, SMALL, SMALL + 1, 1000])
@pytest.mark.parametrize("order", ["id", "id desc", "words, id"])
async def test_a_page_is_what_row_by_row_is(readers: Readers, limit: int, order: str):
    sql = f"select id, words, number from things where id > ? order by {order} limit ?"
    row_by_row = await readers.all(sql, (0, limit), tuple)
    assert await readers.all(sql, (0, limit), tuple, page=limit) == row_by_row
    assert len(row_by_row) == limit


@pytest.mark.parametrize("page", [1, 1000])
async def test_a_page_on_which_nothing_is_found_is_empty(readers: Readers, page: int):
    assert await readers.all("select id from things where id > ?", (10_000,), tuple, page=page) == []


@pytest.mark.parametrize(("steps", "is_here"), [(10, True), (1_000_000, False)])
async def test_what_takes_long_is_read_by_a_thread(readers: Readers, steps: int, is_here: bool):
    threads: list[threading.Thread] = []
    read = readers._read_page

    def noted(*given: Any) -> Any:
        lines = read(*given)
        threads.append(threading.current_thread())
        return lines

    readers._read_page = noted  # type: ignore[method-assign]  # who finds something in the end is noted
    assert await readers.all(LONG, (steps, 1), tuple, page=1) == [(steps, "words")]
    assert [thread is threading.main_thread() for thread in threads] == [is_here]


async def test_a_page_that_cannot_be_read_says_so(readers: Readers):
    with pytest.raises(ReadFailedError):
        await readers.all("select nothing from nowhere limit ?", (1,), tuple, page=1)


async def test_of_queries_no_more_are_remembered_than_there_is_room_for(readers: Readers):
    for number in range(MOST_PACKED + 10):
        sql = f"select id, {number} from things limit ?"
        assert await readers.all(sql, (1,), tuple, page=1) == [(1, number)]
    assert len(readers._packed) <= MOST_PACKED
