"""One workspace that asks for very much holds up no other one (N04)."""

import asyncio

import pytest

from auraos.api.protocol.pace import (
    BETWEEN_REFUSALS,
    LONGEST_REFUSAL,
    Allowance,
    Pace,
    Refusals,
    TooFastError,
)
from auraos.api.protocol.turns import MOST_RESTING, MOST_WAITING, OF_ALL, OF_ONE, Rests, Turn, Turns
from auraos.app.serving.sharing import Processes
from auraos.engine.endings import Ended
from houses import EVERYTHING, HOUSE, Clock


async def test_who_asks_little_waits_for_little():
    """N04: by the order in which they are served, not by the clock."""
    turns, served = Turns(), []

    async def ask(who: str) -> None:
        turn = await turns.take(who)
        await asyncio.sleep(0)
        served.append(who)
        turn.leave()

    await ask("quiet")
    flood = [asyncio.create_task(ask("loud")) for _ in range(500)]
    await asyncio.sleep(0)
    for count in range(1, 11):
        before = len(served)
        await ask("quiet")
        assert len(served) - before <= 1 + 2 * OF_ONE, count
    await asyncio.gather(*flood)
    assert served.count("loud") == 500


async def test_who_is_alone_waits_for_nobody():
    turns = Turns()
    taken = [await asyncio.wait_for(turns.take("alone"), 1) for _ in range(1000)]
    for turn in taken:
        turn.leave()
    assert not turns._inside


async def test_many_take_turns_one_after_the_other():
    turns, served = Turns(), []

    async def ask(who: str) -> None:
        turn = await turns.take(who)
        await asyncio.sleep(0)
        served.append(who)
        turn.leave()

    everybody = [f"w{number}" for number in range(OF_ALL)]
    await asyncio.gather(*(ask(who) for who in everybody for _ in range(20)))
    assert len(served) == 20 * OF_ALL
    first = served[: 4 * OF_ALL]
    assert set(first) == set(everybody)


async def test_of_those_who_went_away_nobody_waits():
    turns = Turns()
    held = [await turns.take(who) for who in ("one", *["two"] * OF_ONE)]
    gone = [asyncio.create_task(turns.take("two")) for _ in range(20)]
    await asyncio.sleep(0)
    for task in gone[1:]:
        task.cancel()
    held[1].leave()
    gone[0].cancel()  # it was just let in
    await asyncio.gather(*gone, return_exceptions=True)
    for turn in held[2:]:
        turn.leave()
    last = await asyncio.wait_for(turns.take("two"), 1)
    for turn in (held[0], last):
        turn.leave()
    assert not turns._waiting
    assert not turns._inside


async def test_no_more_wait_than_there_is_room_for():
    turns = Turns()
    (await turns.take("one")).leave()
    held = [await turns.take("two") for _ in range(OF_ONE)]
    waiting = [asyncio.create_task(turns.take("two")) for _ in range(MOST_WAITING + 5)]
    await asyncio.sleep(0)
    refused = [each.exception() for each in waiting if each.done()]
    assert [type(each) for each in refused] == [TooFastError] * 5
    for turn in held:
        turn.leave()
    for each in waiting[:MOST_WAITING]:
        (await each).leave()
    assert not turns._inside


async def shared_turns() -> Turns:
    """Return turns that are taken, as two have asked."""
    turns = Turns()
    for who in ("quiet", "loud", "quiet"):
        (await turns.take(who)).leave()
    return turns


async def turn_of_the_loop(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def asking(turns: Turns, who: str, count: int, *, reads: bool = False) -> list[asyncio.Task[Turn]]:
    return [asyncio.create_task(turns.take(who, reads=reads)) for _ in range(count)]


def came_in(tasks: list[asyncio.Task[Turn]]) -> int:
    return sum(task.done() for task in tasks)


async def test_of_those_who_read_one_of_a_workspace_is_served_at_once():
    turns = await shared_turns()
    readers = asking(turns, "loud", 3, reads=True)
    await turn_of_the_loop()
    assert came_in(readers) == 1
    (await readers[0]).leave()
    await turn_of_the_loop()
    assert came_in(readers) == 2
    (await readers[1]).leave()
    await turn_of_the_loop()
    (await readers[2]).leave()
    writers = asking(turns, "other", OF_ONE + 1)
    await turn_of_the_loop(2 * OF_ONE)
    assert came_in(writers) == OF_ONE


async def test_one_that_reads_for_long_keeps_out_no_other_one():
    turns = await shared_turns()
    for _ in range(OF_ONE):
        await asyncio.wait_for(turns.take("loud", reads=True), 5)
    late = asking(turns, "loud", 1, reads=True)
    await asyncio.wait(late, timeout=0.05)
    assert came_in(late) == 0
    late[0].cancel()


async def test_who_asks_much_gives_way_to_who_asks_less():
    turns = await shared_turns()
    inside = await turns.take("loud")
    quiet = await turns.take("quiet")
    others = asking(turns, "loud", 8)
    await turn_of_the_loop()
    inside.leave()
    await turn_of_the_loop()
    assert came_in(others) == 0
    quiet.leave()
    await turn_of_the_loop(10)
    assert came_in(others) == OF_ONE


async def test_who_gave_way_once_comes_in_before_it_does_so_again():
    turns = await shared_turns()
    first, second = await turns.take("one"), await turns.take("two")
    loud = asking(turns, "loud", 8)
    await turn_of_the_loop()
    assert came_in(loud) == 1
    first.leave()
    await turn_of_the_loop()
    assert came_in(loud) == 2
    second.leave()


async def test_who_gives_way_does_not_so_for_ever():
    turns = await shared_turns()
    await turns.take("quiet")
    loud = asking(turns, "loud", 8)
    await asyncio.wait_for(asyncio.wait(loud, return_when=asyncio.FIRST_COMPLETED), 5)
    assert came_in(loud) == 1
    for task in loud:
        task.cancel()


async def test_of_requests_that_wait_for_nothing_one_of_a_workspace_is_served_in_a_turn_of_the_loop():
    turns, served = await shared_turns(), []

    async def ask(who: str) -> None:
        turn = await turns.take(who)
        served.append(who)
        turn.leave()

    flood = [asyncio.create_task(ask("loud")) for _ in range(100)]
    for count in range(1, 20):
        await asyncio.sleep(0)
        assert len(served) <= count
    await asyncio.gather(*flood)
    assert len(served) == 100


def test_who_asks_on_when_refused_is_refused_slower():
    refusals = Refusals()
    assert refusals.put_off("loud", 5.0) == 0
    waits = [refusals.put_off("loud", 5.0) for _ in range(200)]
    assert waits[:3] == pytest.approx([BETWEEN_REFUSALS, 2 * BETWEEN_REFUSALS, 3 * BETWEEN_REFUSALS])
    assert waits[-1] == max(waits) == LONGEST_REFUSAL
    assert refusals.put_off("quiet", 5.0) == 0
    assert refusals.put_off("loud", 5.0 + 2 * LONGEST_REFUSAL) == 0


async def test_who_only_waits_has_left_the_turn_to_others(room):
    turns = room.door._turns
    (await turns.take("others")).leave()
    _, token = await room.house.signed_in("admin")
    seen = []
    room.runs.end = seen_when_waiting(turns, seen)
    await room.runs.engine.open()
    text = "kind: workflow\nname: greet\nspec:\n  steps: {wait: {type: wait.signal, with: {name: go}}}\n"
    await room.ask("POST", "/api/v1/definitions", {"text": text}, token=token)
    await room.ask("POST", "/api/v1/definitions/workflow/greet/publish", {}, token=token, if_match="1")
    got = await room.ask("POST", "/api/v1/workflows/greet/runs?wait=1", {}, token=token)
    assert (got.status, seen) == (201, [0])
    await room.runs.engine.close()


def seen_when_waiting(turns: Turns, seen: list[int]):
    async def end(begun, _seconds):
        seen.append(turns._inside.total())
        return Ended(begun.run, "")

    return end


async def test_a_flood_of_requests_of_one_workspace_holds_up_none_of_another(room):
    """N04: all the way through the door; what counts is how many others were answered in between."""
    await room.house.identity.access.add_workspace(HOUSE, "other", "")
    loud = (await room.house.signed_in("admin"))[1]
    quiet = (await room.house.signed_in("admin", "other"))[1]
    answered: list[str] = []

    async def ask(token: str, workspace: str) -> None:
        got = await room.ask("GET", "/api/v1/definitions", token=token, workspace=workspace)
        assert got.status == 200
        answered.append(workspace)

    await ask(quiet, "other")
    flood = [asyncio.create_task(ask(loud, "default")) for _ in range(300)]
    await asyncio.sleep(0)
    between = []
    for _ in range(8):
        before = len(answered)
        await ask(quiet, "other")
        between.append(len(answered) - before - 1)
    await asyncio.gather(*flood)
    assert max(between) <= 4 * OF_ONE, between


@pytest.mark.parametrize("sharers", [1, 3])
async def test_processes_give_together_no_more_than_may_be_asked(sharers):
    clock = Clock()
    paces = [Pace(clock.now, lambda: sharers) for _ in range(sharers)]
    given = 0
    for _ in range(40):
        for pace in paces:
            try:
                pace.take("key 1", Allowance.of(30))
            except TooFastError:
                continue
            given += 1
        clock.sleep(0.01)
    assert given <= 60 + 30 * 0.4 + sharers
    assert given > 30


async def test_the_processes_of_a_database_are_counted(postgres_url):
    from auraos.storage.postgres import PostgresStore
    from stores import own_all

    stores = [await PostgresStore.open(postgres_url) for _ in range(3)]
    for store in stores:
        await own_all(store, 60)
    clock = Clock()
    processes = Processes(stores[0].tables, clock.now)
    await processes.read()
    assert processes() == 3
    for store in stores:
        await store.close()


SLOW = """kind: workflow
name: slow
spec:
  steps: {one: {type: wait.signal, with: {name: never}}}
"""


async def test_who_waits_for_trials_holds_nobody_up(room):
    """S49: a request that only waits has no turn."""
    await room.runs.engine.open()
    _, editor = await room.house.signed_in("editor")
    _, viewer = await room.house.signed_in("viewer")
    await room.house.identity.access.add_workspace(HOUSE, "other", "")
    _, other = await room.house.signed_in("viewer", "other")
    waiting = []
    for _ in range(2 * OF_ONE):
        trial = room.ask("POST", "/api/v1/trials?wait=4", {"text": SLOW}, token=editor)
        waiting.append(asyncio.create_task(trial))
        assert (await room.ask("GET", "/api/v1/runs", token=other, workspace="other")).status == 200
    async with asyncio.timeout(3):
        assert (await room.ask("GET", "/api/v1/runs", token=viewer)).status == 200
    assert {(await each).status for each in waiting} == {201}
    await room.runs.engine.close()


async def test_so_many_requests_of_one_wait_and_no_more():
    rests = Rests()
    assert all(rests.enter("ann") for _ in range(MOST_RESTING))
    assert not rests.enter("ann")
    assert rests.enter("ben")
    rests.leave("ann")
    assert rests.enter("ann")


async def test_s37_who_is_disabled_while_they_wait_for_a_run_is_told_nothing_of_it(room):
    await room.runs.engine.open()
    _, editor = await room.house.signed_in("editor")
    made = await room.ask("POST", "/api/v1/definitions", {"text": SLOW}, token=editor)
    path = "/api/v1/definitions/workflow/slow/publish"
    assert (await room.ask("POST", path, {}, token=editor, if_match=made.headers["etag"])).status == 200
    person, token = await room.house.signed_in("operator")
    waiting = asyncio.create_task(room.ask("POST", "/api/v1/workflows/slow/runs?wait=3", {}, token=token))
    for _ in range(100):
        if (await room.ask("GET", "/api/v1/runs", token=editor)).json["items"]:
            break
        await asyncio.sleep(0.02)
    await room.house.identity.people.set_state(HOUSE, EVERYTHING, person.name, "disabled")
    got = await waiting
    assert (got.status, got.code) == (401, "not-signed-in")
    await room.runs.engine.close()
