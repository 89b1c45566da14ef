"""Random workflows whose every step adds to a counter of the witness, and what the counters must say in the end.

A program is drawn together with the sums that follow from it: how often each effect happens, whatever is killed meanwhile.
Names of effects begin with the number of the program, so that many programs share one witness.
"""

import json
import random
from collections import Counter
from typing import Any

import msgspec

ENOUGH = {"attempts": 40, "first": "20ms", "factor": 1.2, "max": "200ms"}
"""A `PUT` may be repeated. A process that is killed again and again may take more attempts along than are forgiven."""


class Signal(msgspec.Struct, frozen=True):
    """A signal that the program waits for, and how often it is sent under the same id."""

    name: str
    id: str
    times: int


class RandomProgram(msgspec.Struct):
    """A workflow, what it is given, and what must come of it."""

    number: int
    text: str
    called: list[str]
    input: dict[str, Any]
    expected: Counter[str]
    behaviours: dict[str, str]
    signals: list[Signal]
    state: str = "succeeded"
    output: Any = None


def draw(seed: int, number: int, place: str) -> RandomProgram:
    """Return the program of this number. `place` is where the witness answers."""
    return _Author(random.Random(f"{seed}-{number}"), number, place).program()


class _Author:
    def __init__(self, chance: random.Random, number: int, place: str) -> None:
        self.chance = chance
        self.number = number
        self.place = place
        self.names = 0
        self.expected: Counter[str] = Counter()
        self.behaviours: dict[str, str] = {}
        self.signals: list[Signal] = []
        self.called: list[str] = []
        self.input = {"x": chance.randint(0, 9), "items": [f"i{n}" for n in range(chance.randint(0, 4))]}

    def program(self) -> RandomProgram:
        scope = self.scope(0, 1)
        last = self.name()
        scope["steps"][last] = {"type": "noop", "with": {"value": "{{ input.x }}"}, "join": "all"}
        for step in [name for name in scope["steps"] if name != last]:
            if not any(link.startswith(f"{step} ") for link in scope["links"]):
                scope["links"].append(f"{step} -> {last}")
        document = self.document(f"program-{self.number}", scope, f"{{{{ steps.{last} }}}}")
        return RandomProgram(
            self.number, document, self.called, self.input, self.expected, self.behaviours, self.signals,
            output=self.input["x"],
        )

    def document(self, name: str, scope: dict[str, Any], output: str = "") -> str:
        spec = {"input": {"type": "object"}, **scope, **({"output": output} if output else {})}
        return json.dumps({"kind": "workflow", "name": name, "spec": spec})

    def name(self) -> str:
        self.names += 1
        return f"s{self.names}"

    def scope(self, depth: int, times: int) -> dict[str, Any]:
        """Return some steps, one after the other or side by side, that run `times` times in all."""
        steps: dict[str, Any] = {}
        links = []
        before: list[str] = []
        for _ in range(self.chance.randint(1, 4 - depth)):
            name, step = self.step(depth, times)
            steps[name] = step
            if before and self.chance.random() < 0.7:
                links.append(f"{self.chance.choice(before)} -> {name}")
            before.append(name)
        return {"steps": steps, "links": links}

    def step(self, depth: int, times: int) -> tuple[str, dict[str, Any]]:
        kinds = ["put", "put", "write", "write", "refused"]
        if depth == 0:
            kinds += ["foreach", "while", "if", "saga", "call", "wait", "signal", "race"]
        return getattr(self, f"_{self.chance.choice(kinds)}")(depth, times)

    # --- effects ---

    def effect(self, method: str, times: int, inner: str = "") -> dict[str, Any]:
        """Return a step that adds to a counter `times` times in all; `inner` tells apart the rounds of a loop."""
        self.names += 1
        name = f"{self.number}/c{self.names:04d}"
        self.expected[name] += times
        if not self.expected[name]:
            del self.expected[name]
        given = {"method": method, "url": f"http://{self.place}/{name}{inner}", "json": {"x": "{{ input.x }}"}}
        step: dict[str, Any] = {"type": "http.request", "with": given}
        if method == "PUT":
            step["retry"] = ENOUGH
        else:
            asks = {"url": f"http://{self.place}/-/seen/{name}{inner}"}
            step["verify"] = {"type": "http.request", "with": asks, "done": "{{ output.json.times > 0 }}"}
            step["retry"] = ENOUGH
        return step

    def _put(self, depth: int, times: int) -> tuple[str, dict[str, Any]]:
        return self.name(), self.effect("PUT", times, self.round(depth))

    def _write(self, depth: int, times: int) -> tuple[str, dict[str, Any]]:
        return self.name(), self.effect("POST", times, self.round(depth))

    def _refused(self, depth: int, times: int) -> tuple[str, dict[str, Any]]:
        """An effect that the other side refuses some times, certainly without effect, before it takes it."""
        step = self.effect("PUT", times, self.round(depth))
        step["retry"] = {**ENOUGH, "on": ["permanent", "transient", "unknown"]}
        name = step["with"]["url"].partition(f"{self.place}/")[2].partition("/r")[0]
        if times == 1:
            self.behaviours[name] = " ".join(["409"] * self.chance.randint(1, 3) + ["200"])
        return self.name(), step

    def round(self, depth: int) -> str:
        return "/r{{ index }}" if depth == 1 else ""

    # --- what holds steps ---

    def _foreach(self, depth: int, times: int) -> tuple[str, dict[str, Any]]:
        inner = self.loop_scope(len(self.input["items"]) * times)
        given = {"items": "{{ input.items }}", "parallel": self.chance.randint(1, 3)}
        return self.name(), {"type": "foreach", "with": given, **inner}

    def _while(self, depth: int, times: int) -> tuple[str, dict[str, Any]]:
        rounds = self.chance.randint(1, 4)
        inner = self.loop_scope(rounds * times)
        given = {"condition": f"{{{{ index < {rounds} }}}}", "limit": 10}
        return self.name(), {"type": "while", "with": given, **inner}

    def loop_scope(self, times: int) -> dict[str, Any]:
        scope = self.scope(1, times)
        end = self.name()
        scope["links"] += [f"{name} -> {end}" for name in scope["steps"] if not any(link.startswith(f"{name} ") for link in scope["links"])]
        scope["steps"][end] = {"type": "noop"}
        return scope

    def _if(self, depth: int, times: int) -> tuple[str, dict[str, Any]]:
        """A choice in a scope of its own: the side that is not chosen has no effect."""
        bound = self.chance.randint(0, 9)
        chosen = self.input["x"] > bound
        steps = {
            "asked": {"type": "if", "with": {"condition": f"{{{{ input.x > {bound} }}}}"}},
            "yes": self.effect("POST", times if chosen else 0),
            "no": self.effect("PUT", 0 if chosen else times),
        }
        return self.name(), {"type": "try", "steps": self.own(steps), "links": self.own_links(["asked.true -> yes", "asked.false -> no"])}

    def _saga(self, depth: int, times: int) -> tuple[str, dict[str, Any]]:
        """Effects that are taken back because a later step fails, then what `catch` and `finally` do."""
        undone = self.effect("POST", times)
        back = self.effect("PUT", times)
        undone["undo"] = {"type": "http.request", "with": back["with"]}
        steps = {"done": undone, "broken": {"type": "fail", "with": {"message": "It broke."}}}
        step = {"type": "try", "steps": self.own(steps), "links": self.own_links(["done -> broken"])}
        self.prefix += 1
        step["catch"] = {"steps": {f"caught{self.prefix}": self.effect("PUT", times)}}
        step["finally"] = {"steps": {f"cleaned{self.prefix}": self.effect("PUT", times)}}
        return self.name(), step

    def _race(self, depth: int, times: int) -> tuple[str, dict[str, Any]]:
        """A branch that has its effect and one that waits for what never comes."""
        self.prefix += 1
        first = {"steps": {f"won{self.prefix}": self.effect("PUT", times)}}
        never = {"steps": {f"lost{self.prefix}": {"type": "wait.signal", "with": {"name": f"never{self.prefix}"}}}}
        return self.name(), {"type": "race", "branches": {"first": first, "never": never}}

    def _call(self, depth: int, times: int) -> tuple[str, dict[str, Any]]:
        name = f"called-{self.number}-{len(self.called)}"
        self.called.append("")
        place = len(self.called) - 1
        self.called[place] = self.document(name, self.scope(2, times))
        return self.name(), {"type": "call", "with": {"workflow": name, "input": "{{ input }}"}}

    # --- waits ---

    def _wait(self, depth: int, times: int) -> tuple[str, dict[str, Any]]:
        return self.name(), {"type": "wait.for", "with": {"duration": f"{self.chance.choice((1, 50, 300, 2000, 12000))}ms"}}

    def _signal(self, depth: int, times: int) -> tuple[str, dict[str, Any]]:
        name = f"go{self.names}"
        self.signals.append(Signal(name, f"{self.number}-{name}", self.chance.choice((1, 1, 3))))
        return self.name(), {"type": "wait.signal", "with": {"name": name}}

    prefix = 0

    def own(self, steps: dict[str, Any]) -> dict[str, Any]:
        """Return steps under names that the workflow has only once."""
        self.prefix += 1
        return {f"{name}{self.prefix}": step for name, step in steps.items()}

    def own_links(self, links: list[str]) -> list[str]:
        return [
            " -> ".join((".".join((source.partition(".")[0] + str(self.prefix), *source.split(".")[1:])), target + str(self.prefix)))
            for source, target in (link.split(" -> ") for link in links)
        ]
