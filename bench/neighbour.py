"""How long one workspace waits for its answers while another one floods the server.

The quiet workspace asks at a gentle pace, in turn for its definitions, for its runs, and for a run of ten pure steps whose end is
waited for. The loud one asks on many connections at once, each again as soon as it was answered. Server, flood and the quiet
program are three processes on one machine. The flood yields the processor to the other two (`nice`), as one that comes from
elsewhere takes none of it; what counts is the time from sending a request to having its answer, in the quiet program. How late
that program itself came to send, as it should have slept no longer, is told beside it: so much the machine alone adds.

python -m bench.neighbour [FLOOD ...] [--seconds N] [--connections N]
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, TypeAlias

from bench.own_server import ask, publish, serving

LOUD, QUIET = "loud", "quiet"
PER_SECOND = 30
SECONDS = 10.0
CONNECTIONS = 50
KEPT = 0.7
"""This share of the seconds counts: those in which the quiet program itself was least late, and the machine least disturbed."""
SETTLED = 1.5
"""For so many seconds a flood is let grow before anything is measured beside it."""
DEFINITIONS = 2_000
QUOTA = 50
"""So many requests a second the loud workspace may ask where it has a quota."""
BOUND = 2.0

Request: TypeAlias = tuple[str, str, str]
Times: TypeAlias = dict[str, list[float]]
"""How many ms each took, by its kind."""

START = ("POST", "/workflows/ten/runs?wait=10", '{"input": {"n": 1}}')
SEARCH = ("GET", "/definitions?q=d0+team", "")
ASKED = {
    "list definitions": ("GET", "/definitions", ""),
    "list runs": ("GET", "/runs", ""),
    "start": START,
}
LISTS = (("GET", "/definitions?limit=1000", ""), ("GET", "/runs?limit=1000", ""))
FLOODS: dict[str, Sequence[Request]] = {
    "mixed": (START, ASKED["list definitions"], START, ASKED["list runs"], START, SEARCH, *LISTS),
    "starts": (START,),
    "lists": LISTS,
    "searches": (SEARCH,),
    "refused": (START, ASKED["list runs"]),
}
"""What is asked in a flood, one of it on each connection. `refused` is over a quota, and asks all the same."""


def rows() -> list[dict[str, Any]]:
    """Measure, and return a row for each kind of request beside the mixed flood."""
    alone, floods = measure(("mixed",))
    beside = floods["mixed"]
    return [
        _row(f"{kind}, p95 (ms), while another workspace floods, against the quiet server", beside[kind], alone[kind])
        for kind in ASKED
    ]  # fmt: skip


def _row(name: str, ours: list[float], yardstick: list[float]) -> dict[str, Any]:
    """Return the row of two times; `must` bounds the ratio from above."""
    slow, usual = at(ours, 0.95), at(yardstick, 0.95)
    return {"name": name, "ours": round(slow, 2), "yardstick": round(usual, 2), "ratio": round(slow / usual, 2),
            "must": BOUND, "met": slow / usual <= BOUND}  # fmt: skip


def measure(
    floods: Sequence[str], *, seconds: float = SECONDS, connections: int = CONNECTIONS
) -> tuple[Times, dict[str, Times]]:
    """Return how long the requests of the quiet workspace took: on the quiet server, and beside each flood."""
    with tempfile.TemporaryDirectory() as folder, serving(folder) as (url, token):
        _prepare(url, token)
        alone = _quiet(url, token, seconds)
        beside = {}
        for flood in floods:
            _allow(url, token, QUOTA if flood == "refused" else 0)
            with _flooded(url, token, flood, connections):
                beside[flood] = _quiet(url, token, seconds)
    return alone, beside


def at(times: list[float], share: float) -> float:
    """Return the time below which this share of all stays."""
    return sorted(times)[int(len(times) * share)]


# --- the server ---


def _prepare(url: str, token: str) -> None:
    for workspace, count in ((LOUD, DEFINITIONS), (QUIET, 20)):
        ask(url, token, "POST", "/workspaces", {"name": workspace})
        publish(url, token, X_Auraos_Workspace=workspace)
        for begin in range(0, count, 500):
            numbers = range(begin, min(count, begin + 500))
            files = [{"path": f"d{number:05}.yaml", "text": _text(number)} for number in numbers]
            ask(url, token, "POST", "/definitions/apply", {"files": files}, X_Auraos_Workspace=workspace)


def _text(number: int) -> str:
    return f"kind: workflow\nname: d{number:05}\nlabels: {{team: t{number % 20}}}\nspec:\n  steps:\n    a: {{type: noop}}\n"


def _allow(url: str, token: str, per_second: int) -> None:
    ask(url, token, "PUT", f"/workspaces/{LOUD}/quotas", {"requests_per_second": per_second})


# --- the programs that ask ---


@contextmanager
def _flooded(url: str, token: str, flood: str, connections: int) -> Iterator[None]:
    """Flood the server for as long as this lasts; say how much was answered."""
    asked = {"url": url, "token": token, "flood": flood, "connections": connections}
    program = _program("--flood", asked)
    assert program.stdout is not None
    assert program.stdin is not None
    program.stdout.readline()
    yield
    said, _ = program.communicate("\n", timeout=60)
    sys.stderr.write(f"flood of {flood}: {said.strip()}\n")


def _quiet(url: str, token: str, seconds: float) -> Times:
    program = _program("--ask", {"url": url, "token": token, "seconds": seconds})
    said, _ = program.communicate(timeout=seconds + 60)
    told: Times = json.loads(said)
    return told


def _program(what: str, asked: dict[str, Any]) -> "subprocess.Popen[str]":
    program = subprocess.Popen(
        [sys.executable, "-m", "bench.neighbour", what],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert program.stdin is not None
    program.stdin.write(json.dumps(asked) + "\n")
    program.stdin.flush()
    return program


class Connection(asyncio.Protocol):
    """A connection that is kept, with one request under way at a time."""

    def __init__(self) -> None:
        self._came = bytearray()
        self._wanted = 0
        self._answer: asyncio.Future[int]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits that no answer comes any more."""
        if not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("the server let go of the connection"))

    def data_received(self, data: bytes) -> None:
        """Take a piece of an answer, and tell of its end."""
        self._came += data
        if not self._wanted:
            head, ended, _ = bytes(self._came).partition(b"\r\n\r\n")
            if not ended:
                return
            size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            self._wanted = len(head) + 4 + size
        if len(self._came) >= self._wanted:
            status = int(self._came[9:12])
            self._came.clear()
            self._wanted = 0
            self._answer.set_result(status)

    async def ask(self, framed: bytes) -> int:
        """Send a request, and return the status of its answer once it is here."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(framed)
        return await self._answer


async def _connect(url: str) -> Connection:
    host, _, port = url.rpartition("/")[2].partition(":")
    _, connection = await asyncio.get_running_loop().create_connection(Connection, host, int(port))
    return connection


def _framed(url: str, token: str, workspace: str, request: Request) -> bytes:
    method, path, body = request
    return (
        f"{method} /api/v1{path} HTTP/1.1\r\nHost: {url.rpartition('/')[2]}\r\nAuthorization: Bearer {token}\r\n"
        f"X-Auraos-Workspace: {workspace}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def _flood(url: str, token: str, flood: str, connections: int) -> NoReturn:
    """Ask on all connections until a line comes in; print what was answered a second, by its status."""
    requests = [_framed(url, token, LOUD, request) for request in FLOODS[flood]]
    answered: dict[int, int] = {}

    async def again(connection: Connection, request: bytes) -> None:
        while True:
            status = await connection.ask(request)
            answered[status] = answered.get(status, 0) + 1

    programs = [
        asyncio.create_task(again(await _connect(url), requests[number % len(requests)]))
        for number in range(connections)
    ]
    await asyncio.sleep(SETTLED)
    answered.clear()
    print("flooding", flush=True)
    begun = time.monotonic()
    over = asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    await asyncio.wait([over, *programs], return_when=asyncio.FIRST_COMPLETED)
    spent = time.monotonic() - begun
    for program in programs:
        if program.done():
            program.result()
    told = [f"{count / spent:,.0f} answers a second of {status}" for status, count in answered.items()]
    print(", ".join(told), flush=True)
    os._exit(0)  # the connections are let go of as they are


async def _ask_gently(url: str, token: str, seconds: float) -> Times:
    """Ask at a steady pace; return how long each request took, and how late it was sent."""
    requests = {kind: _framed(url, token, QUIET, request) for kind, request in ASKED.items()}
    times: Times = {kind: [] for kind in (*requests, "late")}
    free = [await _connect(url) for _ in requests]
    asked: set[asyncio.Task[None]] = set()

    async def one(kind: str, connection: Connection) -> None:
        begun = time.perf_counter()
        status = await connection.ask(requests[kind])
        times[kind].append((time.perf_counter() - begun) * 1000)
        if status not in (200, 201):
            raise RuntimeError(f"{kind} was answered by {status}")
        free.append(connection)

    async def round_of_a_second() -> Times:
        """Return what was measured in a second."""
        begun = time.perf_counter()
        for number in range(PER_SECOND):
            due = begun + number / PER_SECOND
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            times["late"].append((time.perf_counter() - due) * 1000)
            kind = list(requests)[number % len(requests)]
            asked.add(asyncio.create_task(one(kind, free.pop() if free else await _connect(url))))
        await asyncio.gather(*asked)
        asked.clear()
        taken = {kind: each.copy() for kind, each in times.items()}
        for each in times.values():
            each.clear()
        return taken

    rounds = [await round_of_a_second() for _ in range(round(seconds))]
    rounds.sort(key=lambda each: max(each["late"]))
    kept = rounds[: max(1, round(seconds * KEPT))]
    return {kind: [took for each in kept for took in each[kind]] for kind in times}


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.neighbour")
    parser.add_argument("floods", nargs="*", help=f"{', '.join(FLOODS)}; all where none is named")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    asked = parser.parse_args()
    alone, floods = measure(
        asked.floods or tuple(FLOODS), seconds=asked.seconds, connections=asked.connections
    )
    for name, times in {"quiet": alone, **floods}.items():
        for kind, each in times.items():
            middle, slow, usual = at(each, 0.5), at(each, 0.95), at(alone[kind], 0.95)
            print(
                f"{name:9} {kind:17} p50 {middle:7.2f} ms  p95 {slow:7.2f} ms  p95 / quiet p95 {slow / usual:6.2f}"
            )


if __name__ == "__main__":
    if sys.argv[1:] == ["--flood"]:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        asyncio.run(_flood(**json.loads(sys.stdin.readline())))
    elif sys.argv[1:] == ["--ask"]:
        print(json.dumps(asyncio.run(_ask_gently(**json.loads(sys.stdin.readline())))))
    else:
        _main()
