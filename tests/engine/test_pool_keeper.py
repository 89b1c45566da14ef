"""What one process does about pools that it shares: it says what others must know, and uses only what is surely its own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from functools import partial

import pytest

from auraos.engine import pooling
from auraos.engine.allotments import Ledger, Ledgers, Share
from auraos.engine.owning import Owner
from auraos.engine.pooling import PoolKeeper
from auraos.engine.ports import StoreUnavailableError
from auraos.engine.slots import UNTIMED, Slots


class Rows:
    """Ledgers in memory, and a hand on what becomes of a write."""

    def __init__(self) -> None:
        self.pools: dict[str, Ledger] = {}
        self.owners = {"me", "other"}
        self.now = 100.0
        self.is_away = False
        self.is_slow = False
        """The next write waits again."""
        self.writes = 0
        self.hints = 0
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.writing = asyncio.Event()
        self.heard: Callable[[], None] = lambda: None
        self.is_closed = False

    def shares(self) -> Mapping[str, Share]:
        return self.pools["erp"].shares if "erp" in self.pools else {}

    def put(self, token: str, share: Share) -> None:
        """Let another process write its share, and give a hint."""
        version = self.pools["erp"].version if "erp" in self.pools else 0
        self.pools["erp"] = Ledger({**self.shares(), token: share}, version + 1)
        self.heard()

    async def read(self, pools: Collection[str]) -> Ledgers:
        if self.is_away:
            raise StoreUnavailableError("The store is away.")
        return Ledgers(
            {pool: self.pools.get(pool, Ledger({}, 0)) for pool in pools}, set(self.owners), self.now
        )

    async def write(self, pool: str, version: int, shares: Mapping[str, Share], *, hint: bool) -> bool:
        self.writing.set()
        await self.may_write.wait()
        self.writing.clear()
        if self.pools.get(pool, Ledger({}, 0)).version != version:
            return False
        self.pools[pool] = Ledger(dict(shares), version + 1)
        self.writes += 1
        if self.is_slow:
            self.may_write.clear()
        self.hints += hint
        return True

    async def listen(self, heard: Callable[[], None]) -> None:
        if self.is_away:
            raise StoreUnavailableError("The store is away.")
        self.heard = heard

    async def close(self) -> None:
        self.is_closed = True


class Desk:
    """Steps that want units, in place of an engine."""

    def __init__(self, limit: int = 3) -> None:
        self.slots = Slots(50, {"erp": limit})
        self.running: list[str] = []
        self._count = 0

    def want(self, line: str = "erp", longest: float | None = 60) -> None:
        self._count += 1
        self.slots.cover(line, longest)
        if self.slots.take(line):
            self.running.append(line)
        elif self.slots.wait("r", f"a{self._count}", line, 5):
            self.fill()

    def fill(self) -> None:
        while (found := self.slots.next()) is not None:
            self.running.append(found[1])

    def end(self) -> None:
        self.slots.give_back(self.running.pop())
        self.fill()


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody look at ledgers but when something happens."""
    monkeypatch.setattr(pooling, "SHORT_TICK", 60)
    monkeypatch.setattr(pooling, "TICK", 60)


@pytest.fixture
async def keeper(rows: Rows, desk: Desk) -> AsyncIterator[PoolKeeper]:
    made = keeper_of(rows, desk)
    made.begin()
    yield made
    rows.may_write.set()
    await made.leave()


def keeper_of(rows: Rows, desk: Desk) -> PoolKeeper:
    return PoolKeeper(rows, desk, Owner(token="me", host="h", process=1, boot="b"), is_alive=lambda _: True)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 (the keeper tells nobody)
            await asyncio.sleep(0.005)


def mine(rows: Rows) -> Share:
    return rows.shares().get("me", Share(most=0))


async def test_nothing_begins_before_it_is_allotted_and_then_all_that_is_free(
    rows: Rows, desk: Desk, keeper: PoolKeeper
) -> None:
    rows.may_write.clear()
    for _ in range(4):
        desk.want()
    await until(rows.writing.is_set)
    assert desk.running == []
    rows.may_write.set()
    await until(lambda: len(desk.running) == 3)
    assert (mine(rows).units, mine(rows).first) == (3, 1)


async def test_before_it_is_an_owner_it_says_nothing(rows: Rows, desk: Desk) -> None:
    rows.owners.remove("me")
    keeper = keeper_of(rows, desk)
    keeper.begin()
    desk.want()
    await asyncio.sleep(4 * pooling.SOON)
    assert rows.writes == 0
    rows.owners.add("me")
    await until(lambda: desk.running)
    await keeper.leave()


async def test_what_comes_while_it_writes_is_said_next(
    rows: Rows, desk: Desk, patient: None, keeper: PoolKeeper
) -> None:
    rows.put("other", other(units=1, demand=1))
    rows.may_write.clear()
    desk.want()
    await until(rows.writing.is_set)
    desk.want()
    desk.want()
    rows.may_write.set()
    await until(lambda: mine(rows).demand == 3)
    assert len(desk.running) == 2


async def test_it_hears_of_others_however_often_steps_begin_and_end_here(
    rows: Rows, desk: Desk, keeper: PoolKeeper
) -> None:
    for _ in range(5):
        desk.want()
    await until(lambda: len(desk.running) == 3)
    version = rows.pools["erp"].version
    rows.pools["erp"] = Ledger(
        {**rows.shares(), "other": other(demand=3, first=1, since=200)}, version + 1
    )  # and no hint
    async with asyncio.timeout(5):
        while mine(rows).units != 2:
            desk.end()
            desk.want()
            await asyncio.sleep(0.001)
    assert len(desk.running) <= 2


async def test_what_is_not_used_is_given_back_at_once_when_another_one_waits(
    rows: Rows, desk: Desk, patient: None, keeper: PoolKeeper
) -> None:
    for _ in range(3):
        desk.want()
    await until(lambda: len(desk.running) == 3)
    rows.put("other", other(demand=3, first=1, since=200))
    await until(lambda: desk.slots.allotted("erp") == 1)
    assert mine(rows).units == 3
    for _ in range(3):
        desk.end()
        await until(lambda: mine(rows).units == len(desk.running))


async def test_what_it_is_about_to_give_back_it_does_not_use(
    rows: Rows, desk: Desk, keeper: PoolKeeper
) -> None:
    desk.want()
    await until(lambda: desk.running)
    rows.may_write.clear()
    rows.put("other", other(demand=3, first=1, since=1))
    await until(rows.writing.is_set)
    desk.want()
    desk.want()
    assert len(desk.running) == 1
    rows.may_write.set()
    await until(lambda: mine(rows).units == 1)
    assert len(desk.running) == 1


async def test_who_may_use_all_writes_nothing_however_much_goes_on(
    rows: Rows, desk: Desk, keeper: PoolKeeper
) -> None:
    desk.want()
    await until(lambda: desk.running)
    before = rows.writes
    for _ in range(200):
        desk.end()
        desk.want()
        await asyncio.sleep(0)
    await asyncio.sleep(5 * pooling.PAUSE)
    assert rows.writes <= before + 1


@pytest.mark.parametrize(("longest", "told"), [(90.5, 91), (None, UNTIMED)])
async def test_nothing_begins_before_others_know_how_long_it_may_last(
    rows: Rows, desk: Desk, keeper: PoolKeeper, longest: float | None, told: int
) -> None:
    desk.want()
    await until(lambda: desk.running)
    assert mine(rows).longest == 60
    rows.may_write.clear()
    desk.want(longest=longest)
    await until(rows.writing.is_set)
    assert len(desk.running) == 1
    rows.may_write.set()
    await until(lambda: len(desk.running) == 2)
    assert mine(rows).longest == told


async def test_what_may_last_longer_and_comes_while_it_writes_waits_for_the_next_write(
    rows: Rows, desk: Desk, keeper: PoolKeeper
) -> None:
    rows.may_write.clear()
    desk.want()
    await until(rows.writing.is_set)
    desk.want(longest=90)
    rows.is_slow = True
    rows.may_write.set()
    await until(lambda: rows.writes and rows.writing.is_set())
    assert desk.running == []
    rows.is_slow = False
    rows.may_write.set()
    await until(lambda: len(desk.running) == 2)
    assert mine(rows).longest == 90


async def test_while_the_store_is_away_it_goes_on_with_what_it_has(
    rows: Rows, desk: Desk, keeper: PoolKeeper
) -> None:
    rows.put("other", other(units=1, demand=1))
    for _ in range(2):
        desk.want()
    await until(lambda: len(desk.running) == 2)
    rows.is_away = True
    desk.want()
    desk.end()
    assert len(desk.running) == 2
    rows.is_away = False
    rows.put("other", other())
    desk.want()
    await until(lambda: len(desk.running) == 3)


async def test_under_another_token_it_goes_on_holding_what_it_holds(
    rows: Rows, desk: Desk, keeper: PoolKeeper
) -> None:
    for _ in range(2):
        desk.want()
    await until(lambda: len(desk.running) == 2)
    rows.owners.remove("me")
    keeper.renew("me again")
    desk.want()
    assert len(desk.running) == 2
    rows.owners.add("me again")
    await until(lambda: set(rows.shares()) == {"me again"})
    assert rows.shares()["me again"].units == 3
    await until(lambda: len(desk.running) == 3)


async def test_who_retires_gives_back_what_is_not_held_and_who_leaves_the_rest(
    rows: Rows, desk: Desk, keeper: PoolKeeper
) -> None:
    desk.want()
    await until(lambda: desk.running)
    desk.slots.is_open = False
    keeper.retire()
    await until(lambda: mine(rows).units == 1)
    await keeper.leave()
    assert rows.shares() == {}
    assert rows.is_closed


async def test_limits_that_differ_and_processes_without_one_are_warned_of_once(
    rows: Rows, desk: Desk, keeper: PoolKeeper, caplog: pytest.LogCaptureFixture
) -> None:
    await until(lambda: "me" in rows.shares())
    for step in (1, 20, 20):
        rows.now += step
        before = rows.writes
        rows.put("stranger", Share(most=2, host="h", process=9, demand=step))
        rows.owners |= {"stranger"}
        desk.want()
        await until(partial(_has_written, rows, before))
    assert desk.slots.limit("erp") == 2
    assert caplog.messages.count("pools.differ") == 1
    assert caplog.messages.count("pools.unknown_elsewhere") == 1


def _has_written(rows: Rows, before: int) -> bool:
    return rows.writes > before


def other(**said: float) -> Share:
    return Share(**{"most": 3, "host": "h", "process": 2, "boot": "b", **said})  # type: ignore[arg-type]
