"""What becomes of writes when the way to PostgreSQL, or the server itself, fails: what was told as durable is there, and
what was told as lost was either written wholly or not at all, and never comes to light later.
"""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from proxy import Proxy

from auraos.core.errors import OperationalError
from auraos.engine.ports import StoreUnavailableError, Write
from auraos.storage.postgres import PostgresStore, writer
from auraos.storage.reads import ReadFailedError
from postgres_server import PostgresServer, until_waiting
from rows_for_tests import started, write
from stores import own_all


@pytest.fixture
async def proxy(postgres: PostgresServer) -> AsyncIterator[Proxy]:
    async with Proxy(postgres.socket) as opened:
        yield opened


@pytest.fixture
async def store(proxy: Proxy, postgres_url: str) -> AsyncIterator[PostgresStore]:
    """Return a store whose every connection goes through the proxy, with a run in it."""
    database = postgres_url.partition("@/")[2].partition("?")[0]
    opened = await PostgresStore.open(
        f"postgresql://postgres@127.0.0.1:{proxy.port}/{database}?sslmode=disable"
    )
    await own_all(opened)
    await opened.commit(started())
    yield opened
    proxy.refuses = False
    await opened.close()


async def facts(store: PostgresStore, run: str = "r1") -> list[bytes]:
    return [batch.facts for batch in await store.journal(run)]


async def until_written(store: PostgresStore) -> None:
    """Ask again and again until the store takes a write, as the engine does."""
    async with asyncio.timeout(60):
        while True:
            try:
                await store.commit(Write(workspace="default", run="probe", seq=0))
            except StoreUnavailableError:
                continue
            return


async def test_a_commit_whose_reply_was_cut_off_is_told_as_unknown_and_was_made(
    proxy: Proxy, store: PostgresStore
) -> None:
    await store.commit(write(seq=2, count=1, facts=b"seen"))  # the statement is known to the server now
    proxy.swallow_next_reply()
    with pytest.raises(StoreUnavailableError, match="PostgreSQL failed"):
        await store.commit(write(seq=3, count=1, facts=b"in the dark"))
    assert proxy.swallowed == 1
    await until_written(store)
    assert await facts(store) == [b"{}", b"seen", b"in the dark"]


async def test_a_commit_that_never_arrived_is_told_as_unknown_and_was_not_made(
    proxy: Proxy, store: PostgresStore
) -> None:
    proxy.lose_next_request()
    with pytest.raises(StoreUnavailableError):
        await store.commit(write(seq=2, count=1, facts=b"lost"))
    assert proxy.lost == 1
    await until_written(store)
    assert await facts(store) == [b"{}"]
    await store.commit(write(seq=2, count=1, facts=b"again"))
    assert await facts(store) == [b"{}", b"again"]


async def test_what_a_lost_connection_had_under_way_never_comes_to_light(
    proxy: Proxy, store: PostgresStore, postgres_url: str
) -> None:
    """The commit hangs in the server while its connection is cut: it is ended before anything new is written."""
    outside = await asyncpg.connect(postgres_url)
    looker = await asyncpg.connect(postgres_url)
    blocking = outside.transaction()
    await blocking.start()
    await outside.execute("insert into journal values('r1', 2, 1, 'default', '')")
    commit = store.commit(write(seq=2, count=1, facts=b"late"))
    await until_waiting(looker, "insert into journal")
    proxy.cut()
    with pytest.raises(StoreUnavailableError):
        await commit
    await until_written(store)
    await blocking.rollback()
    await store.commit(write(seq=2, count=1, facts=b"new"))
    assert await facts(store) == [b"{}", b"new"]
    await outside.close()
    await looker.close()


async def test_an_answer_that_does_not_come_is_not_awaited_for_ever(
    store: PostgresStore, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "ANSWER_TIMEOUT", 0.3)
    outside = await asyncpg.connect(postgres_url)
    async with outside.transaction():
        await outside.execute("lock table journal in exclusive mode")
        with pytest.raises(StoreUnavailableError):
            await store.commit(write(seq=2, count=1, facts=b"late"))
    await until_written(store)
    assert await facts(store) == [b"{}"]
    await outside.close()


async def test_while_nobody_answers_writes_are_refused_soon_and_it_goes_on_by_itself(
    proxy: Proxy, store: PostgresStore
) -> None:
    proxy.refuses = True
    proxy.cut()
    for _ in range(3):
        with pytest.raises(StoreUnavailableError):
            await asyncio.wait_for(store.commit(write(seq=2, count=1, facts=b"x")), 20)
        with pytest.raises(ReadFailedError):
            await store.find("r1")
    proxy.refuses = False
    await until_written(store)
    assert await facts(store) == [b"{}"]


async def test_a_slow_way_to_the_server_makes_writes_late_and_nothing_else(
    proxy: Proxy, store: PostgresStore
) -> None:
    proxy.latency = 0.2
    before = store.commits
    await asyncio.gather(*(store.commit(started(f"slow{number}", number + 10)) for number in range(200)))
    assert 1 <= store.commits - before <= 5
    assert len(await store.journal("slow199")) == 1


async def test_reads_go_on_after_their_connections_were_cut(proxy: Proxy, store: PostgresStore) -> None:
    assert await facts(store) == [b"{}"]
    proxy.cut()
    assert await facts(store) == [b"{}"]


async def test_what_was_acknowledged_survives_crashes_of_the_server(
    postgres: PostgresServer, postgres_url: str
) -> None:
    store = await PostgresStore.open(postgres_url)
    await own_all(store)
    acknowledged: dict[str, int] = {}
    stopping = asyncio.Event()
    progress = asyncio.Semaphore(0)
    failed = 0

    async def write_a_run(number: int) -> None:
        nonlocal failed
        run, seq = f"run{number}", 0
        while not stopping.is_set():
            batch = started(run, number + 1) if seq == 0 else write(run, seq + 1, count=1, facts=b"%d" % seq)
            try:
                await store.commit(batch)
            except StoreUnavailableError:
                failed += 1
                await until_written(store)
                seq = len(await read_again(store, run))
            else:
                seq += 1
                acknowledged[run] = seq
                progress.release()

    writers = [asyncio.create_task(write_a_run(number)) for number in range(20)]
    for _ in range(2):
        for _ in range(100):
            await progress.acquire()
        await asyncio.to_thread(postgres.stop, "immediate")
        await asyncio.to_thread(postgres.start)
    await until_written(store)
    stopping.set()
    await asyncio.gather(*writers)
    assert failed >= 20
    for run, seq in acknowledged.items():
        journal = await store.journal(run)
        assert [batch.seq for batch in journal] == list(range(1, len(journal) + 1))
        assert len(journal) >= seq
    await store.close()


async def read_again(store: PostgresStore, run: str) -> list[bytes]:
    while True:
        try:
            return await facts(store, run)
        except OperationalError:
            await asyncio.sleep(0.05)
