"""Quotas on both databases: no more than there may be, however many ask in the same moment."""

import asyncio

import pytest

from auraos.app.runs.quotas import DAY, RunQuotas, Usage
from auraos.security.access.quotas import QuotaFullError, TooManyRunsError
from auraos.security.access.rows import OwnRole, Workspace
from auraos.security.row_store import Add, AtMost
from auraos.storage.tables.identity import identity_tables
from kept_definitions import ANN, definitions_over, workflow


def most(workspace: str, what: str) -> int:
    return {"one": 3}.get(workspace, 0)


class Time:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = 20_000 * DAY

    def __call__(self) -> int:
        return self.time


async def test_definitions_made_in_the_same_moment_do_not_go_beyond(store):
    definitions = definitions_over(store, most=most)
    identity = identity_tables(store.tables)
    await add_workspaces(identity)
    made = await asyncio.gather(
        *(definitions.create(ANN, "one", workflow(f"w{each}")) for each in range(8)), return_exceptions=True
    )
    refused = [each for each in made if isinstance(each, Exception)]
    assert len(refused) == 5
    assert {type(each) for each in refused} == {QuotaFullError}
    for each in range(5):
        await definitions.create(ANN, "two", workflow(f"w{each}"))


async def add_workspaces(identity) -> None:
    for name in ("one", "two"):
        assert await identity.save([Add(Workspace(name=name, created_at=1))]) is None


async def test_rows_added_in_the_same_moment_do_not_go_beyond(store):
    identity = identity_tables(store.tables)
    await add_workspaces(identity)
    failed = await asyncio.gather(
        *(
            identity.save(
                [
                    Add(OwnRole(workspace="one", name=f"r{each}", actions=("runs.read",))),
                    AtMost(OwnRole, "one", 2),
                ]
            )
            for each in range(6)
        )
    )
    assert [each for each in failed if each is None] == [None, None]
    assert {type(each) for each in failed if each is not None} == {AtMost}
    assert len(await identity.all(OwnRole)) == 2


async def test_the_runs_of_a_day_are_counted_by_all_processes_together(store):
    now = Time()
    processes = [
        RunQuotas(store.tables, lambda _, what: 250 if what == "runs_a_day" else 0, now) for _ in range(3)
    ]

    async def begin(process: RunQuotas) -> int:
        begun = 0
        for _ in range(120):
            try:
                await process.take("one")
            except TooManyRunsError:
                return begun
            begun += 1
        return begun

    begun = await asyncio.gather(*(begin(process) for process in processes))
    assert 246 <= sum(begun) <= 250
    now.time += DAY
    assert await begin(processes[0]) == 120


async def test_no_more_runs_are_under_way_than_may_be(store):
    now = Time()
    quotas = RunQuotas(store.tables, lambda _, what: 2 if what == "running_runs" else 0, now)
    await quotas.take("one")
    await quotas.take("one")
    with pytest.raises(TooManyRunsError):
        await quotas.take("one")
    await quotas.take("two")
    now.time += 1_000_000
    await quotas.take("one")  # none of them is under way after all


async def test_a_workspace_is_measured(store, tmp_path):
    definitions = definitions_over(store)
    await definitions.create(ANN, "one", workflow())
    folder = tmp_path / "blobs" / "one" / "run"
    folder.mkdir(parents=True)
    (folder / "file").write_bytes(b"x" * 1000)
    usage = Usage(store.tables, tmp_path / "blobs", most, Time())
    await usage.measure("one")
    used = await usage.of("one")
    assert used.bytes == 1000 + len(workflow())
    assert (used.definitions, used.secrets, used.running_runs, used.runs_a_day) == (1, 0, 0, 0)
    await usage.close()
