"""Who gets a slot: runs queue their steps here, and are offered slots as these become free."""

import asyncio
from collections.abc import Callable, Container, Mapping

from auraos.core.run import StepMade
from auraos.core.run.commands import ExecuteStep, QueueStep, SlotOpened
from auraos.engine.active import ActiveRun
from auraos.engine.slots import Slots


class Granting:
    """Leads the steps of the runs in memory to their slots."""

    def __init__(
        self,
        slots: Slots,
        runs: Mapping[str, ActiveRun],
        now: Callable[[], int],
        *,
        advance: Callable[[ActiveRun, SlotOpened], StepMade | None],
        follow: Callable[[ActiveRun], None],
    ) -> None:
        self.slots = slots
        self.resting: frozenset[int] = frozenset()
        """Shards in which nothing new begins: they are about to go to another process."""
        self._runs = runs
        self._now = now
        self._advance = advance
        self._follow = follow

    def offer(self, run: ActiveRun) -> int:
        """Return how many steps of no pool this run may begin at once."""
        return self.slots.offer() if run.shard not in self.resting else 0

    def queue(self, run: ActiveRun, wish: QueueStep) -> None:
        """Give a step its slot, or let it stand in line."""
        if wish.pool and self.slots.are_shared:
            self._cover(run, wish)
        if run.shard in self.resting:
            run.queued[wish.path] = wish
        elif self.slots.take(wish.pool):
            self._open(run, wish.path, wish.pool)
        else:
            run.queued[wish.path] = wish
            if self.slots.wait(run.id, wish.path, wish.pool, wish.priority, run.workspace):
                asyncio.get_running_loop().call_soon(self.fill)

    def fill(self) -> None:
        """Give free slots to whoever's turn it is."""
        while (found := self.slots.next()) is not None:
            waiting, pool = found
            run = self._runs.get(waiting.run)
            if run is None or run.state is None or run.queued.pop(waiting.path, None) is None:
                self.slots.give_back(pool)
                continue
            self._open(run, waiting.path, pool)
            self._follow(run)

    def hold(self, run: ActiveRun, wish: ExecuteStep, line: str) -> None:
        """Count the slot of a step that has it by right already."""
        if (wish.path, wish.attempt) not in run.holding:  # one of which it was unknown kept its slot
            self.slots.take_anyway(line)
            run.holding[wish.path, wish.attempt] = line
        if line:
            self.slots.cover(line, wish.timeout)

    def give_back(self, run: ActiveRun, path: str, attempt: int) -> None:
        """Free the slot of an attempt that ended; whose turn it is then, `fill` says."""
        line = run.holding.pop((path, attempt), None)
        if line is not None:
            self.slots.give_back(line)

    def free(self, run: ActiveRun, but: Container[tuple[str, int]] = ()) -> None:
        """Free the slots of grants that nothing was begun of, but for these; others may have them at once."""
        unbegun = [key for key in run.holding if key not in run.attempts and key not in but]
        for key in unbegun:
            self.slots.give_back(run.holding.pop(key))
        if unbegun and self.slots.is_wanted:
            self.fill()

    def leave(self, run: ActiveRun) -> None:
        """Let the steps of a run that is over leave the line."""
        if run.queued:
            self.slots.leave(run.id, run.queued)
            self.fill()

    def rest(self, shards: frozenset[int]) -> None:
        """Begin nothing new in these shards, and go on in all others."""
        again, self.resting = self.resting - shards, shards
        for run in self._runs.values():
            if run.shard in shards:
                self.slots.leave(run.id, run.queued)
            elif run.shard in again:
                for wish in run.queued.values():
                    self.slots.wait(run.id, wish.path, wish.pool, wish.priority, run.workspace)
        self.fill()

    def open_up(self, is_open: bool) -> None:
        """Begin steps from now on, or none."""
        self.slots.is_open = is_open
        self.fill()

    def _open(self, run: ActiveRun, path: str, pool: str) -> None:
        """Offer a slot that was taken; a run that has no use for it gives it back."""
        made = self._advance(run, SlotOpened(path, self._now()))
        granted = [wish for wish in made.commands if type(wish) is ExecuteStep] if made is not None else []
        if not granted:
            self.slots.give_back(pool)
        for wish in granted:
            run.holding[wish.path, wish.attempt] = pool

    def _cover(self, run: ActiveRun, wish: QueueStep) -> None:
        """Tell how long an attempt of this step may last."""
        step = run.program.find(wish.path)
        limits = [limit for limit in (step.timeout, step.deadline) if limit is not None] if step else []
        self.slots.cover(wish.pool, min(limits) / 1_000_000 if limits else None)
