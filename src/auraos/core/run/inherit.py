"""What a retry or a fork takes over: finished steps with what they gave, open effects with their origin and generation."""

from collections.abc import Iterable, Mapping

import msgspec

from auraos.core.errors import UserError
from auraos.core.run import facts
from auraos.core.run.calls import within
from auraos.core.run.facts import AnyFact, Inherited, StepError, TakenOver, UndoEntry
from auraos.core.run.machine import refold
from auraos.core.run.program import Program, static_path
from auraos.core.run.state import RunState
from auraos.core.run.tries import join_undo
from auraos.core.run.turn import Outcome
from auraos.core.values import Value

_TAKEN = frozenset({"succeeded", "caught", "inherited", "disabled"})


class InheritanceError(UserError):
    """A fork or retry was asked for that cannot be made of this run."""

    code = "cannot-inherit"


class Past(msgspec.Struct):
    """What a journal says of one path."""

    output: Value = None
    ports: tuple[str, ...] = ("out",)
    error: StepError | None = None
    undo: UndoEntry | None = None
    own_undo: UndoEntry | None = None
    done: bool = False
    undone: bool = False
    """Its undo was granted; of a container or a call: that of something within, after it had come to its end."""
    granted: bool = False
    generation: int = 0
    pages: tuple[UndoEntry, ...] = ()
    unknown: bool = False
    """An attempt was granted of which nobody knows what became of it."""
    in_flight: bool = False
    key: str = ""
    parameters: Value = None
    child: TakenOver | None = None
    page_runs: tuple[TakenOver, ...] = ()


def inherit(
    program: Program,
    journal: Iterable[AnyFact],
    *,
    start_at: str | None = None,
    changes: Mapping[str, Value] | None = None,
    again: bool = False,
    undone: Iterable[str] = (),
) -> tuple[Inherited, ...]:
    """Return what a new run takes over from the one with this journal.

    Without `start_at` it takes over everything that came to a good end, so it goes on where the run failed. With it, that
    step and all that follow from it are done anew; `again` says that effects among them are repeated, under new keys.
    `changes` gives steps another output than they had, and what follows from those is done anew too; by the path of a
    step it counts for all its activations. `undone` names what was taken back by another run since.
    """
    anew = _steps_from(program, start_at)
    changed = dict(changes or {})
    for path in changed:
        if static_path(path) not in program.steps:
            raise InheritanceError(f"There is no step {path!r} whose output could be set.")
        anew |= _steps_from(program, path) - {static_path(path)}
    taken: list[Inherited] = []
    past = read_past(program, journal)
    for path in undone:
        _mark_undone(path, past)
    for path, own in past.items():
        step = static_path(path)
        if path in changed or step in changed:
            taken.append(
                Inherited(
                    path=path, output=changed[path if path in changed else step], ports=_good(own.ports)
                )
            )
        elif own.done and not own.undone and step not in anew:
            taken.append(finished_part(program, path, past))
        elif own.granted or own.child or own.page_runs:
            taken.append(open_part(path, own, fresh=own.undone or (again and own.done)))
    taken.extend(Inherited(path=path, output=output) for path, output in changed.items() if path not in past)
    return tuple(taken)


def finished_part(program: Program, path: str, past: dict[str, Past]) -> Inherited:
    """Return what is taken over of something that came to a good end. The runs that carried it out are named too: what was
    done within them may be undone by the new run, and then be done again.
    """
    own = past[path]
    undo = join_undo(path, own.undo or _undo_within(program, path, past), own.own_undo)
    return Inherited(
        path=path,
        output=own.output,
        ports=own.ports,
        error=own.error,
        undo=undo,
        generation=own.generation,
        child=own.child,
        pages=own.page_runs,
    )


def open_part(path: str, own: Past, *, fresh: bool) -> Inherited:
    """Return what is taken over of something that is to be done, or found out about, by the new run."""
    child, pages = own.child, own.page_runs
    if fresh or own.done:
        generation = own.generation + fresh
        return Inherited(path=path, finished=False, generation=generation, child=child, pages=pages)
    if own.unknown or own.in_flight:
        return Inherited(
            path=path,
            finished=False,
            generation=own.generation,
            unknown=True,
            key=own.key,
            parameters=own.parameters,
        )
    generation = own.generation + own.granted
    return Inherited(path=path, finished=False, generation=generation, child=child, pages=pages)


def effects_repeated(program: Program, journal: Iterable[AnyFact], start_at: str) -> list[str]:
    """Return the activations whose effects stand in the world and would be done anew from this step on."""
    anew = _steps_from(program, start_at)
    return [
        path
        for path, own in read_past(program, journal).items()
        if own.done
        and own.granted
        and not own.undone
        and static_path(path) in anew
        and program.steps[static_path(path)].effect.value not in ("pure", "read")
    ]


def read_past(program: Program, journal: Iterable[AnyFact]) -> dict[str, Past]:
    """Return what a journal says of each path, in the order in which the paths came to their ends or were begun."""
    state = RunState(program)
    past: dict[str, Past] = {}

    def note_outcomes(__: AnyFact, outcomes: list[Outcome]) -> None:
        for path, how, output, ports, error in outcomes:
            bare, _, purpose = path.partition("!")
            own = past.setdefault(bare, Past())
            if purpose == "undo":
                own.undone = own.undone and how == "undone"
                if own.undone and own.own_undo is not None:
                    _take_whole_back(bare, past)
            elif how in _TAKEN:
                own.output, own.ports, own.error, own.done = output, ports, error, True
                own.undone = False

    for fact in journal:
        _note(fact, past)
        refold(state, fact, note_outcomes)
    return past


def _note(fact: AnyFact, past: dict[str, Past]) -> None:
    """Note what outcomes do not say: grants, generations, doubts, called runs and prepared undos."""
    match fact:
        case facts.RunStarted():
            for taken in fact.inherited:
                past[taken.path] = _past_of(taken)
        case facts.StepGranted(purpose="step"):
            own = past.setdefault(fact.path, Past())
            own.granted, own.in_flight, own.generation = True, True, fact.generation
            own.done = own.undone = False
            own.own_undo = None
            own.key = fact.key
            own.parameters = own.parameters if fact.parameters is None else fact.parameters
        case facts.StepGranted(purpose="undo"):
            _mark_undone(fact.path.partition("!")[0], past, fact.generation)
        case facts.StepFailed() | facts.StepUnknown() if "!" not in fact.path:
            own = past.setdefault(fact.path, Past())
            own.in_flight = False
            own.unknown = own.unknown or isinstance(fact, facts.StepUnknown)
        case facts.StepResolved(outcome="failed"):
            past.setdefault(fact.path, Past()).unknown = False
        case facts.StepSettled() if fact.error is not None and fact.error.code == "verified-not-done":
            past.setdefault(fact.path, Past()).unknown = False
        case facts.StepSettled(undo=UndoEntry()):
            own = past.pop(fact.path, Past())  # the order of the paths is that of their successes
            own.own_undo = fact.undo
            past[fact.path] = own
        case facts.WaitStarted(kind="call"):
            past.setdefault(fact.path, Past()).child = TakenOver(run=fact.run)
        case facts.ChildFinished():
            _note_child(fact, past)
        case _:
            pass


def _note_child(fact: facts.ChildFinished, past: dict[str, Past]) -> None:
    if fact.page is not None:
        own = past.setdefault(fact.path, Past())
        before, after = own.page_runs[: fact.page], own.page_runs[fact.page + 1 :]
        own.page_runs = (*before, TakenOver(run=fact.run), *after)
        own.pages = (own.pages if fact.page else ()) + fact.undo
    elif fact.undo:
        own = past.pop(fact.path, Past())
        own.undo = UndoEntry(path=fact.path, entries=within(fact.path, fact.undo))
        past[fact.path] = own


def _past_of(taken: Inherited) -> Past:
    """Return what a run knows of a path that it took over itself."""
    return Past(
        undo=taken.undo,
        granted=not taken.finished or taken.undo is not None,
        generation=taken.generation,
        unknown=taken.unknown,
        key=taken.key,
        parameters=taken.parameters,
        child=taken.child,
        page_runs=taken.pages,
    )


def _mark_undone(path: str, past: dict[str, Past], generation: int | None = None) -> None:
    """What is undone must be done anew, and so must what had come to its end around it."""
    own = past.setdefault(path, Past())
    own.undone, own.granted = True, True
    own.generation = own.generation if generation is None else generation
    for around, outer in past.items():
        if not path.startswith((f"{around}/", f"{around}[")):
            continue
        if outer.done:
            outer.undone = True
        if outer.child is not None:
            undone = (*outer.child.undone, path[len(around) + 1 :])
            outer.child = TakenOver(run=outer.child.run, undone=undone)
        outer.page_runs = tuple(
            TakenOver(run=page.run, undone=(*page.undone, path)) for page in outer.page_runs
        )


def _take_whole_back(path: str, past: dict[str, Past]) -> None:
    """The own undo of a container or a call took back all that was done within it, so all of it is to be done anew."""
    past[path].child = None
    for inner, own in past.items():
        if inner.startswith((f"{path}/", f"{path}[")) and own.done:
            own.undone = True


def _undo_within(program: Program, path: str, past: dict[str, Past]) -> UndoEntry | None:
    """Return how to take back what a finished container did: its scopes are not entered again."""
    entries = list(past[path].pages)
    for inner, own in past.items():
        undo = join_undo(inner, own.undo, own.own_undo)
        if undo is None or own.undone or not inner.startswith((f"{path}/", f"{path}[")):
            continue
        if not program.is_in_finally(static_path(inner), static_path(path)):
            entries.append(undo)
    return UndoEntry(path=path, entries=tuple(entries)) if entries else None


def _good(ports: tuple[str, ...]) -> tuple[str, ...]:
    return ("out",) if ports in ((), ("error",)) else ports


def _steps_from(program: Program, start_at: str | None) -> frozenset[str]:
    """Return the static paths of a step, of all that follow from it, and of the containers around them."""
    if start_at is None:
        return frozenset()
    if static_path(start_at) not in program.steps:
        raise InheritanceError(f"There is no step {start_at!r} to start at.")
    found: set[str] = set()
    waiting = [static_path(start_at)]
    for path in waiting:
        if path in found:
            continue
        found.add(path)
        step = program.steps[path]
        waiting.extend(step.scope.steps[target].path for _, target in step.links)
        if "/" in path:
            waiting.append(path.rpartition("/")[0])
    inside = {
        path for path in program.steps if any(path.startswith(outer + "/") for outer in found - _outer(found))
    }
    return frozenset(found | inside)


def _outer(found: set[str]) -> set[str]:
    """Return the containers that are done anew only for what lies within them."""
    return {path for path in found if any(other.startswith(path + "/") for other in found)}
