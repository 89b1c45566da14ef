"""What attempts do to the world, and who sees it: each effect with its key, and how much of each pool is taken."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from auraos.core.failures import StepFailed, StepUnknown
from simulation.cluster_workflows import POOLS
from simulation.simulated_loop import settle
from simulation.soundness import demand

if TYPE_CHECKING:
    from simulation.cluster import ClusterWorld
    from simulation.cluster_process import Process

ONLY_ONCE = frozenset({"write", "irreversible"})


class Done(msgspec.Struct):
    """An effect that took place."""

    process: "Process"
    attempt: tuple[str, str, int]


class Effects:
    """The world outside of all processes."""

    def __init__(self, world: "ClusterWorld") -> None:
        self.world = world
        self.done: dict[str, list[Done]] = {}
        self.on_the_way: Counter[str] = Counter()
        """Key → how many requests were sent and have not arrived."""
        self.taken: dict[int, Counter[str]] = {}
        """Process → units of each pool that its attempts use; "" counts the attempts."""

    def knows(self, key: str) -> bool:
        """Return whether the effect of this key took place."""
        return key in self.done

    async def carry_out(self, process: "Process", settings: dict[str, Any], context: Any) -> Any:
        """Do what an attempt does: nothing, something, or something of which nobody hears."""
        world, chance = self.world, self.world.chance
        attempt = (context.run_id, context.path, context.attempt)
        world.watch.begins(process, attempt)
        takes = {"": 1, **settings.get("takes", {})}
        self._take(process, takes, attempt)
        try:
            await self._wait(process, world.draw_seconds(0.3))
            if chance.random() < world.trouble.attempts:
                world.fault("an attempt failed")
                raise StepFailed("No.", error_class=chance.choice(("transient", "permanent")))
            self._send(process, context.key, context.effect, attempt)
            await self._wait(process, world.draw_seconds(0.6))
            if chance.random() < world.trouble.attempts:
                world.fault("nobody heard what became of an attempt")
                process.was_disturbed = True
                raise StepUnknown("Nothing came back.")
        except asyncio.CancelledError:
            process.was_disturbed = True  # what it had sent already is not heard of
            raise
        else:
            return {"run": context.run_id}
        finally:
            if not process.is_dead:
                self._give_back(process, takes)

    def drop(self, process: "Process") -> None:
        """Forget what the attempts of a process took that is gone."""
        self.taken.pop(process.number, None)

    async def _wait(self, process: "Process", seconds: float) -> None:
        answer = process.loop.create_future()
        self.world.after(seconds, lambda: process.loop.call_soon(settle, answer, None, None) and None)
        await answer

    def _send(self, process: "Process", key: str, effect: str, attempt: tuple[str, str, int]) -> None:
        """Let an effect take place a little later, whatever becomes of the process."""
        self.on_the_way[key] += 1

        def arrive() -> None:
            self.on_the_way[key] -= 1
            self._see(process, key, effect, attempt)

        self.world.later(arrive)

    def _see(self, process: "Process", key: str, effect: str, attempt: tuple[str, str, int]) -> None:
        done = self.done.setdefault(key, [])
        if done and effect in ONLY_ONCE:
            zombie = self.world.watch.is_superseded(attempt) or any(
                self.world.watch.is_superseded(each.attempt) for each in done
            )
            self.world.sometimes["a zombie did once more what had been done"] += zombie
            demand(zombie, f"a {effect} took place twice: {[each.attempt for each in done]} and {attempt}")
        if done and effect != "read":
            demand(
                process.was_disturbed or any(each.process.was_disturbed for each in done),
                f"{attempt} did again what {done[-1].attempt} had done, though nothing went wrong",
            )
            self.world.sometimes["an effect was repeated under its key"] += 1
        done.append(Done(process, attempt))

    def _take(self, process: "Process", takes: dict[str, int], attempt: tuple[str, str, int]) -> None:
        taken = self.taken.setdefault(process.number, Counter())
        taken.update(takes)
        for pool, limit in (("", self.world.parallel), *POOLS.items()):
            demand(
                taken[pool] <= limit,
                f"process {process.number} uses {taken[pool]} of {limit} of pool {pool!r} for {attempt}",
            )
            if pool:
                self._check_all(pool, limit, attempt)

    def _check_all(self, pool: str, limit: int, attempt: tuple[str, str, int]) -> None:
        """All processes together use no more of a pool than there is; one that stands still is not believed for ever."""
        going = [process.number for process in self.world.processes if not process.stands_still]
        used = sum(self.taken[number][pool] for number in going if number in self.taken)
        demand(used <= limit, f"{used} of {limit} of pool {pool} are used in all, with {attempt}")
        self.world.sometimes["a pool was used up"] += used == limit

    def _give_back(self, process: "Process", takes: dict[str, int]) -> None:
        self.taken[process.number].subtract(takes)
