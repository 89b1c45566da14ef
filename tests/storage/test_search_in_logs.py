"""The search over the logs of all runs, on both databases: nothing left out, nothing twice, and no more work than was said."""

import asyncio
from typing import Any

import msgspec
import pytest

from auraos.app.runs import log_search
from auraos.app.runs.log_search import CursorRefusedError, LineWish, search_lines
from auraos.engine.ports import LogLine
from private_runs import CANARY, private_house, tagged
from rows_for_tests import started
from stores import AnyStore

SECOND = 1_000_000


def line(run: str, at: int, message: str, **other: Any) -> LogLine:
    return msgspec.structs.replace(
        LogLine(run=run, path="a", attempt=1, at=at, level="info", message=message), **other
    )


async def begin(store: AnyStore, number: int, *lines: LogLine, **row: Any) -> None:
    write = started(f"r{number:04}", number, **{"started_at": number * SECOND, **row})
    await store.commit(msgspec.structs.replace(write, logs=lines))


async def found(store: AnyStore, **wish: Any) -> list[str]:
    """Return the messages that are found, however many answers that takes."""
    messages: list[str] = []
    after = ""
    while True:
        page = await search_lines(store, LineWish(**{**wish, "after": after}))
        messages += [one.message for one in page.items]
        if not (after := page.next):
            return messages


async def fill(store: AnyStore, runs: int, each: int) -> list[str]:
    """Begin runs, each with so many lines; return their messages, the oldest first."""
    await asyncio.gather(
        *(
            begin(store, n, *(line(f"r{n:04}", n * SECOND + k, f"{n}.{k}") for k in range(each)))
            for n in range(1, runs + 1)
        )
    )
    return [f"{n}.{k}" for n in range(1, runs + 1) for k in range(each)]


@pytest.mark.parametrize("limit", [1, 7, 1000])
async def test_all_lines_are_found_once_in_either_order_however_small_the_pages_are(store, limit):
    every = await fill(store, 9, 5)
    assert await found(store, limit=limit, oldest_first=True) == every
    assert await found(store, limit=limit) == every[::-1]


async def test_what_one_answer_looks_at_is_bounded_and_the_next_goes_on(store, monkeypatch):
    every = await fill(store, 30, 4)
    monkeypatch.setattr(log_search, "MOST_RUNS", 10)
    monkeypatch.setattr(log_search, "MOST_LINES", 25)
    monkeypatch.setattr(log_search, "_RUNS_AT_ONCE", 8)
    monkeypatch.setattr(log_search, "_AT_ONCE", 3)
    monkeypatch.setattr(log_search, "_LINES_AT_ONCE", 7)
    page = await search_lines(store, LineWish(text="nothing like it"))
    assert (page.items, page.lines, bool(page.next)) == ((), 25, True)
    assert page.runs <= 16
    for oldest_first in (True, False):
        assert await found(store, oldest_first=oldest_first) == every[:: 1 if oldest_first else -1]
        assert await found(store, oldest_first=oldest_first, text="7.") == [
            message for message in every[:: 1 if oldest_first else -1] if "7." in message
        ]


async def test_runs_that_begin_while_somebody_reads_on_shift_nothing(store):
    every = await fill(store, 3, 4)
    first = await search_lines(store, LineWish(limit=6))
    await begin(store, 4, line("r0004", 9 * SECOND, "new"))
    rest = await search_lines(store, LineWish(limit=100, after=first.next))
    assert [one.message for one in (*first.items, *rest.items)] == every[::-1]


async def test_lines_are_found_by_words_step_level_workflow_and_time(store):
    await begin(
        store,
        1,
        line("r0001", 10, "Ünicode IS found", path="each[3]/one"),
        line("r0001", 20, "slow", level="warning", fields={"order": "A-77"}),
        line("r0001", 30, "broken", level="error", path="b"),
        workflow="one",
        started_at=5,
    )
    await begin(
        store,
        2,
        line("r0002", 40, "quiet", level="debug"),
        workflow="two",
        started_at=5,
        finished_at=5 * SECOND,
    )
    for wish, wanted in (
        ({"text": "ünicode is"}, ["Ünicode IS found"]),
        ({"text": "a-77"}, ["slow"]),
        ({"level": "warning"}, ["slow", "broken"]),
        ({"level": "debug"}, ["Ünicode IS found", "slow", "broken", "quiet"]),
        ({"step": "each/one"}, ["Ünicode IS found"]),
        ({"step": "each[3]/one"}, ["Ünicode IS found"]),
        ({"step": "each[4]/one"}, []),
        ({"workflow": "two"}, ["quiet"]),
        ({"since": 20, "until": 40}, ["slow", "broken"]),
        ({"since": 6 * SECOND}, []),
        ({"workspace": "elsewhere"}, []),
        ({"workflow": "a\x00b"}, []),
        ({"text": "%"}, []),
    ):
        assert await found(store, oldest_first=True, **wish) == wanted, wish


@pytest.mark.parametrize("after", ["x", "1:2:3", "1:-2", "1:2:x:r1", "1" * 30, "::7:", "1:2::r1"])
async def test_a_cursor_that_no_answer_gave_is_refused(store, after):
    with pytest.raises(CursorRefusedError):
        await search_lines(store, LineWish(after=after))


async def test_what_private_runs_said_is_neither_shown_nor_found_unless_it_is_revealed(store, tmp_path):
    async with private_house(store, tmp_path / "data") as house:
        for _ in range(2):
            await house.run(tagged(), {"email": CANARY, "note": "x"})

        async def only_the_first(row):
            return row.number == 1

        hidden = await search_lines(house.shown, LineWish())
        assert len(hidden.items) == 2
        assert CANARY not in str(hidden)
        assert (await search_lines(house.shown, LineWish(text="canary"))).items == ()
        assert (await search_lines(house.shown, LineWish(text="seal"))).items == ()
        revealed: dict[str, Any] = {}
        shown = await search_lines(store, LineWish(text="CANARY"), reveals=only_the_first, revealed=revealed)
        assert [(one.number, one.message) for one in shown.items] == [(1, f"mail for {CANARY}")]
        assert [row.number for row in revealed.values()] == [1]
