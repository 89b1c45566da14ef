"""How often keys are used, on both databases: counted in memory, written down together, and added up over processes."""

import asyncio

from auraos.core.errors import OperationalError
from auraos.security.identity.key_uses import DAY, KeyUsage, KeyUses
from auraos.storage.tables.key_uses import KeyUseTables
from houses import Clock


async def rows(store):
    return await store.tables.all(
        "select key, day, requests, refused from key_uses order by key, day", (), tuple
    )


async def test_processes_add_up_and_each_sees_what_it_counted_at_once(store):
    clock, tables = Clock(), KeyUseTables(store.tables)
    one, other = (KeyUses(tables, clock.now) for _ in range(2))
    for uses in (one, other):
        for _ in range(3):
            uses.count("a")
        uses.count("a", refused=True)
        uses.count("b")
    assert await rows(store) == []
    assert (await one.of(["a"]))["a"] == KeyUsage(today=4, refused_today=1, days_30=4, refused_days_30=1)
    await asyncio.gather(one.write(), other.write())
    today = clock.now() // DAY
    assert [tuple(row) for row in await rows(store)] == [("a", today, 8, 2), ("b", today, 2, 0)]
    one.count("a")
    found = await one.of(["a", "b", "c"])
    assert (found["a"].today, found["b"].today, found["c"]) == (9, 2, KeyUsage())
    assert (await other.of(["a"]))["a"].today == 8


async def test_thirty_days_are_told_and_older_ones_forgotten(store):
    clock = Clock()
    uses = KeyUses(KeyUseTables(store.tables), clock.now)
    for _ in range(40):
        uses.count("a")
        await uses.write()
        clock.sleep(24 * 3600)
    assert (await uses.of(["a"]))["a"] == KeyUsage(today=0, days_30=29)
    uses.count("a", refused=True)
    assert (await uses.of(["a"]))["a"] == KeyUsage(today=1, refused_today=1, days_30=30, refused_days_30=1)
    await uses.write()
    assert len(await rows(store)) == 31


async def test_what_the_store_does_not_take_is_written_with_the_next(store):
    class Away(KeyUseTables):
        is_away = True

        async def add_uses(self, uses, forget):
            if self.is_away:
                raise OperationalError("The disk is full.")
            await super().add_uses(uses, forget)

    clock, tables = Clock(), Away(store.tables)
    uses = KeyUses(tables, clock.now)
    uses.count("a")
    await uses.write()
    uses.count("a", refused=True)
    tables.is_away = False
    uses.start()
    await uses.close()
    assert [tuple(row)[2:] for row in await rows(store)] == [(2, 1)]


async def test_there_is_one_write_for_many_requests(store):
    clock, written = Clock(), []

    class Noted(KeyUseTables):
        async def add_uses(self, uses, forget):
            written.append(len(uses))
            await super().add_uses(uses, forget)

    uses = KeyUses(Noted(store.tables), clock.now)
    for number in range(5000):
        uses.count(f"key-{number % 3}")
    await uses.write()
    await uses.write()
    assert written == [3]
