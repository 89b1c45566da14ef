"""`compile_workflow`: a checked workflow and the catalogue become a `Program`, the read-only plan that the machine follows."""

import copy
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from auraos.core.catalogue import Behaviour, Catalogue, Effect, StepType
from auraos.core.errors import UserError
from auraos.core.expressions import Template, compile_template
from auraos.core.privacy import has_tags
from auraos.core.run.facts import UndoEntry
from auraos.core.run.gates import Gates
from auraos.core.schemas import SchemaCheck
from auraos.core.workflow import Retry, Scope, Step, Undo, Verify, Workflow

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
JOIN_ALL, JOIN_ANY, JOIN_COLLECT = 0, 1, -1
_JOINS = {"all": JOIN_ALL, "any": JOIN_ANY, "collect": JOIN_COLLECT}
CONTAINERS = frozenset({Behaviour.FOREACH, Behaviour.WHILE, Behaviour.TRY, Behaviour.RACE})
WAITS = frozenset({Behaviour.TIMER, Behaviour.SIGNAL, Behaviour.EVENT, Behaviour.APPROVAL})
VERIFY_RETRY = Retry(attempts=5, on=("transient", "timeout", "unknown"))
UNDO_RETRY = Retry(attempts=5, on=("transient", "timeout", "unknown"))


class CompileError(UserError):
    """A workflow that the checks would refuse cannot become a program."""

    code = "not-compilable"


class Settings:
    """The `with` of a step, compiled: what is evaluated beforehand, and what is handed over to be called later."""

    __slots__ = ("_constant", "_deferred", "_eager", "evaluate")

    def __init__(self, settings: Mapping[str, Any], deferred: Mapping[str, tuple[str, ...]]) -> None:
        eager = {name: value for name, value in settings.items() if name not in deferred}
        self._eager = compile_template(eager)
        self._constant = self._eager.evaluate({}) if self._eager.is_constant else None
        self._deferred = {
            name: _compile_deferred(value, deferred[name])
            for name, value in settings.items()
            if name in deferred
        }
        is_plain = self._constant is None and not self._deferred
        self.evaluate: Callable[[dict[str, Any]], dict[str, Any]] = (
            self._eager.evaluate if is_plain else self._evaluate
        )
        """Returns the settings under these names; the result of data is never evaluated again."""

    def _evaluate(self, scope: dict[str, Any]) -> dict[str, Any]:
        settings: dict[str, Any] = (
            self._eager.evaluate(scope) if self._constant is None else dict(self._constant)
        )
        for name, bind in self._deferred.items():
            settings[name] = bind(scope)
        return settings


def _compile_deferred(value: Any, names: tuple[str, ...]) -> Callable[[dict[str, Any]], Any]:
    """Compile a field of deferred expressions: bound to a scope, each template in it is a callable of these names.

    What holds no expression is handed over as it is, so that a step can tell `sku` from `{{ item.sku }}`.
    """
    if isinstance(value, dict):
        fields = {key: _compile_deferred(item, names) for key, item in value.items()}
        return lambda scope: {key: bind(scope) for key, bind in fields.items()}
    if isinstance(value, list):
        items = [_compile_deferred(item, names) for item in value]
        return lambda scope: [bind(scope) for bind in items]
    template = compile_template(value)
    if not template.expressions:
        plain = template.value
        return lambda _: plain
    if not names:
        return lambda scope: lambda: template.evaluate(scope)
    return lambda scope: template.leaf_callable(scope, names)


class ScopeProgram:
    """The steps of one scope in order, how many links each awaits, and where tokens go from each port."""

    __slots__ = ("awaited", "collects", "end", "prefix", "repeats", "roots", "section", "steps")

    def __init__(self, prefix: str, section: str) -> None:
        self.prefix = prefix
        self.section = section
        self.steps: list[StepProgram] = []
        self.awaited: list[int] = []
        self.roots: list[StepProgram] = []
        self.collects: dict[str, StepProgram] = {}
        """The steps with `join: collect`, by id."""
        self.end: str | None = None
        self.repeats = False
        """Whether a container around it may be tried again."""


class Patterns(dict[tuple[str, ...], tuple[tuple[int, bool], ...]]):
    """For live ports: each link's target, and whether its token is live. Worked out when it is first asked for."""

    __slots__ = ("_links",)

    def __init__(self, links: list[tuple[str, int]]) -> None:
        super().__init__()
        self._links = links

    def __missing__(self, ports: tuple[str, ...]) -> tuple[tuple[int, bool], ...]:
        found = self[ports] = tuple((target, port in ports) for port, target in self._links)
        return found


class StepProgram:
    """One step, ready to be carried out. `path` is static: it names the step, not one of its activations."""

    __slots__ = (
        "accepts", "arrivals", "behaviour", "body", "branches", "cache", "cache_key", "catch", "collected", "deadline",
        "disabled", "done", "effect", "evaluate", "expect", "fallback", "finally_", "id", "index", "inline", "join", "key",
        "line", "links",
        "path", "patterns", "ports", "priority", "retry", "scope", "settings", "step", "timeout",
        "type", "undo", "verify",
    )  # fmt: skip

    def __init__(self, step: Step, step_type: StepType, path: str, index: int, scope: ScopeProgram) -> None:
        self.id = step.id
        self.step = step
        self.type = step_type
        self.behaviour = step_type.behaviour
        self.evaluate = step_type.evaluate
        self.disabled = step.disabled
        self.path = path
        self.index = index
        self.scope = scope
        self.inline = step_type.behaviour in (Behaviour.EVALUATE, Behaviour.STOP)
        self.settings = Settings(step.settings, step_type.deferred)
        self.effect = effective_effect(step, step_type)
        self.ports = _ports_of(step, step_type)
        self.join = step.join if isinstance(step.join, int) else _JOINS[step.join]
        self.links: list[tuple[str, int]] = []
        self.patterns = Patterns(self.links)
        self.arrivals: list[tuple[StepProgram, str]] = []
        """Of a step that collects: the step and the port of each link to it, in the order of the file."""
        self.collected = False
        """Whether a link leads from here to a step that collects."""
        self.line = line_of(step)
        self.priority = 5 if step.priority is None else step.priority
        self.retry = step.retry or Retry()
        self.timeout = _micros(step.timeout)
        self.deadline = _micros(step.deadline)
        self.key = _template_or_none(step.key)
        self.cache = step.cache
        self.cache_key = None if step.cache is None else _template_or_none(step.cache.key)
        self.fallback = None if step.fallback is msgspec.UNSET else compile_template(step.fallback)
        self.expect = SchemaCheck(step.expect) if step.expect else None
        self.accepts = bool(step.expect) or step.undo is not None
        self.body: ScopeProgram | None = None
        self.branches: dict[str, ScopeProgram] = {}
        self.catch: ScopeProgram | None = None
        self.finally_: ScopeProgram | None = None
        self.undo: StepProgram | None = None
        self.verify: StepProgram | None = None
        self.done: Template | None = None

    def is_linked(self, port: str) -> bool:
        """Return whether a link leaves from this port."""
        return any(own == port for own, _ in self.links)


class Program:
    """A compiled workflow. Nothing in it changes while runs use it."""

    def __init__(
        self, workflow: Workflow, version: str, root: ScopeProgram, steps: dict[str, StepProgram]
    ) -> None:
        self.workflow = workflow
        self.version = version
        self.root = root
        self.steps = steps
        self.output = None if workflow.output is msgspec.UNSET else compile_template(workflow.output)
        self.timeout = _micros(workflow.settings.timeout)
        self.zone: tzinfo = (
            UTC if workflow.settings.timezone == "UTC" else ZoneInfo(workflow.settings.timezone)
        )
        self.variables = dict(workflow.variables)
        self.gates = Gates(workflow.settings)
        self.tries_scopes = _mark_scopes(steps)
        """Whether some container may be tried again."""
        self.is_private = any(map(has_tags, (workflow.input, *(step.step.expect for step in steps.values()))))

    def moment(self, at: int) -> datetime:
        """Return the point in time that these microseconds since 1970 are, in the time zone of the workflow."""
        moment = EPOCH + timedelta(microseconds=at)
        return moment if self.zone is UTC else moment.astimezone(self.zone)

    def find(self, path: str) -> "StepProgram | None":
        """Return the step of an activation's path, its undo or its verification for theirs; None for a foreign path."""
        own = self.steps.get(static_path(path))
        purpose = path.partition("!")[2]
        if own is None or not purpose:
            return own
        return own.undo if purpose == "undo" else own.verify

    def links(self) -> Iterator[tuple[str, str, str]]:
        """Yield every link as (static path of its step, port, static path of its target)."""
        for step in self.steps.values():
            for port, target in step.links:
                yield step.path, port, step.scope.steps[target].path

    def is_in_finally(self, path: str, container: str) -> bool:
        """Return whether a step stands, within this container, in a `finally`: itself or with what is around it."""
        while len(path) > len(container):
            if self.steps[path].scope.section == "finally":
                return True
            path = path.rpartition("/")[0]
        return False

    def alone(self, path: str) -> ScopeProgram:
        """Return a scope that holds only this container, for the run of one of its pages. Its time limits, its
        retry, its fallback, its undo and what is expected of it are those of the whole loop; the run that has the whole loop
        sees to them.
        """
        scope = ScopeProgram(self.steps[path].scope.prefix, "page")
        own = copy.copy(self.steps[path])
        own.index, own.links, own.patterns, own.scope = 0, [], Patterns([]), scope
        own.fallback, own.timeout, own.deadline, own.retry = None, None, None, Retry()
        own.accepts, own.expect, own.undo = False, None, None
        scope.steps, scope.roots, scope.awaited, scope.end = [own], [own], [0], own.id
        return scope


def compile_workflow(workflow: Workflow, catalogue: Catalogue, *, version: str = "") -> Program:
    """Return the program of a workflow that passed its checks; raise `CompileError` where it would not have."""
    steps: dict[str, StepProgram] = {}
    root = _compile_scope(workflow.scope, "", "body", catalogue, steps)
    for own in steps.values():
        if own.step.priority is None:
            own.priority = workflow.settings.priority
    return Program(workflow, version, root, steps)


def _mark_scopes(steps: dict[str, StepProgram]) -> bool:
    """Mark the scopes that are tried again with a container around them; outer steps come first."""
    found = False
    for step in steps.values():
        repeats = step.scope.repeats or step.retry.attempts > 1
        if repeats and step.behaviour in CONTAINERS:
            found = True
            for scope in (step.body, step.catch, step.finally_, *step.branches.values()):
                if scope is not None:
                    scope.repeats = True
    return found


def undo_program(entry: UndoEntry, scope: ScopeProgram) -> StepProgram:
    """Return the step that carries out an undo; it may come from a called run, so all it needs stands in the entry."""
    step_type = StepType(
        name=entry.type, version=entry.version, title="", summary="", effect=Effect(entry.effect)
    )
    step = Step(
        id=entry.path,
        type=entry.type,
        version=entry.version,
        retry=entry.retry or UNDO_RETRY,
        timeout=entry.timeout,
    )
    return StepProgram(step, step_type, entry.path, 0, scope)


def static_path(path: str) -> str:
    """Return the path of the step that an activation belongs to: `each[3]/price` → `each/price`, `pay!undo` → `pay`."""
    bare = path.partition("!")[0]
    if "[" not in bare:
        return bare
    text, rest = "", bare
    while rest:
        head, bracket, tail = rest.partition("[")
        text += head
        rest = tail.partition("]/")[2] if bracket else ""
        text += "/" if bracket else ""
    return text


def line_of(step: Step) -> str:
    """Return the line in which a step stands for its slot: what it takes of pools, as `erp` or `cpu:2 erp`; empty for none."""
    wanted = dict(step.resources or {})
    if step.pool is not None:
        wanted[step.pool] = max(1, wanted.get(step.pool, 0))
    return " ".join(f"{pool}:{units}" if units > 1 else pool for pool, units in sorted(wanted.items()))


def effective_effect(step: Step, step_type: StepType) -> Effect:
    """Return the effect under the settings as written; the author's `key:` makes a write idempotent."""
    effect = step_type.effect_of(step.settings)
    return Effect.IDEMPOTENT if effect is Effect.WRITE and step.key is not None else effect


def _compile_scope(
    scope: Scope, prefix: str, section: str, catalogue: Catalogue, steps: dict[str, StepProgram]
) -> ScopeProgram:
    compiled = ScopeProgram(prefix, section)
    by_id: dict[str, StepProgram] = {}
    for index, step in enumerate(scope.steps.values()):
        own = _compile_step(step, prefix, index, compiled, catalogue)
        compiled.steps.append(own)
        by_id[step.id] = steps[own.path] = own
        _compile_inner(own, step, catalogue, steps)
    compiled.awaited = [0] * len(compiled.steps)
    for link in scope.links:
        source, target = by_id.get(link.source), by_id.get(link.target)
        if source is None or target is None:
            raise CompileError(
                f"The link {link.source}.{link.port} -> {link.target} leads to no step of its scope."
            )
        source.links.append((link.port, target.index))
        if target.join == JOIN_COLLECT:
            target.arrivals.append((source, link.port))
            source.collected = True
        compiled.awaited[target.index] += 1
    compiled.collects = {step.id: step for step in compiled.steps if step.join == JOIN_COLLECT}
    compiled.roots = [step for step in compiled.steps if not compiled.awaited[step.index]]
    ends = [step.id for step in compiled.steps if not step.links and step.ports]
    compiled.end = ends[0] if len(ends) == 1 else None
    return compiled


def _compile_step(
    step: Step, prefix: str, index: int, scope: ScopeProgram, catalogue: Catalogue
) -> StepProgram:
    own = StepProgram(
        step, _find_type(catalogue, step.type, step.version, step.id), prefix + step.id, index, scope
    )
    if step.undo is not None:
        own.undo = _attached(own, step.undo, "undo", catalogue)
    if step.verify is not None:
        own.verify = _attached(own, step.verify, "verify", catalogue)
        own.done = compile_template(step.verify.done)
    return own


def _attached(own: StepProgram, attached: Undo | Verify, purpose: str, catalogue: Catalogue) -> StepProgram:
    """Compile the undo or the verification of a step as a step of its own under the path `<path>!undo`."""
    timeout = attached.timeout if isinstance(attached, Undo) else None
    retry = (attached.retry or UNDO_RETRY) if isinstance(attached, Undo) else VERIFY_RETRY
    step = Step(
        id=own.id,
        type=attached.type,
        version=attached.version,
        settings=attached.settings,
        retry=retry,
        timeout=timeout,
    )
    step_type = _find_type(catalogue, attached.type, attached.version, own.id)
    return StepProgram(step, step_type, f"{own.path}!{purpose}", own.index, own.scope)


def _compile_inner(own: StepProgram, step: Step, catalogue: Catalogue, steps: dict[str, StepProgram]) -> None:
    inner = own.path + "/"

    def compiled(scope: Scope | None, section: str) -> ScopeProgram | None:
        return None if scope is None else _compile_scope(scope, inner, section, catalogue, steps)

    own.body = compiled(step.body, "body")
    own.catch = compiled(step.catch, "catch")
    own.finally_ = compiled(step.finally_, "finally")
    own.branches = {
        name: _compile_scope(branch, inner, name, catalogue, steps)
        for name, branch in (step.branches or {}).items()
    }
    needs_body = own.behaviour in (Behaviour.FOREACH, Behaviour.WHILE, Behaviour.TRY)
    if needs_body and own.body is None:
        raise CompileError(f"Step {own.path!r} of type {step.type} has no `steps`.")
    if own.behaviour is Behaviour.RACE and not own.branches:
        raise CompileError(f"Step {own.path!r} of type race has no `branches`.")


def _find_type(catalogue: Catalogue, name: str, version: int | None, step_id: str) -> StepType:
    found = catalogue.find(name, version)
    if found is None:
        raise CompileError(f"Step {step_id!r} has a type that is not installed: {name!r}.")
    return found


def _ports_of(step: Step, step_type: StepType) -> tuple[str, ...]:
    ports = step_type.ports_of(step.settings)
    return ports + tuple(name for name in step.branches or {} if name not in ports)


def _template_or_none(value: Any) -> Template | None:
    return None if value is None else compile_template(value)


def _micros(span: timedelta | None) -> int | None:
    return None if span is None else span // timedelta(microseconds=1)
