"""Workflows for worlds of processes: what their settings limit, and the steps behind it, drawn from a number."""

import asyncio
import random
from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any

import msgspec

from auraos.app.definitions.versions import make_version
from auraos.app.installed import load_installed
from auraos.core.catalogue import Catalogue, Effect, StepType
from auraos.core.document import read_document
from auraos.core.graph import read_workflow
from auraos.core.run import Program, compile_workflow
from auraos.engine.ports import NotFoundError, Version

POOLS = {"a": 2, "b": 3}
KINDS = 90
KEYED = "key: '{{ input.key }}', "
SIGNAL, EVENT = "paid", "stock.arrived"


class Drawn(msgspec.Struct, frozen=True):
    """One workflow of a world."""

    version: Version
    program: Program
    gathers: bool
    """Whether its runs get lists of inputs."""
    settings: str


async def _carry_out(settings: dict[str, Any], context: Any) -> Any:
    loop: Any = asyncio.get_running_loop()
    return await loop.process.carry_out(settings, context)


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """Return what is installed, and steps that act on the simulated world."""
    effects = {"sim.write": Effect.WRITE, "sim.idempotent": Effect.IDEMPOTENT, "sim.read": Effect.READ}
    types = [
        StepType(name=name, title=name, summary="A step of a test.", effect=effect, execute=_carry_out)
        for name, effect in effects.items()
    ]
    return Catalogue([*load_installed().catalogue.all(), *types])


@cache
def workflow(kind: int) -> Drawn:
    """Return the workflow of a kind; the kinds below zero are those that others call."""
    chance = random.Random(kind)
    settings = "" if kind < 0 and kind % 2 else _settings(chance)
    name = f"called{-kind}" if kind < 0 else f"w{kind}"
    steps, links = _steps(chance, calls=kind >= 0)
    text = (
        f"kind: workflow\nname: {name}\nspec:\n  settings: {{{settings}}}\n  steps:\n"
        + "".join(f"    {step}\n" for step in steps)
        + f"  links: [{', '.join(links)}]\n"
    )
    version = make_version(text, catalogue())
    document, problems = read_document(text, ("workflow",))
    assert document is not None, problems
    read, _ = read_workflow(document, catalogue())
    assert read is not None
    program = compile_workflow(read, catalogue(), version=version.hash)
    return Drawn(version, program, "batch" in settings, settings)


@cache
def kinds_with(setting: str) -> tuple[int, ...]:
    """Return the kinds that have a setting; all of them where it is none of the settings."""
    return tuple(kind for kind in range(KINDS) if f"{setting}:" in workflow(kind).settings) or tuple(
        range(KINDS)
    )


class DrawnDefinitions:
    """The workflows of a world, as its engines ask for them."""

    def __init__(self, drawn: Sequence[Drawn]) -> None:
        self._by_name = {each.version.name: each for each in drawn}
        self.programs = {each.version.hash: each.program for each in drawn}

    async def resolve(self, workspace: str, name: str) -> Version:
        found = self._by_name.get(name)
        if found is None:
            raise NotFoundError(f"There is no workflow named {name!r}.")
        return found.version

    def compile(self, version: Version) -> Program:
        return self.programs[version.hash]


def _settings(chance: random.Random) -> str:
    """Return settings that limit who may begin: none, one, or several together."""
    chosen = chance.sample(sorted(_RULES), chance.choice((0, 1, 1, 1, 2, 2, 3)))
    one_key = chance.random() < 0.6
    keyed = chance.random() < 0.6
    rules = []
    for setting in chosen:
        key = KEYED if (keyed if one_key else chance.random() < 0.5) else ""
        limit = 1 if setting == "debounce" else chance.choice((1, 1, 2, 3))
        if setting == "batch":
            limit = chance.choice((2, 3, 4))
        per = f", per: {chance.choice((1, 2, 4))}s" if setting not in ("concurrency", "singleton") else ""
        limited = "" if setting == "debounce" else f", limit: {limit}"
        words = _RULES[setting]
        full = f", when_full: {chance.choice(words)}" if words else ""
        rules.append(f"{setting}: {{{(key + limited + per + full).lstrip(', ').replace(', ,', ',')}}}")
    rules.append(f"priority: {chance.randint(0, 9)}")
    return ", ".join(rules)


_RULES: dict[str, tuple[str, ...]] = {
    "concurrency": ("wait", "wait", "wait", "skip", "cancel_oldest", "fail"),
    "singleton": ("wait", "wait", "skip", "cancel_oldest", "fail"),
    "throttle": ("wait", "wait", "skip", "fail"),
    "rate": ("skip", "fail"),
    "debounce": (),
    "batch": (),
}


def _steps(chance: random.Random, *, calls: bool) -> tuple[list[str], list[str]]:
    """Return one to three steps, one after the other or side by side."""
    names = ["one", "two", "three"][: chance.choice((1, 1, 2, 2, 3))]
    kinds = _STEPS if calls else _STEPS[:-2]
    steps = [f"{name}: {chance.choice(kinds)(chance)}".replace("EACH", f"{name}_each") for name in names]
    linked = [f"{one} -> {two}" for one, two in pairwise(names) if chance.random() < 0.7]
    return steps, linked


def _act(chance: random.Random) -> str:
    effect = chance.choice(("write", "write", "idempotent", "read"))
    retry = ", retry: {attempts: 3, first: 200ms}" if chance.random() < 0.4 else ""
    return f"{{type: sim.{effect}{retry}, with: {{takes: {{}}}}}}"


def _pooled(chance: random.Random) -> str:
    effect = chance.choice(("write", "idempotent"))
    takes = chance.choice(({"a": 1}, {"a": 1}, {"a": 2}, {"b": 2, "a": 1}, {"b": 3}))
    words = ", ".join(f"{pool}: {units}" for pool, units in takes.items())
    limits = f"timeout: 4s, priority: {chance.randint(0, 9)}, resources: {{{words}}}"
    return f"{{type: sim.{effect}, {limits}, with: {{takes: {{{words}}}}}}}"


def _loop(chance: random.Random) -> str:
    inner = _pooled(chance) if chance.random() < 0.5 else _act(chance)
    return f"{{type: foreach, with: {{items: [1, 2, 3], parallel: 2}}, steps: {{EACH: {inner}}}}}"


_STEPS = (
    _act,
    _act,
    _pooled,
    _pooled,
    _loop,
    lambda chance: f"{{type: wait.for, with: {{duration: {chance.choice((1, 2))}s}}}}",
    lambda chance: f"{{type: wait.signal, with: {{name: {SIGNAL}}}}}",
    lambda chance: f"{{type: wait.event, with: {{type: {EVENT}}}}}",
    lambda chance: "{type: human.approve, with: {title: May it?}}",
    lambda chance: (
        f"{{type: call, with: {{workflow: called{chance.randint(1, 6)}, input: {{key: {chance.choice('xy')}}}}}}}"
    ),
    lambda chance: (
        f"{{type: call, with: {{workflow: called{chance.randint(1, 6)}, input: {{key: x}}, wait: false}}}}"
    ),
)
