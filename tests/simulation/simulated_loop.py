"""Event loops in simulated time: the code of the engine runs on them as it is, and all that happens follows from the seed.

Each simulated process has loops of its own, as threads would have. The world lets one of them have a turn, and says what time
it is; a process that stands still gets no turns, and one that died never does again.
"""

import asyncio
import heapq
import inspect
import itertools
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context
from typing import Any, Protocol
from weakref import WeakSet

_numbers = itertools.count()


class World(Protocol):
    """Who knows the time, and lets things happen later."""

    seconds: float

    def later(self, action: Callable[[], None]) -> None: ...

    def broke(self, error: BaseException) -> None: ...


class WaitsError(Exception):
    """What a thread waits for has not come yet."""


class SimulatedTask(asyncio.Task[Any]):
    """A task of which sets have the same order in each replay."""

    def __init__(self, *args: Any, **more: Any) -> None:
        self.number = next(_numbers)
        super().__init__(*args, **more)
        self._log_destroy_pending = False

    def __hash__(self) -> int:
        return self.number


class SimulatedFuture(asyncio.Future[Any]):
    """A future of which sets have the same order in each replay."""

    def __init__(self, **more: Any) -> None:
        self.number = next(_numbers)
        super().__init__(**more)

    def __hash__(self) -> int:
        return self.number


class SimulatedLoop(asyncio.AbstractEventLoop):
    """As much of an event loop as the engine uses."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.process: Any = None
        """Whose loop it is, for the steps that run on it."""
        self.stands_still = False
        self.is_dead = False
        self._tasks: WeakSet[asyncio.Task[Any]] = WeakSet()
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []

    # --- what the world does with it ---

    @property
    def is_ready(self) -> bool:
        """Return whether there is something to do now."""
        if self.stands_still or self.is_dead:
            return False
        timers = self._timers
        while timers and (timers[0][2].cancelled() or timers[0][0] <= self.world.seconds):
            handle = heapq.heappop(timers)[2]
            if not handle.cancelled():
                self._ready.append(handle)
        return bool(self._ready)

    @property
    def next_timer(self) -> float | None:
        """Return when there is something to do next, if nothing comes from outside."""
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def turn(self) -> None:
        """Do what is there to do now, and nothing that comes of it."""
        ready = self._ready
        asyncio._set_running_loop(self)
        try:
            for _ in range(len(ready)):
                handle = ready.popleft()
                if not handle.cancelled():
                    handle._run()
                if self.is_dead:
                    return
        finally:
            asyncio._set_running_loop(None)

    def die(self) -> None:
        """Do nothing any more, whatever is waited for."""
        self.is_dead = True
        for handle in self._ready:
            _close_coroutines(handle)
        for task in self._tasks:
            coroutine = task.get_coro()
            if (
                inspect.iscoroutine(coroutine)
                and inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
            ):
                coroutine.close()  # it never began, and nobody may hold it until it is buried
        self._ready.clear()
        self._timers.clear()

    def bury(self) -> None:
        """Close what was under way, so that nothing of it goes on when its memory is freed."""
        asyncio._set_running_loop(self)
        try:
            for task in [task for task in self._tasks if not task.done()]:
                with suppress(BaseException):
                    task.get_coro().close()
        finally:
            asyncio._set_running_loop(None)

    # --- what asyncio asks of it ---

    def time(self) -> float:
        return self.world.seconds

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return asyncio._get_running_loop() is self

    def is_closed(self) -> bool:
        return self.is_dead

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        if self.is_dead:
            _close_coroutines(handle)
        else:
            self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.world.seconds + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        if not self.is_dead:
            heapq.heappush(self._timers, (when, next(_numbers), handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        pass

    def create_future(self) -> asyncio.Future[Any]:
        return SimulatedFuture(loop=self)

    def create_task(  # type: ignore[override]
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[Any]:
        task = SimulatedTask(coro, loop=self, name=name, context=context)
        self._tasks.add(task)
        return task

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Let a function run a little later, as in a thread, and its answer come later still."""
        del executor
        answer = self.create_future()

        def work() -> None:
            if self.is_dead:
                return

            def tell() -> None:
                self.call_soon(settle, answer, result, error)

            try:
                result, error = func(*args), None
            except WaitsError:
                self.world.later(work)
                return
            except Exception as raised:  # noqa: BLE001 (whatever it is, the caller is to have it)
                result, error = None, raised
            self.world.later(tell)

        self.world.later(work)
        return answer

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Let the world break over an error that nobody heard."""
        error = context.get("exception")
        if not self.is_dead and isinstance(error, BaseException):
            self.world.broke(error)


def _close_coroutines(handle: asyncio.Handle) -> None:
    """Close what another loop wanted to have done on one that is dead."""
    callback: Any = getattr(handle, "_callback", None)
    for cell in getattr(callback, "__closure__", None) or ():
        if asyncio.iscoroutine(cell.cell_contents):
            cell.cell_contents.close()


def settle(answer: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    """Give a future its result, unless nobody waits any more."""
    if answer.done():
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)
