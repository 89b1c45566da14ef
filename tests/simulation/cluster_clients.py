"""Clients and people of a world of processes: they come to any door, and hold everybody to what they were told."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from auraos.core.errors import AuraError, OperationalError
from auraos.core.run import explain
from auraos.engine.answers import RequestRefusedError
from auraos.engine.remote import AcceptedError
from simulation.cluster_workflows import EVENT, SIGNAL, Drawn

if TYPE_CHECKING:
    from simulation.cluster import ClusterWorld
    from simulation.cluster_process import Process

Ask = Coroutine[Any, Any, None]


class Clients:
    """Whoever asks something of the processes."""

    def __init__(self, world: "ClusterWorld") -> None:
        self.world = world
        self.ids = 0
        self._retried: set[str] = set()
        self._answering: set[tuple[str, str]] = set()

    # --- while faults strike ---

    def act(self) -> None:
        """Let one of them do something."""
        roll = self.world.chance.random()
        if roll < 0.45:
            self.start()
        elif roll < 0.6:
            self._at_a_run(self._signal)
        elif roll < 0.7:
            self._at_a_door(self._publish())
        elif roll < 0.8:
            self._at_a_run(self._cancel)
        elif roll < 0.87:
            self._at_a_run(self._prioritize)
        elif roll < 0.94:
            self._at_a_run(self._pause)
        else:
            self._at_a_run(self._retry)

    def start(self) -> None:
        """Start a run, under an id of its own or not; one with an id may be started more than once."""
        chance = self.world.chance
        drawn = chance.choice(self.world.drawn)
        self.ids += 1
        given = {"key": chance.choice(("x", "x", "y")), "n": self.ids}
        if chance.random() < (0.2 if self.world.about == "ids" else 0.7):
            self._at_a_door(lambda process: self._start(process, drawn, given, ""))
            return
        run = f"run-{self.ids}"
        for _ in range(chance.choice((1, 2, 3))):
            self._at_a_door(lambda process: self._start(process, drawn, given, run))

    async def _start(self, process: "Process", drawn: Drawn, given: Any, run: str) -> None:
        started = await process.engine.start(drawn.version, input=given, run=run)
        self.world.watch.accepted(started, given)
        self.world.sometimes["a start was accepted"] += 1

    async def _signal(self, process: "Process", run: str) -> None:
        self.ids += 1
        id_ = f"signal-{self.ids}"
        for _ in range(self.world.chance.choice((1, 1, 2))):
            await process.engine.signal(run, SIGNAL, data=1, id=id_)
            self.world.watch.told(run, id_)

    def _publish(self) -> Callable[["Process"], Ask]:
        self.ids += 1
        id_ = f"event-{self.ids}"

        async def publish(process: "Process") -> None:
            await process.engine.publish(EVENT, data=1, id=id_)

        return publish

    async def _cancel(self, process: "Process", run: str) -> None:
        await process.engine.cancel(run, by="ann", undo=self.world.chance.random() < 0.5)
        self.world.sometimes["a run was cancelled"] += 1

    async def _prioritize(self, process: "Process", run: str) -> None:
        await process.engine.prioritize(run, priority=self.world.chance.randint(0, 9))
        self.world.sometimes["a run that waits was preferred"] += 1

    async def _pause(self, process: "Process", run: str) -> None:
        await process.engine.pause(run, by="ann")

    async def _retry(self, process: "Process", run: str) -> None:
        """Retry a run, once: whoever does it twice wants twice what it does."""
        if run in self._retried:
            return
        self._retried.add(run)
        started = await process.engine.retry(run)
        self.world.sometimes["a run was retried"] += 1
        self.world.watch.accepted(started, self.world.watch.input_of_retry(run))

    # --- people, who answer what is asked ---

    def answer(self) -> None:
        """Give every run what it waits for and somebody can give."""
        for run in self.world.watch.open_runs():
            reader = self.world.watch.readers.get(run)
            if reader is None:
                continue
            if reader.state.phase == "paused":
                self._once(run, "", lambda process, run=run: process.engine.resume(run))
            elif reader.state.phase == "quarantined":
                self._once(run, "", lambda process, run=run: process.engine.release(run))
            for why in explain(reader.state):
                self._answer_why(run, why)

    def _answer_why(self, run: str, why: Any) -> None:
        kind = why.data.get("kind") if why.data else None
        if why.state == "waiting" and kind == "signal":
            self._once(run, why.path, lambda process: self._signal(process, run))
        elif why.state == "waiting" and kind == "event":
            self._once(run, why.path, self._publish())
        elif why.state == "waiting" and kind == "approval":
            decision = self.world.chance.choice(("approved", "approved", "rejected"))
            self._once(run, why.path, lambda process: process.engine.approve(run, decision, path=why.path))
        else:
            self._resolve(run, why.path)

    def _resolve(self, run: str, path: str) -> None:
        """Tell the truth about an attempt that nobody knows the outcome of, once it is certain."""
        activation = self.world.watch.readers[run].state.activations.get(path)
        if activation is None or activation.status not in ("unknown", "asked", "doubt"):
            return
        effects = self.world.effects
        if effects.on_the_way[activation.key]:
            return
        outcome: Any = "succeeded" if effects.knows(activation.key) else "retry"
        attempt = activation.attempt
        self._once(
            run,
            path,
            lambda process: process.engine.resolve(run, outcome, path=path, attempt=attempt, output={}),
        )

    def _once(self, run: str, path: str, ask: Callable[["Process"], Ask]) -> None:
        """Ask something, unless the same person still waits for an answer."""
        process = self.world.door()
        if process is None or (run, path) in self._answering:
            return
        self._answering.add((run, path))
        self.world.after(1.0, lambda: self._answering.discard((run, path)))
        process.do(lambda: self._try(process, ask))

    def _at_a_run(self, ask: Callable[["Process", str], Ask]) -> None:
        runs = list(self.world.watch.acknowledged) or list(self.world.watch.readers)
        if runs:
            run = self.world.chance.choice(runs)
            self._at_a_door(lambda process: ask(process, run))

    def _at_a_door(self, ask: Callable[["Process"], Ask]) -> None:
        process = self.world.door()
        if process is not None:
            process.do(lambda: self._try(process, ask))

    async def _try(self, process: "Process", ask: Callable[["Process"], Ask]) -> None:
        """Ask, and take a refusal as a person would."""
        try:
            await ask(process)
        except RequestRefusedError:
            self.world.sometimes["an ask was refused"] += 1
        except AcceptedError:
            self.world.sometimes["an ask was kept for later"] += 1
        except OperationalError:
            self.world.sometimes["an ask failed"] += 1
        except AuraError as error:
            self.world.sometimes[f"an ask was refused as {error.code}"] += 1
