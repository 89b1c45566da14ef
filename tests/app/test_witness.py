"""What is told of something that others decide about: once, truly, and also when the process ends in between."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from auraos.app.audit.witness import PATIENCE, SOON, UNKNOWN, Witness
from auraos.core.audit import Actor, Entry, Object
from auraos.core.errors import OperationalError, UserError
from auraos.engine.clock import SystemClock
from auraos.engine.ports import StoreUnavailableError
from auraos.security.audit import BEGINNING, Kept
from auraos.security.audit.chain import hash_of
from auraos.storage.tables.chaining import COLUMNS
from auraos.storage.tables.statement import Tables
from houses import Clock, House, a_house
from rows_for_tests import started

ANN = Actor(kind="person", id="0aa", name="ann", address="192.0.2.7", request="r1")


class NoError(UserError):
    """No."""

    code = "no"


class HeldError(OperationalError):
    """Held."""

    code = "held-back"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with a_house(tmp_path) as opened:
        yield opened


def witness_on(tables: Tables, clock: Clock) -> Witness:
    return Witness(tables, now=clock.now, new_id=SystemClock().new_id)


def an_entry(clock: Clock, **more: object) -> Entry:
    about = Object(kind="run", name="r")
    told = {"workspace": "default", "actor": ANN, "action": "runs.cancel", "object": about, **more}
    return Entry(at=clock.now(), **told)


async def pending(house: House) -> list[str]:
    return await house.tables.all("select body from audit_pending", (), lambda row: str(row[0]))


async def test_what_is_done_is_told_once_with_what_came_of_it(house):
    witness = witness_on(house.tables, house.clock)
    async with witness.of(an_entry(house.clock, why="too slow")) as told:
        assert len(await pending(house)) == 1
        assert await house.entries() == []
        told.tell(after={"run": "r2"})
    (entry,) = await house.entries()
    assert (entry.outcome, entry.why, entry.after) == ("done", "too slow", {"run": "r2"})
    assert await pending(house) == []


@pytest.mark.parametrize(
    ("error", "outcome", "why"),
    [
        (NoError("the words of what was sent"), "refused", "because (no)"),
        (HeldError("held"), "failed", "because (held-back)"),
        (StoreUnavailableError("gone"), "unknown", "because (store-unavailable)"),
        (asyncio.CancelledError(), "unknown", "because (CancelledError)"),
    ],
)
async def test_what_is_not_done_is_told_once_by_its_code(house, error, outcome, why):
    witness = witness_on(house.tables, house.clock)
    with pytest.raises(type(error)):
        async with witness.of(an_entry(house.clock, why="because")):
            raise error
    await witness.close()
    (entry,) = await house.entries()
    assert (entry.outcome, entry.why) == (outcome, why)
    assert await pending(house) == []


async def test_what_a_process_left_that_was_killed_is_told_by_the_next(house):
    witness = witness_on(house.tables, house.clock)
    left = witness.of(an_entry(house.clock, why="too slow"))
    await left.__aenter__()
    (body,) = await pending(house)
    assert '"ann"' not in body
    next_process = witness_on(house.tables, house.clock)
    assert await next_process.look() == 0
    house.clock.sleep(PATIENCE / 1_000_000)
    assert await next_process.look() == 1
    assert await next_process.look() == 0
    (entry,) = await house.entries()
    assert (entry.outcome, entry.why, entry.actor.id) == ("unknown", f"too slow {UNKNOWN}", "0aa")


async def test_who_comes_back_late_adds_no_second_entry(house):
    witness = witness_on(house.tables, house.clock)
    async with witness.of(an_entry(house.clock)):
        house.clock.sleep(PATIENCE / 1_000_000)
        assert await witness_on(house.tables, house.clock).look() == 1
    assert [entry.outcome for entry in await house.entries()] == ["unknown"]


async def test_alone_on_its_store_a_process_tells_at_once_of_what_was_left(house):
    witness = witness_on(house.tables, house.clock)
    await witness.of(an_entry(house.clock)).__aenter__()
    another = witness_on(house.tables, house.clock)
    await another.start(alone=True)
    await another.close()
    assert [entry.outcome for entry in await house.entries()] == ["unknown"]


async def test_many_at_once_share_writes_and_each_is_told(house):
    witness = witness_on(house.tables, house.clock)

    async def one(number: int) -> None:
        async with witness.of(an_entry(house.clock, after={"number": number})):
            await asyncio.sleep(0)

    await asyncio.gather(*(one(number) for number in range(250)))
    assert sorted(entry.after["number"] for entry in await house.entries()) == list(range(250))
    assert await pending(house) == []


async def write_with(house, note):
    await house.store.commit(msgspec.structs.replace(started(), notes=[note]))


async def test_a_note_that_is_durable_is_in_the_trail_soon_and_once(house):
    witness = witness_on(house.tables, house.clock)
    note = witness.note(an_entry(house.clock, why="at once"))
    await write_with(house, note)
    assert await house.entries() == []
    witness.settle(note)
    await witness.settled()
    (entry,) = await house.entries()
    assert (entry.outcome, entry.why) == ("done", "at once")
    assert await pending(house) == []


async def test_a_note_whose_process_was_killed_is_taken_over_with_the_outcome_it_tells(house):
    note = witness_on(house.tables, house.clock).note(an_entry(house.clock, why="at once"))
    await write_with(house, note)
    another = witness_on(house.tables, house.clock)
    assert await another.look() == 0
    house.clock.sleep(SOON / 1_000_000)
    assert await another.look() == 1
    (entry,) = await house.entries()
    assert (entry.outcome, entry.why) == ("done", "at once")
    assert await pending(house) == []


async def test_what_was_noted_first_is_told_before_what_is_asked_later(house):
    witness = witness_on(house.tables, house.clock)
    note = witness.note(an_entry(house.clock, why="first"))
    await write_with(house, note)
    witness.settle(note)
    async with witness.of(an_entry(house.clock, why="second")):
        pass
    assert [entry.why for entry in await house.entries()] == ["first", "second"]


def kept_of(row):
    return Kept(**dict(zip(Kept.__struct_fields__, row, strict=True)))


async def test_many_notes_are_linked_by_few_statements_and_the_chain_holds(house):
    witness = witness_on(house.tables, house.clock)
    notes = [witness.note(an_entry(house.clock, after={"number": number})) for number in range(250)]
    await house.store.commit(msgspec.structs.replace(started(), notes=notes))
    for note in notes:
        witness.settle(note)
    await witness.settled()
    assert [entry.after["number"] for entry in await house.entries()] == list(range(250))
    kept = await house.tables.all(
        f"select {COLUMNS} from audit order by seq",
        (),
        lambda row: Kept(**dict(zip(Kept.__struct_fields__, row, strict=True))),
    )
    before = BEGINNING
    for seq, each in enumerate(kept, 1):
        before = hash_of(before, seq, each.digest)
        assert (each.seq, each.hash) == (seq, before)
