"""How fast the run machine is: a run of ten pure steps, its fold, and its facts as bytes.

The yardstick of a run is a loop that a person would write by hand: ten closures over the same compiled expressions, which
keeps the outputs and nothing else. `must` and `aim` are microseconds for a whole run.
"""

import itertools
from collections.abc import Callable
from importlib.metadata import entry_points
from time import perf_counter_ns
from typing import Any

from auraos.core.catalogue import Catalogue
from auraos.core.expressions import compile_template
from auraos.core.run import Program, RunState, advance, compile_workflow, decode_fact, encode_fact, fold
from auraos.core.run.facts import AnyFact, RunStarted
from auraos.core.workflow import Link, Scope, Step, Workflow

STEPS = 10
ROUNDS = 300
CALLS = 40


def rows() -> list[dict[str, Any]]:
    """Measure, and return one row per promise."""
    program = ten_steps()
    journal = run_once(program)
    stored = [encode_fact(fact) for fact in journal]
    loop = measure(by_hand(program))
    return [
        _row(
            "a run of ten pure steps, µs, against a loop by hand",
            measure(lambda: run_once(program)),
            loop,
            40,
            30,
        ),
        _row(
            "folding its journal, µs, against a loop by hand",
            measure(lambda: fold(program, journal)),
            loop,
            40,
            20,
        ),
        _row(
            "its facts as bytes, µs, against a loop by hand",
            measure(lambda: [*map(encode_fact, journal)]),
            loop,
            40,
            20,
        ),
        _row(
            "reading its facts, µs, against a loop by hand",
            measure(lambda: [*map(decode_fact, stored)]),
            loop,
            40,
            10,
        ),
    ]


def ten_steps() -> Program:
    """Return a chain of ten transforms, each of which adds one to what the step before gave."""
    names = [f"s{number}" for number in range(STEPS)]
    before = ["input", *(f"steps.{name}" for name in names)]
    steps = {
        name: Step(id=name, type="transform", settings={"set": {"n": f"{{{{ {source}.n + 1 }}}}"}})
        for name, source in zip(names, before, strict=False)
    }
    links = tuple(Link(source, "out", target) for source, target in itertools.pairwise(names))
    workflow = Workflow(name="ten", scope=Scope(steps=steps, links=links))
    transform = next(
        entry.load() for entry in entry_points(group="auraos.steps") if entry.name == "transform"
    )
    return compile_workflow(workflow, Catalogue([transform]), version="v1")


def run_once(program: Program) -> list[AnyFact]:
    """Carry out a whole run, and return its journal."""
    started = RunStarted(at=1, run="run-1", workflow="ten", version="v1", input={"n": 1})
    made = advance(program, RunState(program), started)
    assert len(made.outcomes) == STEPS
    return made.facts


def by_hand(program: Program) -> Callable[[], object]:
    """Return the loop that does the same work and keeps nothing but the outputs."""
    closures = [
        (step.id, compile_template(step.step.settings["set"]).evaluate) for step in program.steps.values()
    ]

    def loop() -> object:
        outputs: dict[str, Any] = {}
        names = {"input": {"n": 1}, "steps": outputs}
        for name, evaluate in closures:
            outputs[name] = evaluate(names)
        assert outputs["s9"] == {"n": 11}
        return outputs

    return loop


def measure(work: Callable[[], object]) -> float:
    """Return the microseconds of one call in the best of many short rounds, so that neighbours disturb little."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = perf_counter_ns()
        for _ in range(CALLS):
            work()
        best = min(best, (perf_counter_ns() - began) / CALLS)
    return best / 1_000


def _row(name: str, ours: float, yardstick: float, must: float, aim: float) -> dict[str, Any]:
    return {"name": name, "ours": round(ours, 2), "yardstick": round(yardstick, 2), "ratio": round(ours / yardstick, 2),
            "must": must, "aim": aim, "met": ours <= must}  # fmt: skip
