"""The workflow kind as data: what a checked document says. Reading it out of a document is `core.graph`'s work."""

from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

import msgspec

from auraos.core.catalogue import Schema

Join: TypeAlias = Literal["all", "any", "collect"] | int
WhenFull: TypeAlias = Literal["wait", "skip", "cancel_oldest", "fail"]
Uncertain: TypeAlias = Literal["verify", "retry", "ask", "fail"]


class Link(msgspec.Struct, frozen=True):
    """A link from a step's port to a step of the same scope."""

    source: str
    port: str
    target: str


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """When and how often an attempt is repeated."""

    attempts: int = 1
    first: timedelta = timedelta(seconds=1)
    factor: float = 2.0
    max: timedelta = timedelta(minutes=5)
    jitter: float = 0.1
    on: tuple[str, ...] = ("transient",)


class Verify(msgspec.Struct, frozen=True, kw_only=True):
    """How to find out whether an attempt of unknown outcome took effect: a reading step, and a condition over its output."""

    type: str
    version: int | None = None
    settings: dict[str, Any] = {}
    done: str = ""


class Undo(msgspec.Struct, frozen=True, kw_only=True):
    """The step that takes the effect back."""

    type: str
    version: int | None = None
    settings: dict[str, Any] = {}
    retry: Retry | None = None
    timeout: timedelta | None = None


class Cache(msgspec.Struct, frozen=True, kw_only=True):
    """How long the output of a pure or reading step may be used again for the same key."""

    ttl: timedelta
    key: Any = None


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Steps and the links among them."""

    steps: dict[str, "Step"]
    links: tuple[Link, ...] = ()


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step as written. `settings` is its `with`, templates and all; `fallback` is UNSET where there is none."""

    id: str
    type: str
    version: int | None = None
    title: str = ""
    notes: str = ""
    settings: dict[str, Any] = {}
    join: Join = "all"
    retry: Retry | None = None
    timeout: timedelta | None = None
    deadline: timedelta | None = None
    key: Any = None
    uncertain: Uncertain | None = None
    verify: Verify | None = None
    fallback: Any = msgspec.UNSET
    undo: Undo | None = None
    expect: Schema | None = None
    pool: str | None = None
    resources: dict[str, int] | None = None
    """How many units of which pools it takes; `pool` is one unit of one."""
    priority: int | None = None
    cache: Cache | None = None
    disabled: bool = False
    body: Scope | None = None
    branches: dict[str, Scope] | None = None
    catch: Scope | None = None
    finally_: Scope | None = None


class FlowControl(msgspec.Struct, frozen=True, kw_only=True):
    """Concurrency, throttle, rate, debounce, batch and singleton share this shape, as far as it applies to each."""

    key: Any = None
    limit: int = 1
    per: timedelta | None = None
    when_full: WhenFull = "wait"


FlowSetting: TypeAlias = Literal["rate", "debounce", "batch", "singleton", "concurrency", "throttle"]
FLOW_SETTINGS: tuple[FlowSetting, ...] = (
    "rate", "debounce", "batch", "singleton", "concurrency", "throttle",
)  # fmt: skip
"""The settings that say how many runs go on, in the order in which a run passes them."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a whole workflow."""

    timeout: timedelta | None = None
    concurrency: FlowControl | None = None
    throttle: FlowControl | None = None
    rate: FlowControl | None = None
    debounce: FlowControl | None = None
    batch: FlowControl | None = None
    singleton: FlowControl | None = None
    priority: int = 5
    on_failure: str | None = None
    retention: timedelta | None = None
    timezone: str = "UTC"


class Workflow(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow as written, read and decoded."""

    name: str
    title: str = ""
    input: Schema | None = None
    variables: dict[str, Any] = {}
    settings: Settings = Settings()
    scope: Scope
    output: Any = msgspec.UNSET


class TestCase(msgspec.Struct, frozen=True, kw_only=True):
    """One case of a document's `tests`: what goes in, what stands in for the world, and what must come of it."""

    __test__ = False  # not a test class, whatever its name says to a test runner

    name: str
    input: Any = None
    variables: dict[str, Any] = {}
    trigger: Any = None
    mocks: dict[str, Any] = {}
    answers: dict[str, Any] = {}
    signals: tuple[dict[str, Any], ...] = ()
    events: tuple[dict[str, Any], ...] = ()
    control: tuple[dict[str, Any], ...] = ()
    order: tuple[str, ...] = ()
    at: datetime | None = None
    expect: dict[str, Any] = {}
