"""Snapshots of long runs: a cache that changes nothing but the time it takes to read a run."""

import sqlite3
from collections.abc import Callable

import pytest
from engine_house import House, flow

from auraos.engine.ports import SNAPSHOT_FROM

LONG = flow(
    'pages: {type: while, with: {condition: "{{ last.n < 700 }}", limit: 990},'
    ' steps: {page: {type: test.write, with: {n: "{{ index + 1 }}"}}}}\n'
    "paid: {type: wait.signal, with: {name: paid}}\n"
    'end: {type: test.write, with: {n: "{{ steps.pages.n }}", by: "{{ steps.paid.data }}"}}',
    links="pages -> paid, paid -> end",
    extra='  output: "{{ steps.end }}"',
)


def nothing(_: sqlite3.Connection) -> None:
    """Leave everything as it is."""


def delete(database: sqlite3.Connection) -> None:
    database.execute("delete from snapshots")


def spoil(database: sqlite3.Connection) -> None:
    database.execute("update snapshots set state=x'00ff'")


def age(database: sqlite3.Connection) -> None:
    database.execute("update snapshots set stamp='of another release'")


@pytest.mark.parametrize("change", [nothing, delete, spoil, age])
async def test_a_long_run_goes_on_alike_whatever_became_of_its_snapshots(
    house: House, change: Callable[[sqlite3.Connection], None]
) -> None:
    run = await house.start(LONG)
    await house.engine.drive_until_idle()
    (stored,) = await house.store.read([run])
    assert stored.snapshot is not None
    assert stored.snapshot.seq > SNAPSHOT_FROM
    assert sum(batch.count for batch in stored.journal) < stored.snapshot.seq
    await house.crash()
    database = sqlite3.connect(house.path / "auraos.db")
    with database:
        change(database)
    database.close()
    house.steps.calls.clear()
    await house.open()
    await house.engine.signal(run, "paid", data="cash")
    ended = await house.engine.wait(run)
    assert (ended.state, ended.output) == ("succeeded", {"n": 700, "by": "cash"})
    assert [path for path, _ in house.steps.calls] == ["end"]
    (over,) = await house.store.read([run])
    assert over.snapshot is None
