"""What is to be drawn: cards, frames and links, taken from a workflow; `layout` finds the places."""

from enum import StrEnum

import msgspec

from auraos.core.catalogue import Behaviour, Catalogue, Effect
from auraos.core.workflow import Scope, Step, Workflow


class CardKind(StrEnum):
    """What sort of work a card stands for; it gives the icon and its colour."""

    ACTION = "action"
    LOGIC = "logic"
    DATA = "data"
    HUMAN = "human"
    WAIT = "wait"
    LOOP = "loop"
    GUARD = "guard"
    CALL = "call"
    END = "end"


class Part(msgspec.Struct, frozen=True):
    """One scope inside a frame: the body of a loop, a branch of a race, the catch of a try."""

    label: str
    scene: "Scene"


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """One step: a card, or a frame where it has parts. `ports` are the linked ones, in their type's order."""

    path: str
    title: str
    subtitle: str
    kind: CardKind
    ports: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    disabled: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """Return what stands at the ports; the plain way out needs no word."""
        return tuple("" if port == "out" else port for port in self.ports)


class Arrow(msgspec.Struct, frozen=True):
    """A link between two cards of one scene, by their places in it."""

    source: int
    port: int
    target: int


class Scene(msgspec.Struct, frozen=True):
    """The cards of one scope, in the order of the text, and the links among them."""

    cards: tuple[Card, ...]
    arrows: tuple[Arrow, ...]


_BY_BEHAVIOUR = {
    Behaviour.FOREACH: CardKind.LOOP,
    Behaviour.WHILE: CardKind.LOOP,
    Behaviour.TRY: CardKind.GUARD,
    Behaviour.RACE: CardKind.LOGIC,
    Behaviour.CALL: CardKind.CALL,
    Behaviour.TIMER: CardKind.WAIT,
    Behaviour.SIGNAL: CardKind.WAIT,
    Behaviour.EVENT: CardKind.WAIT,
    Behaviour.APPROVAL: CardKind.HUMAN,
    Behaviour.STOP: CardKind.END,
}


def scene_of(workflow: Workflow, catalogue: Catalogue) -> Scene:
    """Return the scene of a workflow."""
    return _scene(workflow.scope, "", catalogue)


def _scene(scope: Scope, under: str, catalogue: Catalogue) -> Scene:
    places = {name: at for at, name in enumerate(scope.steps)}
    linked: dict[str, list[str]] = {name: [] for name in scope.steps}
    for link in scope.links:
        if link.source in linked and link.port not in linked[link.source]:
            linked[link.source].append(link.port)
    cards = tuple(_card(step, under, linked[step.id], catalogue) for step in scope.steps.values())
    arrows = tuple(
        Arrow(places[link.source], cards[places[link.source]].ports.index(link.port), places[link.target])
        for link in dict.fromkeys(scope.links)
        if link.source in places and link.target in places
    )
    return Scene(cards, arrows)


def _card(step: Step, under: str, linked: list[str], catalogue: Catalogue) -> Card:
    path = f"{under}{step.id}"
    step_type = catalogue.find(step.type, step.version)
    known = (*step_type.ports_of(step.settings), "error") if step_type else ()
    ports = [port for port in known if port in linked]
    ports += [port for port in linked if port not in ports]
    return Card(
        path=path,
        title=step.title or step.id,
        subtitle=_subtitle(step),
        kind=_kind(step, catalogue),
        ports=tuple(ports),
        parts=_parts(step, path + "/", catalogue),
        disabled=step.disabled,
    )


def _subtitle(step: Step) -> str:
    told = [step.type]
    match step.type:
        case "foreach":
            if step.settings.get("batch"):
                told.append(f"batches of {step.settings['batch']}")
            if step.settings.get("parallel"):
                told.append(f"{step.settings['parallel']} at a time")
        case "while" if step.settings.get("limit"):
            told.append(f"at most {step.settings['limit']} rounds")
        case "call" if step.settings.get("workflow"):
            told.append(str(step.settings["workflow"]))
    if step.join != "all":
        told.append(f"join {step.join}")
    if step.retry and step.retry.attempts > 1:
        told.append(f"{step.retry.attempts} attempts")
    if step.undo:
        told.append("undo")
    return " · ".join(told)


def _parts(step: Step, under: str, catalogue: Catalogue) -> tuple[Part, ...]:
    scopes: list[tuple[str, Scope | None]] = [("", step.body)]
    scopes += (step.branches or {}).items()
    scopes += [("catch", step.catch), ("finally", step.finally_)]
    return tuple(
        Part(label, _scene(scope, under, catalogue))
        for label, scope in scopes
        if scope is not None and scope.steps
    )


def _kind(step: Step, catalogue: Catalogue) -> CardKind:
    step_type = catalogue.find(step.type, step.version)
    if step_type is None:
        return CardKind.ACTION
    if step_type.behaviour in _BY_BEHAVIOUR:
        return _BY_BEHAVIOUR[step_type.behaviour]
    if not step_type.ports_of(step.settings) or step.type == "fail":
        return CardKind.END
    if step_type.ports_of(step.settings) != ("out",):
        return CardKind.LOGIC
    is_pure = step_type.effect_of(step.settings) is Effect.PURE
    return CardKind.DATA if is_pure and step_type.behaviour is Behaviour.EVALUATE else CardKind.ACTION
