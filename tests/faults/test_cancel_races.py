"""Cancels that race with the end of a run (R46), of one with children, and of one that stands in line: one of both wins, each
run has one end, and nothing new starts afterwards.
"""

import asyncio
import random
from collections import Counter

from checker import check, hash_input, read_folder
from served import Caller, Served
from witness_process import WitnessProcess
from workflows import chain, post, put, version_of

from auraos.core.errors import AuraError

RACES = 500


def test_five_hundred_races_between_a_cancel_and_the_end_have_one_winner_each(
    server: Served, outside: WitnessProcess
) -> None:
    steps = {"a": put(outside.place, "a/{{ input.n }}"), "b": post(outside.place, "b/{{ input.n }}")}
    version = version_of("racing", steps, chain("a", "b"))
    server.start()
    chance, ends, refused = random.Random(3), Counter[str](), 0

    async def race(caller: Caller, number: int) -> None:
        nonlocal refused
        run = f"run-{number}"
        await caller.ask(lambda client: client.start(version, input={"n": number}, run=run))
        waiting = asyncio.create_task(caller.ask(lambda client: client.wait(run)))
        await asyncio.sleep(chance.random() * 0.25)
        try:
            await caller.ask(lambda client: client.cancel(run))
        except AuraError as error:
            assert error.code == "request-refused"  # noqa: PT017 (it was over already)
            refused += 1
        ends[(await waiting).state] += 1

    async def play() -> None:
        async with Caller(server.data) as caller:
            for first in range(0, RACES, 25):
                await asyncio.gather(*(race(caller, number) for number in range(first, first + 25)))

    asyncio.run(play())
    assert server.stop() == 0
    assert sum(ends.values()) == RACES
    assert set(ends) == {"succeeded", "cancelled"}, "both sides won some"
    assert refused <= ends["succeeded"]
    told = {f"run-{number}": hash_input({"n": number}) for number in range(RACES)}
    assert check(read_folder(server.data), acknowledged=told, ledger=outside.ledger()) == []


def test_races_of_cancels_with_runs_that_have_children_or_stand_in_line_leave_nobody_behind(
    server: Served, outside: WitnessProcess
) -> None:
    """Three runs of a workflow at a time; the others wait for their turn, and may be cancelled in the line."""
    child = version_of(
        "child", {"nap": {"type": "wait.for", "with": {"duration": "30ms"}}, "c": put(outside.place, "c")}
    )
    call = {"type": "call", "with": {"workflow": "child"}}
    steps = {"a": post(outside.place, "a/{{ input.n }}"), "one": call, "two": call}
    settings = {"concurrency": {"limit": 3}}
    version = version_of("family", steps, ["a -> one", "a -> two"], settings=settings)
    server.start()
    chance, ends, seen = random.Random(4), Counter[str](), Counter[str]()

    async def race(caller: Caller, number: int) -> None:
        run = f"run-{number}"
        await caller.ask(lambda client: client.start(version, input={"n": number}, run=run, called=[child]))
        waiting = asyncio.create_task(caller.ask(lambda client: client.wait(run)))
        await asyncio.sleep(chance.random() * 0.6)
        row = await caller.ask(lambda client: client.find(run))
        assert row is not None
        seen[row.state] += 1
        try:
            await caller.ask(lambda client: client.cancel(run))
        except AuraError as error:
            assert error.code == "request-refused"  # noqa: PT017 (it was over already)
        ends[(await waiting).state] += 1

    async def play() -> None:
        async with Caller(server.data) as caller:
            for first in range(0, 200, 20):
                await asyncio.gather(*(race(caller, number) for number in range(first, first + 20)))
            while (left := await caller.ask(lambda client: client.unfinished())).awake + left.asleep:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    asyncio.run(play())
    assert server.stop() == 0
    assert set(ends) == {"succeeded", "cancelled"}, "both sides won some"
    assert seen["queued"] > 20, "some stood in line"
    kept = read_folder(server.data)
    children = Counter(found.row.state for found in kept.runs.values() if found.row.workflow == "child")
    assert set(children) == {"succeeded", "cancelled"}, "children were cancelled, too"
    told = {f"run-{number}": hash_input({"n": number}) for number in range(200)}
    assert check(kept, acknowledged=told, ledger=outside.ledger()) == []
