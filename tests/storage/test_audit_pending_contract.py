"""What is written down before it is done, on both databases, and within the walls of a workspace (S51)."""

import asyncio

import pytest

from audit_trails import an_entry
from auraos.app.audit.witness import Witness
from auraos.engine.clock import SystemClock
from auraos.security.access.walls import within
from auraos.security.audit.parts import parts_of
from auraos.security.audit.store import Filter
from auraos.storage.tables.audit import AuditTables
from auraos.storage.tables.audit_pending import Pending, PendingEntries
from auraos.storage.tables.statement import NotAsExpectedError
from stores import AnyStore


@pytest.fixture
def kept(store: AnyStore) -> PendingEntries:
    return PendingEntries(store.tables)


def a_line(number: str, at: int, *, is_known: bool = False, **more: object) -> Pending:
    return Pending(number, parts_of(an_entry(at, **more)), is_known)


async def outcomes(store: AnyStore) -> list[tuple[str, str]]:
    found = await AuditTables(store.tables).oldest(Filter(), after=0, limit=1000)
    return [(kept.workspace, kept.outcome) for kept in found]


async def test_an_entry_takes_the_place_of_what_was_written_down(kept, store):
    first, second = a_line("1", 1), a_line("2", 2, outcome="failed")
    await kept.write([first, second], [])
    assert [each.id for each in await kept.left(5, 5, 10)] == ["1", "2"]
    assert [each.id for each in await kept.left(1, 1, 10)] == ["1"]
    assert await outcomes(store) == []
    await kept.write([a_line("3", 3, is_known=True)], [second])
    assert [each.id for each in await kept.left(1, 5, 10)] == ["1", "3"]
    assert await outcomes(store) == [("default", "failed")]


async def test_of_two_who_tell_what_came_of_it_one_does(kept, store):
    one = a_line("1", 1)
    await kept.write([one], [])
    await kept.write([], [one])
    with pytest.raises(NotAsExpectedError):
        await kept.write([], [one])
    assert len(await outcomes(store)) == 1


async def test_those_who_ask_in_several_workspaces_at_once_share_writes(store):
    """S01: a write for many belongs to no workspace, whoever of them came first."""
    witness = Witness(store.tables, now=lambda: 1, new_id=SystemClock().new_id)

    async def ask(workspace: str) -> None:
        with within(workspace):
            async with witness.of(an_entry(1, workspace=workspace)):
                await asyncio.sleep(0)

    await asyncio.gather(*(ask(f"w{number}") for number in range(30)))
    await witness.close()
    assert sorted(await outcomes(store)) == sorted((f"w{number}", "done") for number in range(30))
