"""`PoolKeeper`: it keeps what one process may use of pools that several processes share, and how much that is.

The slots know a limit that changes, and nothing else: a step that begins or ends asks nobody. What this process may no longer
use it stops using before it says so, and what it is given it uses only once that is durable; so all processes together never
use more than there is.
"""

import asyncio
import logging
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

import msgspec

from auraos.core.errors import OperationalError
from auraos.engine.allotments import Allotments, Exchange, Ledgers, Said, Share, Speaker, exchange
from auraos.engine.owning import Owner
from auraos.engine.sharing import IsAlive
from auraos.engine.slots import Slots, Wanting

log = logging.getLogger("auraos.engine")

SLICE = 0.5
"""For so many seconds a process that got what it waited for stays before others who wait."""
TICK = 2.0
"""So often, in seconds, a process looks at the ledgers when nothing happens."""
SHORT_TICK = 0.25
"""So often while somebody waits."""
PAUSE = 0.02
"""Between two looks there is at least this time: what is free for a moment only is no more than that."""
SOON = 0.05
AWAY = 0.5
PATIENCE = 10.0
"""For so many seconds a process may be without a pool that others have before that is told."""
MOST_TRIES = 20


class Desk(Protocol):
    """Whoever gives slots to steps."""

    @property
    def slots(self) -> Slots: ...

    def fill(self) -> None:
        """Give free slots to whoever's turn it is."""
        ...


class Claim:
    """Since when it is the turn of the first in a line; that lasts for a slice after it got what it waited for."""

    __slots__ = ("first", "served", "since")

    def __init__(self, first: int, since: float) -> None:
        self.first = first
        self.since = since
        self.served = 0.0

    def look(self, first: int, now: float) -> None:
        """Hear who is first now."""
        if first != self.first and not self.served:
            self.served = now
        self.first = first
        if self.served and now - self.served >= SLICE:
            self.since, self.served = now, 0.0


class PoolKeeper:
    """Keeps the allotments of one process, on the loop of its engine. `begin` it before steps may begin."""

    def __init__(
        self,
        rows: Allotments,
        desk: Desk,
        me: Owner,
        *,
        is_alive: IsAlive,
    ) -> None:
        self._rows = rows
        self._desk = desk
        self._slots = desk.slots
        self._me = me
        self._is_alive = is_alive
        self._pools = {
            pool: told.limit for pool, told in self._slots.pools().items() if pool and told.limit is not None
        }
        self._claims: dict[str, Claim] = {}
        self._said: dict[str, tuple[object, ...]] = {}
        self._owing: set[str] = set()
        self._contested: set[str] = set()
        self._differs = Warned("pools.differ")
        self._is_unknown = Warned("pools.unknown_elsewhere")
        self._is_leaving = False
        self._stirred = asyncio.Event()
        self._listens = False
        self._due = 0.0
        """When to look again, also when there is nothing to say."""
        self._now = time.monotonic
        self._task: asyncio.Task[None] | None = None

    @property
    def has_any(self) -> bool:
        """Return whether there is a pool to keep."""
        return bool(self._pools)

    def begin(self) -> None:
        """Use nothing of the pools until it is allotted, and see to that from now on."""
        self._slots.share(self._stirred.set)
        self._task = asyncio.create_task(self._work(), name="pool-keeper")

    def renew(self, token: str) -> None:
        """Go by another token, for this process was fenced; what it still holds it goes on holding."""
        self._me = msgspec.structs.replace(self._me, token=token)
        for pool, most in self._pools.items():
            self._slots.allot(pool, 0, limit=most)
        self._hear()

    def retire(self) -> None:
        """Give back what is not held, for this process is about to leave."""
        self._is_leaving = True
        self._hear()

    async def leave(self) -> None:
        """Give all back: nothing is under way any more."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        try:
            await self._take_out()
        except OperationalError as error:
            log.info("pools.away", extra={"reason": str(error)})
        await self._rows.close()

    # --- inside ---

    def _hear(self) -> None:
        self._due = 0.0
        self._stirred.set()

    async def _work(self) -> None:
        while True:
            try:
                if not self._listens:
                    await self._rows.listen(self._hear)
                    self._listens = True
                await self._look()
            except OperationalError as error:
                log.info("pools.away", extra={"reason": str(error)})
                self._listens, self._due = False, 0.0
                await asyncio.sleep(AWAY)
            except Exception:
                log.exception("pools.broke")
                await asyncio.sleep(AWAY)
            await asyncio.sleep(PAUSE)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, self._due - self._now())):
                    await self._stirred.wait()

    async def _look(self) -> None:
        """Speak of every pool, if there is something to say or it is time to hear of others."""
        self._stirred.clear()
        if self._now() < self._due and not self._has_news():
            return
        self._due = self._now() + TICK
        ledgers = await self._rows.read(self._pools)
        if (
            self._me.token not in ledgers.owners
        ):  # it has not joined yet, or was fenced and does not know it yet
            self._due = self._now() + SOON
            return
        gained = [await self._speak(pool, ledgers) for pool in self._pools]
        self._slots.watch(self._contested | self._owing)
        if self._contested:
            self._due = min(self._due, self._now() + SHORT_TICK)
        if any(gained):
            self._desk.fill()

    async def _speak(self, pool: str, ledgers: Ledgers) -> bool:
        """Say what this process holds and wants of a pool; return whether it may use more of it than before."""
        token = self._me.token
        for _ in range(MOST_TRIES):
            ledger = ledgers.pools[pool]
            lines = self._slots.wanting()
            self._note_turns(lines, ledgers.now)
            said = self._say(pool, lines)
            done = exchange(
                ledger.shares, self._speaker(pool), said,
                owners=ledgers.owners, now=ledgers.now, is_alive=self._is_alive,
            )  # fmt: skip
            before, others = self._slots.allotted(pool), done.elsewhere
            self._slots.allot(pool, min(before, done.allowed), limit=done.limit, elsewhere=others)
            if done.shares == ledger.shares or await self._rows.write(
                pool, ledger.version, done.shares, hint=done.hint
            ):
                if token != self._me.token:  # it was fenced meanwhile, and may use nothing of it
                    break
                if self._slots.longest(pool) <= said.longest:  # else it says so first
                    self._slots.allot(pool, done.allowed, limit=done.limit, elsewhere=others)
                self._note(pool, said, done, ledgers)
                return done.allowed > before
            ledgers = await self._rows.read([pool])
            if token != self._me.token:
                break
        self._due = 0.0
        return False

    def _note(self, pool: str, said: Said, done: Exchange, ledgers: Ledgers) -> None:
        """Keep in mind what was said, and say what an operator should know."""
        mine = done.shares[self._me.token]
        _note_in(self._contested, pool, done.is_contested)
        _note_in(self._owing, pool, mine.units > done.allowed)
        self._said[pool] = self._news(pool, said)
        self._differs.look(
            pool, done.limit < mine.most, ledgers.now, 0.0,
            hint="Another process was started with less of this pool, which holds for all.",
            given=mine.most, holds=done.limit,
        )  # fmt: skip
        self._is_unknown.look(
            pool, not done.shares.keys() >= set(ledgers.owners), ledgers.now, PATIENCE,
            hint="Another process was started without this pool, and has no limit of it.",
        )  # fmt: skip

    def _has_news(self) -> bool:
        lines = self._slots.wanting()
        return any(self._news(pool, self._say(pool, lines)) != self._said.get(pool) for pool in self._pools)

    def _news(self, pool: str, said: Said) -> tuple[object, ...]:
        """Return what others would want to know: of one who could use all it makes no difference how much more."""
        demand = min(self._slots.limit(pool), said.held + said.wanted)
        return demand, said.first, said.level, said.longest, said.held if pool in self._owing else 0

    def _say(self, pool: str, lines: Sequence[Wanting]) -> Said:
        held, longest = self._slots.held(pool), self._slots.longest(pool)
        wanted, firsts = 0, []
        for line in lines:
            for name, units in line.demand:
                if name == pool:
                    wanted += units * line.waiting
                    claim = self._claims.get(line.line)
                    firsts.append((-line.level, claim.since if claim is not None else math.inf, units))
        if not firsts:
            return Said(held, longest=longest)
        level, since, first = min(firsts)
        return Said(held, wanted, first, -level, since, longest)

    def _note_turns(self, lines: Sequence[Wanting], now: float) -> None:
        """Note since when it is whose turn."""
        claims, self._claims = self._claims, {}
        for line in lines:
            claim = self._claims[line.line] = claims.get(line.line) or Claim(line.first, now)
            claim.look(line.first, now)

    def _speaker(self, pool: str) -> Speaker:
        me, most = self._me, self._pools[pool]
        share = Share(most=most, is_leaving=self._is_leaving, host=me.host, process=me.process, boot=me.boot)
        return Speaker(me.token, share)

    async def _take_out(self) -> None:
        for pool in self._pools:
            for _ in range(MOST_TRIES):
                ledger = (await self._rows.read([pool])).pools[pool]
                left = {token: share for token, share in ledger.shares.items() if token != self._me.token}
                if left == ledger.shares or await self._rows.write(pool, ledger.version, left, hint=True):
                    break


class Warned:
    """Warns of a pool once, when something is wrong with it for long enough, and again after it was right."""

    def __init__(self, event: str) -> None:
        self._event = event
        self._since: dict[str, float] = {}

    def look(self, pool: str, is_wrong: bool, now: float, patience: float, **told: object) -> None:
        """Hear whether it is wrong now."""
        since = self._since.setdefault(pool, now) if is_wrong else self._since.pop(pool, None)
        if is_wrong and since is not None and now - since >= patience:
            log.warning(self._event, extra={"pool": pool, **told})
            self._since[pool] = math.inf


def _note_in(pools: set[str], pool: str, holds: bool) -> None:
    if holds:
        pools.add(pool)
    else:
        pools.discard(pool)
