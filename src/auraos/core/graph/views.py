"""A workflow laid out for its checks: every scope and step with its place, type, ports and effect, worked out once."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, TypeVar

from auraos.core.catalogue import Behaviour, Catalogue, Effect
from auraos.core.graph.findings import Findings
from auraos.core.graph.flow import Choice, Flow, subsets
from auraos.core.graph.read import Reading
from auraos.core.graph.read_scope import CONTAINERS, LinkPlaces
from auraos.core.problems import Path
from auraos.core.workflow import Scope, Step, Workflow

__all__ = [
    "CONTAINERS",
    "LOOPS",
    "WAITS",
    "ScopeView",
    "StepView",
    "WorkflowView",
    "ask_type",
    "plain_settings",
]

LOOPS = (Behaviour.FOREACH, Behaviour.WHILE)
WAITS = (Behaviour.TIMER, Behaviour.SIGNAL, Behaviour.EVENT, Behaviour.APPROVAL)

_Answer = TypeVar("_Answer")


class StepView:
    """One step, where it is written, and what its type says under its settings."""

    def __init__(self, step: Step, path: Path, scope: "ScopeView", catalogue: Catalogue) -> None:
        self.step = step
        self.path = path
        self.scope = scope
        self.type = catalogue.find(step.type, step.version) if step.type else None
        self.behaviour = self.type.behaviour if self.type else None
        self.ports = self._find_ports()
        self.inner: list[ScopeView] = []
        self.dead_ports: set[str] = set()
        """Ports that never are live, found by the check of conditions."""

    @property
    def id(self) -> str:
        """Return the step's id."""
        return self.step.id

    @property
    def effect(self) -> Effect | None:
        """Return what the step does to the world as its type says; None for a type that is not known."""
        own = self.type
        return ask_type(lambda: own.effect_of(self.step.settings)) if own else None

    @property
    def is_container(self) -> bool:
        """Return whether the step holds scopes."""
        return self.behaviour in CONTAINERS

    @property
    def can_fail(self) -> bool:
        """Return whether the step's `error` port can ever be live."""
        return not (self.step.disabled or (self.step.type == "noop" and not self.step.settings))

    @property
    def can_expire(self) -> bool:
        """Return whether a wait can end because nothing came in time."""
        return self.behaviour is not Behaviour.TIMER and self.step.settings.get("expires") is not None

    def _find_ports(self) -> tuple[str, ...] | None:
        """Return the ports without `error`; None where they cannot be known."""
        if self.type is None:
            return None
        own = self.type
        ports = ask_type(lambda: own.ports_of(self.step.settings))
        if ports is None:
            return None
        return (*ports, *(name for name in self.step.branches or {} if name not in ports))

    def ways_to_end(self, linked: frozenset[str]) -> list[Choice]:
        """Return how the step can end: which ports are live together, failures included where they are caught."""
        failed = [Choice(frozenset({"error"}), succeeds=False)] if "error" in linked else []
        if self.step.disabled:
            return [Choice(frozenset({"out"}))]
        if self.behaviour is Behaviour.STOP:
            return []
        if self.step.type == "fail":
            return failed
        if self.ports is None:
            return [Choice(linked - {"error"}), *(Choice(frozenset({port})) for port in linked), *failed]
        misspelt = [
            Choice(frozenset({port})) for port in sorted(linked - {"error"}) if port not in self.ports
        ]
        return [*self._successes(linked), *misspelt, *failed]

    def _successes(self, linked: frozenset[str]) -> Iterator[Choice]:
        ports = [port for port in self.ports or () if port not in self.dead_ports]
        if self.behaviour is Behaviour.RACE and self.step.branches:
            yield from (Choice(frozenset({"out", name})) for name in self.step.branches)
        elif self.type is not None and self.type.ports_by is not None:
            beside = [port for port in ports if port != "out" and port in linked]
            yield from (Choice(frozenset({"out", port})) for port in beside)
            if len(beside) < 2:
                yield Choice(frozenset({"out"}))
        elif self.step.settings.get("mode") == "all" and "else" in ports:
            cases = tuple(port for port in ports if port != "else")
            yield from (Choice(chosen) for chosen in (*subsets(cases), frozenset({"else"})) if chosen)
        else:
            for port in ports:
                if port != "expired" or (port in linked and (self.can_expire or self.behaviour not in WAITS)):
                    yield Choice(frozenset({port}))


class ScopeView:
    """One scope: its steps, its flow, and the step it stands in."""

    def __init__(self, scope: Scope, path: Path, owner: StepView | None, section: str) -> None:
        self.scope = scope
        self.path = path
        self.owner = owner
        self.section = section
        self.steps: dict[str, StepView] = {}
        self.links: list[LinkPlaces] = []
        self._flow: Flow | None = None
        self._ends: list[StepView] | None = None

    @cached_property
    def linked(self) -> dict[str, set[str]]:
        """Return the ports that links leave from, by step."""
        found: dict[str, set[str]] = {}
        for link in self.scope.links:
            found.setdefault(link.source, set()).add(link.port)
        return found

    @property
    def flow(self) -> Flow:
        """Return what is certain about the steps of this scope; asked for once the dead ports are known."""
        if self._flow is None:
            self._flow = Flow(self.scope, lambda step, linked: self.steps[step.id].ways_to_end(linked))
        return self._flow

    @property
    def outer(self) -> "ScopeView | None":
        """Return the scope around this one."""
        return self.owner.scope if self.owner else None

    def ends(self) -> list[StepView]:
        """Return the steps from which no link leaves and that can end well; `fail` and `stop` put nothing out."""
        if self._ends is None:
            sources = {link.source for link in self.scope.links}
            known = self.steps.items()
            self._ends = [view for name, view in known if name not in sources and view.ports != ()]
        return self._ends

    def chain(self) -> "Iterator[ScopeView]":
        """Yield this scope and those around it, inner ones first."""
        scope: ScopeView | None = self
        while scope is not None:
            yield scope
            scope = scope.outer


class WorkflowView:
    """A workflow under check: what was read, who knows the types, and where problems go."""

    def __init__(self, reading: Reading, catalogue: Catalogue, findings: Findings) -> None:
        self.workflow: Workflow = reading.workflow
        self.variable_types = reading.variable_types
        self.catalogue = catalogue
        self.findings = findings
        self.scopes: list[ScopeView] = []
        self.steps: list[StepView] = []
        self.by_id: dict[str, StepView] = {}
        self._links = reading.written.links
        self.root = self._lay_out(self.workflow.scope, ("spec",), None, "body")

    def _lay_out(self, scope: Scope, path: Path, owner: StepView | None, section: str) -> ScopeView:
        view = ScopeView(scope, path, owner, section)
        view.links = self._links.get(path, [])
        self.scopes.append(view)
        for name, step in scope.steps.items():
            own = StepView(step, (*path, "steps", name), view, self.catalogue)
            view.steps[name] = own
            self.steps.append(own)
            self.by_id.setdefault(name, own)
            for part, part_path, inner in _parts(step, own.path):
                own.inner.append(self._lay_out(inner, part_path, own, part))
        return view


def ask_type(question: Callable[[], _Answer]) -> _Answer | None:
    """Return the answer of a step type's own function; None where the settings are not what it expects."""
    try:
        return question()
    except (TypeError, ValueError, AttributeError, LookupError, ArithmeticError):
        return None


def plain_settings(settings: Mapping[str, Any], name: str) -> Any:
    """Return a setting that is written plainly; None where it is missing or an expression."""
    value = settings.get(name)
    return None if isinstance(value, str) and "{{" in value else value


def _parts(step: Step, path: Path) -> Iterator[tuple[str, Path, Scope]]:
    if step.body is not None:
        yield "body", path, step.body
    if step.catch is not None:
        yield "catch", (*path, "catch"), step.catch
    if step.finally_ is not None:
        yield "finally", (*path, "finally"), step.finally_
    for name, branch in (step.branches or {}).items():
        yield name, (*path, "branches", name), branch
