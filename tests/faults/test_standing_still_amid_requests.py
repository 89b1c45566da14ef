"""A server that stood still amid requests does not hold it against their host: the next ones reach it at once (C13)."""

import asyncio
import os
import signal

from checker import check, read_folder
from served import Caller, Served
from witness_process import WitnessProcess
from workflows import version_of

AMID = 8
AFTER = 20
STILL = 3.0
"""Seconds, longer than a request may take and than a loop may be silent."""


def test_runs_after_a_stop_reach_a_host_whose_answers_the_stop_made_late(
    server: Served, outside: WitnessProcess
) -> None:
    outside.behave(slow="hold")
    step = {
        "type": "http.request",
        "with": {"url": f"http://{outside.place}/{{{{ input }}}}", "timeout": "2s"},
    }
    version = version_of("ask", {"ask": step})
    server.start()

    async def play() -> tuple[list[str], list[str]]:
        async with Caller(server.data) as caller:

            async def outcome(run: str) -> str:
                ended = await caller.ask(lambda client: client.wait(run))
                return ended.error.code if ended.error else ended.state

            async def start(name: str, count: int) -> list[str]:
                runs = [f"{name}-{number}" for number in range(count)]
                for run in runs:
                    await caller.ask(lambda client, run=run: client.start(version, run=run, input=name))
                return runs

            amid = await start("slow", AMID)
            assert await asyncio.to_thread(outside.wait_for, AMID, "slow") == AMID
            os.kill(server.pid, signal.SIGSTOP)
            await asyncio.sleep(STILL)
            os.kill(server.pid, signal.SIGCONT)
            late = [await outcome(run) for run in amid]
            return late, [await outcome(run) for run in await start("well", AFTER)]

    late, after = asyncio.run(play())
    assert late == ["timeout"] * AMID, "the stop made them fail"
    assert after == ["succeeded"] * AFTER
    assert server.stop() == 0
    assert check(read_folder(server.data), ledger=outside.ledger()) == []
