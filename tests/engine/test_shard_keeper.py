"""The thread that keeps the shards of a process: it joins, shares, hands over in order, and begins anew when fenced."""

import asyncio
import os
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Collection

import pytest

from auraos.engine import ownership
from auraos.engine.ownership import ShardKeeper, is_alive
from auraos.engine.owning import Owner, Standing
from auraos.engine.ports import ALL_SHARDS, FencedError, StoreUnavailableError

LEASE = 0.3


class Rows:
    """The rows of owners in memory, with time that the test moves."""

    def __init__(self) -> None:
        self.owners: dict[str, Owner] = {}
        self.shards: dict[int, str] = {}
        self.silence: dict[str, float] = {}
        self.is_away = False
        self.loses_answers = False
        self.done: list[str] = []
        self._lock = threading.Lock()

    def _reach(self) -> None:
        if self.is_away:
            raise StoreUnavailableError("The store is away.")

    async def join(self, owner: Owner) -> None:
        self._reach()
        self.owners[owner.token] = owner
        self.done.append("join")

    async def beat(self, token: str) -> Standing:
        self._reach()
        if token not in self.owners:
            raise FencedError("gone")
        silence = dict.fromkeys(self.owners, 0.0) | self.silence
        return Standing(owners=dict(self.owners), silence=silence, shards=dict(self.shards))

    async def take(
        self, token: str, shards: Collection[int], *, lease: float, void: Collection[str] = ()
    ) -> list[int]:
        dead = [each for each in self.owners if each in void or self.silence.get(each, 0.0) > lease]
        self.void(dead)
        taken = [shard for shard in shards if shard not in self.shards]
        self.shards |= dict.fromkeys(taken, token)
        return taken

    async def hand_over(self, token: str, shards: Collection[int], to: str = "") -> None:
        for shard in shards:
            assert self.shards.pop(shard) == token
            if to:
                self.shards[shard] = to
        self.done.append("hand over")
        if self.loses_answers:
            raise StoreUnavailableError("The answer was lost.")

    async def leave(self, token: str) -> None:
        self.void([token])
        self.done.append("leave")

    async def close(self) -> None:
        self.done.append("close")

    def void(self, tokens: Collection[str]) -> None:
        for token in tokens:
            self.owners.pop(token, None)
        self.shards = {shard: token for shard, token in self.shards.items() if token not in tokens}

    def held(self, token: str) -> int:
        return list(self.shards.values()).count(token)


class Engine:
    """Whoever works with the shards: it notes what it is told."""

    def __init__(self) -> None:
        self.own: frozenset[int] = frozenset()
        self.told: list[str] = []
        self.tokens = ["first"]
        self.sticky: frozenset[int] = frozenset()

    def take_up(self, shards: frozenset[int]) -> None:
        self.own |= shards
        self.told.append("take up")

    async def let_go(self, count: int) -> frozenset[int]:
        going = frozenset(sorted(self.own - self.sticky)[:count])
        self.own -= going
        self.told.append("let go")
        return going

    def lose_all(self) -> None:
        self.own = frozenset()
        self.told.append("lose all")

    def be_sure_until(self, moment: float) -> None:
        self.sure_until = moment

    def begin_anew(self) -> None:
        self.told.append("begin anew")

    async def renew(self, token: str) -> None:
        self.tokens.append(token)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 (a thread of its own changes it)
            await asyncio.sleep(0.01)


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
async def keeper(rows: Rows, engine: Engine) -> AsyncIterator[ShardKeeper]:
    made = ShardKeeper(rows, engine, engine.renew, token="first", lease=LEASE)
    await made.start()
    yield made
    await made.leave()


async def test_alone_it_owns_all_when_it_has_started(rows: Rows, engine: Engine, keeper: ShardKeeper) -> None:
    assert engine.own == ALL_SHARDS
    assert rows.held("first") == 256


async def test_leaving_sets_all_free(rows: Rows, keeper: ShardKeeper) -> None:
    await keeper.leave()
    assert rows.shards == {}
    assert rows.owners == {}
    assert rows.done[-2:] == ["leave", "close"]


async def test_a_newcomer_is_given_its_share_after_the_engine_let_go(
    rows: Rows, engine: Engine, keeper: ShardKeeper
) -> None:
    await rows.join(Owner(token="newcomer"))
    await until(lambda: rows.held("newcomer") == 128)
    assert len(engine.own) == 128
    assert engine.own == {shard for shard, token in rows.shards.items() if token == "first"}


async def test_a_shard_that_the_engine_keeps_stays_until_it_lets_go(
    rows: Rows, engine: Engine, keeper: ShardKeeper
) -> None:
    engine.sticky = frozenset(range(200))
    await rows.join(Owner(token="newcomer"))
    await until(lambda: rows.held("newcomer") == 56)
    engine.sticky = frozenset()
    await until(lambda: rows.held("newcomer") == 128)


async def test_what_a_silent_owner_held_is_taken(rows: Rows, engine: Engine, keeper: ShardKeeper) -> None:
    await rows.join(Owner(token="other"))
    await until(lambda: rows.held("other") == 128)
    rows.silence["other"] = 2 * LEASE
    await until(lambda: len(engine.own) == 256)
    assert rows.held("first") == 256


async def test_when_its_row_is_gone_it_loses_all_and_begins_anew_under_another_token(
    rows: Rows, engine: Engine, keeper: ShardKeeper
) -> None:
    rows.void(["first"])
    await until(lambda: engine.told[-3:] == ["lose all", "begin anew", "take up"])
    assert engine.own == ALL_SHARDS
    assert len(engine.tokens) == 2
    assert rows.held(engine.tokens[1]) == 256


async def test_when_a_commit_was_fenced_it_begins_anew_at_once(
    rows: Rows, engine: Engine, keeper: ShardKeeper
) -> None:
    keeper.fenced()
    await until(lambda: len(engine.tokens) == 2 and engine.own == ALL_SHARDS)
    assert rows.owners.keys() == {engine.tokens[1]}


async def test_when_nobody_knows_whether_shards_were_handed_over_it_begins_anew(
    rows: Rows, engine: Engine, keeper: ShardKeeper
) -> None:
    rows.loses_answers = True
    await rows.join(Owner(token="newcomer"))
    await until(lambda: len(engine.tokens) > 1)
    rows.loses_answers = False
    await until(lambda: rows.held(engine.tokens[-1]) == 128 == rows.held("newcomer"))


async def test_after_the_store_was_away_others_are_not_robbed_at_once(
    rows: Rows, engine: Engine, keeper: ShardKeeper
) -> None:
    await rows.join(Owner(token="other"))
    await until(lambda: rows.held("other") == 128)
    rows.is_away = True
    await asyncio.sleep(2 * LEASE)
    rows.silence["other"] = 2 * LEASE  # it was cut off for as long
    rows.is_away = False
    await asyncio.sleep(LEASE / 4)
    rows.silence["other"] = 0.0
    await asyncio.sleep(2 * LEASE)
    assert rows.held("other") == 128


async def test_while_the_engine_stands_still_it_says_nothing_of_living(
    rows: Rows, engine: Engine, keeper: ShardKeeper, caplog: pytest.LogCaptureFixture
) -> None:
    import time

    beats = 0
    beat = rows.beat

    async def counted(token: str) -> Standing:
        nonlocal beats
        beats += 1
        return await beat(token)

    rows.beat = counted  # type: ignore[method-assign]  # the fake counts
    time.sleep(LEASE)  # noqa: ASYNC251 (the loop is to stand still)
    in_a_lease = beats
    await until(lambda: beats > in_a_lease)
    assert in_a_lease <= ownership.BEATS * ownership.STUCK + 1
    assert "ownership.stuck" in caplog.messages


async def test_who_retires_hands_everything_over(rows: Rows, engine: Engine, keeper: ShardKeeper) -> None:
    await rows.join(Owner(token="other"))
    await until(lambda: rows.held("other") == 128)
    keeper.retire()
    await until(lambda: rows.held("other") == 256)
    assert engine.own == frozenset()


def test_a_process_that_ended_is_not_alive_even_before_anybody_fetched_its_exit() -> None:
    ended = subprocess.Popen(["true"])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(ended.pid)
    ended.wait()
    assert not is_alive(ended.pid)
    assert is_alive(os.getpid())
