"""One database that all processes of a simulated world share: tables and queries of the real store, in memory.

What travels to it takes time, may fail on the way there or back, and is carried out whole or not at all. Writing is guarded by
the row of the writer, as on PostgreSQL: where that is gone, nothing is written.
"""

import math
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from auraos.engine.allotments import Ledger, Ledgers, Share
from auraos.engine.owning import Owner, Standing
from auraos.engine.ports import (
    ALL_SHARDS,
    FencedError,
    GateRow,
    RequestRow,
    RunRow,
    StoreUnavailableError,
    Timer,
    Told,
    Write,
    WriteRefusedError,
)
from auraos.storage import rows
from auraos.storage.batching import Waiting, commit_one, cut, part_runs, tell
from auraos.storage.migrations.on_sqlite import upgrade
from auraos.storage.reads import ReadFailedError, Reads
from auraos.storage.sqlite.handover import prepare
from auraos.storage.sqlite.rows import write_rows
from auraos.storage.sqlite.writer import REFUSALS
from simulation.simulated_loop import SimulatedLoop, settle

T = TypeVar("T")
Outcomes = Sequence[BaseException | None] | None
NUMBERS_AT_ONCE = 10


class Weather(Protocol):
    """What may happen on the way to the database and back."""

    seconds: float

    def later(self, action: Callable[[], None]) -> None: ...

    def fate_of_commit(self, writes: Sequence[Write]) -> str:
        """Return what becomes of a commit: written, failed, unheard of, or the one write that is refused."""
        ...

    def fate_of_query(self) -> str:
        """Return what becomes of something else that is asked of the database: done, failed, unheard of."""
        ...

    def removed(self, token: str) -> None:
        """Hear that an owner is fenced, or has left."""
        ...

    def written(self, token: str, writes: Sequence[Write]) -> None:
        """Hear what has just become durable, and who wrote it."""
        ...


class Database:
    """Tables, owners and shards. Everything here happens at once, in the order in which it arrives."""

    def __init__(self, weather: Weather) -> None:
        self.weather = weather
        self.owners: dict[str, Owner] = {}
        self.beats: dict[str, float] = {}
        self.shards: dict[int, str] = {}
        self.pools: dict[str, Ledger] = {}
        self.pool_hints: list[Callable[[], None]] = []
        self._counters: dict[str, int] = {}
        self._lines = 0
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.deserialize(_empty_tables())
        prepare(self._connection)

    def close(self) -> None:
        self._connection.close()

    def query(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, parameters).fetchall()

    def take_numbers(self, workspace: str) -> range:
        first = self._counters.get(workspace, 1)
        self._counters[workspace] = first + NUMBERS_AT_ONCE
        return range(first, first + NUMBERS_AT_ONCE)

    def stands(self, token: str) -> bool:
        """Return whether whoever writes under this token is an owner still."""
        return token in self.owners

    def write(self, token: str, writes: Sequence[Write], guilty: Write | None = None) -> Outcomes:
        """Write a batch; what the database refuses for what it says is left out alone."""
        if not self.stands(token):
            return [FencedError("Another process has taken over what this one owned.")] * len(writes)
        connection = self._connection
        connection.execute("begin")
        try:
            if guilty is not None:
                raise ValueError
            write_rows(connection, writes, self._next_line)
        except REFUSALS:
            connection.execute("rollback")
            return self._write_apart(token, writes, guilty)
        connection.execute("commit")
        self.weather.written(token, writes)
        return None

    def _write_apart(self, token: str, writes: Sequence[Write], guilty: Write | None) -> Outcomes:
        outcomes: list[BaseException | None] = []
        for write in writes:
            self._connection.execute("begin")
            try:
                if write is guilty:
                    raise ValueError("it does not like it")
                write_rows(self._connection, [write], self._next_line)
            except REFUSALS as error:
                self._connection.execute("rollback")
                outcomes.append(WriteRefusedError(f"The store refused a write of run {write.run}: {error}."))
            else:
                self._connection.execute("commit")
                self.weather.written(token, [write])
                outcomes.append(None)
        return outcomes

    def _next_line(self) -> int:
        self._lines += 1
        return self._lines

    # --- owners ---

    def claim(self, token: str) -> None:
        """Let one process own everything, as the lock of a data folder does."""
        self.owners = {token: Owner(token=token)}
        self.shards = dict.fromkeys(ALL_SHARDS, token)

    def join(self, owner: Owner) -> None:
        self.owners.setdefault(owner.token, owner)
        self.beats[owner.token] = self.weather.seconds

    def beat(self, token: str) -> Standing:
        if token not in self.beats:
            raise FencedError("Another process has taken over what this one owned.")
        now = self.beats[token] = self.weather.seconds
        silence = {each: now - at for each, at in self.beats.items()}
        return Standing(owners=dict(self.owners), silence=silence, shards=dict(self.shards))

    def take(self, token: str, shards: Collection[int], lease: float, void: Collection[str]) -> list[int]:
        if token not in self.owners:
            raise FencedError("Another process has taken over what this one owned.")
        now = self.weather.seconds
        for each, beat in list(self.beats.items()):
            if each != token and (each in void or now - beat > lease):
                self.remove(each)
        free = [shard for shard in shards if self.shards.get(shard, token) == token]
        self.shards.update(dict.fromkeys(free, token))
        return sorted(free)

    def hand_over(self, token: str, shards: Collection[int], to: str) -> None:
        for shard in shards:
            if self.shards.get(shard) == token:
                del self.shards[shard]
                if to in self.owners:
                    self.shards[shard] = to

    def read_pools(self, pools: Collection[str]) -> Ledgers:
        known = {pool: self.pools.get(pool, Ledger({})) for pool in pools}
        return Ledgers(known, frozenset(self.owners), self.weather.seconds)

    def write_pool(self, pool: str, version: int, shares: Mapping[str, Share]) -> bool:
        if self.pools.get(pool, Ledger({})).version != version:
            return False
        self.pools[pool] = Ledger(dict(shares), version + 1)
        return True

    def remove(self, token: str) -> None:
        self.owners.pop(token, None)
        self.beats.pop(token, None)
        self.weather.removed(token)
        self.shards = {shard: owner for shard, owner in self.shards.items() if owner != token}


@lru_cache(maxsize=1)
def _empty_tables() -> bytes:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    upgrade(connection)
    made = connection.serialize()
    connection.close()
    return made


class Way:
    """The way from one loop to the database and back, for everything but commits."""

    def __init__(self, database: Database, loop: SimulatedLoop) -> None:
        self._database = database
        self._loop = loop

    async def ask(self, work: Callable[[], T]) -> T:
        """Return what the database makes of it; raise `ReadFailedError` when it fails, or when nobody knows."""
        weather = self._database.weather
        answer = self._loop.create_future()

        def arrive() -> None:
            fate = weather.fate_of_query()
            result, error = None, None
            try:
                if fate != "failed":
                    result = work()
            except Exception as raised:  # noqa: BLE001 (whatever it is, the caller is to have it)
                error = raised
            if fate != "done":
                result, error = None, ReadFailedError("The database could not be reached.")
            weather.later(lambda: self._loop.call_soon(settle, answer, result, error) and None)

        weather.later(arrive)
        return await answer  # type: ignore[no-any-return]


class SimulatedReader:
    """Carries out the queries of one process."""

    def __init__(self, database: Database, loop: SimulatedLoop) -> None:
        self._database = database
        self._way = Way(database, loop)

    async def all(self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], T]) -> list[T]:
        found = await self._way.ask(lambda: self._database.query(sql, parameters))
        return [make(row) for row in found]

    async def one(
        self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], T]
    ) -> T | None:
        found = await self.all(sql, parameters, make)
        return found[0] if found else None


class SimulatedStore(Reads):
    """The store of one process: real rows and queries, and a writer that sends one batch after the other."""

    def __init__(self, database: Database, loop: SimulatedLoop, token: str) -> None:
        self.token = token
        self.database = database
        self._loop = loop
        self._reader = SimulatedReader(database, loop)
        self._way = Way(database, loop)
        self._waiting: list[Waiting] = []
        self._is_sending = False
        self._rests: list[Any] = []

    # --- writing ---

    @property
    def pace(self) -> float:
        return math.inf

    def submit(self, writes: Sequence[Write], told: Told) -> None:
        self._waiting.append(Waiting(writes, told))
        self._begin()

    def commit(self, write: Write) -> Any:
        return commit_one(self.submit, write)

    async def renew(self, token: str) -> None:
        """Write under another token from now on; what waits is told that it is fenced."""
        self.token = ""
        if self._is_sending:
            rest = self._loop.create_future()
            self._rests.append(rest)
            await rest
        self.token = token

    async def close(self) -> None:
        if self._is_sending:
            rest = self._loop.create_future()
            self._rests.append(rest)
            await rest

    def _begin(self) -> None:
        if self._is_sending or not self._waiting:
            return
        self._is_sending = True
        self._loop.call_soon(self._send)

    def _send(self) -> None:
        taken, self._waiting = self._waiting, []
        batch, rest = cut(taken)
        batch, later = part_runs(batch)
        self._waiting = [*later, *rest, *self._waiting]
        writes = [write for each in batch for write in each.writes]
        token = self.token
        self.database.weather.later(lambda: self._arrive(token, batch, writes))

    def _arrive(self, token: str, batch: list[Waiting], writes: list[Write]) -> None:
        fate = self.database.weather.fate_of_commit(writes)
        outcomes: Outcomes = [StoreUnavailableError("The connection broke off.")] * len(writes)
        if fate != "failed":
            guilty = next((write for write in writes if write.run == fate), None)
            done = self.database.write(token, writes, guilty)
            if fate != "unheard of":
                outcomes = done
        self.database.weather.later(lambda: self._loop.call_soon(self._sent, batch, outcomes) and None)

    def _sent(self, batch: list[Waiting], outcomes: Outcomes) -> None:
        self._is_sending = False
        tell(batch, outcomes)
        self._begin()
        if not self._is_sending:
            rests, self._rests = self._rests, []
            for each in rests:
                settle(each, None, None)

    # --- reading what belongs to shards ---

    async def awake(self, shards: Collection[int], *, after: str = "", limit: int = 1000) -> list[RunRow]:
        sql = f"{rows.SELECT_RUNS} where finished_at is null and not asleep and {_in(shards)} and id > ? order by id limit ?"
        return await self._reader.all(sql, (after, limit), rows.run_row)

    async def timers(self, until: int, shards: Collection[int], *, limit: int = 10_000) -> list[Timer]:
        sql = (
            f"select run, path, timer, due from timers where {_in(shards)} and due <= ? order by due limit ?"
        )
        return await self._reader.all(sql, (until, limit), rows.timer)

    async def requests(self, shards: Collection[int], *, limit: int = 10_000) -> list[RequestRow]:
        sql = f"select id, run, kind, body, shard from requests where refusal is null and {_in(shards)} order by id limit ?"
        return await self._reader.all(sql, (limit,), rows.request)

    async def gates(
        self, shards: Collection[int], *, after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> list[GateRow]:
        sql = f"{rows.SELECT_GATES} where g.{_in(shards)} and {rows.AFTER_GATE}"
        return await self._reader.all(sql, (*after, limit), rows.gate_row)

    async def numbers(self, workspace: str) -> range:
        return await self._way.ask(lambda: self.database.take_numbers(workspace))


def _in(shards: Collection[int]) -> str:
    return _words(frozenset(shards))


@lru_cache(maxsize=64)
def _words(shards: frozenset[int]) -> str:
    if len(shards) == len(ALL_SHARDS):
        return "shard >= 0"
    return f"shard in ({','.join(map(str, sorted(shards)))})"


class SimulatedOwnership:
    """The rows of owners, asked from the loop of a keeper."""

    def __init__(self, database: Database, loop: SimulatedLoop) -> None:
        self._database = database
        self._way = Way(database, loop)

    async def join(self, owner: Owner) -> None:
        await self._way.ask(lambda: self._database.join(owner))

    async def beat(self, token: str) -> Standing:
        return await self._way.ask(lambda: self._database.beat(token))

    async def take(
        self, token: str, shards: Collection[int], *, lease: float, void: Collection[str] = ()
    ) -> list[int]:
        return await self._way.ask(lambda: self._database.take(token, shards, lease, void))

    async def hand_over(self, token: str, shards: Collection[int], to: str = "") -> None:
        await self._way.ask(lambda: self._database.hand_over(token, shards, to))

    async def leave(self, token: str) -> None:
        await self._way.ask(lambda: self._database.remove(token))

    async def close(self) -> None:
        pass


class SimulatedAllotments:
    """The ledgers of pools, asked from the loop of an engine."""

    def __init__(self, database: Database, loop: SimulatedLoop) -> None:
        self._database = database
        self._loop = loop
        self._way = Way(database, loop)

    async def read(self, pools: Collection[str]) -> Ledgers:
        return await self._way.ask(lambda: self._database.read_pools(pools))

    async def write(self, pool: str, version: int, shares: Mapping[str, Share], *, hint: bool) -> bool:
        done = await self._way.ask(lambda: self._database.write_pool(pool, version, shares))
        for heard in self._database.pool_hints if hint else ():
            self._database.weather.later(heard)
        return done

    async def listen(self, heard: Callable[[], None]) -> None:
        self._database.pool_hints.append(lambda: self._loop.call_soon(heard) and None)

    async def close(self) -> None:
        pass
