"""Long journals over HTTP: told whole, and read by so few threads that others are served meanwhile."""

import asyncio
import contextvars
import threading

import pytest
from test_run_routes import publish, start

from auraos.app.runs.reading import LONG, beside
from rooms import Room

LETTERS = 20_000
TEXT = """kind: workflow
name: long
spec:
  input: {type: object}
  steps:
    each:
      type: foreach
      with: {items: "{{ range(30) }}"}
      steps: {a: {type: noop, with: {value: "{{ input.text + text(item) }}"}}}
    pick: {type: noop, with: {value: "{{ steps.each[29] }}"}}
  links: [each -> pick]
"""


@pytest.fixture
async def room(house):
    """A front door whose engine lets runs go."""
    room = Room(house)
    await room.runs.engine.open()
    yield room
    await room.runs.engine.close()


async def test_a_long_run_is_told_whole_by_its_end_its_state_and_its_journal(room):
    _, token = await room.house.signed_in("admin")
    await publish(room, token, TEXT)
    run = (await start(room, token, "long", {"input": {"text": "x" * LETTERS}})).json["run"]
    path, expected = f"/api/v1/runs/{run}", "x" * LETTERS + "29"
    ended = await room.ask("GET", path, token=token)
    state = await room.ask("GET", f"{path}/state", token=token)
    assert ended.json["output"] == state.json["output"] == expected
    assert len(state.body) > LONG
    whole = await room.ask("GET", f"{path}/journal?limit=1000", token=token)
    facts = whole.json["items"]
    assert len(whole.body) > LONG
    assert [fact["seq"] for fact in facts] == list(range(1, len(facts) + 1))
    assert facts[-1]["fact"]["output"] == expected
    assert whole.json["next"] is None
    first = (await room.ask("GET", f"{path}/journal?limit=2", token=token)).json
    assert (first["items"], first["next"]) == (facts[:2], 2)
    rest = (await room.ask("GET", f"{path}/journal?limit=1000&after=2", token=token)).json
    assert rest["items"] == facts[2:]
    again = await room.ask(
        "GET", f"{path}/journal?limit=1000", token=token, if_none_match=whole.headers["etag"]
    )
    assert again.status == 304


async def test_what_is_long_is_read_by_two_threads_of_their_own_however_many_ask():
    seen: list[str] = []
    both = threading.Barrier(2)

    def work() -> None:
        both.wait(10)
        seen.append(threading.current_thread().name)

    await asyncio.gather(*(beside(LONG, work) for _ in range(8)))
    assert len(seen) == 8
    assert len(set(seen)) == 2
    assert all(name.startswith("auraos-journals") for name in seen)


async def test_what_is_short_does_not_wait_for_what_is_long():
    go_on = threading.Event()
    long = [asyncio.ensure_future(beside(LONG, go_on.wait, 10)) for _ in range(4)]
    assert await beside(LONG - 1, lambda: "short") == "short"
    assert not any(each.done() for each in long)
    go_on.set()
    assert await asyncio.gather(*long) == [True] * 4


@pytest.mark.parametrize("size", [0, LONG])
async def test_it_is_known_there_in_which_request_it_is(size):
    about = contextvars.ContextVar("about", default="nothing")
    about.set("this request")
    assert await beside(size, about.get) == "this request"
