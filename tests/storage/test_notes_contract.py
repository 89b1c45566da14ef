"""What is noted with a write is there if and only if the write is, on whichever store."""

import asyncio

import msgspec
import pytest

from auraos.engine.notes import Note
from auraos.engine.ports import Timer, WriteRefusedError
from rows_for_tests import started, write
from stores import AnyStore


def noted(one, number="n1", body='{"it\'s": "so"}'):
    return msgspec.structs.replace(one, notes=[Note(number, 5, "default", body)])


async def notes_of(store: AnyStore) -> list[tuple[str, int, str, str, int]]:
    sql = "select id, at, workspace, body, known from audit_pending order by id"
    return await store.tables.all(sql, (), tuple)


async def test_a_note_is_durable_with_the_start_it_came_with(store: AnyStore) -> None:
    await store.commit(noted(started()))
    assert await notes_of(store) == [("n1", 5, "default", '{"it\'s": "so"}', 1)]


async def test_a_note_comes_with_any_write(store: AnyStore) -> None:
    await store.commit(started())
    await store.commit(noted(write(seq=2, count=1, facts=b"a")))
    await store.commit(noted(write(seq=3, count=1, facts=b"b", timers=[Timer("r1", "a", "t", 5)]), "n2"))
    assert [row[0] for row in await notes_of(store)] == ["n1", "n2"]


async def test_of_a_write_that_is_refused_nothing_is_noted(store: AnyStore) -> None:
    await store.commit(started())
    outcomes = await asyncio.gather(
        store.commit(noted(started("r2", 2), "kept")),
        store.commit(noted(write(seq=1, count=1, facts=b"again"), "refused")),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), WriteRefusedError]
    assert [row[0] for row in await notes_of(store)] == ["kept"]


async def test_the_same_note_twice_is_refused_with_its_write(store: AnyStore) -> None:
    await store.commit(noted(started()))
    with pytest.raises(WriteRefusedError):
        await store.commit(noted(started("r2", 2)))
    assert await store.find("r2") is None
