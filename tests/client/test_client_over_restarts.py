"""A server that is restarted again and again under load, and clients that try again: none of them sees it."""

import asyncio

from auraos.client import Client
from command_line import CommandLine
from kept_definitions import workflow
from owned_server import OwnedServer
from server_process import Server

RESTARTS, CLIENTS = 2, 4


async def test_no_call_fails_behind_a_client_while_the_server_is_restarted_under_load(tmp_path):
    """R35: every start that is answered is one run, and there are no others."""
    line = CommandLine(tmp_path)
    server: Server = await asyncio.to_thread(OwnedServer, line)
    url, key, port = server.url, server.key, server.url.rpartition(":")[2]
    stop, started, more = asyncio.Event(), [[] for _ in range(CLIENTS)], asyncio.Condition()

    async def start_often(client, runs):
        while not stop.is_set():
            run = await client.runs.start_run("greet", wait=5)
            assert (await client.runs.show_run(run.run)).number == run.number
            async with more:
                runs.append(run.run)
                more.notify_all()

    async def until_more():
        before = [len(runs) for runs in started]
        async with more:
            await more.wait_for(
                lambda: all(len(runs) > was for runs, was in zip(started, before, strict=True))
            )

    async with Client(url, key, patience=60) as client:
        made = await client.definitions.create_definition(text=workflow())
        await client.definitions.publish_definition("workflow", made.name, revision=made.revision)
        try:
            async with asyncio.timeout(150), asyncio.TaskGroup() as clients:
                for runs in started:
                    clients.create_task(start_often(client, runs))
                for _ in range(RESTARTS):
                    await until_more()
                    assert (await asyncio.to_thread(server.stop))[0] == 0
                    server = await asyncio.to_thread(Server, line, "--port", port)
                await until_more()
                stop.set()
            acknowledged = [run for runs in started for run in runs]
            there = [one.run async for one in client.runs.all_runs(limit=1000)]
            assert sorted(there) == sorted(acknowledged)
        finally:
            server.kill()
