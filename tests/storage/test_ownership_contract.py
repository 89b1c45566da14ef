"""Who owns which shards: taken at once by one taker only, never from an owner that lives, and no commit after a takeover."""

import asyncio
import threading
from collections.abc import AsyncIterator, Collection

import asyncpg
import pytest

from auraos.engine.owning import Owner, Standing
from auraos.engine.ports import ALL_SHARDS, FencedError, RunQuery
from auraos.storage.postgres import PostgresStore, ownership
from auraos.storage.postgres.address import Address
from auraos.storage.postgres.ownership import PostgresOwnership
from postgres_server import until_waiting
from rows_for_tests import started, write

LEASE = 5.0


class Town:
    """Several owners of one database, and a hand on its clock."""

    def __init__(self, url: str, connection: asyncpg.Connection) -> None:
        self.url = url
        self.sql = connection
        self._opened: list[PostgresOwnership | PostgresStore] = []

    def ownership(self) -> PostgresOwnership:
        ownership = PostgresOwnership(Address(self.url))
        self._opened.append(ownership)
        return ownership

    async def owner(self, token: str, shards: Collection[int] = ()) -> PostgresOwnership:
        ownership = self.ownership()
        await ownership.join(Owner(token=token, host="h", process=7, boot="b"))
        taken = await ownership.take(token, shards, lease=LEASE)
        assert taken == sorted(shards)
        return ownership

    async def store(self, token: str) -> PostgresStore:
        store = await PostgresStore.open(self.url, token=token)
        self._opened.append(store)
        return store

    async def silence(self, token: str, seconds: float) -> None:
        """Let an owner have been silent for so long."""
        await self.sql.execute(
            "update heartbeats set beat_at = clock_timestamp() - make_interval(secs => $2) where token = $1",
            token,
            seconds,
        )

    async def holders(self) -> dict[int, str]:
        rows = await self.sql.fetch("select shard, token from shards where token is not null")
        return {row[0]: row[1] for row in rows}

    async def close(self) -> None:
        for each in self._opened:
            await each.close()
        await self.sql.close()


@pytest.fixture
async def town(postgres_url: str) -> AsyncIterator[Town]:
    opened = Town(postgres_url, await asyncpg.connect(postgres_url))
    yield opened
    await opened.close()


async def test_a_beat_tells_who_lives_and_who_owns_what(town: Town) -> None:
    first = await town.owner("a", {1, 2})
    await town.owner("b", {3})
    await town.silence("b", 60)
    standing = await first.beat("a")
    assert set(standing.owners.values()) == {
        Owner(token="a", host="h", process=7, boot="b"),
        Owner(token="b", host="h", process=7, boot="b"),
    }
    assert standing.shards == {1: "a", 2: "a", 3: "b"}
    assert 59 < standing.silence["b"] < 120
    assert standing.silence["a"] < 30


async def test_a_living_owner_is_not_robbed(town: Town) -> None:
    await town.owner("a", {1, 2})
    second = await town.owner("b")
    assert await second.take("b", {1, 2, 3}, lease=LEASE) == [3]
    assert await town.holders() == {1: "a", 2: "a", 3: "b"}


async def test_a_silent_owner_loses_its_row_and_all_its_shards(town: Town) -> None:
    first = await town.owner("a", {1, 2, 3})
    second = await town.owner("b")
    await town.silence("a", LEASE + 1)
    assert await second.take("b", {1, 2}, lease=LEASE) == [1, 2]
    assert await town.holders() == {1: "b", 2: "b"}
    with pytest.raises(FencedError):
        await first.beat("a")
    with pytest.raises(FencedError):
        await first.take("a", {3}, lease=LEASE)


async def test_an_owner_that_is_named_as_void_is_not_waited_for(town: Town) -> None:
    await town.owner("a", {1, 2})
    second = await town.owner("b")
    assert await second.take("b", {1, 2}, lease=3600, void=["a"]) == [1, 2]


async def test_an_owner_that_beats_while_it_is_looked_at_is_not_robbed(town: Town) -> None:
    await town.owner("a", {1})
    second = await town.owner("b")
    await town.silence("a", LEASE + 1)
    looker = await asyncpg.connect(town.url)
    async with town.sql.transaction():
        await town.sql.execute("update heartbeats set beat_at = clock_timestamp() where token = 'a'")
        taking = asyncio.create_task(second.take("b", {1}, lease=LEASE))
        await until_waiting(looker, "for update")
    await looker.close()
    assert await taking == []
    assert await town.holders() == {1: "a"}


async def test_no_shard_is_taken_by_two_who_take_at_once(town: Town) -> None:
    tokens = [f"t{number}" for number in range(6)]
    takers = {token: await town.owner(token) for token in tokens}
    for _ in range(5):
        await town.sql.execute("update shards set token = null")
        taken = await asyncio.gather(
            *(takers[token].take(token, ALL_SHARDS, lease=LEASE) for token in tokens)
        )
        assert sorted(shard for shards in taken for shard in shards) == sorted(ALL_SHARDS)
        assert sum(1 for shards in taken if shards) == 1


async def test_takers_of_a_dead_owner_share_out_what_it_had(town: Town) -> None:
    await town.owner("dead", ALL_SHARDS)
    takers = {token: await town.owner(token) for token in ("a", "b", "c")}
    await town.silence("dead", LEASE + 1)
    wishes = {"a": range(120), "b": range(80, 200), "c": range(160, 256)}
    taken = await asyncio.gather(
        *(takers[token].take(token, set(wish), lease=LEASE) for token, wish in wishes.items())
    )
    assert sorted(shard for shards in taken for shard in shards) == sorted(ALL_SHARDS)


async def test_shards_are_handed_over_or_set_free(town: Town) -> None:
    first = await town.owner("a", {1, 2, 3})
    await town.owner("b", {9})
    await first.hand_over("a", {1, 9}, "b")
    await first.hand_over("a", {2})
    assert await town.holders() == {1: "b", 3: "a", 9: "b"}
    await first.hand_over("a", {3}, "gone")
    assert await town.holders() == {1: "b", 9: "b"}


async def test_who_leaves_owns_nothing_and_writes_nothing_more(town: Town) -> None:
    first = await town.owner("a", {1, 2})
    store = await town.store("a")
    await store.commit(started())
    await first.leave("a")
    assert await town.holders() == {}
    with pytest.raises(FencedError):
        await store.commit(started("r2", 2))


async def test_taking_again_tells_what_is_owned_already(town: Town) -> None:
    first = await town.owner("a", {1, 2})
    assert await first.take("a", {1, 2, 3}, lease=LEASE) == [1, 2, 3]


async def test_it_is_used_from_a_thread_with_a_loop_of_its_own(town: Town) -> None:
    seen: list[Standing] = []

    async def live() -> None:
        ownership = PostgresOwnership(Address(town.url))
        await ownership.join(Owner(token="a"))
        await ownership.take("a", {5}, lease=LEASE)
        seen.append(await ownership.beat("a"))
        await ownership.close()

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    await asyncio.to_thread(thread.join)
    assert seen[0].shards == {5: "a"}


async def test_a_lost_connection_is_opened_again(town: Town) -> None:
    first = await town.owner("a", {1})
    await town.sql.fetch(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name like 'auraos owner%'"
    )
    assert (await first.beat("a")).shards == {1: "a"}


async def test_a_process_that_stops_amid_a_takeover_does_not_hold_up_the_next_one(town: Town) -> None:
    first, second = await town.owner("a"), await town.owner("b")
    stopped = first._connection
    assert stopped is not None
    await stopped.execute("begin")
    await stopped.execute(ownership._LOCK)
    assert await second.take("b", {1}, lease=LEASE) == [1]
    assert await first.take("a", {2}, lease=LEASE) == [2]


async def test_a_takeover_waits_for_the_commit_that_came_first(town: Town) -> None:
    await town.owner("a", ALL_SHARDS)
    second = await town.owner("b")
    store = await town.store("a")
    await store.commit(started())
    blocking = town.sql.transaction()
    await blocking.start()
    await town.sql.execute("insert into journal values('r1', 2, 1, 'default', '')")
    looker = await asyncpg.connect(town.url)
    commit = store.commit(write(seq=2, count=1, facts=b"first"))
    await until_waiting(looker, "insert into journal")
    taking = asyncio.create_task(second.take("b", ALL_SHARDS, lease=LEASE, void=["a"]))
    await until_waiting(looker, "delete from owners")
    assert not taking.done()
    await blocking.rollback()
    await commit
    assert len(await taking) == len(ALL_SHARDS)
    assert [batch.facts for batch in await store.journal("r1")] == [b"{}", b"first"]
    await looker.close()


async def test_a_commit_that_comes_during_a_takeover_writes_nothing(town: Town) -> None:
    await town.owner("a", ALL_SHARDS)
    store = await town.store("a")
    await store.commit(started())
    looker = await asyncpg.connect(town.url)
    async with town.sql.transaction():
        await town.sql.execute("delete from owners where token = 'a'")
        late = [store.commit(write(seq=2, count=1, facts=b"late")), store.commit(started("r2", 2))]
        await until_waiting(looker, "fence")
    outcomes = await asyncio.gather(*late, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [FencedError, FencedError]
    assert [batch.facts for batch in await store.journal("r1")] == [b"{}"]
    assert [found.run for found in await store.runs(RunQuery())] == ["r1"]
    await looker.close()
