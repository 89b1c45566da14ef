"""`auraos serve` on a PostgreSQL that crashes (R06, R39), answers late (R38), is out of reach (R14) or full (R40)."""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from checker import check, hash_input, read_database
from load import AWAY, Load
from proxy import Proxy
from served import Caller, Served, until
from witness_process import WitnessProcess
from workflows import chain, post, put, version_of

from auraos.core.errors import AuraError
from auraos.engine.ports import Version
from postgres_server import PostgresServer, migrated, postgres_programs

SHARDS = 256
SLOW = pytest.mark.slow


def two_effects(place: str) -> Version:
    steps = {"a": put(place, "a/{{ input.n }}"), "b": post(place, "b/{{ input.n }}")}
    return version_of("two", steps, chain("a", "b"))


def through(proxy: Proxy, url: str) -> str:
    """Return the address of the same database by way of the proxy."""
    database = url.partition("@/")[2].partition("?")[0]
    return f"postgresql://postgres@127.0.0.1:{proxy.port}/{database}?sslmode=disable"


@pytest.fixture
def serving(tmp_path: Path, outside: WitnessProcess) -> Iterator[Callable[[str], Served]]:
    """Return what starts a process on a database; all of them share a folder."""
    made: list[Served] = []

    def serve(url: str) -> Served:
        server = Served(tmp_path, "--database", url, "--allow-net", outside.place)
        server.log = tmp_path / f"serve-{len(made)}.log"
        made.append(server)
        return server.start()

    yield serve
    for server in made:
        if server.process is not None and server.process.poll() is None:
            os.kill(server.pid, signal.SIGCONT)
        server.kill()


@pytest.fixture
def frail() -> Iterator[PostgresServer]:
    """Return a server of this test's own, which it may crash."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    server = PostgresServer(programs)
    yield server
    server.remove()


@pytest.fixture
async def proxies(postgres: PostgresServer) -> AsyncIterator[tuple[Proxy, Proxy]]:
    async with Proxy(postgres.socket) as one, Proxy(postgres.socket) as other:
        yield one, other


async def wait_for_shards(server: Served, count: int, seconds: float = 60) -> None:
    """Return once a process leads so many shards, within one."""
    async with Caller(server, patient=AWAY) as caller, asyncio.timeout(seconds):
        while abs((await caller.ask(lambda client: client.status())).load.shards - count) > 1:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def fenced(server: Served) -> int:
    return server.log.read_text().count("ownership.fenced")


async def play_crashes(
    server: Served, frail: PostgresServer, outside: WitnessProcess, pauses: list[float]
) -> tuple[Load, Caller]:
    """Crash the database after each of these pauses, under load; return what was told."""
    async with Caller(server, patient=AWAY) as caller, Load([caller], two_effects(outside.place)) as load:
        for pause in pauses:
            await asyncio.sleep(pause)
            await load.until_ended(20)
            await asyncio.to_thread(frail.stop, "immediate")
            await asyncio.sleep(pause / 4)
            await asyncio.to_thread(frail.start)
        await load.until_ended(20)
    return load, caller


@pytest.mark.parametrize(
    "pauses",
    [[0.2] * 5, pytest.param([random.Random(1).uniform(5, 40) for _ in range(12)], marks=SLOW)],
    ids=["five times at once", "every 5 to 40 seconds"],
)
async def test_when_the_database_crashes_again_and_again_under_load_every_run_ends_once(
    serving: Callable[[str], Served], frail: PostgresServer, outside: WitnessProcess, pauses: list[float]
) -> None:
    url = frail.url(await asyncio.to_thread(migrated, frail))
    server = await asyncio.to_thread(serving, url)
    load, caller = await play_crashes(server, frail, outside, pauses)
    refused = caller.refusals["store-unavailable"] + caller.refusals["read-failed"]
    assert refused >= len(pauses), "the fault happened"
    assert (await asyncio.to_thread(server.stop), server.starts) == (0, 1), "the same process went on"
    assert set(load.ends) == {"succeeded"}
    assert check(await read_database(url, server.data), acknowledged=load.told, ledger=outside.ledger()) == []


async def test_replies_of_the_database_that_are_lost_under_load_lose_and_repeat_nothing(
    serving: Callable[[str], Served], postgres_url: str, proxies: tuple[Proxy, Proxy], outside: WitnessProcess
) -> None:
    proxy, _ = proxies
    server = await asyncio.to_thread(serving, through(proxy, postgres_url))
    async with Caller(server, patient=AWAY) as caller, Load([caller], two_effects(outside.place)) as load:
        for number in range(12):
            await load.until_ended(5)
            proxy.swallow_next_reply() if number % 2 else proxy.lose_next_request()
            while proxy.swallowed + proxy.lost <= number:  # noqa: ASYNC110 (the proxy tells nobody)
                await asyncio.sleep(0.01)
    assert (proxy.swallowed, proxy.lost) == (6, 6)
    assert (await asyncio.to_thread(server.stop), server.starts) == (0, 1)
    assert set(load.ends) == {"succeeded"}
    assert (
        check(await read_database(postgres_url, server.data), acknowledged=load.told, ledger=outside.ledger())
        == []
    )


@pytest.mark.parametrize(
    ("latency", "seconds"), [(0.2, 6), pytest.param(0.2, 30, marks=SLOW), pytest.param(5.0, 30, marks=SLOW)]
)
async def test_a_slow_database_makes_everything_late_and_nothing_wrong(
    serving: Callable[[str], Served],
    postgres_url: str,
    proxies: tuple[Proxy, Proxy],
    outside: WitnessProcess,
    latency: float,
    seconds: float,
) -> None:
    servers = [await asyncio.to_thread(serving, through(proxy, postgres_url)) for proxy in proxies]
    for server in servers:
        await wait_for_shards(server, SHARDS // 2)
    callers = [Caller(server, patient=AWAY) for server in servers]
    async with Load(callers, two_effects(outside.place)) as load:
        await load.until_ended(20)
        for proxy in proxies:
            proxy.latency = latency
        await asyncio.sleep(seconds)
        for proxy in proxies:
            proxy.latency = 0.0
        await load.until_ended(40)
    for caller in callers:
        await caller.close()
    lost = [fenced(server) for server in servers]
    assert [await asyncio.to_thread(server.stop) for server in servers] == [0, 0]
    assert min(proxy.delayed for proxy in proxies) > seconds / latency, "the fault happened"
    assert max(lost) <= (0 if latency < 1 else seconds / 6), "no storm of lost leases"
    assert latency < 1 or all(caller.refusals["store-busy"] for caller in callers), "it held back"
    assert set(load.ends) == {"succeeded"}
    assert (
        check(await read_database(postgres_url, server.data), acknowledged=load.told, ledger=outside.ledger())
        == []
    )


def part(server: Served, proxy: Proxy) -> Callable[[], None]:
    proxy.part()
    return proxy.join


def stop(server: Served, proxy: Proxy) -> Callable[[], None]:
    os.kill(server.pid, signal.SIGSTOP)
    return lambda: os.kill(server.pid, signal.SIGCONT)


@pytest.mark.parametrize(
    "injure", [part, pytest.param(stop, marks=SLOW)], ids=["out of reach", "standing still"]
)
async def test_a_process_that_is_parted_from_the_database_writes_nothing_after_the_other_took_over(
    serving: Callable[[str], Served],
    postgres_url: str,
    proxies: tuple[Proxy, Proxy],
    outside: WitnessProcess,
    injure: Callable[[Served, Proxy], Callable[[], None]],
) -> None:
    outside.behave(b="hold")
    version = two_effects(outside.place)
    servers = [await asyncio.to_thread(serving, through(proxy, postgres_url)) for proxy in proxies]
    for server in servers:
        await wait_for_shards(server, SHARDS // 2)
    parted, other = servers
    runs = [f"run-{number}" for number in range(60)]
    callers = [Caller(server, patient=AWAY) for server in servers]
    for number, run in enumerate(runs):
        await callers[number % 2].ask(
            lambda client, n=number, one=run: client.start(version, input={"n": n}, run=one)
        )
    assert await asyncio.to_thread(outside.wait_for, 60, "b") == 60, (
        "all are in the midst of what may not be repeated"
    )
    heal = injure(parted, proxies[0])
    await asyncio.to_thread(outside.release)
    if injure is part:
        red = await asyncio.to_thread(until, lambda: parted.health()[0] == 503, 10)
        asking = asyncio.create_task(
            callers[0].ask(lambda client: client.start(version, input={"n": 60}), once=True)
        )
    ends = await asyncio.gather(*(callers[1].ask(lambda client, one=run: client.wait(one)) for run in runs))
    before = await facts_of_all(postgres_url, runs)
    heal()
    await wait_for_shards(parted, SHARDS // 2)
    if injure is part:
        assert red
        with pytest.raises(AuraError, match=r"PostgreSQL failed|taken over|behind"):
            await asking
    after = await facts_of_all(postgres_url, runs)
    late = await callers[0].ask(lambda client: client.start(version, input={"n": 61}, run="late"))
    assert (await callers[0].ask(lambda client: client.wait(late))).state == "succeeded"
    for caller in callers:
        await caller.close()
    assert (fenced(parted), fenced(other)) == (1, 0)
    assert [await asyncio.to_thread(server.stop) for server in servers] == [0, 0]
    assert (before, {end.state for end in ends}) == (after, {"succeeded"}), "it wrote something after all"
    assert set(Counter(e.name for e in outside.ledger() if e.name.startswith("b/")).values()) == {1}
    told = {run: hash_input({"n": number}) for number, run in enumerate(runs)}
    assert (
        check(await read_database(postgres_url, server.data), acknowledged=told, ledger=outside.ledger())
        == []
    )


async def facts_of_all(url: str, runs: list[str]) -> int:
    """Return how many facts these runs have."""
    connection = await asyncpg.connect(url)
    try:
        return int(
            await connection.fetchval("select sum(count) from journal where run = any($1::text[])", runs)
        )
    finally:
        await connection.close()


CUT_OFF = (
    "select pg_terminate_backend(pid) from pg_stat_activity"
    " where application_name like 'auraos%' and datname = current_database()"
)


async def test_without_a_free_connection_starts_are_refused_and_it_goes_on_by_itself(
    serving: Callable[[str], Served], postgres_url: str, outside: WitnessProcess
) -> None:
    version = two_effects(outside.place)
    server = await asyncio.to_thread(serving, postgres_url)
    looker = await asyncpg.connect(postgres_url)
    taken = [looker]
    async with Caller(server, patient=AWAY) as caller:
        assert await caller.ask(lambda client: client.start(version, input={"n": 1}, run="run-1")) == "run-1"
        full = False
        while not full:
            try:
                taken.append(await asyncpg.connect(postgres_url))
            except asyncpg.TooManyConnectionsError:
                full = not await looker.fetch(CUT_OFF)
        with pytest.raises(AuraError, match="too many clients"):
            await caller.ask(lambda client: client.start(version, input={"n": 2}, run="run-2"), once=True)
        assert (await asyncio.to_thread(server.health))[0] == 503
        for connection in taken:
            await connection.close()
        await asyncio.to_thread(until, lambda: server.health()[0] == 200)
        assert await caller.ask(lambda client: client.start(version, input={"n": 2}, run="run-2")) == "run-2"
        for run in ("run-1", "run-2"):
            assert (await caller.ask(lambda client, one=run: client.wait(one))).state == "succeeded"
    assert await asyncio.to_thread(server.stop) == 0
    assert check(await read_database(postgres_url, server.data), ledger=outside.ledger()) == []
