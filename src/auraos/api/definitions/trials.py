"""Trying drafts out: a part of one, with pinned data, from breakpoint to breakpoint. A trial is never counted as a run."""

from typing import Annotated, Any

import msgspec

from auraos.api.definitions.definitions import Text
from auraos.api.definitions.using import require_use
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.names import END, Id
from auraos.api.protocol.routes import Routes
from auraos.api.runs.run_shapes import RunName, StepShown, Wait, error_of, wait_of
from auraos.api.runs.runs import asking_of, reaches_of
from auraos.app.runs.runs import NoRunError
from auraos.app.trials.part import BEGINNING, Pin, TrialRefusedError, Wanted
from auraos.app.trials.trials import NoTrialError, Seen, Wish, pins_of_run
from auraos.core.expressions import ExpressionProblem
from auraos.core.values import from_wire, to_plain
from auraos.security.access.authorize import Thing
from auraos.storage.tables.trials import Trial

routes = Routes()

LONGEST_WAIT = 60
StepName = Annotated[str, msgspec.Meta(pattern=rf"^[a-z][a-z0-9_]*{END}", max_length=100)]
Port = Annotated[str, msgspec.Meta(pattern=rf"^[a-z][a-z0-9_]*{END}", max_length=100)]
TELLS = ("definition-refused", "trial-refused", "trial-unreviewed", "input-refused", "engine-closed", "held")
LED = (
    "no-trial",
    "trial-state",
    "definition-refused",
    "trial-refused",
    "trial-unreviewed",
    "engine-closed",
    "held",
)


class Pinned(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a step gave, in its stead; without ports it goes on at all of them that lead to what is tried."""

    output: Any = None
    ports: Annotated[tuple[Port, ...], msgspec.Meta(max_length=20)] = ()


Pins = Annotated[
    dict[str, Pinned], msgspec.Meta(max_length=200, description="Data of steps at the top, by name.")
]
Stops = Annotated[
    tuple[StepName, ...], msgspec.Meta(max_length=100, description="Steps before which it is held.")
]


class Trying(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text to try out: all of it, or up to one step (`until`), or a step alone (`only`), or from one on (`after`)."""

    text: Text
    until: StepName | None = None
    only: StepName | None = None
    after: StepName | None = None
    input: Any = None
    variables: dict[str, Any] = {}
    pins: Pins = {}
    run: (
        Annotated[
            RunName,
            msgspec.Meta(
                description="A run whose outputs stand in for the steps before the part that is tried."
            ),
        ]
        | None
    ) = None
    breakpoints: Stops = ()


class GoingOn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How it goes on: with other outputs of steps, and to other breakpoints."""

    pins: Pins = {}
    breakpoints: Stops | None = None


class TrialAt(msgspec.Struct, frozen=True, kw_only=True):
    """A trial, and for how many seconds its stretch is awaited."""

    id: Id
    wait: Annotated[int, msgspec.Meta(ge=0, le=LONGEST_WAIT)] = 0


class Waited(msgspec.Struct, frozen=True, kw_only=True):
    """For how many seconds the first stretch is awaited."""

    wait: Annotated[int, msgspec.Meta(ge=0, le=LONGEST_WAIT)] = 0


class SettingShown(msgspec.Struct, frozen=True, kw_only=True):
    """What a setting is by now, or what it lacks."""

    ok: bool
    value: Any
    type: str
    problems: tuple[ExpressionProblem, ...]


class HeldBefore(msgspec.Struct, frozen=True, kw_only=True):
    """A step that comes next, with its settings as they would be given to it."""

    step: str
    type: str
    settings: dict[str, SettingShown]


class TrialShown(msgspec.Struct, frozen=True, kw_only=True):
    """A trial: its stretches, what became of the steps in them, and the steps that it is held before."""

    id: str
    workflow: str
    state: str
    """held, stopped, or the state of the last stretch."""
    runs: tuple[str, ...]
    wanted: tuple[str, ...]
    released: tuple[str, ...]
    breakpoints: tuple[str, ...]
    held: tuple[HeldBefore, ...]
    steps: tuple[StepShown, ...]
    waits: tuple[Wait, ...]
    output: Any
    error: Any
    created_at: int


@routes.post("/api/v1/trials", may="runs.try", status=201, tells=(*TELLS, "not-found"), narrows=True)
async def try_text(ask: Ask, at: Waited, body: Trying) -> TrialShown:
    """Try out a text, or a part of it: it is carried out for real, but never counts as a run."""
    read = await ask.desk.definitions.checker.read(body.text)
    if read.document is not None:
        ask.require("runs.try", Thing(kind="workflow", name=read.document.name, labels=read.document.labels))
    await require_use(ask, body.text)
    wish = Wish(
        text=body.text, wanted=_wanted(body), input=body.input, variables=body.variables,
        pins=_pins(body.pins), earlier=await _pins_of_run(ask, body.run), breakpoints=body.breakpoints,
    )  # fmt: skip
    return await _shown(ask, await ask.desk.trials.begin(asking_of(ask), ask.workspace, wish), at.wait)


@routes.get("/api/v1/trials/{id}", may="runs.read", tells=("no-trial",), narrows=True)
async def show_trial(ask: Ask, at: TrialAt) -> TrialShown:
    """Show a trial as it is, with the data that its next steps would be given."""
    return await _shown(ask, await _trial(ask, at, "runs.read"), at.wait)


@routes.post("/api/v1/trials/{id}/go-on", may="runs.try", tells=LED, narrows=True)
async def go_on_with_trial(ask: Ask, at: TrialAt, body: GoingOn) -> TrialShown:
    """Go on to the next breakpoint, or to the end."""
    return await _go_on(ask, at, body, by_step=False)


@routes.post("/api/v1/trials/{id}/step", may="runs.try", tells=LED, narrows=True)
async def step_through_trial(ask: Ask, at: TrialAt, body: GoingOn) -> TrialShown:
    """Carry out the steps that it is held before, and no more."""
    return await _go_on(ask, at, body, by_step=True)


@routes.post("/api/v1/trials/{id}/stop", may="runs.try", tells=("no-trial",), narrows=True)
async def stop_trial(ask: Ask, at: TrialAt) -> TrialShown:
    """End a trial."""
    trial = await ask.desk.trials.stop(asking_of(ask), await _trial(ask, at))
    return await _shown(ask, trial, at.wait)


async def _go_on(ask: Ask, at: TrialAt, body: GoingOn, *, by_step: bool) -> TrialShown:
    trial = await _trial(ask, at)
    await require_use(ask, trial.text)
    trial = await ask.desk.trials.go_on(
        asking_of(ask), trial, by_step=by_step, pins=_pins(body.pins), breakpoints=body.breakpoints
    )
    return await _shown(ask, trial, at.wait)


async def _trial(ask: Ask, at: TrialAt, action: str = "runs.try") -> Trial:
    """Return a trial of whoever asks; who may do it to every workflow of the workspace may lead those of others, too."""
    trial = await ask.desk.trials.find(ask.workspace, at.id)
    scope = ask.scope(action)
    if not scope.is_whole and trial.actor.id != ask.known.id:
        raise NoTrialError(f"There is no trial {at.id!r}.", hint="It is kept for a week.")
    return trial


def _wanted(body: Trying) -> Wanted:
    match body.until, body.only, body.after:
        case None, None, None:
            return Wanted()
        case str(step), None, None:
            return Wanted(how="until", step=step)
        case None, str(step), None:
            return Wanted(how="only", step=step)
        case None, None, str(step):
            return Wanted(how="after", step=step)
    raise TrialRefusedError("Only one of `until`, `only` and `after` says which part is tried.")


def _pins(given: dict[str, Pinned]) -> dict[str, Pin]:
    return {name: Pin(output=from_wire(pin.output), ports=pin.ports) for name, pin in given.items()}


async def _pins_of_run(ask: Ask, run: str | None) -> dict[str, Pin]:
    if run is None:
        return {}
    row = await ask.desk.runs.find(ask.workspace, run)
    reaches = reaches_of(ask, "runs.read")
    if reaches is not None and not await reaches(row):
        raise NoRunError.of(run)
    return pins_of_run((await ask.desk.runs.look(row)).view.steps)


async def _shown(ask: Ask, trial: Trial, wait: float) -> TrialShown:
    seen = await ask.desk.trials.look(trial, wait=wait if wait and ask.rest() else 0)
    if wait:
        await ask.require_still("runs.read")
    run = (await ask.desk.runs.look(seen.row)).view
    return TrialShown(
        id=trial.id, workflow=trial.workflow, state=seen.state, runs=trial.runs, wanted=trial.wanted,
        released=trial.released, breakpoints=trial.breakpoints, held=_held(seen),
        steps=tuple(StepShown.of(step) for step in run.steps if step.path != BEGINNING),
        waits=tuple(wait_of(why) for why in run.why),
        output=to_plain(run.output), error=error_of(run.error), created_at=trial.created_at,
    )  # fmt: skip


def _held(seen: Seen) -> tuple[HeldBefore, ...]:
    return tuple(
        HeldBefore(
            step=each.step, type=each.type,
            settings={
                name: SettingShown(ok=found.ok, value=found.value, type=found.type, problems=found.problems)
                for name, found in each.settings.items()
            },
        )
        for each in seen.held
    )  # fmt: skip
