"""`ClusterWorld(seed)`: real engines, one to three processes of them, on one simulated database, where anything may fail.

    python -m tests.simulation --processes --seed 17       plays one world again, telling what happens
    python -m tests.simulation --processes --seeds 2000    plays many

Time is simulated: it goes from one thing that happens to the next. Which loop has its turn, how long the way to the database
takes, and what fails on it follows from the seed. After each commit what is durable is held against the promises; at the end
all is over, and nothing is left in the tables or in the memory of any process.
"""

import heapq
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from auraos.engine import ownership, workers
from auraos.engine.active import ActiveRun
from auraos.engine.ports import Write
from simulation.cluster_clients import Clients
from simulation.cluster_effects import Effects
from simulation.cluster_process import EPOCH, Process
from simulation.cluster_watch import Watch
from simulation.cluster_workflows import POOLS, DrawnDefinitions, kinds_with, workflow
from simulation.simulated_database import Database
from simulation.simulated_loop import SimulatedLoop
from simulation.soundness import BrokenPromiseError, demand

CALM_FROM = 12.0
LONGEST_CALM = 90.0
MOST_STEPS = 200_000
LOOK_EVERY = 20


class Trouble(msgspec.Struct):
    """How often something goes wrong on the way, in this world."""

    attempts: float = 0.0
    commits: float = 0.0
    queries: float = 0.0
    refusals: float = 0.0
    slow: float = 0.0


class ClusterWorld:
    """One world; everything in it follows from the seed, and from what it is about.

    A world is about everything, or about one setting that all its workflows have, or about `ids`: starts that come under
    an id, and most of them more than once.
    """

    def __init__(self, seed: int, tell: Callable[[str], None] | None = None, *, about: str = "") -> None:
        self.seed = seed
        self.about = about
        self.chance = chance = random.Random(seed)
        self._tell = tell
        self.seconds = 1000.0
        self.ids = 0
        self.sometimes: Counter[str] = Counter()
        self.faults = 0
        self.is_held = False
        self.is_calm = False
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._error: BaseException | None = None
        many = chance.choice((1, 2, 2, 3))
        self.is_shared = many > 1
        self.lease = chance.choice((1.0, 1.5, 3.0))
        self.parallel = chance.choice((2, 5, 100))
        self.trouble = Trouble(
            attempts=chance.choice((0.0, 0.1)),
            commits=chance.choice((0.0, 0.0, 0.03, 0.1)),
            queries=chance.choice((0.0, 0.0, 0.02)),
            refusals=chance.choice((0.0, 0.0, 0.01)),
            slow=chance.choice((0.0, 0.01, 0.03)),
        )
        self.drawn = [workflow(chance.choice(kinds_with(about))) for _ in range(chance.choice((1, 2)))]
        self.definitions = DrawnDefinitions([*self.drawn, *(workflow(-kind) for kind in range(1, 7))])
        self.database = Database(self)
        self.watch = Watch(self)
        self.effects = Effects(self)
        self.clients = Clients(self)
        self.away_until = 0.0
        self.processes: list[Process] = []
        self._past: list[Process] = []
        self._loops: list[SimulatedLoop] = []
        self._wanted = many

    # --- the course of a world ---

    def play(self) -> "ClusterWorld":
        """Live through all of it; raise `BrokenPromiseError` with the seed when a promise is broken."""
        try:
            with _simulated(self):
                self._begin()
                self._go_on()
                self._check_end()
        except Exception as error:
            about = f" --about {self.about}" if self.about else ""
            again = f"python -m tests.simulation --processes --seed {self.seed}{about}"
            raise BrokenPromiseError(
                f"seed {self.seed}: {type(error).__name__}: {error}\nplay it again: {again}\n"
            ) from error
        finally:
            for process in [*self.processes, *self._past]:
                process.bury()
            self.database.close()
        return self

    def _begin(self) -> None:
        chance = self.chance
        for _ in range(self._wanted):
            self.after(chance.random(), self._begin_process)
        for _ in range(chance.randint(6, 30)):
            self.after(1.0 + 10.0 * chance.random() ** 1.5, self.clients.act)
        for _ in range(chance.choice((0, 1, 2, 3, 4))):
            self.after(1.5 + 10.0 * chance.random(), self._strike)
        if chance.random() < 0.15:
            self.after(2.0 + 6.0 * chance.random(), self._restore)
        self.after(CALM_FROM, self._calm_down)

    def _go_on(self) -> None:
        for step in range(MOST_STEPS):
            if self._error is not None:
                raise self._error
            if self.is_calm and not step % LOOK_EVERY:
                if self._is_over():
                    return
                if self.seconds - 1000.0 - CALM_FROM > LONGEST_CALM:
                    raise BrokenPromiseError(f"stuck: {self._tell_open()}")
            self._step()
        raise BrokenPromiseError("there is no end to it")

    def _step(self) -> None:
        """Let one loop have its turn, or something arrive, or time pass."""
        loops = [loop for loop in self._loops if loop.is_ready]
        arrives = bool(self._agenda) and self._agenda[0][0] <= self.seconds
        if loops and (not arrives or self.chance.random() < 0.6):
            (loops[0] if len(loops) == 1 else self.chance.choice(loops)).turn()
            return
        if arrives:
            heapq.heappop(self._agenda)[2]()
            return
        timers = [
            timer for loop in self._loops if not loop.stands_still and (timer := loop.next_timer) is not None
        ]
        coming = [self._agenda[0][0]] if self._agenda else []
        demand(timers or coming, "nothing happens any more")
        self.seconds = max(self.seconds, min(timers + coming))

    def _calm_down(self) -> None:
        """The last fault was; people see to what waits for them."""
        self.say("the last fault was")
        self.sometimes["runs were open at the last fault"] += len(self.watch.open_runs())
        self.is_calm = True
        self.is_held = False
        self.trouble = Trouble()
        self.away_until = 0.0
        for process in self.processes:
            self._wake(process)
        self._look_after()

    def _look_after(self) -> None:
        self.clients.answer()
        self.after(0.5, self._look_after)

    def _is_over(self) -> bool:
        return (
            not self.watch.open_runs()
            and len(self.processes) >= self._wanted
            and all(process.is_open and process.engine._is_idle for process in self.processes)
            and all(self._knows_its_shards(process) for process in self.processes)
            and not self.database.query("select 1 from requests where refusal is null limit 1")
        )

    def _knows_its_shards(self, process: Process) -> bool:
        own = {shard for shard, token in self.database.shards.items() if token == process.store.token}
        return process.shards.own == own and bool(own)

    # --- processes ---

    def _begin_process(self) -> None:
        number = len(self.processes) + len(self._past)
        self.say(f"process {number} begins")
        process = Process(self, number, self.chance.choice(("near", "near", "far")))
        self.processes.append(process)
        self._loops.extend(process.loops)

    def end_process(self, process: Process) -> None:
        """Let a process be gone; another one comes in its place."""
        if process.is_dead:
            return
        self.say(f"process {process.number} is gone")
        process.die()
        self.effects.drop(process)
        self.processes.remove(process)
        self._loops = [loop for loop in self._loops if not loop.is_dead]
        self._past.append(process)
        self.after(self.chance.choice((0.05, 0.5, 2.0)), self._begin_process)

    def door(self) -> Process | None:
        """Return a process that answers."""
        open_ones = [
            each for each in self.processes if (each.is_open or self.is_held) and not each.stands_still
        ]
        return self.chance.choice(open_ones) if open_ones else None

    def is_alive(self, number: int) -> bool:
        """Return whether a process of this number runs."""
        return any(process.number == number for process in self.processes)

    # --- faults ---

    def _strike(self) -> None:
        if not self.processes or self.is_calm:
            return
        process = self.chance.choice(self.processes)
        strikes = [self._crash, self._crash, self._pause, self._pause, self._stall, self._leave, self._away]
        self.chance.choice(strikes)(process)

    def _crash(self, process: Process) -> None:
        self.fault("a process crashed")
        self.end_process(process)

    def _pause(self, process: Process) -> None:
        """The whole process stands still, perhaps for longer than its lease."""
        self.fault("a process was paused")
        process.was_disturbed = True
        for loop in process.loops:
            loop.stands_still = True
        self.after(self.lease * self.chance.choice((0.3, 1.2, 2.5)), lambda: self._wake(process))

    def _stall(self, process: Process) -> None:
        """The loop of the engine stands still, and its keeper goes on."""
        self.fault("a loop stood still")
        process.was_disturbed = True
        process.loop.stands_still = True
        self.after(self.lease * self.chance.choice((0.3, 0.8, 2.5)), lambda: self._wake(process))

    def _restore(self) -> None:
        """All processes end, and those that come next are held until somebody lets them go."""
        self.fault("everything was held for a while")
        for process in tuple(self.processes):
            self.end_process(process)
        self.is_held = True
        self.after(2.0 + self.chance.random(), self._let_go)

    def _let_go(self) -> None:
        self.is_held = False

    def _wake(self, process: Process) -> None:
        for loop in process.loops:
            loop.stands_still = False

    def _leave(self, process: Process) -> None:
        if process.is_open and not process.is_leaving:
            process.do(process.leave)

    def _away(self, _: Process) -> None:
        self.fault("the database was away")
        self.away_until = self.seconds + self.chance.choice((0.2, 1.0, 2.0 * self.lease))

    # --- what the database asks ---

    @property
    def now(self) -> int:
        """Return the wall time in microseconds."""
        return EPOCH + round(self.seconds * 1_000_000)

    def fate_of_commit(self, writes: Sequence[Write]) -> str:
        if self.seconds < self.away_until:
            self._disturb()
            return "failed"
        roll = self.chance.random()
        if roll < self.trouble.commits:
            self._disturb()
            failed = roll < self.trouble.commits / 2
            self.fault("a commit failed" if failed else "the reply to a commit was lost")
            return "failed" if failed else "unheard of"
        if roll < self.trouble.commits + self.trouble.refusals:
            some = [write.run for write in writes if write.count and not write.created]
            if some:
                self._disturb()
                self.fault("a write was refused")
                return self.chance.choice(some)
        return "written"

    def fate_of_query(self) -> str:
        if self.seconds < self.away_until:
            return "failed"
        if self.chance.random() < self.trouble.queries:
            self.fault("a query failed")
            return self.chance.choice(("failed", "unheard of"))
        return "done"

    def written(self, token: str, writes: Sequence[Write]) -> None:
        try:
            self.watch.written(token, writes)
        except BrokenPromiseError as error:
            self.broke(error)

    def removed(self, token: str) -> None:
        for process in self.processes:
            process.was_disturbed = process.was_disturbed or token in process.tokens

    def _disturb(self) -> None:
        for process in self.processes:
            process.was_disturbed = True

    # --- time ---

    def later(self, action: Callable[[], None]) -> None:
        """Let something happen after the time that the way to another machine takes."""
        roll = self.chance.random()
        if roll < self.trouble.slow:
            seconds = self.chance.choice((0.2, 1.0, 2.0)) * self.lease * self.chance.random()
        else:
            seconds = 0.0002 if roll < 0.5 else 0.004 * roll
        self.after(seconds, action)

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Let something happen after a time."""
        self._number += 1
        heapq.heappush(self._agenda, (self.seconds + seconds, self._number, action))

    def draw_seconds(self, most: float) -> float:
        """Return how long something lasts."""
        return self.chance.choice((0.001, 0.1, 1.0)) * most * (0.5 + self.chance.random())

    # --- what is said ---

    def say(self, text: str) -> None:
        if self._tell is not None:
            self._tell(f"{self.seconds - 1000.0:10.4f}  {text}")

    def fault(self, name: str) -> None:
        self.faults += 1
        self.sometimes[name] += 1
        self.say(f"FAULT {name}")

    def broke(self, error: BaseException) -> None:
        """Hear that a promise was broken where nobody could raise it."""
        self._error = self._error or error

    # --- the end ---

    def _tell_open(self) -> str:
        told = [self._tell_one(run) for run in self.watch.open_runs()]
        told += [
            f"request {row}"
            for row in self.database.query("select id, run, kind, shard from requests where refusal is null")
        ]
        for process in self.processes:
            engine = process.engine
            free = engine._runner.slots.free, engine._runner.slots.pools()
            own = len(process.shards.own), len(process.shards.leaving)
            told.append(
                f"process {process.number} open={process.is_open} shards={own} idle={engine._is_idle} free={free}"
            )
            told += [f"  leads {_describe(run)}" for run in engine._runner.runs.values()]
            busy = {
                "memory": engine._memory.is_busy,
                "requests": list(engine._requests._under_way),
                "put off": list(engine._requests._later),
                "waking": engine._waking.is_busy,
                "admission": engine._admission.is_busy,
            }
            told.append(f"  busy {busy}")
        told.append(f"owners {Counter(self.database.shards.values())}")
        return "; ".join(told)

    def _tell_one(self, run: str) -> str:
        reader = self.watch.readers.get(run)
        if reader is None:
            return f"{run} was accepted and never began"
        return f"{run} is {reader.state.status}"

    def _check_end(self) -> None:
        self.watch.check_end()
        for process in self.processes:
            runner, admission = process.engine._runner, process.engine._admission
            waiting = admission._entrance._runs
            demand(not waiting, f"process {process.number} counts runs that are over: {list(waiting)}")
            demand(not runner.runs, f"process {process.number} leads runs that are over: {list(runner.runs)}")
            held = {
                "": self.parallel - runner.slots.free,
                **{pool: runner.slots.held(pool) for pool in POOLS},
            }
            demand(not any(held.values()), f"slots are held when all is over: {held}")


def _describe(run: ActiveRun) -> str:
    return (
        f"{run.id}: shard {run.shard}, queued {list(run.queued)}, holding {run.holding}, attempts {list(run.attempts)},"
        f" writing {run.writing is not None}, held {run.held}, todo {run.todo}, folded {run.state is not None}"
    )


class _Ear(logging.Handler):
    """Lets a world break over an exception that the engine only tells its log."""

    def __init__(self, world: ClusterWorld) -> None:
        super().__init__(logging.WARNING)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        self._world.say(f"LOG {record.getMessage()} {getattr(record, 'reason', '')}")
        if record.exc_info is not None and record.exc_info[1] is not None:
            self._world.broke(record.exc_info[1])


@contextmanager
def _simulated(world: ClusterWorld) -> Iterator[None]:
    """Let the engine's modules see the world's time and processes, and the world hear its log."""
    log, ear = logging.getLogger("auraos"), _Ear(world)
    kept = (log.propagate, log.level, ownership.is_alive, workers.LONGEST_TURN)
    log.propagate, ownership.is_alive, workers.LONGEST_TURN = False, world.is_alive, 1e9
    log.setLevel(logging.WARNING)
    log.addHandler(ear)
    try:
        yield
    finally:
        log.removeHandler(ear)
        log.propagate, _, ownership.is_alive, workers.LONGEST_TURN = kept
        log.setLevel(kept[1])
