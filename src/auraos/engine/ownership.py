"""`ShardKeeper`: how a process comes to own shards, keeps them, shares them with others, and loses them.

It lives in a thread with a loop and a connection of its own, so that a busy engine does not lose what it owns. When the
engine's loop stands still for half a lease, it says nothing more of living: then others take over, as if the process had
died. All that an engine does with shards is done on the engine's loop; the thread only says what came and what is to go.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from auraos.core.errors import OperationalError
from auraos.engine.clock import SystemClock
from auraos.engine.owning import Owner, Ownership
from auraos.engine.ports import Clock, FencedError
from auraos.engine.sharing import Plan, find_void, make_plan

T = TypeVar("T")
log = logging.getLogger("auraos.engine")

LEASE = 6.0
"""For so many seconds a process may be silent before others take over."""
BEATS = 3
"""So often in a lease it says that it lives."""
STUCK = 0.5
"""For this part of a lease the engine's loop may stand still."""
LONGEST_PAUSE = 2.0
SOON = 0.02


class Holder(Protocol):
    """Whoever works with the shards, on the loop of the engine."""

    def take_up(self, shards: frozenset[int]) -> None:
        """Own these shards too from now on."""
        ...

    async def let_go(self, count: int) -> frozenset[int]:
        """Own up to so many shards less, and return which: nothing is under way in them and nothing will be."""
        ...

    def lose_all(self) -> None:
        """Own nothing any more: others do already."""
        ...

    def be_sure_until(self, moment: float) -> None:
        """Hear until when, on the monotonic clock, nobody takes over. It is called in the thread of whoever keeps the shards."""
        ...

    def begin_anew(self) -> None:
        """Do what was left until this process may write again."""
        ...


class ShardKeeper:
    """Keeps the shards of one process. Make it and `await start()` on the engine's loop; `await leave()` at the end."""

    def __init__(
        self,
        ownership: Ownership,
        holder: Holder,
        renew: Callable[[str], Awaitable[None]],
        *,
        token: str,
        lease: float = LEASE,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._ownership = ownership
        self._holder = holder
        self._renew = renew
        self._me = this_process(token)
        self._lease = lease
        self._known: frozenset[int] = frozenset()
        self._giving: asyncio.Future[frozenset[int]] | None = None
        self._receivers: tuple[tuple[str, int], ...] = ()
        self._fenced = False
        self._leaving = False
        self._retiring = False
        self._heard = self._clock.monotonic()
        self._patience = 0.0
        self._patient_until = 0.0
        self._pulse = self._clock.monotonic()
        self._beating: asyncio.TimerHandle | None = None
        self._engine: asyncio.AbstractEventLoop
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stir = asyncio.Event()
        self._first: asyncio.Future[None]
        self._thread = threading.Thread(target=self._work, name="shard-keeper", daemon=True)

    # --- on the engine's loop ---

    async def start(self) -> None:
        """Join the owners; return when this process owns its first shards, or when others own them all."""
        self._engine = asyncio.get_running_loop()
        self._first = self._engine.create_future()
        self._beat_the_pulse()
        self._thread.start()
        await self._first

    def fenced(self) -> None:
        """Hear that a commit was fenced: begin anew under another token."""
        self._fenced = True
        self._stir_up()

    def retire(self) -> None:
        """Take nothing more, and hand over what nothing is under way in: this process is about to leave."""
        self._retiring = True
        self._stir_up()

    async def leave(self) -> None:
        """Set all shards free at once, so that others need not wait for the end of the lease."""
        self._leaving = True
        self._stir_up()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)
        if self._beating is not None:
            self._beating.cancel()

    def _beat_the_pulse(self) -> None:
        self._pulse = self._clock.monotonic()
        self._beating = self._engine.call_later(self._lease / 12, self._beat_the_pulse)

    def _stir_up(self) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the thread has just ended
                self._loop.call_soon_threadsafe(self._stir.set)

    # --- on the thread's own loop ---

    def _work(self) -> None:
        try:
            asyncio.run(self._keep())
        except Exception:
            log.exception("ownership.broke")
            self._engine.call_soon_threadsafe(self._holder.lose_all)

    async def _keep(self) -> None:
        self._loop = asyncio.get_running_loop()
        while not self._leaving:
            try:
                await self._join()
                self._engine.call_soon_threadsafe(self._holder.begin_anew)
                while not self._leaving:
                    await self._try_a_turn()
            except FencedError as error:
                log.warning("ownership.fenced", extra={"token": self._me.token, "reason": str(error)})
                await self._lose_all()
        with suppress(OperationalError):
            await self._ownership.leave(self._me.token)
        await self._ownership.close()
        self._say_first()

    async def _join(self) -> None:
        """Become an owner, however long the store is away."""
        pause = 0.1
        while not self._leaving:
            try:
                await self._ownership.join(self._me)
            except OperationalError as error:
                log.warning("ownership.away", extra={"reason": str(error)})
                await self._rest(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                return

    async def _try_a_turn(self) -> None:
        pause = self._lease / BEATS
        if self._fenced:
            raise FencedError("A commit of this process was fenced.")
        silent = self._clock.monotonic() - self._pulse
        if silent > self._lease * STUCK:
            log.error("ownership.stuck", extra={"seconds": round(silent, 1)})
            pause = self._lease / 12
        else:
            try:
                pause = min(pause, await self._turn())
            except FencedError:
                raise
            except OperationalError as error:
                log.warning("ownership.away", extra={"reason": str(error)})
                pause = min(pause, LONGEST_PAUSE)
        if not self._fenced and not self._leaving:
            await self._rest(pause)

    async def _turn(self) -> float:
        """Say that this process lives, and take and give what is to be taken and given. Return in how many seconds the lease
        of the next one that is silent will be over.
        """
        if self._giving is not None and self._giving.done():
            await self._hand_over(self._giving)
        token = self._me.token
        began = self._clock.monotonic()
        standing = await self._ownership.beat(token)
        self._holder.be_sure_until(began + self._lease)
        lease = self._lease + self._patience_now()
        void = find_void(standing, self._me, lease=self._lease, is_alive=is_alive)
        plan = make_plan(standing, token, lease=lease, void=void, retiring=self._retiring)
        taken: list[int] = []
        if plan.take or plan.void:
            taken = await self._ownership.take(token, plan.take, lease=lease, void=plan.void)
        mine = plan.mine.union(taken)
        if self._known - mine:
            raise FencedError("Shards of this process belong to another one.")
        if mine - self._known:
            gained, self._known = mine - self._known, mine
            log.info("shards.gained", extra={"count": len(gained), "own": len(mine)})
            self._engine.call_soon_threadsafe(self._holder.take_up, gained)
        self._say_first()
        self._begin_to_give(plan)
        left = [self._lease - silent for owner, silent in standing.silence.items() if owner != token]
        return max(0.0, min((each for each in left if each > 0), default=self._lease)) + SOON

    def _patience_now(self) -> float:
        """Return for how many seconds longer than a lease others may be silent now: the store was away, for them as well."""
        now = self._clock.monotonic()
        gap, self._heard = now - self._heard, now
        if gap > self._lease * STUCK:
            self._patience, self._patient_until = gap, now + self._lease * STUCK
        return self._patience if now < self._patient_until else 0.0

    def _begin_to_give(self, plan: Plan) -> None:
        if not plan.give or self._giving is not None:
            return
        self._receivers = plan.give
        letting_go = self._on_engine(self._holder.let_go(sum(count for _, count in plan.give)))
        self._giving = letting_go
        letting_go.add_done_callback(lambda _: self._stir.set())

    async def _hand_over(self, giving: "asyncio.Future[frozenset[int]]") -> None:
        """Hand over what the engine let go of. Where nobody knows whether that was done, begin anew."""
        self._giving = None
        shards = sorted(giving.result())
        self._known = self._known.difference(shards)
        try:
            for receiver, count in self._receivers:
                given, shards = shards[:count], shards[count:]
                if given:
                    await self._ownership.hand_over(self._me.token, given, receiver)
                    log.info("shards.given", extra={"count": len(given), "own": len(self._known)})
        except OperationalError as error:
            raise FencedError(f"It is not known whether shards were handed over: {error}") from error

    async def _lose_all(self) -> None:
        """Let the engine drop everything, and go on under a token that nobody knows yet."""
        if self._giving is not None:
            self._giving.cancel()
            self._giving = None
        await self._on_engine(self._drop())
        with suppress(OperationalError):
            await self._ownership.leave(self._me.token)
        self._known, self._fenced = frozenset(), False
        self._me = msgspec.structs.replace(self._me, token=self._clock.new_id())
        await self._on_engine(self._renewed(self._me.token))

    async def _drop(self) -> None:
        self._holder.lose_all()

    async def _renewed(self, token: str) -> None:
        await self._renew(token)

    def _on_engine(self, work: Coroutine[Any, Any, T]) -> "asyncio.Future[T]":
        return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._engine))

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stir.wait()
        self._stir.clear()

    def _say_first(self) -> None:
        def say() -> None:
            if not self._first.done():
                self._first.set_result(None)

        self._engine.call_soon_threadsafe(say)


def this_process(token: str) -> Owner:
    """Return this process as an owner."""
    return Owner(
        token=token, host=_machine(), process=os.getpid(), boot=_read("/proc/sys/kernel/random/boot_id")
    )


def is_alive(process: int) -> bool:
    """Return whether a process of this number runs on this machine; one that ended and was not fetched yet does not."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return _read(f"/proc/{process}/stat").rpartition(")")[2].split()[:1] not in (["Z"], ["X"])


@lru_cache(maxsize=1)
def _machine() -> str:
    """Return what tells this machine from others, and within it those that count processes by themselves."""
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        namespace = ""
    return " ".join(part for part in (os.uname().nodename, _read("/etc/machine-id"), namespace) if part)


def _read(file: str) -> str:
    try:
        return Path(file).read_text().strip()
    except OSError:
        return ""
