"""Moves over HTTP: a run goes on by another version of its workflow, as a new run in its place."""

from typing import Annotated, Any

import msgspec

from auraos.api.protocol.answers import Answer
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import END
from auraos.api.protocol.routes import Routes
from auraos.api.runs.run_shapes import OneRun, RunShown, Words
from auraos.api.runs.runs import ABOUT, MADE, asking_of, key_of, row_of, thing_of
from auraos.core.run.moving import Move

routes = Routes()

StepPath = Annotated[str, msgspec.Meta(pattern=rf"^[A-Za-z0-9_/-]+{END}", max_length=1000)]


class Moving(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """To which version a run is moved, and which steps have another name there."""

    version: Annotated[
        str,
        msgspec.Meta(
            pattern=rf"^(live|[1-9][0-9]{{0,8}}){END}",
            description="A version of its workflow: a number, or `live` for the one that is published now.",
        ),
    ]
    steps: Annotated[
        dict[StepPath, StepPath],
        msgspec.Meta(
            max_length=1000, description="The path of a step in its present version → in the other one."
        ),
    ] = {}
    drop: Annotated[
        tuple[StepPath, ...],
        msgspec.Meta(max_length=1000, description="Finished steps whose effects are left behind."),
    ] = ()
    reason: Words = ""
    dry_run: Annotated[bool, msgspec.Meta(description="Only say what would be done.")] = False


class FateShown(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a step: kept, done anew, or dropped."""

    path: str
    to: str
    """Empty where it has no place in the other version."""
    was: str
    """finished, waiting or open"""
    becomes: str
    words: str
    until: int | None


class ObjectionShown(msgspec.Struct, frozen=True, kw_only=True):
    """Why a run is not moved."""

    path: str
    words: str


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What a move did, or would do."""

    dry_run: bool
    is_safe: bool
    run: RunShown | None
    """The run that goes on."""
    steps: tuple[FateShown, ...] = ()
    objections: tuple[ObjectionShown, ...] = ()
    begins: tuple[str, ...] = ()
    """Steps that the other version begins at once."""
    ends: str = ""
    """How the run would end at once; empty where it goes on."""

    @classmethod
    def seen(cls, move: Move) -> "Moved":
        """Return what a move would do."""
        steps = tuple(FateShown(**msgspec.structs.asdict(fate)) for fate in move.fates)
        objections = tuple(ObjectionShown(path=one.path, words=one.words) for one in move.objections)
        return cls(
            dry_run=True, is_safe=not objections, run=None, steps=steps, objections=objections, begins=move.begins,
            ends=move.ends,
        )  # fmt: skip


@routes.post(
    "/api/v1/runs/{run}/move", may="runs.retry", status=201, also=(200,), tells=MADE, about=ABOUT, keyed=True
)
async def move_run(ask: Ask, at: OneRun, body: Moving) -> Moved | Answer:
    """Let a run go on by another version of its workflow; it takes the rights to retry and to cancel it."""
    row = await row_of(ask, at)
    ask.require("runs.cancel", await thing_of(ask, row.workflow))
    moving = ask.desk.moving
    if body.dry_run:
        found = await moving.look(row, body.version, steps=body.steps, drop=body.drop)
        return Answer.of(Moved.seen(found), 200)
    how: dict[str, Any] = {"steps": body.steps, "drop": body.drop, "reason": body.reason}
    key = key_of(ask)
    if key:
        made, is_new = await moving.move_once(asking_of(ask), row, key, body.version, **how)
    else:
        made, is_new = await moving.move(asking_of(ask), row, body.version, **how), True
    return Answer.of(Moved(dry_run=False, is_safe=True, run=RunShown.of(made)), 201 if is_new else 200)
