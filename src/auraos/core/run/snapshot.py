"""Snapshots: the state of a run as bytes, so that a long journal need not be folded from its beginning. They are a cache."""

from collections import OrderedDict, deque
from typing import Any

import msgspec

from auraos.core.errors import UnexpectedError
from auraos.core.gate import Gate
from auraos.core.run.facts import (
    Answered,
    EventReceived,
    Inherited,
    Page,
    Parent,
    SignalReceived,
    StepError,
    UndoEntry,
)
from auraos.core.run.journal import NESTED, VALUES, decode_struct, encode_struct
from auraos.core.run.large import LargeValues, Reading
from auraos.core.run.parts import Caller, Keyed
from auraos.core.run.program import Program, ScopeProgram, StepProgram, static_path, undo_program
from auraos.core.run.state import Activation, Frame, RunState

FORMAT = 4

_PLAIN = (
    "status", "since", "purpose", "attempt", "generation", "lost", "unknown", "key", "parameters", "granted_at", "deadline",
    "error", "pending", "cancelled", "entry", "wait_kind", "wait_name", "wait_key", "wait_due", "wait_details", "remind",
    "child", "items", "keys", "results", "failures", "next_item", "parallel", "done", "rounds", "pages", "last", "winner",
    "finally_begun", "undone", "undo", "finished", "has_enough", "doubtful", "verified", "before", "ends_by",
)  # fmt: skip
_RUN = (
    "run", "number", "workspace", "origin", "depth", "parent", "resolved", "input", "variables", "semantics", "started_at",
    "last_at", "phase", "quarantine", "pause_reason", "was_paused",
    "forced", "is_admitted", "begun_at", "output", "stop_output", "error", "page", "trial", "signal_ids",
    "event_ids", "answers", "undone", "undo_failed", "fired", "mailbox_size", "tried", "trace",
)  # fmt: skip
_FRAME = (
    "awaited", "live", "statuses", "left", "running", "failing", "phase", "failure", "undo", "undo_wanted", "item_index",
    "loop_names", "live_ports", "outputs", "errors",
)  # fmt: skip


class ActivationImage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An activation, its frame and its step named instead of held."""

    path: str
    frame: str
    undo_owner: str = ""
    fields: dict[str, Any]
    error: StepError | None = None
    entry: UndoEntry | None = None
    undo: list[UndoEntry] = []
    errors: list[StepError] = []


class FrameImage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A frame, its owner named."""

    name: str
    prefix: str
    section: str
    owner: str
    fields: dict[str, Any]
    failure: StepError | None = None
    undo: list[UndoEntry] = []


class UndoQueue(msgspec.Struct, frozen=True, kw_only=True):
    """What is still to be undone for one owner."""

    name: str
    entries: list[UndoEntry]


class RunImage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A whole state."""

    format: int = FORMAT
    fields: dict[str, Any]
    parent: Parent | None = None
    keyed: Keyed | None = None
    callers: tuple[Caller, ...] = ()
    page: Page | None = None
    error: StepError | None = None
    answers: list[Answered] = []
    inherited: list[Inherited] = []
    mailbox: list[SignalReceived] = []
    frames: list[FrameImage] = []
    activations: list[ActivationImage] = []
    agenda: list[tuple[str, str, str, str]] = []
    events: list[EventReceived] = []
    undo_queues: list[UndoQueue] = []
    names: dict[str, Any] = {}
    gates: tuple[Gate, ...] = ()


_TABLES = (
    {**VALUES, ActivationImage: ("fields",), FrameImage: ("fields",), RunImage: ("fields", "names")},
    {
        **NESTED,
        ActivationImage: ("error", "entry", "undo", "errors"),
        FrameImage: ("failure", "undo"),
        UndoQueue: ("entries",),
        RunImage: (
            "page",
            "error",
            "answers",
            "inherited",
            "mailbox",
            "frames",
            "activations",
            "events",
            "undo_queues",
        ),
    },
)


def snapshot(state: RunState, large: LargeValues | None = None) -> bytes:
    """Return the state as bytes that `restore` reads. What is being computed off the loop is planned anew, first of all."""
    frames = _frames(state)
    names = {id(frame): name for name, frame in frames.items()}
    root = state.root
    computing = [own for own in state.activations.values() if own.status == "computing"]
    agenda = [(own.path, "evaluate", names[id(own.frame)], own.step.path) for own in computing]
    agenda.extend(_planned(path, entry, names) for path, entry in state.agenda.items())
    image = RunImage(
        fields={
            name: _plain(getattr(state, name))
            for name in _RUN
            if name not in ("parent", "page", "error", "answers")
        },
        parent=state.parent,
        keyed=state.keyed,
        callers=state.callers,
        page=state.page,
        error=state.error,
        answers=list(state.answers.values()),
        inherited=list(state.inherited.values()),
        mailbox=[signal for waiting in state.mailbox.values() for signal in waiting],
        frames=[_frame_image(name, frame) for name, frame in frames.items()],
        activations=[
            _activation_image(own, names) for own in state.activations.values() if own.status != "computing"
        ],
        agenda=agenda,
        events=[subject for verb, subject, _ in state.agenda.values() if verb == "match"],
        undo_queues=[UndoQueue(name=name, entries=queue) for name, queue in state.undo_queues.items()],
        gates=state.gates,
        names={} if root is None else {"run": root.values["run"], "trigger": root.values["trigger"]},
    )
    return encode_struct(image, _TABLES, large)


def restore(program: Program, stored: bytes, reading: Reading | None = None) -> RunState:
    """Return the state that `snapshot` wrote, for the same program."""
    image = decode_struct(stored, RunImage, _TABLES, reading)
    if image.format != FORMAT:
        raise UnexpectedError(
            f"A snapshot of format {image.format} cannot be read here; fold the journal instead."
        )
    state = RunState(program)
    for name, value in image.fields.items():
        setattr(state, name, set(value) if name in ("signal_ids", "event_ids") else value)
    state.parent, state.page, state.error, state.gates = image.parent, image.page, image.error, image.gates
    state.keyed, state.callers = image.keyed, image.callers
    state.answers = {answer.path: answer for answer in image.answers}
    state.inherited = {inherited.path: inherited for inherited in image.inherited}
    for signal in image.mailbox:
        state.mailbox.setdefault((signal.name, signal.key), deque()).append(signal)
    state.undo_queues = {queue.name: queue.entries for queue in image.undo_queues}
    frames = _restore_frames(state, image)
    for own in image.activations:
        _restore_activation(state, own, frames)
    for own in image.activations:
        _join(state, own, frames)
    for frame_image in image.frames:
        if frame_image.owner:
            state.activations[frame_image.owner].frames[frame_image.name] = frames[frame_image.name]
            frames[frame_image.name].owner = state.activations[frame_image.owner]
    state.agenda = OrderedDict()
    for path, verb, frame, step in image.agenda:
        state.agenda[path] = _restore_plan(state, image, frames, path, verb, frame, step)
    return state


def _frames(state: RunState) -> dict[str, Frame]:
    """Return every open frame by name, outer ones first."""
    found: dict[str, Frame] = {}
    waiting = [] if state.root is None else [state.root]
    for frame in waiting:
        found[frame.name] = frame
        for activation in frame.active.values():
            waiting.extend(activation.frames.values())
    return found


def _frame_image(name: str, frame: Frame) -> FrameImage:
    return FrameImage(
        name=name,
        prefix=frame.prefix,
        section=frame.section,
        owner="" if frame.owner is None else frame.owner.path,
        fields={field: getattr(frame, field) for field in _FRAME if field not in ("failure", "undo")},
        failure=frame.failure,
        undo=frame.undo,
    )


def _activation_image(activation: Activation, names: dict[int, str]) -> ActivationImage:
    owner = activation.undo_owner
    fields = {
        name: getattr(activation, name)
        for name in _PLAIN
        if name not in ("error", "entry", "undo", "failures")
    }
    errors = activation.failures if activation.step.branches else []
    return ActivationImage(
        path=activation.path,
        frame=names[id(activation.frame)],
        undo_owner="" if owner is None else names[id(owner)] if isinstance(owner, Frame) else owner.path,
        fields={**fields, "failures": [] if errors else list(activation.failures)},
        error=activation.error,
        entry=activation.entry,
        undo=list(activation.undo),
        errors=errors,
    )


def _planned(path: str, entry: tuple[str, Any, Any], names: dict[int, str]) -> tuple[str, str, str, str]:
    verb, subject, detail = entry
    if verb == "evaluate":
        return path, verb, names[id(subject)], detail.path
    return path, verb, "", ""


def _restore_frames(state: RunState, image: RunImage) -> dict[str, Frame]:
    frames: dict[str, Frame] = {}
    page_scope = state.program.alone(static_path(state.page.path)) if state.page is not None else None
    for own in image.frames:
        if not own.owner:
            scope = page_scope or state.program.root
            outer: dict[str, Any] = {"input": state.input, "vars": state.variables, **image.names}
            if state.page is not None:
                outer |= state.page.names
        else:
            owner_step = _step_at(state.program, own.owner, page_scope)
            scope = _section(owner_step, own.section)
            outer = frames[_frame_of(image, own.owner)].values
        fields = own.fields
        values = {**outer, "steps": fields["outputs"], "errors": fields["errors"], **fields["loop_names"]}
        frame = Frame(scope, own.prefix, None, values)
        for name in _FRAME:
            if name in fields and name not in ("outputs", "errors"):
                setattr(frame, name, fields[name])
        frame.failure, frame.undo = own.failure, own.undo
        frames[own.name] = frame
        if not own.owner:
            state.root = frame
    return frames


def _restore_activation(state: RunState, own: ActivationImage, frames: dict[str, Frame]) -> None:
    frame = frames[own.frame]
    step = _step_in(frame, own.path) if own.entry is None else undo_program(own.entry, frame.scope)
    activation = Activation(own.path, frame, step, "", 0)
    for name, value in own.fields.items():
        setattr(activation, name, value)
    if activation.pending is not None:
        output, ports = activation.pending
        activation.pending = (output, tuple(ports))
    activation.error, activation.entry, activation.undo = own.error, own.entry, own.undo
    if own.errors:
        activation.failures = own.errors
    state.activations[own.path] = activation
    frame.active[own.path] = activation


def _join(state: RunState, own: ActivationImage, frames: dict[str, Frame]) -> None:
    if own.undo_owner:
        state.activations[own.path].undo_owner = (
            frames.get(own.undo_owner) or state.activations[own.undo_owner]
        )


def _restore_plan(
    state: RunState, image: RunImage, frames: dict[str, Frame], path: str, verb: str, frame: str, step: str
) -> tuple[str, Any, Any]:
    if verb == "evaluate":
        return verb, frames[frame], next(own for own in frames[frame].scope.steps if own.path == step)
    if verb == "match":
        return verb, next(event for event in image.events if path == f"event {event.id}"), None
    return verb, state.activations.get(path), None


def _frame_of(image: RunImage, path: str) -> str:
    return next(own.frame for own in image.activations if own.path == path)


def _step_at(program: Program, path: str, page_scope: ScopeProgram | None) -> StepProgram:
    static = static_path(path)
    if page_scope is not None and page_scope.steps[0].path == static:
        return page_scope.steps[0]
    return program.steps[static]


def _step_in(frame: Frame, path: str) -> StepProgram:
    bare, _, purpose = path.partition("!")
    step_id = bare[len(frame.prefix) :]
    step = next(own for own in frame.scope.steps if own.id == step_id)
    if purpose == "verify" and step.verify is not None:
        return step.verify
    return step


def _section(step: StepProgram, section: str) -> ScopeProgram:
    named = {"body": step.body, "catch": step.catch, "finally": step.finally_, **step.branches}
    scope = named[section]
    assert scope is not None
    return scope


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, set) else value
