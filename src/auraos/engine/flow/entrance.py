"""The entrance: which runs may begin. It knows all runs that share a gate, and decides; it waits for nothing and writes nothing.

What is in use is never counted up and down: it is the runs themselves that were let in and have not ended.
"""

import heapq
from collections.abc import Collection, Sequence
from typing import Literal

import msgspec

from auraos.core.gate import Gate
from auraos.core.run.gates import CAPACITY
from auraos.engine.flow.standing import PATIENCE, Admit, Cancel, Decision, Refuse, Room, Standing

LATE = 60_000_000
"""A start may stand here so much later than it was born, in microseconds: it had to become durable first."""


class Entrance:
    """All runs with gates of some shards. `decisions` gathers what is to be done; whoever does it empties the list."""

    def __init__(self) -> None:
        self.decisions: list[Decision] = []
        self.stale: list[tuple[str, str]] = []
        """(gate, run) of what need not be remembered any more."""
        self._runs: dict[str, Standing] = {}
        self._rooms: dict[str, Room] = {}
        self._due: list[tuple[int, str]] = []
        self._perhaps_empty: set[str] = set()
        self._untold: set[str] = set()
        """Who was let in and has not heard of it yet: what speaks of a time counts them from when they do."""
        self._is_filling = False
        """Whether others are about to enter, so that nobody is past its time yet."""

    def __contains__(self, run: str) -> bool:
        return run in self._runs

    def __len__(self) -> int:
        return len(self._runs)

    def standing(self, run: str) -> Standing | None:
        """Return the run as it stands here."""
        return self._runs.get(run)

    @property
    def next_due(self) -> int | None:
        """Return when `tick` is wanted next."""
        return self._due[0][0] if self._due else None

    def enter(self, run: Standing, now: int) -> None:
        """Take a run in that was born, or that was let in before this process began; those of one key in the order of birth."""
        if run.run in self._runs:
            return
        self._runs[run.run] = run
        for gate in run.gates:
            room = self._room(gate, run.shard)
            room.gate = gate
            if room.line:  # the newest run may know of a higher limit; those who wait go first
                self._drain(room, now)
        if run.admitted_at:
            self._let_in(run)
        else:
            self._go_on(run, now)
        self._clear()

    def enter_all(self, runs: Sequence[Standing], now: int) -> None:
        """Take many in, and let those go on whose time has passed only when all are there: a later one may take their place."""
        self._is_filling = True
        for run in runs:
            self.enter(run, now)
        self._is_filling = False
        self.tick(now)

    def remember(self, gate: Gate, run: str, at: int, shard: int = 0) -> None:
        """Count a run that has ended already, and still counts for a limit that speaks of a time."""
        room = self._room(gate, shard)
        self._count(room, at, run)

    def began(self, run: str, at: int) -> None:
        """Hear that a run that was let in was told so, at this time."""
        found = self._runs.get(run)
        self._untold.discard(run)
        if found is None or at == found.admitted_at:
            return
        before, found.admitted_at = found.admitted_at, at
        for gate in found.gates:
            if gate.setting == "throttle":
                room = self._room(gate, found.shard)
                room.begun.remove((before, run))
                self._count(room, at, run)

    def ended(self, run: str, now: int) -> None:
        """Let a run go that came to its end, whichever it was, and let in whoever gains by that."""
        self._untold.discard(run)
        gone = self._runs.pop(run, None)
        if gone is None:
            return
        self._leave_batch(gone, now)
        for gate in gone.gates:
            room = self._rooms.get(gate.name)
            if room is None:
                continue
            room.live.pop(run, None)
            if room is gone.room:
                room.line.remove(gone.turn)
            if gone in room.waiting:
                room.waiting.remove(gone)
            self._drain(room, now)
            self._perhaps_empty.add(gate.name)
        self._clear()

    def tick(self, now: int) -> None:
        """Do what has come due."""
        while self._due and self._due[0][0] <= now:
            _, name = heapq.heappop(self._due)
            room = self._rooms.get(name)
            if room is None:
                continue
            if room.waiting:
                self._release_or_wake(room, now)
            self._prune(room, now)
            self._drain(room, now)
            self._perhaps_empty.add(name)
        self._clear()

    def prioritize(self, run: str, priority: int) -> bool:
        """Change whose turn is when; return whether the run still waits."""
        found = self._runs.get(run)
        if found is None or found.admitted_at:
            return False
        stood = found.room is not None and found.room.line.remove(found.turn)
        found.turn = (found.born - priority * PATIENCE, found.born, run)
        if stood and found.room is not None:
            found.room.line.add(found.turn)
        return True

    def forget(self, shards: Collection[int]) -> None:
        """Forget the runs of shards that another process sees to from now on; nobody gains by that here."""
        self._runs = {name: run for name, run in self._runs.items() if run.shard not in shards}
        self._rooms = {name: room for name, room in self._rooms.items() if room.shard not in shards}

    def explain(self, run: str, now: int) -> str:
        """Return in words how far a run has come that waits; empty for one that does not."""
        found = self._runs.get(run)
        if found is None or found.admitted_at:
            return ""
        if found.leader is not None:
            return f"It is gathered into run {found.leader.run}."
        gate = found.gates[min(found.stage, len(found.gates) - 1)]
        room = found.room or self._room(gate, found.shard)
        gate = room.gate
        named = f"{gate.setting} of {gate.key}" if gate.key else gate.setting
        match gate.setting:
            case "debounce":
                left = max(0, room.waiting[0].born + gate.per - now) / 1e6 if room.waiting else 0
                return f"{named}: it begins in {left:.0f} s unless another start comes"
            case "batch":
                left = max(0, room.waiting[0].born + gate.per - now) / 1e6 if room.waiting else 0
                return f"{named}: {len(room.waiting)} of {gate.limit} gathered, it begins in {left:.0f} s at the latest"
            case "throttle" | "rate":
                used = f"{_count_since(room, now)} of {gate.limit} begun in this time"
            case "concurrency" | "singleton":
                used = f"{len(room.live)} running"
        return f"{named}: {used}, {room.line.place(found.turn)} ahead"

    # --- inside ---

    def _room(self, gate: Gate, shard: int) -> Room:
        room = self._rooms.get(gate.name)
        if room is None:
            room = self._rooms[gate.name] = Room(gate, shard)
        return room

    def _go_on(self, run: Standing, now: int) -> None:
        """Lead a run through its gates, as far as it comes."""
        while run.stage < len(run.gates) and run.gates[run.stage].setting not in CAPACITY:
            room = self._room(run.gates[run.stage], run.shard)
            match room.gate.setting:
                case "rate":
                    if not self._take_rate(room, run):
                        return
                    run.stage += 1
                case "debounce":
                    self._hold_latest(room, run, now)
                    return
                case _:
                    self._gather(room, run, now)
                    return
        self._find_room(run, now)

    def _take_rate(self, room: Room, run: Standing) -> bool:
        """Count a start, unless there were as many as may be. What counts is when it was born, so each restart decides alike."""
        gate = room.gate
        if _count_since(room, run.born) < gate.limit:
            self._count(room, run.born, run.run)
            return True
        self._refuse(run, gate, f"there were {gate.limit} starts already in the time before it")
        return False

    def _hold_latest(self, room: Room, run: Standing, now: int) -> None:
        """Hold the latest start back until nothing has come for the time of the gate; it replaces the one before."""
        earlier = room.waiting[0] if room.waiting else None
        if earlier is not None and earlier.born + room.gate.per <= run.born:
            self._release(room, now)
        elif earlier is not None and earlier.born > run.born:  # this one took long to come here
            message = f"Run {earlier.run} started later and took its place."
            self._turn_away(run, Refuse(run.run, "cancelled", "replaced", message))
            return
        elif earlier is not None:
            room.waiting.clear()
            message = f"Run {run.run} started later and took its place."
            self._turn_away(earlier, Refuse(earlier.run, "cancelled", "replaced", message))
        room.waiting.append(run)
        self._release_or_wake(room, now)

    def _gather(self, room: Room, run: Standing, now: int) -> None:
        """Gather starts until there are enough of them, or the first has waited for the time of the gate."""
        if room.waiting and room.waiting[0].born + room.gate.per <= run.born:
            self._release(room, now)
        room.waiting.append(run)
        if len(room.waiting) >= room.gate.limit:
            self._release(room, now)
        elif len(room.waiting) == 1:
            self._release_or_wake(room, now)

    def _release_or_wake(self, room: Room, now: int) -> None:
        due = room.waiting[0].born + room.gate.per
        if due <= now and not self._is_filling:
            self._release(room, now)
        else:
            self._wake(room, due)

    def _release(self, room: Room, now: int) -> None:
        """Let those go on who were held back: the latest start, or a batch, led by the first in it."""
        held, room.waiting = room.waiting, []
        run = held[0]
        if room.gate.setting == "batch":
            run.gathered = held
            for follower in held[1:]:
                follower.leader = run
        run.stage += 1
        self._go_on(run, now)

    def _find_room(self, run: Standing, now: int) -> None:
        """Let a run in if all that remain of its gates have room; else let it stand in line before the first that has none."""
        run.room = None
        for gate in run.gates[run.stage :]:
            room = self._room(gate, run.shard)
            if not self._is_full(room, now):
                continue
            match room.gate.when_full:
                case "skip" | "fail":
                    self._refuse(run, room.gate, self._say_full(room))
                    return
                case "cancel_oldest":
                    self._make_room(room, run)
            run.room = room
            room.line.add(run.turn)
            return
        run.admitted_at = now
        self._untold.add(run.run)
        self._let_in(run)
        self.decisions.append(Admit(run.run, tuple(each.run for each in run.gathered), run.shard))
        for follower in run.gathered[1:]:
            self._runs.pop(follower.run, None)
        run.gathered = []

    def _let_in(self, run: Standing) -> None:
        for gate in run.gates:
            room = self._room(gate, run.shard)
            match gate.setting:
                case "singleton" | "concurrency":
                    room.live[run.run] = run
                case "throttle":
                    self._count(room, run.admitted_at, run.run)
                case "rate" if not run.stage:  # it comes from before this process began
                    self._count(room, run.born, run.run)

    def _is_full(self, room: Room, now: int) -> bool:
        gate = room.gate
        if gate.setting != "throttle":
            return len(room.live) >= gate.limit
        self._prune(room, now)
        return len(room.begun) >= gate.limit

    def _make_room(self, room: Room, run: Standing) -> None:
        """Tell the oldest to end, if there are as many as may be without those that were told already."""
        staying = [each for each in room.live.values() if not each.is_leaving]
        if len(staying) + len(room.line) < room.gate.limit:
            return
        message = f"Run {run.run} started and took its place."
        if staying:
            staying[0].is_leaving = True
            self.decisions.append(Cancel(staying[0].run, message))
        else:
            oldest = self._runs[min(room.line, key=lambda turn: turn[1:])[2]]
            self._turn_away(oldest, Refuse(oldest.run, "cancelled", "replaced", message))

    def _drain(self, room: Room, now: int) -> None:
        """Let in from the line as long as there is room."""
        while room.line and not self._is_full(room, now):
            run = self._runs[room.line.pop()[2]]
            self._find_room(run, now)
        if room.line and room.gate.setting == "throttle":
            self._wake(room, room.begun.first[0] + room.gate.per)

    def _leave_batch(self, gone: Standing, now: int) -> None:
        """Take a run out of the batch that it is in; where it led it, the next one does."""
        if gone.leader is not None:
            gone.leader.gathered.remove(gone)
            return
        rest, gone.gathered = gone.gathered[1:], []
        if not rest or gone.admitted_at:
            return
        leader = rest[0]
        leader.leader, leader.gathered, leader.stage = None, rest, gone.stage
        for follower in rest[1:]:
            follower.leader = leader
        self._find_room(leader, now)

    def _refuse(self, run: Standing, gate: Gate, reason: str) -> None:
        named = f"{gate.setting} of {gate.key}" if gate.key else gate.setting
        failed = gate.when_full == "fail"
        outcome: Literal["cancelled", "failed"] = "failed" if failed else "cancelled"
        code = "limit-reached" if failed else "skipped"
        self._turn_away(run, Refuse(run.run, outcome, code, f"It did not begin, for {reason} ({named})."))

    def _say_full(self, room: Room) -> str:
        gate = room.gate
        if gate.setting == "throttle":
            return f"{gate.limit} runs have begun in the time before it"
        others = list(room.live)[:3]
        more = f" and {len(room.live) - 3} more" if len(room.live) > 3 else ""
        return f"there is room for {gate.limit}, and {', '.join(others)}{more} had not ended"

    def _turn_away(self, run: Standing, refusal: Refuse) -> None:
        """Refuse a run, and with it all that were gathered into it."""
        for each in run.gathered or [run]:
            self._runs.pop(each.run, None)
            self.decisions.append(msgspec.structs.replace(refusal, run=each.run, shard=each.shard))
        if run.room is not None:
            run.room.line.remove(run.turn)
        self._perhaps_empty.update(gate.name for gate in run.gates)

    def _count(self, room: Room, at: int, run: str) -> None:
        room.begun.add((at, run))
        self._wake(room, at + counts_for(room.gate))

    def _prune(self, room: Room, now: int) -> None:
        begun, span = room.begun, counts_for(room.gate)
        while begun and begun.first[0] <= now - span:
            _, run = begun.pop()
            if run in self._untold:
                self._count(room, now, run)
            else:
                self.stale.append((room.gate.name, run))

    def _clear(self) -> None:
        for name in self._perhaps_empty:
            room = self._rooms.get(name)
            if room is not None and room.is_empty:
                del self._rooms[name]
        self._perhaps_empty.clear()

    def _wake(self, room: Room, due: int) -> None:
        heapq.heappush(self._due, (due, room.gate.name))


def counts_for(gate: Gate) -> int:
    """Return for how long whoever was let in is remembered, in microseconds."""
    return gate.per + LATE if gate.setting == "rate" else gate.per


def _count_since(room: Room, now: int) -> int:
    """Return how many have begun in the time before this moment, and after it."""
    return len(room.begun) - room.begun.place((now - room.gate.per + 1, ""))
