"""What is durable, held against the promises after every commit: journals without holes, each run led by one, no start lost."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from auraos.core.run import decode_fact
from auraos.core.run import facts as f
from auraos.engine.ports import Write
from simulation.flow_watch import FlowWatch
from simulation.soundness import Reader, check_end, demand

if TYPE_CHECKING:
    from simulation.cluster import ClusterWorld
    from simulation.cluster_process import Process


class Watch:
    """Reads along."""

    def __init__(self, world: "ClusterWorld") -> None:
        self.world = world
        self.flow = FlowWatch()
        self.readers: dict[str, Reader] = {}
        self.shards: dict[str, int] = {}
        self.acknowledged: dict[str, Any] = {}
        """Run → the input with which somebody was told that it is started."""
        self.asked: dict[str, str] = {}
        """Request → what kind it is."""
        self.heard: Counter[tuple[str, str]] = Counter()
        """(run, id) of each signal and end of a child → how often the journal holds it."""
        self.answered: set[str] = set()
        """Requests that a run has taken notice of."""
        self._requested: set[str] = set()

    # --- what becomes durable ---

    def written(self, token: str, writes: Sequence[Write]) -> None:
        """Hold a commit against the rules."""
        owner = self.world.database.shards
        for write in writes:
            for request in write.requests:
                self.asked.setdefault(request.id, request.kind)
                if request.kind in ("start", "call"):
                    self._requested.add(request.run)
            if not write.count:
                continue
            held = self.world.is_held and any(token in each.tokens for each in self.world.processes)
            demand(not held, f"{write.run} was written while everything was held")
            demand(
                owner.get(write.shard) == token,
                f"{write.run} was written by {self._name(token)}, and {self._name(owner.get(write.shard, ''))} owns its"
                f" shard {write.shard}",
            )
            self._read(write)
            for id_ in write.answered:
                again = (
                    id_ in self.answered and self.asked.get(id_) != "result"
                )  # who sends one may have to send it twice
                demand(not again, f"{write.run} was given the request {id_} twice")
                self.answered.add(id_)

    def _name(self, token: str) -> str:
        """Return which process goes by a token."""
        for process in self.world.processes:
            if token in process.tokens:
                own = [each for each in process.tokens if each != token]
                return f"process {process.number} as {token[-2:]} of {len(own) + 1}"
        return f"one that is gone, {token[-2:]}"

    def _read(self, write: Write) -> None:
        run = write.run
        facts = [decode_fact(line) for line in write.facts.split(b"\n")]
        demand(len(facts) == write.count, f"{run}: {write.count} facts are said to be {len(facts)}")
        reader = self.readers.get(run)
        if reader is None:
            reader = self._first(write, facts[0])
        demand(
            write.seq == len(reader.journal) + 1,
            f"{run}: fact {write.seq} came after {len(reader.journal)} facts",
        )
        demand(self.shards[run] == write.shard, f"{run} has moved to another shard")
        now = self.world.now
        for fact in facts:
            self.world.say(f"{run[-6:]} {fact}")
            self._note(run, fact, now)
        reader.read(facts)

    def _first(self, write: Write, started: Any) -> Reader:
        demand(type(started) is f.RunStarted, f"the journal of {write.run} begins with {started}")
        promised = self.acknowledged.get(write.run, started.input)
        demand(started.input == promised, f"{write.run} has another input than was accepted")
        reader = self.readers[write.run] = Reader(self.world.definitions.programs[started.version])
        self.shards[write.run] = write.shard
        return reader

    def _note(self, run: str, fact: Any, now: int) -> None:
        self.flow.note(run, fact, now)
        name = _SITUATIONS.get(type(fact))
        if name is not None:
            self.world.sometimes[name] += 1
        match fact:
            case f.SignalReceived(id=id_) if id_:
                self.heard[run, id_] += 1
            case f.ChildFinished(run=child):
                self.heard[run, child] += 1
                demand(self.heard[run, child] == 1, f"{run} was told twice: {fact}")
            case f.RunAdmitted(gathered=gathered) if len(gathered) > 1:
                self.world.sometimes["several starts went into one batch"] += 1
            case f.RunRefused(code=code):
                self.world.sometimes[f"a start was refused as {code}"] += 1
            case f.CancelRequested(by="flow control"):
                self.world.sometimes["a run was cancelled for a later one"] += 1
            case f.RunFinished(state=state):
                self.world.sometimes[f"a run ended {state}"] += 1

    # --- what is said outside ---

    def accepted(self, run: str, given: Any) -> None:
        """Hear that somebody was told that a run is started: it is there, or a durable request will start it."""
        demand(
            run in self.readers or run in self._requested, f"{run} was accepted, and nothing of it is kept"
        )
        if run in self.readers:
            started = self.readers[run].journal[0]
            assert type(started) is f.RunStarted
            demand(started.input == given, f"{run} has another input than was accepted")
        self.acknowledged[run] = given

    def told(self, run: str, id_: str) -> None:
        """Hear that somebody was told that a signal was taken."""
        demand(self.heard[run, id_], f"a signal was acknowledged that {run} does not have")

    def begins(self, process: "Process", attempt: tuple[str, str, int]) -> None:
        """Hear that an attempt begins: its grant is durable."""
        run, path, number = attempt
        reader = self.readers.get(run)
        granted = reader is not None and (path, number) in reader.granted
        demand(granted, f"{run} {path}: attempt {number} began before its grant was durable")
        demand(process.was_let_go, "an attempt began while everything was held")

    def is_superseded(self, attempt: tuple[str, str, int]) -> bool:
        """Return whether an attempt was given up for lost before it ended."""
        run, path, number = attempt
        return any(
            type(fact) is f.StepUnknown and (fact.path, fact.attempt) == (path, number)
            for fact in self.readers[run].journal
        )

    def input_of_retry(self, run: str) -> Any:
        """Return the input that a retry of a run gets: that of the batch that it led, or its own."""
        journal = self.readers[run].journal
        gathered = [fact.input for fact in journal if type(fact) is f.RunAdmitted and fact.gathered]
        first = journal[0]
        assert type(first) is f.RunStarted
        return gathered[0] if gathered else first.input

    # --- the end ---

    def open_runs(self) -> list[str]:
        """Return the runs that are not over, those included that were only accepted."""
        begun = [run for run, reader in self.readers.items() if not reader.finished]
        return begun + [run for run in self.acknowledged if run not in self.readers]

    def check_end(self) -> None:
        """Hold what is left against the rules, once every run is over."""
        for run, reader in self.readers.items():
            check_end(reader)
            started = reader.journal[0]
            assert type(started) is f.RunStarted
            self._check_child(run, started)
        self.flow.check_end()
        self._check_rows()

    def _check_child(self, run: str, started: f.RunStarted) -> None:
        """The end of a called run was told to its caller, unless that was over before."""
        parent = started.parent
        if parent is None or parent.kind != "call":
            return
        caller = self.readers[parent.run]
        demand(
            self.heard[parent.run, run] == 1 or caller.state.is_final,
            f"{run} ended, and {parent.run} was not told",
        )

    def _check_rows(self) -> None:
        query = self.world.database.query
        left = query("select id, kind, run from requests where refusal is null")
        demand(not left, f"requests are left when all is over: {left}")
        for table in ("timers", "subscriptions"):
            demand(not query(f"select * from {table}"), f"{table} are left when all is over")
        over = query(
            "select g.run, g.setting from gates g join runs r on r.id = g.run where r.finished_at is not null"
            " and g.setting not in ('rate', 'throttle')"
        )
        demand(not over, f"rows of gates are left of runs that are over: {over}")
        states = {
            row[0]: (row[1], row[2]) for row in query("select id, state, finished_at is null from runs")
        }
        for run, reader in self.readers.items():
            demand(
                states.get(run) == (reader.state.status, 0),
                f"{run} ended {reader.state.status}, its row says {states.get(run)}",
            )


_SITUATIONS: dict[type, str] = {
    f.RunAdmitted: "a run was let in",
    f.StepGranted: "a step was granted",
    f.StepUnknown: "nobody knew what became of an attempt",
    f.DoubtRaised: "a doubt was raised",
    f.StepResolved: "a doubt was resolved",
    f.ChildFinished: "a called run ended",
    f.EventReceived: "an event came",
    f.SignalReceived: "a signal came",
    f.TimerFired: "a timer fired",
    f.Answered: "a person answered",
    f.RunQuarantined: "a run was quarantined",
    f.RunPaused: "a run was paused",
    f.CancelRequested: "a cancel was recorded",
}
