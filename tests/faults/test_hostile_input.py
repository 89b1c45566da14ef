"""Input that breaks readers (R25) and workflows without end (R29, R30): refused or ended with a reason, and others go on.

A limit of a few hundred activations or rounds would prove nothing here: the real limits are reached.
"""

import asyncio
import json
import socket

import pytest
from checker import check, read_folder
from served import Caller, Served
from workflows import version_of

from auraos.engine.ports import Version

ECHO = version_of("echo", {"a": {"type": "noop", "with": {"value": "{{ input }}"}}}, output="{{ steps.a }}")
POISON = {
    "a null character": r'"a\u0000b"',
    "a lone surrogate": r'"\ud800"',
    "not a number": "NaN",
    "an infinity": "-Infinity",
    "a number beyond floats": "1e400",
    "5,000 digits": "9" * 5_000,
    "a depth of 100,000": "[" * 100_000 + "]" * 100_000,
    "a key that stands twice": '{"a": 1, "a": 2}',
    "a key that is reserved": '{"$decimal": "x"}',
    "no JSON": "{",
    "bytes that are no text": "\udcff",
}


def ask_raw(server: Served, value: str, run: str) -> bytes:
    """Ask for a run with this text as its input; return the answer, empty when the server hung up."""
    version = json.dumps(
        {
            "hash": ECHO.hash,
            "kind": ECHO.kind,
            "name": ECHO.name,
            "text": ECHO.text,
            "step_types": ECHO.step_types,
        }
    )
    line = f'{{"ask": "Start", "number": 1, "run": "{run}", "version": {version}, "input": {value}}}\n'
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(server.data / "engine.sock"))
        connection.sendall(line.encode(errors="surrogateescape"))
        answer = b""
        while not answer.endswith(b"\n"):
            if not (more := connection.recv(65536)):
                break
            answer += more
        return answer


def test_input_that_breaks_readers_is_refused_with_a_reason_or_kept_as_it_is(server: Served) -> None:
    server.start()
    answers = {
        name: json.loads(ask_raw(server, value, f"run-{place}"))
        for place, (name, value) in enumerate(POISON.items())
    }

    async def wait_for_accepted() -> dict[str, str]:
        async with Caller(server.data) as caller:
            return {
                name: (await caller.ask(lambda client, one=answer["ok"]: client.wait(one))).state
                for name, answer in answers.items()
                if "ok" in answer
            }

    ends = asyncio.run(wait_for_accepted())
    assert set(ends.values()) <= {"succeeded"}
    refused = {name: answer["error"] for name, answer in answers.items() if "error" in answer}
    assert len(refused) >= 6
    assert [
        name for name, error in refused.items() if error["family"] != "user" or not error["message"]
    ] == []
    assert server.stop() == 0
    assert check(read_folder(server.data)) == []


FOREVER = {
    "again": {
        "type": "while",
        "with": {"condition": True, "limit": 1_000_000_000},
        "steps": {"x": {"type": "noop"}},
    }
}
BUSY = {"spin": {"type": "code.python", "with": {"code": "while True:\n    pass\n"}, "timeout": "2s"}}
HUGE = {"eat": {"type": "code.python", "with": {"code": "found = [0] * (10 ** 10)\n"}, "timeout": "5s"}}
ITSELF = {"again": {"type": "call", "with": {"workflow": "itself"}}}
PING = version_of("ping", {"again": {"type": "call", "with": {"workflow": "pong"}}})
PONG = version_of("pong", {"again": {"type": "call", "with": {"workflow": "ping"}}})


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (version_of("busy", BUSY), "took longer than 2 s"),
        (version_of("huge", HUGE), "memory"),
        (version_of("itself", ITSELF), "16"),
        (PING, "16"),
    ],
    ids=[
        "endless code",
        "code that eats memory",
        "a workflow that calls itself",
        "workflows that call each other",
    ],
)
def test_what_has_no_end_fails_with_its_reason_while_others_go_on(
    server: Served, version: Version, words: str
) -> None:
    server.start()

    async def play() -> tuple[str, str]:
        async with Caller(server.data) as caller:
            await caller.ask(lambda client: client.start(version, run="bad-1", called=[version, PING, PONG]))
            for number in range(20):
                run = await caller.ask(lambda client, n=number: client.start(ECHO, input=n, run=f"good-{n}"))
                ended = await asyncio.wait_for(caller.ask(lambda client, one=run: client.wait(one)), 10)
                assert ended.output == number
            ended = await caller.ask(lambda client: client.wait("bad-1"))
            return ended.state, str(ended.error)

    state, error = asyncio.run(play())
    assert state == "failed"
    assert words in error
    assert server.stop() == 0
    assert check(read_folder(server.data)) == []


def test_a_loop_without_end_is_cancelled_while_others_go_on(server: Served) -> None:
    server.start()

    async def play() -> str:
        async with Caller(server.data) as caller:
            endless = version_of("forever", FOREVER)
            await caller.ask(lambda client: client.start(endless, run="bad-1"))
            for number in range(20):
                run = await caller.ask(lambda client, n=number: client.start(ECHO, input=n, run=f"good-{n}"))
                await asyncio.wait_for(caller.ask(lambda client, one=run: client.wait(one)), 10)
            await caller.ask(lambda client: client.cancel("bad-1"))
            return (await asyncio.wait_for(caller.ask(lambda client: client.wait("bad-1")), 30)).state

    assert asyncio.run(play()) == "cancelled"
    assert server.stop() == 0


def test_runs_that_wait_for_their_children_do_not_hold_the_slots_that_the_children_need(
    server: Served,
) -> None:
    """One slot, ten runs at once, each with thirty children that have children of their own."""
    leaf = version_of("leaf", {"a": {"type": "code.python", "with": {"code": "1"}}})
    branch = version_of("branch", {"child": {"type": "call", "with": {"workflow": "leaf"}}})
    call = {"type": "call", "with": {"workflow": "branch"}}
    each = {"type": "foreach", "with": {"items": list(range(30)), "parallel": 30}, "steps": {"c": call}}
    root = version_of("root", {"each": each})
    server.words = (*server.words, "--parallel", "1")
    server.start()

    async def play() -> set[str]:
        async with Caller(server.data) as caller:
            runs = [
                await caller.ask(
                    lambda client, n=number: client.start(root, run=f"root-{n}", called=[branch, leaf])
                )
                for number in range(10)
            ]
            ends = [caller.ask(lambda client, one=run: client.wait(one)) for run in runs]
            return {end.state for end in await asyncio.wait_for(asyncio.gather(*ends), 100)}

    assert asyncio.run(play()) == {"succeeded"}
    assert server.stop() == 0
    kept = read_folder(server.data)
    assert len(kept.runs) == 10 * (1 + 30 + 30)
    assert check(kept) == []


def nested(items: int) -> Version:
    """Return a workflow with a loop of so many items, in each of which there is one of a thousand."""
    inner = {"type": "foreach", "with": {"items": list(range(1000))}, "steps": {"x": {"type": "noop"}}}
    outer = {"type": "foreach", "with": {"items": list(range(items))}, "steps": {"again": inner}}
    return version_of("nested", {"each": outer})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "code"),
    [
        (
            version_of(
                "rounds", {"again": {**FOREVER["again"], "with": {"condition": True, "limit": 50_000}}}
            ),
            "loop-limit",
        ),
        (nested(1000), "too-many-activations"),
    ],
    ids=["fifty thousand rounds", "a million activations"],
)
def test_a_loop_that_nobody_cancels_fails_at_its_limit(server: Served, version: Version, code: str) -> None:
    server.start()

    async def play() -> tuple[str, str]:
        async with Caller(server.data) as caller:
            await caller.ask(lambda client: client.start(version, run="bad-1"))
            ended = await asyncio.wait_for(caller.ask(lambda client: client.wait("bad-1")), 900)
            return ended.state, ended.error.code if ended.error is not None else ""

    state, error = asyncio.run(play())
    assert (state, error) == ("failed", code)
    assert server.stop() == 0
