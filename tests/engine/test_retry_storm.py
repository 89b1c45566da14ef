"""Two hundred runs against a host that answers 500: what reaches it stays bounded, and all end once it is well (R47)."""

import asyncio
import itertools
from datetime import timedelta
from pathlib import Path

from engine_house import House, flow

from auraos.security.circuit import Circuits
from auraos.security.egress import Egress
from security.local_servers import answer, listening

RUNS = 200
UNDER_WAY = 100
"""So many requests may be under way, or wait for a connection, when the circuit opens: one a slot of the engine."""
REST, LONGEST = 1.0, 1.5
PROBES = 3
ASK = "ask: {type: http.request, with: {url: '{{ input.url }}'}, retry: {attempts: 100, first: 50ms, factor: 1, jitter: 0.5}}"


async def test_a_host_that_fails_gets_few_requests_from_two_hundred_runs(tmp_path: Path) -> None:
    arrived: list[float] = []
    status, loop, probed = 500, asyncio.get_running_loop(), asyncio.Event()

    async def respond(_: object, writer: asyncio.StreamWriter) -> None:
        arrived.append(loop.time())
        if len([at for at in arrived if at > arrived[0] + REST]) >= PROBES:
            probed.set()
        writer.write(answer(status))

    house = House(tmp_path / "data")
    circuits = Circuits(first_rest=timedelta(seconds=REST), longest_rest=timedelta(seconds=LONGEST))
    async with (
        listening(respond) as server,
        Egress([f"127.0.0.1:{server.port}"], circuits=circuits) as egress,
    ):
        engine = await house.open(http=egress)
        version = house.definitions.add(flow(ASK))
        runs = [await engine.start(version, input={"url": server.url}) for _ in range(RUNS)]
        await probed.wait()
        ill, status = tuple(arrived), 200
        ended = await asyncio.wait_for(asyncio.gather(*(engine.wait(run) for run in runs)), 60)
        await house.close()
    later = [at for at in ill if at > ill[0] + REST]
    assert len(ill) - len(later) <= UNDER_WAY + 5
    assert len(later) == PROBES
    assert min(after - before for before, after in itertools.pairwise(later)) >= REST
    assert {end.state for end in ended} == {"succeeded"}
