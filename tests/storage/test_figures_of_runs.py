"""The figures of a workflow, on both databases: every number is counted once more from the rows and journals as they are kept."""

import asyncio
import json
import math
from collections import Counter, defaultdict
from typing import Any

import msgspec
import pytest

from auraos.app.runs.figures import programs_of, read_figures
from auraos.core.values import to_plain
from auraos.engine.counting import RunWindow, Spread, spread_of
from private_runs import CANARY, PrivateHouse, private_house, tagged
from rows_for_tests import started
from stores import AnyStore

STEPS = """\
  input: {type: object}
  steps:
    price: {type: transform, with: {set: {total: "{{ input.total }}"}}}
    large: {type: if, with: {condition: "{{ steps.price.total > 2 }}"}}
    tell: {type: log, with: {message: "a large one"}}
    ask:
      type: wait.signal
      with: {name: go, expires: 15ms}
      retry: {attempts: 2, first: 5ms, on: [timeout]}
    each:
      type: foreach
      with: {items: "{{ range(input.total) }}"}
      steps:
        one: {type: log, with: {message: "n{{ item }}"}}
    halt: {type: fail, with: {message: "no", code: no-way}}
  links: [price -> large, large.true -> tell, tell -> each, large.false -> ask, ask.error -> halt]
"""


@pytest.fixture
async def house(store, tmp_path):
    async with private_house(store, tmp_path / "data") as made:
        yield made


def flow(note: str = "first") -> str:
    return f"kind: workflow\nname: flow\nspec:\n{STEPS}".replace("a large one", note)


async def figures(house: PrivateHouse, **window: Any):
    return await read_figures(
        house.shown, RunWindow(workflow="flow", **window), programs_of(house.shown, house.definitions)
    )


class Recount:
    """All that the figures say, counted from the tables by somebody who knows nothing of the code that counts."""

    def __init__(self, runs: list[tuple[Any, ...]], journals: list[tuple[Any, ...]]) -> None:
        self.runs = runs
        self.facts: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for run, _, lines in sorted(journals, key=lambda row: row[:2]):
            self.facts[run] += [json.loads(line) for line in bytes(lines).split(b"\n")]

    @classmethod
    async def of(cls, store: AnyStore, where: str = "1=1") -> "Recount":
        runs = await store.tables.all(
            f"select id, version, state, started_at, finished_at from runs where workflow='flow' and {where}",
            (),
            tuple,
        )
        known = {run[0] for run in runs}
        journals = await store.tables.all("select run, seq, facts from journal", (), tuple)
        return cls(runs, [row for row in journals if row[0] in known])

    def took(self) -> list[int]:
        return [end - start for *_, start, end in self.runs if end is not None]

    def waited(self) -> list[int]:
        found = []
        for facts in self.facts.values():
            begun = [
                f["at"]
                for f in facts
                if f["fact"] in ("Computed", "StepGranted", "WaitStarted", "LoopEntered")
            ]
            found += [begun[0] - facts[0]["at"]] if begun else []
        return found

    def retries(self) -> Counter[str]:
        return Counter(
            fact["path"] for facts in self.facts.values() for fact in facts if fact["fact"] == "RetryPlanned"
        )

    def spans(self, step: str) -> list[int]:
        """Return how long each carrying out of a step took that is granted or waits."""
        found = []
        for facts in self.facts.values():
            began: dict[str, int] = {}
            ended: dict[str, int] = {}
            for fact in facts:
                path = fact.get("path", "")
                if path.partition("[")[0] + ("/" + path.rpartition("/")[2] if "[" in path else "") != step:
                    continue
                if fact["fact"] in ("StepGranted", "WaitStarted"):
                    began.setdefault(path, fact["at"])
                if fact["fact"] in ("StepSucceeded", "StepSettled"):
                    ended[path] = fact["at"]
            found += [ended[path] - at for path, at in began.items()]
        return found


def nearest(values: list[int], percent: int) -> int:
    """Return the smallest value that so many of a hundred are not above."""
    return min(value for value in values if sum(v <= value for v in values) * 100 >= percent * len(values))


def spread(values: list[int]) -> Spread | None:
    if not values:
        return None
    p50, p95, p99 = (nearest(values, percent) for percent in (50, 95, 99))
    return Spread(count=len(values), p50=p50, p95=p95, p99=p99)


async def test_every_number_is_what_the_tables_and_journals_say(house):
    for total in (1, 5, 3, 2, 4):
        await house.run(flow(), {"total": total})
    for total in (3, 1):
        await house.run(flow("second"), {"total": total})
    told = await figures(house)
    recount = await Recount.of(house.store)
    states = Counter(run[2] for run in recount.runs)
    assert states == {"succeeded": 4, "failed": 3}
    assert (told.all.begun, told.all.states, told.all.read) == (7, dict(states), 7)
    assert told.all.success == round(100 * 4 / 7, 2)
    assert told.all.took == spread(recount.took())
    assert told.all.waited == spread(recount.waited())
    assert told.all.retries == recount.retries().total() == 3
    for version in told.versions:
        own = [run for run in recount.runs if run[1] == version.version]
        assert version.states == Counter(run[2] for run in own)
        assert version.took == spread([run[4] - run[3] for run in own])
    assert sorted(version.begun for version in told.versions) == [2, 5]


async def test_every_step_is_told_as_often_and_as_long_as_its_facts_say(house):
    for total in (1, 5, 3, 2, 4):
        await house.run(flow(), {"total": total})
    told = {step.path: step for step in (await figures(house)).steps}
    recount = await Recount.of(house.store)
    assert {path: step.carried_out for path, step in told.items()} == {
        "price": 5, "large": 5, "tell": 3, "each": 3, "each/one": 12, "ask": 2, "halt": 2,
    }  # fmt: skip
    assert {path: step.skipped for path, step in told.items() if step.skipped} == {
        "tell": 2, "each": 2, "ask": 3, "halt": 3,
    }  # fmt: skip
    assert {path: step.failed for path, step in told.items() if step.failed} == {"ask": 2, "halt": 2}
    assert (
        {path: step.retried for path, step in told.items() if step.retried} == recount.retries() == {"ask": 2}
    )
    assert told["price"].took == Spread(count=5, p50=0, p95=0, p99=0)
    for path in ("tell", "ask", "each/one"):
        assert told[path].took == spread(recount.spans(path)), path
    whole = sum(recount.took())
    assert told["ask"].share == round(100 * sum(recount.spans("ask")) / whole, 2)
    assert told["ask"].share > 30


async def test_a_window_holds_what_was_asked_for_within_it_and_a_version_its_own(house):
    for total in (3, 4, 5):
        await house.run(flow(), {"total": total})
    await house.run(flow("second"), {"total": 3})
    rows = await house.store.tables.all(
        "select number, started_at, version from runs order by number", (), tuple
    )
    since, until = rows[1][1], rows[3][1]
    told = await figures(house, since=since, until=until)
    recount = await Recount.of(house.store, f"started_at >= {since} and started_at < {until}")
    assert (told.all.begun, told.all.took) == (2, spread(recount.took()))
    assert len(told.versions) == 1
    for named in (rows[3][2], rows[3][2][:12]):
        assert (await figures(house, version=named)).all.begun == 1
    assert (await figures(house, since=until + 10**9)).all.begun == 0
    assert (await figures(house, workspace="elsewhere")).all.begun == 0


async def test_runs_that_are_not_over_are_counted_and_have_no_end(house):
    await house.run(flow(), {"total": 4})
    waits = "kind: workflow\nname: flow\nspec:\n  steps: {w: {type: wait.signal, with: {name: go}}}\n"
    run = await house.engine.start(house.definitions.add(waits))
    async for change in house.engine.subscribe(run):
        if type(change.fact).__name__ == "WaitStarted":
            break
    told = await figures(house)
    assert (told.all.begun, told.all.success, told.all.took.count) == (2, 100.0, 1)
    step = next(one for one in told.steps if one.path == "w")
    assert (step.carried_out, step.took) == (1, None)


async def test_journals_are_read_of_the_newest_runs_only_and_the_answer_says_of_how_many(house):
    for total in (1, 3, 4, 5):
        await house.run(flow(), {"total": total})
    told = await read_figures(
        house.shown, RunWindow(workflow="flow"), programs_of(house.shown, house.definitions), most=3
    )
    assert (told.all.begun, told.all.read, told.all.retries) == (4, 3, 0)
    assert {step.path: step.carried_out for step in told.steps}["each/one"] == 12


async def test_of_private_runs_there_are_numbers_and_no_value(house):
    for _ in range(2):
        await house.run(tagged(name="flow"), {"email": CANARY, "note": "x"})
    told = await figures(house)
    assert (told.all.begun, told.all.read, told.all.success) == (2, 2, 100.0)
    assert {step.path: step.carried_out for step in told.steps} == {"greet": 2, "tell": 2}
    assert CANARY not in str(to_plain(msgspec.to_builtins(told)))


async def test_trials_and_pages_without_a_number_are_no_runs_of_their_own(store: AnyStore):
    await asyncio.gather(*(store.commit(started(f"r{n}", n, workflow="flow")) for n in (0, 1, 2)))
    (whole, version) = await store.count_runs(RunWindow(workflow="flow"))
    assert (whole.states, version.states, whole.took) == ({"running": 2}, {"running": 2}, None)
    assert [row.number for row in await store.newest_of(RunWindow(workflow="flow"), 1)] == [2]
    assert await store.count_runs(RunWindow(workflow="a\x00b")) == []


async def test_the_percentiles_of_the_store_are_those_of_all_values(store: AnyStore):
    took = [value * value % 997 for value in range(1, 301)]
    await asyncio.gather(
        *(
            store.commit(
                started(
                    f"r{n:03}", n, workflow="flow", state="succeeded", started_at=n, finished_at=n + value
                )
            )
            for n, value in enumerate(took, 1)
        )
    )
    (whole, _) = await store.count_runs(RunWindow(workflow="flow"))
    assert whole.took == spread(took) == spread_of(took)
    assert math.isclose(whole.took.p50, sorted(took)[149])
