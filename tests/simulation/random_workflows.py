"""Random workflows: every kind of step and container, every effect and policy, drawn from the chance that is given."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib.metadata import entry_points
from typing import Any

import msgspec

from auraos.core.catalogue import Behaviour, Catalogue, Effect, StepType
from auraos.core.run import Program, compile_workflow, loops
from auraos.core.workflow import Link, Retry, Scope, Settings, Step, Undo, Verify, Workflow

EFFECTS = ("pure", "read", "idempotent", "write", "write", "irreversible")
BUILT_IN = (
    "transform", "noop", "if", "switch", "fail", "stop", "foreach", "while", "try", "race", "call",
    "wait.for", "wait.until", "wait.signal", "wait.event", "human.approve",
)  # fmt: skip
SIGNALS = ("paid", "sent")
EVENTS = ("stock", "price")
MOST_STEPS = 14


async def _carried_out_by_the_test(settings: dict[str, Any], context: Any) -> None:
    raise AssertionError("whoever drives the machine carries its steps out")


class Dice:
    """A pure step type whose function answers otherwise each time: what replay must not call."""

    def __init__(self) -> None:
        self.thrown = 0

    def throw(self, _: dict[str, Any]) -> int:
        self.thrown += 1
        return self.thrown


def make_catalogue(dice: Dice) -> Catalogue:
    """Return the built-in types, `act` (any effect, carried out by the test) and `dice`."""
    types = [entry.load() for entry in entry_points(group="auraos.steps") if entry.name in BUILT_IN]
    types.append(
        StepType(
            name="act",
            title="Act",
            summary="Stands for any step with an effect.",
            effect=lambda settings: Effect(settings.get("effect", "write")),
            ports=lambda settings: tuple(settings.get("ports", ["out"])),
            execute=_carried_out_by_the_test,
        )
    )
    types.append(
        StepType(
            name="dice",
            title="Dice",
            summary="Another number each time it is evaluated.",
            behaviour=Behaviour.EVALUATE,
            effect=Effect.PURE,
            evaluate=dice.throw,
        )
    )
    return Catalogue(types)


DICE = Dice()
CATALOGUE = make_catalogue(DICE)


def random_program(chance: random.Random, name: str = "tested", *, calls: tuple[str, ...] = ()) -> Program:
    """Return the program of a random workflow; it may call the workflows named."""
    workflow = Author(chance, calls).workflow(name)
    return compile_workflow(workflow, CATALOGUE, version=f"{name}-v1")


@contextmanager
def small_pages() -> Iterator[None]:
    """Let loops be cut into pages early, so that small workflows have some."""
    kept = loops.PAGE_ABOVE, loops.PAGE_SIZE, loops.ROUNDS_IN_ONE_JOURNAL
    loops.PAGE_ABOVE, loops.PAGE_SIZE, loops.ROUNDS_IN_ONE_JOURNAL = 3, 2, 2
    try:
        yield
    finally:
        loops.PAGE_ABOVE, loops.PAGE_SIZE, loops.ROUNDS_IN_ONE_JOURNAL = kept


class Author:
    """Writes one workflow."""

    def __init__(self, chance: random.Random, calls: tuple[str, ...] = ()) -> None:
        self.chance = chance
        self.calls = calls
        self.written = 0
        self.loops = 0

    def workflow(self, name: str) -> Workflow:
        """Return a whole workflow."""
        scope = self.scope(0)
        output: Any = msgspec.UNSET
        if self.often(0.4):
            output = (
                {"last": "{{ steps." + self.chance.choice(list(scope.steps)) + " }}"} if scope.steps else 1
            )
        timeout = timedelta(hours=self.chance.randint(1, 9)) if self.often(0.1) else None
        return Workflow(
            name=name,
            variables={"v": 1},
            settings=Settings(timeout=timeout),
            scope=scope,
            output=output,
        )

    def scope(self, depth: int) -> Scope:
        """Return some steps and links among them."""
        count = self.chance.randint(1, (5, 3, 2, 1)[depth])
        if self.often(0.02):
            count = 0
        steps: dict[str, Step] = {}
        for _ in range(count):
            step = self.step(depth, list(steps))
            steps[step.id] = step
        ids = list(steps)
        links = [
            Link(source, self.port(steps[source]), target)
            for place, target in enumerate(ids)
            for source in self.sources(ids[:place])
        ]
        links = list(dict.fromkeys(links))
        for own_id, step in steps.items():
            arriving = sum(link.target == own_id for link in links)
            if isinstance(step.join, int) and step.join > max(1, arriving):
                steps[own_id] = msgspec.structs.replace(step, join=arriving or 1)
        return Scope(steps=steps, links=tuple(links))

    def sources(self, before: list[str]) -> list[str]:
        """Return the steps that the next one follows, often one, sometimes none or several."""
        if not before or self.often(0.2):
            return []
        return [self.chance.choice(before) for _ in range(self.chance.choice((1, 1, 1, 2, 3)))]

    def port(self, step: Step) -> str:
        """Return a port of a step, mostly one that success makes live."""
        own = {
            "if": ("true", "false"),
            "switch": ("small", "large", "else"),
            "human.approve": ("approved", "approved", "rejected", "expired"),
            "race": ("out", *(step.branches or {})),
        }.get(step.type, ("out",))
        if step.type.startswith("wait.") and self.often(0.2):
            own = ("expired",)
        if self.often(0.15):
            own = ("error",)
        return self.chance.choice(own)

    def step(self, depth: int, before: list[str]) -> Step:
        """Return one step of any kind."""
        self.written += 1
        own_id = f"s{self.written}"
        kinds = ["act"] * 10 + ["transform"] * 4 + ["dice", "noop", "if", "switch"] + ["wait"] * 4
        kinds += ["fail"] * (self.chance.random() < 0.5)
        if depth < 3 and self.written < MOST_STEPS:
            kinds += ["foreach", "while", "try", "race"] * 3
        if self.calls:
            kinds += ["call"] * 3
        if self.often(0.02):
            kinds = ["stop"]
        if self.often(0.015):
            kinds = ["large"]
        make = getattr(self, "_" + self.chance.choice(kinds))
        step: Step = make(own_id, depth, before)
        join = self.chance.choice(("all", "all", "all", "any", 1, 2, "collect"))
        if join == "collect":
            step = self._reading_arrivals(step)
        return msgspec.structs.replace(
            step,
            join=join,
            disabled=self.often(0.04),
            fallback={"instead": own_id} if self.often(0.08) else msgspec.UNSET,
        )

    def often(self, share: float) -> bool:
        """Return true with this probability."""
        return self.chance.random() < share

    def value(self, before: list[str]) -> Any:
        """Return a setting: a constant, or an expression over what is there, now and then one that fails."""
        choices: list[Any] = [1, "text", "{{ input.n }}", "{{ vars.v }}", "{{ now() }}", "{{ run.id }}"]
        choices += ["{{ steps." + name + " }}" for name in before[-2:]]
        choices += ["{{ index }}"] * 2 if self.loops else []
        choices += ["{{ 1 / input.zero }}"] if self.often(0.06) else []
        return self.chance.choice(choices)

    def _reading_arrivals(self, step: Step) -> Step:
        """Return a step that puts down what arrived, where its type can."""
        if step.type == "act":
            return msgspec.structs.replace(step, settings={**step.settings, "arrived": "{{ arrived }}"})
        if step.type == "transform":
            fields = {**step.settings["set"], "arrived": "{{ arrived }}"}
            return msgspec.structs.replace(step, settings={"set": fields})
        if step.type == "foreach" and self.often(0.5):
            return msgspec.structs.replace(
                step, settings={**step.settings, "items": "{{ arrived }}"}, key=None
            )
        return step

    def _act(self, own_id: str, depth: int, before: list[str]) -> Step:
        effect = self.chance.choice(EFFECTS)
        settings = {"effect": effect, "n": self.value(before)}
        if self.loops:
            settings["item"] = "{{ item }}"
        changing = effect in ("idempotent", "write", "irreversible")
        return Step(
            id=own_id,
            type="act",
            settings=settings,
            retry=self._retry() if self.often(0.5) else None,
            timeout=timedelta(seconds=30) if self.often(0.3) else None,
            deadline=timedelta(seconds=self.chance.choice((2, 60, 900))) if self.often(0.15) else None,
            key="{{ input.n }}" if changing and not self.loops and self.often(0.1) else None,
            uncertain=self.chance.choice(("verify", "ask", "fail", "retry")) if self.often(0.15) else None,
            verify=self._verify(own_id) if changing and self.often(0.4) else None,
            undo=self._undo(own_id) if changing and self.often(0.5) else None,
            expect={"type": "object", "required": ["n"]} if self.often(0.1) else None,
        )

    def _retry(self) -> Retry:
        return Retry(
            attempts=self.chance.randint(2, 4),
            first=timedelta(seconds=self.chance.choice((0, 1, 5))),
            on=self.chance.choice((("transient",), ("transient", "unknown", "timeout"), ("permanent",))),
        )

    def _verify(self, own_id: str) -> Verify:
        return Verify(type="act", settings={"effect": "read", "of": own_id}, done="{{ output.done }}")

    def _undo(self, own_id: str) -> Undo:
        return Undo(
            type="act",
            settings={
                "effect": self.chance.choice(("idempotent", "write")),
                "of": "{{ steps." + own_id + ".n }}",
            },
            retry=self._retry() if self.often(0.3) else None,
        )

    def _transform(self, own_id: str, depth: int, before: list[str]) -> Step:
        return Step(id=own_id, type="transform", settings={"set": {"n": self.value(before), "of": own_id}})

    def _large(self, own_id: str, depth: int, before: list[str]) -> Step:
        return Step(id=own_id, type="noop", settings={"value": "{{ sum(i for i in range(30000)) }}"})

    def _dice(self, own_id: str, depth: int, before: list[str]) -> Step:
        return Step(id=own_id, type="dice")

    def _noop(self, own_id: str, depth: int, before: list[str]) -> Step:
        return Step(id=own_id, type="noop", settings={"value": self.value(before)})

    def _if(self, own_id: str, depth: int, before: list[str]) -> Step:
        return Step(
            id=own_id, type="if", settings={"condition": self.chance.choice(("{{ input.n > 3 }}", True))}
        )

    def _switch(self, own_id: str, depth: int, before: list[str]) -> Step:
        cases = {"small": "{{ input.n < 3 }}", "large": "{{ input.n > 2 }}"}
        return Step(
            id=own_id, type="switch", settings={"cases": cases, "mode": self.chance.choice(("first", "all"))}
        )

    def _fail(self, own_id: str, depth: int, before: list[str]) -> Step:
        return Step(id=own_id, type="fail", settings={"message": "on purpose", "class": "permanent"})

    def _stop(self, own_id: str, depth: int, before: list[str]) -> Step:
        return Step(id=own_id, type="stop", settings={"output": "stopped"})

    def _wait(self, own_id: str, depth: int, before: list[str]) -> Step:
        kind = self.chance.choice(
            ("wait.for", "wait.signal", "wait.signal", "wait.event", "human.approve", "wait.until")
        )
        expires = {"expires": f"{self.chance.randint(1, 20)}m"} if self.often(0.4) else {}
        settings: dict[str, Any] = {
            "wait.for": lambda: {"duration": f"{self.chance.choice((0, 1, 90))}s"},
            "wait.until": lambda: {"at": "1970-01-01T00:20:00Z"},
            "wait.signal": lambda: {"name": self.chance.choice(SIGNALS), **expires},
            "wait.event": lambda: {
                "type": self.chance.choice(EVENTS),
                "match": "{{ event.n > 1 }}",
                **expires,
            },
            "human.approve": lambda: {
                "title": "Shall it?",
                **({"remind": "5m"} if self.often(0.3) else {}),
                **expires,
            },
        }[kind]()
        timeout = timedelta(minutes=10) if self.often(0.1) else None
        comes_by_itself = kind in ("wait.for", "wait.until")
        retry = self._retry() if not comes_by_itself and self.often(0.2) else None
        return Step(id=own_id, type=kind, settings=settings, timeout=timeout, retry=retry)

    def _foreach(self, own_id: str, depth: int, before: list[str]) -> Step:
        items = self.chance.choice(
            (["a", "b"], ["a", "b", "c"], [1], [], "{{ input.items }}", "{{ range(5) }}")
        )
        settings = {
            "items": items,
            "parallel": self.chance.randint(1, 3),
            "on_error": self.chance.choice(("stop", "continue", "report")),
        }
        if self.often(0.3):
            settings["batch"] = self.chance.choice((1, 2, 2, 3, "{{ input.n }}"))
        if self.often(0.15):
            settings["enough"] = "{{ len(results) >= 1 }}"
        key = self.chance.choice(("{{ item }}", "{{ f'{item}!/[{index}]' }}")) if self.often(0.3) else None
        return Step(
            id=own_id, type="foreach", settings=settings, key=key, body=self._loop(depth), **self._limits()
        )

    def _while(self, own_id: str, depth: int, before: list[str]) -> Step:
        settings = {
            "condition": "{{ index < " + str(self.chance.randint(1, 4)) + " }}",
            "limit": self.chance.choice((2, 9)),
        }
        return Step(id=own_id, type="while", settings=settings, body=self._loop(depth), **self._limits())

    def _try(self, own_id: str, depth: int, before: list[str]) -> Step:
        return Step(
            id=own_id,
            type="try",
            body=self.scope(depth + 1),
            catch=self.scope(depth + 1) if self.often(0.6) else None,
            finally_=self.scope(depth + 1) if self.often(0.6) else None,
            **self._limits(),
        )

    def _race(self, own_id: str, depth: int, before: list[str]) -> Step:
        branches = {
            name: self.scope(depth + 1) for name in ("one", "two", "three")[: self.chance.randint(1, 3)]
        }
        settings = {"on_error": self.chance.choice(("stop", "continue"))} if self.often(0.5) else {}
        return Step(id=own_id, type="race", settings=settings, branches=branches, **self._limits())

    def _call(self, own_id: str, depth: int, before: list[str]) -> Step:
        settings = {
            "workflow": self.chance.choice(self.calls),
            "input": {"n": self.value(before), "zero": 0, "items": [1]},
        }
        settings["wait"] = not self.often(0.15)
        limits = self._limits()
        if self.often(0.8):
            limits["retry"] = msgspec.structs.replace(self._retry(), on=("transient", "permanent", "timeout"))
        return Step(id=own_id, type="call", settings=settings, **limits)

    def _loop(self, depth: int) -> Scope:
        self.loops += 1
        scope = self.scope(depth + 1)
        self.loops -= 1
        return scope

    def _limits(self) -> dict[str, Any]:
        limits: dict[str, Any] = {}
        if self.often(0.15):
            limits["timeout"] = timedelta(minutes=self.chance.choice((1, 30)))
        if self.often(0.06):
            limits["deadline"] = timedelta(minutes=self.chance.choice((2, 40)))
        if self.often(0.35):
            limits["retry"] = msgspec.structs.replace(
                self._retry(),
                on=self.chance.choice(
                    (("transient", "permanent"), ("permanent", "timeout", "data", "unknown"))
                ),
            )
        return limits
