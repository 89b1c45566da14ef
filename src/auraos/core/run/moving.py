"""Moving: what becomes of each step of a run when it goes on by another version, what stands against it, and what it takes over.

It is made of what forks take over: finished steps with their outputs and ways back. Beside that it carries what is under way:
until when a wait lasts, what a loop goes over, which signals nobody has taken.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from auraos.core.catalogue import Behaviour, Effect
from auraos.core.run.commands import Continue, Continued
from auraos.core.run.facts import AnyFact, Carried, Inherited, RunMoved, RunResumed, RunStarted, UndoEntry
from auraos.core.run.inherit import Past, finished_part, open_part, read_past
from auraos.core.run.machine import advance, fold
from auraos.core.run.parts import UnderWay
from auraos.core.run.program import CONTAINERS, Program, StepProgram, static_path
from auraos.core.run.state import FINAL, Activation, RunState

MOST_TURNS = 100
_LOOKS = frozenset({Effect.PURE, Effect.READ})
_UNDECIDED = frozenset({"outcome", "lost", "verified", "accept", "again"})


class Fate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What becomes of one step: whether it is kept, done anew by the other version, or left behind."""

    path: str
    to: str = ""
    """Its path in the other version; empty where it has no place there."""
    was: Literal["finished", "waiting", "open"]
    becomes: Literal["kept", "anew", "dropped"]
    words: str = ""
    until: int | None = None


class Objection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a run is not moved; the path is empty where that is about the whole run."""

    path: str = ""
    words: str


class Move(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a move would do, and what stands against it."""

    fates: tuple[Fate, ...] = ()
    objections: tuple[Objection, ...] = ()
    begins: tuple[str, ...] = ()
    """Steps that the other version begins at once, and that were not under way before."""
    ends: str = ""
    """How the run would end at once; empty where it goes on."""


class Plan:
    """A move in the making."""

    def __init__(
        self,
        old: Program,
        new: Program,
        journal: Sequence[AnyFact],
        *,
        steps: Mapping[str, str],
        drop: Collection[str],
    ) -> None:
        self.state = fold(old, journal)
        self.carried = Carried()
        self.objections: list[Objection] = []
        self.fates: list[Fate] = []
        self.taken: dict[str, Inherited] = {}
        """By path in the other version."""
        self._standing: dict[str, str] = {}
        """Finished steps that changed the world and are kept: path there → path here."""
        self._old, self._new = old, new
        self._steps, self._drop = dict(steps), frozenset(drop)
        self._past = read_past(old, journal)
        self._look_at_names()
        self._look_at_run()
        for path, own in self._past.items():
            if path not in self.state.activations and self._old.find(path) is not None:
                self._take_past(path, own)
        for path, activation in self.state.activations.items():
            self._take_open(path, activation)
        self._carry()

    def rehearse(self, started: RunStarted, *, veiled: bool = False) -> Move:
        """Return what the run would do once it has begun so, as far as nobody else has a say in it. Of one that is `veiled`
        nothing is told that could hold data.
        """
        state = RunState(self._new)
        made = advance(self._new, state, started)
        outcomes, turns = list(made.outcomes), 0
        while any(type(command) is Continue for command in made.commands) and turns < MOST_TURNS:
            made = advance(self._new, state, Continued(started.at))
            outcomes += made.outcomes
            turns += 1
        skipped = {path for path, how, *_ in outcomes if how == "skipped"}
        for path in skipped & self._standing.keys():
            words = "It took effect, and the other version does not come to it."
            self._object(words, self._standing[path])
        failure = state.root.failure if state.root is not None and state.root.failing == "failed" else None
        if failure is not None and not self.objections:
            said = "" if veiled else f" {failure.message}"
            self._object(f"By the other version it would fail at once.{said}", failure.path)
        known = {fate.to for fate in self.fates if fate.becomes != "dropped"}
        begins = [path for path in state.activations if path not in known]
        return Move(
            fates=tuple(self.fates),
            objections=tuple(self.objections),
            begins=tuple(begins),
            ends=state.phase if state.phase in FINAL else "",
        )

    def variables(self, journal: Sequence[AnyFact]) -> dict[str, object]:
        """Return the variables as they were given to the run, and changed since."""
        found: dict[str, object] = {}
        for fact in journal:
            if isinstance(fact, RunStarted | RunResumed):
                found.update(fact.variables)
        return found

    # --- names ---

    def rename(self, path: str) -> str:
        """Return the path in the other version of a path here."""
        bare, mark, purpose = path.partition("!")
        static, found = "", []
        for part in bare.split("/"):
            name, bracket, rest = part.partition("[")
            static = f"{static}/{name}" if static else name
            other = self._steps.get(static, "").rpartition("/")[2]
            found.append((other or name) + bracket + rest)
        return "/".join(found) + mark + purpose

    def _look_at_names(self) -> None:
        for here, there in self._steps.items():
            if here not in self._old.steps:
                self._object(f"There is no step {here!r} in the version that the run lives by.", here)
            elif there not in self._new.steps:
                self._object(f"There is no step {there!r} in the other version.", here)
            elif there.rpartition("/")[0] != self.rename(here).rpartition("/")[0]:
                self._object(f"{there!r} stands in another scope, where nothing can be carried to.", here)
        for path in sorted(self._drop - self._old.steps.keys()):
            self._object(f"There is no step {path!r} in the version that the run lives by.", path)
        taken: dict[str, str] = {}
        for path in self._old.steps:
            if path in self._drop:
                continue
            other = taken.setdefault(self.rename(path), path)
            if other != path:
                self._object(f"{other!r} and {path!r} would both become {self.rename(path)!r}.", path)

    def _place_of(self, path: str) -> StepProgram | None:
        """Return the step of the other version that goes on with one of here, where there is one of the same kind."""
        here, there = self._old.find(path), self._new.find(self.rename(path))
        if here is None or there is None or here.path in self._drop:
            return None
        fits = here.type.name == there.type.name and here.scope.section == there.scope.section
        return there if fits else None

    # --- the run ---

    def _look_at_run(self) -> None:
        state = self.state
        planned = {verb for verb, _, _ in state.agenda.values()}
        if not state.begun_at:
            self._object("It has not begun: cancel it, and start it with the other version.")
        elif state.phase == "quarantined":
            self._object("It is set apart: release or cancel it.")
        elif state.is_final or "finish" in planned:
            self._object("It is ending, or over: retry or fork it with the other version.")
        elif state.status in ("cancelling", "compensating"):
            self._object(f"It is {state.status}: what it does now is to be ended by the version that did it.")
        elif "match" in planned:
            self._object("An event came that no wait has been asked about yet: let it go on first.")
        if state.page is not None:
            self._object("It is a part of a long loop of another run: that one is to be moved.")
        elif state.callers or (state.keyed is not None and state.keyed.caller.wants_end):
            self._object("Other runs called it and wait for its end.")

    # --- what came to an end ---

    def _take_past(self, path: str, own: Past) -> None:
        here, there = self._old.steps[static_path(path)], self._place_of(path)
        if here.disabled:
            return
        to = self.rename(path)
        if not own.done or own.undone:
            if there is not None and (own.granted or own.child or own.page_runs):
                self._keep(open_part(path, own, fresh=own.undone))
            return
        stands = self._stands(here, own)
        if there is not None:
            self._keep(finished_part(self._old, path, self._past))
            if stands:
                self._standing[to] = path
        elif stands and here.path not in self._drop:
            what = "has another type there" if to in self._new.steps else "is not there"
            self._object(
                f"It took effect, and {what}. Say by which step the other version goes on with it, or that it is dropped.",
                path,
            )
        if not self._is_within_finished(path):
            is_there = self._new.find(to) is not None and here.path not in self._drop
            becomes: Literal["kept", "anew", "dropped"] = "anew" if is_there else "dropped"
            self.fates.append(
                Fate(
                    path=path, to=to if is_there else "", was="finished", becomes="kept" if there else becomes
                )
            )

    def _stands(self, here: StepProgram, own: Past) -> bool:
        """Return whether a step that came to its end changed the world, itself or through the runs that it called."""
        if here.behaviour in (Behaviour.CALL, *CONTAINERS):
            return bool(own.child or own.page_runs) or here.behaviour is Behaviour.CALL
        return own.granted and here.effect not in _LOOKS

    def _is_within_finished(self, path: str) -> bool:
        return any(
            (outer := self._past.get(path[:place])) is not None and outer.done and not outer.undone
            for place, letter in enumerate(path)
            if letter in "/["
        )

    def _keep(self, known: Inherited) -> None:
        to = self.rename(known.path)
        undo = None if known.undo is None else self._rename_undo(known.undo)
        self.taken[to] = msgspec.structs.replace(known, path=to, undo=undo)

    def _rename_undo(self, entry: UndoEntry) -> UndoEntry:
        within = tuple(map(self._rename_undo, entry.entries))
        return msgspec.structs.replace(entry, path=self.rename(entry.path), entries=within)

    # --- what is under way ---

    def _take_open(self, path: str, activation: Activation) -> None:
        words = why_not(self.state, activation)
        if words:
            self._object(words, path)
        to, there = self.rename(path), self._place_of(path)
        is_waiting = activation.status == "waiting"
        was: Literal["waiting", "open"] = "waiting" if is_waiting else "open"
        if there is None:
            told = "nobody is asked or heard for it any more" if is_waiting else ""
            self.fates.append(Fate(path=path, was=was, becomes="dropped", words=told))
            return
        own = self._past.get(path)
        known = Inherited(path=path, finished=False)
        if own is not None and own.granted and not (own.in_flight or own.unknown):
            known = open_part(path, own, fresh=own.undone)
        self._keep(msgspec.structs.replace(known, under_way=under_way(activation)))
        begins_again = activation.status in ("granted", "retrying", "computing")
        told = "it only reads, so it is begun again" if activation.status == "granted" else ""
        told = "it is tried again at once" if activation.status == "retrying" else told
        self.fates.append(
            Fate(
                path=path, to=to, was=was, becomes="anew" if begins_again else "kept", words=told,
                until=activation.wait_due if is_waiting else None,
            )
        )  # fmt: skip

    def _carry(self) -> None:
        state = self.state
        self.carried = Carried(
            begun_at=state.begun_at,
            paused=state.phase == "paused",
            reason=state.pause_reason,
            signals=tuple(signal for waiting in state.mailbox.values() for signal in waiting),
            signal_ids=tuple(sorted(state.signal_ids)),
            event_ids=tuple(sorted(state.event_ids)),
        )

    def _object(self, words: str, path: str = "") -> None:
        self.objections.append(Objection(path=path, words=words))


def under_way(activation: Activation) -> UnderWay:
    """Return how far an activation had come."""
    if activation.step.behaviour is Behaviour.EXECUTE:
        return UnderWay(since=activation.since, ends_by=activation.deadline)
    is_begun = activation.status in ("waiting", "open")
    is_loop = activation.step.behaviour is Behaviour.FOREACH and is_begun
    return UnderWay(
        since=activation.since if is_begun else 0,
        due=activation.wait_due,
        deadline=activation.deadline,
        ends_by=activation.ends_by,
        items=list(activation.items) if is_loop else None,
        keys=list(activation.keys),
        parallel=activation.parallel,
        rounds=activation.rounds,
    )


def why_not(state: RunState, activation: Activation) -> str:
    """Return why a run is not moved while this is under way; nothing where it may be."""
    planned = state.agenda.get(activation.path, ("", None, None))[0]
    if activation.purpose != "step":
        return "Something that it did is being undone, or looked after."
    if activation.doubtful or activation.unknown or activation.status in ("doubt", "asked"):
        return "Nobody knows whether it took effect: say first what became of it."
    if activation.status == "granted" and activation.effect not in _LOOKS:
        return "It has an effect and is under way: wait for its end; a pause begins nothing new meanwhile."
    if activation.pending is not None or planned in _UNDECIDED:
        return "What follows from its end is not decided yet: let the run go on first."
    if activation.status == "calling":
        what = "a part of it" if activation.step.behaviour in CONTAINERS else "the run that it called"
        return f"It waits for {what}, run {activation.child}, which would answer to a run that is over."
    return next(_why_not_open(activation), "") if activation.step.behaviour in CONTAINERS else ""


def _why_not_open(activation: Activation) -> Iterator[str]:
    if activation.status == "undoing" or activation.error is not None or activation.cancelled:
        yield "It is failing, and what was done within it is being undone."
    if activation.attempt:
        yield "It is being tried again."
    if activation.pages:
        yield "It is in the middle of a long loop, whose parts are runs of their own."
    if activation.failures or activation.winner or activation.has_enough:
        yield "Some of what goes on within it has failed already, or lost, and would be begun again."
    for frame in activation.frames.values():
        if frame.failing or frame.phase != "open":
            yield "Something within it is failing, and is being undone."
        if frame.section in ("catch", "finally"):
            yield f"It is in its `{frame.section}`, and would begin again with its steps."


def goes_on_as(journal: Sequence[AnyFact]) -> RunMoved | None:
    """Return how a run goes on elsewhere whose journal ends so; None where it does not."""
    return next((fact for fact in reversed(journal) if isinstance(fact, RunMoved)), None)
