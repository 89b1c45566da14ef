"""How fast a server answers over HTTP.

A start is of a workflow of ten pure steps, one after the other, whose end is waited for: it is durable, and its entry stands in
the audit trail, before the answer. Ten programs at once, each on a connection of its own, ask again when they were answered; they
run in a process of their own, on the same machine. Lists are of 10,000 definitions beside 10,000 of another workspace, on SQLite
and on PostgreSQL, one request after the other; what is told is the slowest of twenty (p95).

python -m bench.serving         the figures alone, with how long requests took
"""

import asyncio
import http.client
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.definitions import COUNT, WORDS, fill, name_of, tables_at
from bench.own_server import publish, serving
from bench.processes import ROUNDS, bounded_row

AT_ONCE = 10
SECONDS = 4.0
WARM = 1.0
LISTED = 60
PATIENCE = 60.0


def rows() -> list[dict[str, Any]]:
    """Measure, and return one row per promise."""
    rate, _ = measure_starts()
    found = [
        {
            "name": "starts of ten pure steps over HTTP, waited for, 10 at once (per second)",
            "ours": rate, "must": 1500, "aim": 4000, "met": rate >= 1500,
        },
    ]  # fmt: skip
    for where, lists in measure_lists().items():
        for what, took in lists.items():
            found.append(
                bounded_row(f"{what} of 10,000 definitions over HTTP on {where}, p95 (ms)", took, must=50.0)
            )
    return found


def measure_starts() -> tuple[float, float]:
    """Return starts per second in the best of three rounds, and the p95 of one in ms."""
    with tempfile.TemporaryDirectory() as folder, serving(folder) as (url, token):
        publish(url, token)
        start = "/api/v1/workflows/ten/runs?wait=10"
        rounds = [_load(url, token, "POST", start, '{"input": {"n": 1}}') for _ in range(ROUNDS)]
    started = max(rounds, key=lambda each: each["rate"])
    return started["rate"], started["p95"]


def measure_lists() -> dict[str, dict[str, float]]:
    """Return for each database how long each kind of list takes, in ms."""
    from tests.postgres_server import PostgresServer, migrated, postgres_programs

    found = {}
    with tempfile.TemporaryDirectory() as folder:
        found["SQLite"] = _lists_of(folder, "")
    programs = postgres_programs()
    if programs is not None:
        server = PostgresServer(programs, fsync="on", shared_buffers="128MB")
        try:
            with tempfile.TemporaryDirectory() as folder:
                found["PostgreSQL"] = _lists_of(folder, asyncio.run(server.create(migrated(server))))
        finally:
            server.remove()
    return found


def _lists_of(folder: str, database: str) -> dict[str, float]:
    async def prepare() -> None:
        async with tables_at(database, Path(folder) / "data") as tables:
            for workspace in ("default", "other"):
                await fill(tables, workspace)

    asyncio.run(prepare())
    with serving(folder, database) as (url, token):
        return {what: _p95(url, token, paths) for what, paths in _lists().items()}


def _lists() -> dict[str, list[str]]:
    """Return what is asked, by name."""
    chance = random.Random(7)

    def midst() -> str:
        return f"after=workflow/{name_of(chance.randrange(COUNT))}"

    asked = {
        "a page of 50": [midst() for _ in range(LISTED)],
        "a page of 1,000": [f"limit=1000&{midst()}" for _ in range(LISTED)],
        "a page of those that are live": [f"state=live&{midst()}" for _ in range(LISTED)],
        "a page with a label": [f"label=team%3Dt{n % 20}&{midst()}" for n in range(LISTED)],
        "a search for a word of all": [f"q=workflow&{midst()}" for _ in range(LISTED)],
        "a search for a word of many": [f"q={WORDS[n % 15]}" for n in range(LISTED)],
        "a search for two beginnings": [f"q={WORDS[n % 15][:3]}+{WORDS[n % 7][:2]}" for n in range(LISTED)],
    }
    return {what: [f"/api/v1/definitions?{query}" for query in queries] for what, queries in asked.items()}


def _p95(url: str, token: str, paths: list[str]) -> float:
    place = url.rpartition("/")[2]
    connection = http.client.HTTPConnection(place, timeout=PATIENCE)
    took: list[float] = []
    for path in paths:
        begun = time.perf_counter()
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        body = answer.read()
        took.append((time.perf_counter() - begun) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"{path}: {body.decode()}")
    connection.close()
    return round(statistics.quantiles(took, n=20)[-1], 2)


# --- the programs that ask ---


def _load(
    url: str, token: str, method: str, path: str, body: str, at_once: int = AT_ONCE
) -> dict[str, float]:
    """Ask from another process for some seconds; return how many were answered a second, and the p95 in ms."""
    host, _, port = url.rpartition("/")[2].partition(":")
    request = (
        f"{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )
    asked = json.dumps({"host": host, "port": int(port), "request": request, "at_once": at_once})
    said = subprocess.run(
        [sys.executable, "-m", "bench.serving", "--ask"],
        input=asked,
        capture_output=True,
        text=True,
        check=True,
    )
    told: dict[str, float] = json.loads(said.stdout)
    return told


class Asker(asyncio.Protocol):
    """One program: it asks again as soon as it was answered, and notes how long each answer took."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._came = b""
        self._asked = 0.0
        self.took: list[float] = []
        self.wrong = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Take a piece of an answer."""
        self._came += data
        head, ended, body = self._came.partition(b"\r\n\r\n")
        if not ended:
            return
        size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) < size:
            return
        if not head.startswith(b"HTTP/1.1 2"):
            self.wrong = self._came
        self._came = b""
        self.took.append(time.perf_counter() - self._asked)
        self._ask()

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self._transport.write(self._request)


async def _ask_all(host: str, port: int, request: str, at_once: int) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    askers = [Asker(request.encode()) for _ in range(at_once)]
    for asker in askers:
        await loop.create_connection(lambda asker=asker: asker, host, port)  # type: ignore[misc]  # one for each
    await asyncio.sleep(WARM)
    for asker in askers:
        asker.took.clear()
    begun = time.perf_counter()
    await asyncio.sleep(SECONDS)
    spent = time.perf_counter() - begun
    took = sorted(took for asker in askers for took in asker.took)
    wrong = next((asker.wrong for asker in askers if asker.wrong), b"")
    if wrong or not took:
        raise RuntimeError(wrong.decode() or "nothing was answered")
    return {"rate": len(took) / spent, "p95": took[int(len(took) * 0.95)] * 1000}


if __name__ == "__main__":
    if "--ask" in sys.argv:
        print(json.dumps(asyncio.run(_ask_all(**json.loads(sys.stdin.read())))))
    else:
        rate, slow = measure_starts()
        print(f"{rate:,.0f} starts a second, p95 {slow:.1f} ms")
        print(json.dumps(measure_lists(), indent=1))
