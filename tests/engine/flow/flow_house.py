"""Workflows with settings that say who may begin, and a hand on what their runs wait for."""

import asyncio
from typing import Any

from engine_house import House

from auraos.core.run.facts import AnyFact, RunFinished
from auraos.sdk import StepContext

SECOND = 1_000_000


def limited(
    settings: str, steps: str = "work: {type: test.write, with: {n: '{{ input }}'}}", name: str = "w"
) -> str:
    """Return the text of a workflow with these settings."""
    return f"kind: workflow\nname: {name}\nspec:\n  settings: {{{settings}}}\n  steps:\n    {steps}\n"


class Held:
    """Steps that go on when the test lets them: each attempt waits until its run is let go."""

    def __init__(self, house: House) -> None:
        self._let_go: dict[str, asyncio.Event] = {}
        self.running: list[str] = []
        self.most = 0
        house.steps.work = self.work

    async def work(self, settings: dict[str, Any], context: StepContext) -> Any:
        run = context.run_id
        self.running.append(run)
        self.most = max(self.most, len(self.running))
        try:
            await self._event(run).wait()
        finally:
            self.running.remove(run)
        return settings

    def let_go(self, *runs: str) -> None:
        for run in runs:
            self._event(run).set()

    def _event(self, run: str) -> asyncio.Event:
        return self._let_go.setdefault(run, asyncio.Event())


async def state_of(house: House, run: str) -> str:
    """Return the state of a run as the store has it."""
    row = await house.store.find(run)
    assert row is not None
    return row.state


async def why_of(house: House, run: str) -> str:
    """Return why a run is where it is, as lists show it."""
    row = await house.store.find(run)
    assert row is not None
    return row.why


async def until(house: House, run: str, kind: str) -> AnyFact:
    """Return the first fact of this kind of a run, once it is durable."""
    async for change in house.engine.subscribe(run):
        if type(change.fact).__name__ == kind:
            assert change.fact is not None
            return change.fact
    raise AssertionError(f"{run} ended without {kind}")


async def end_of(house: House, run: str) -> tuple[str, str, str]:
    """Return how a run ended: its state, and the code and message of its error."""
    ended = await house.engine.wait(run)
    error = ended.error
    return (ended.state, "", "") if error is None else (ended.state, error.code, error.message)


async def kinds_of_end(house: House, run: str) -> list[str]:
    """Return the kinds of the facts of a run that ended."""
    facts = await house.engine.facts(run)
    assert isinstance(facts[-1], RunFinished)
    return [type(fact).__name__ for fact in facts]


async def later(house: House, seconds: float) -> None:
    """Let so much time pass for the gates, at once."""
    house.clock.ahead += int(seconds * SECOND)
    house.engine._admission._ring()
    await house.engine.drive_until_idle()
