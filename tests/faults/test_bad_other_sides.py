"""The other side hangs, drips, never ends or breaks off (R48), or refuses one item of many amid a kill (R49)."""

import asyncio
from collections import Counter

import pytest
from checker import check, read_folder
from served import Caller, Served
from witness_process import WitnessProcess
from workflows import put, version_of


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [("hang", "timeout"), ("drip", "timeout"), ("endless", "answer-too-large"), ("half", ""), ("cut", "")],
)
def test_a_side_that_never_answers_well_frees_its_slot_and_others_go_on(
    server: Served, outside: WitnessProcess, behaviour: str, code: str
) -> None:
    outside.behave(bad=behaviour)
    get = {"type": "http.request", "with": {"url": f"http://{outside.place}/bad", "timeout": "2s"}}
    bad = version_of("bad", {"a": get})
    good = version_of("good", {"a": put(outside.place, "good")})
    server.words = (*server.words, "--parallel", "2")
    server.start()

    async def play() -> tuple[list[str], list[str]]:
        async with Caller(server.data) as caller:
            for number in range(4):
                await caller.ask(lambda client, n=number: client.start(bad, run=f"bad-{n}"))
            await caller.ask(lambda client: client.start(good, run="good-1"))
            ends = [await caller.ask(lambda client, n=number: client.wait(f"bad-{n}")) for number in range(4)]
            assert (await caller.ask(lambda client: client.wait("good-1"))).state == "succeeded"
            status = await caller.ask(lambda client: client.status())
            assert status.load.pools[""].free == 2, "the slots are free again"
            return [end.state for end in ends], [end.error.code if end.error else "" for end in ends]

    states, codes = asyncio.run(play())
    assert outside.wait_for(1, "bad") >= 1, "the fault happened"
    assert states == ["failed"] * 4
    assert code in codes or not code
    assert server.stop() == 0


def test_items_that_were_done_before_a_kill_are_not_sent_again_under_another_key(
    server: Served, outside: WitnessProcess
) -> None:
    outside.behave(**{"item/6": "409 409 200", "item/7": "hold"})
    item = put(outside.place, "item/{{ item }}")
    item["retry"] = {**item["retry"], "on": ["permanent", "unknown", "transient"]}
    each = {"type": "foreach", "with": {"items": list(range(10))}, "steps": {"send": item}}
    version = version_of("batch", {"each": each})
    server.start()

    async def play() -> str:
        async with Caller(server.data) as caller:
            await caller.ask(lambda client: client.start(version, run="run-1"))
            assert await asyncio.to_thread(outside.wait_for, 1, "item/7") == 1
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(outside.release)
            await asyncio.to_thread(server.start)
            return (await caller.ask(lambda client: client.wait("run-1"))).state

    assert asyncio.run(play()) == "succeeded"
    assert (server.stop(), server.kills) == (0, 1)
    ledger = outside.ledger()
    assert Counter(effect.name for effect in ledger) == {
        f"item/{n}": {6: 3, 7: 2}.get(n, 1) for n in range(10)
    }
    assert len({effect.key for effect in ledger}) == 10
    assert check(read_folder(server.data), ledger=ledger) == []
