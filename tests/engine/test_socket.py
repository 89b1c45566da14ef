"""Another process asks the one that holds the folder: answered when it is durable, refused with the reason."""

import asyncio
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from engine_house import House, flow

from auraos.core.errors import OperationalError, UserError
from auraos.engine.client import EngineClient, EngineGoneError
from auraos.engine.ports import RunQuery
from auraos.engine.socket import EngineSocket
from auraos.sdk import StepContext

WAITING = flow("paid: {type: wait.signal, with: {name: paid}}")
ASKING = flow("ask: {type: human.approve, with: {title: Ship it?}}")


@pytest.fixture
async def client(house: House) -> AsyncIterator[EngineClient]:
    """Return a client of an open house."""
    listening = EngineSocket(house.engine, house.store, house.folder.socket)
    await listening.open()
    connected = await EngineClient.connect(house.folder.socket)
    yield connected
    await connected.close()
    await listening.close()


async def test_a_version_that_is_sent_along_runs_and_its_output_comes_back(
    house: House, client: EngineClient
) -> None:
    text = flow("due: {type: transform, with: {set: {price: \"{{ input.price * decimal('1.5') }}\"}}}")
    version = house.definitions.add(text)
    run = await client.start(version, input={"price": Decimal("3.00"), "$odd": 1}, by="cli")
    ended = await client.wait(run)
    assert (ended.state, ended.output) == ("succeeded", {"price": Decimal("4.500")})
    row = await client.find("1", workspace="default")
    assert row is not None
    assert (row.run, row.by) == (run, "cli")


async def test_a_signal_sent_from_outside_lets_a_run_go_on(house: House, client: EngineClient) -> None:
    run = await house.start(WAITING)
    await client.signal(run, "paid", data={"sum": 5})
    assert (await client.wait(run)).output["data"] == {"sum": 5}


async def test_an_approval_is_refused_with_its_reason_the_second_time(
    house: House, client: EngineClient
) -> None:
    run = await house.start(ASKING)
    await client.approve(run, "approved", by="ann")
    await client.wait(run)
    with pytest.raises(UserError, match="over: it succeeded") as caught:
        await client.approve(run, "approved", by="bob")
    assert caught.value.code == "request-refused"


async def test_pause_resume_and_cancel_reach_the_run(house: House, client: EngineClient) -> None:
    run = await house.start(WAITING)
    await client.pause(run, by="ann", reason="lunch")
    paused = await client.find(run)
    await client.resume(run, by="ann")
    await client.cancel(run, by="ann")
    assert paused is not None
    assert paused.state == "paused"
    assert (await client.wait(run)).state == "cancelled"


async def test_a_doubt_is_settled_and_an_event_is_published(house: House, client: EngineClient) -> None:
    async def crash(settings: dict[str, Any], context: StepContext) -> Any:
        raise KeyError("oops")

    house.steps.work = crash
    doubtful = await house.start(flow("one: {type: test.write}"))
    waiting = await house.start(flow("paid: {type: wait.event, with: {type: paid}}", name="e"))
    await house.engine.drive_until_idle()
    await client.resolve(doubtful, "succeeded", output=7)
    assert await client.publish("paid", data=1) == 1
    assert [(await client.wait(run)).state for run in (doubtful, waiting)] == ["succeeded", "succeeded"]
    retried = await client.retry(doubtful, kind="fork", changes={"one": 8})
    assert (await client.wait(retried)).output == 8


async def test_a_stream_over_the_socket_is_the_stream_of_the_engine(
    house: House, client: EngineClient
) -> None:
    async def talk(settings: dict[str, Any], context: StepContext) -> Any:
        context.log("hello", n=1)
        return settings

    house.steps.work = talk
    run = await house.start(flow("one: {type: test.write, with: {n: 1}}"))
    await house.engine.wait(run)
    here = [change async for change in house.engine.subscribe(run)]
    there = [change async for change in client.subscribe(run)]
    assert [change.seq for change in there] == [1, 2, 3, 4]
    assert there == here
    assert [line.message for line in await client.logs(run)] == ["hello"]


async def test_what_the_store_knows_can_be_read(house: House, client: EngineClient) -> None:
    run = await house.start(WAITING)
    (row,) = await client.runs(RunQuery(states=("waiting",)))
    version = await client.version(row.version)
    assert version is not None
    assert version.text == WAITING
    assert await client.journal(run) == await house.store.journal(run)
    assert await client.find("nobody") is None


async def test_many_asks_at_once_each_get_their_own_answer(house: House, client: EngineClient) -> None:
    runs = await asyncio.gather(*(house.start(WAITING) for _ in range(50)))
    await asyncio.gather(*(client.signal(run, "paid", data=number) for number, run in enumerate(runs)))
    outputs = [(await client.wait(run)).output["data"] for run in runs]
    assert outputs == list(range(50))


async def test_only_its_owner_may_use_the_socket(house: House, client: EngineClient) -> None:
    mode = house.folder.socket.stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"{}",
        b'{"ask":"Nothing"}',
        b'{"ask":"Cancel"}',
        b'{"ask":"Cancel","run":5}',
        b'{"ask":"Cancel","run":"r","admin":true}',
        b"\xff",
    ],
)
async def test_a_line_that_is_no_ask_is_refused_and_the_next_one_answered(
    house: House, client: EngineClient, line: bytes
) -> None:
    reader, writer = await asyncio.open_unix_connection(house.folder.socket)
    writer.write(line + b'\n{"number":2,"ask":"Find","name":"nobody"}\n')
    answers = sorted([await reader.readline(), await reader.readline()])
    writer.close()
    await writer.wait_closed()
    assert b"ask-refused" in answers[0]
    assert answers[1] == b'{"number":2,"ok":null}\n'


async def test_nobody_at_the_socket_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(EngineGoneError, match="No engine answers"):
        await EngineClient.connect(tmp_path / "engine.sock")


async def test_an_engine_that_goes_away_is_noticed_by_who_waits(house: House) -> None:
    listening = EngineSocket(house.engine, house.store, house.folder.socket)
    await listening.open()
    client = await EngineClient.connect(house.folder.socket)
    run = await house.start(WAITING)
    waiting = asyncio.create_task(client.wait(run))
    await client.find(run)
    await listening.close()
    with pytest.raises(OperationalError, match="hung up"):
        await waiting
    await client.close()
    assert not house.folder.socket.exists()


async def test_a_folder_deep_in_the_tree_can_be_listened_in(tmp_path: Path) -> None:
    house = House(tmp_path / ("d" * 60) / ("e" * 60))
    await house.open()
    listening = EngineSocket(house.engine, house.store, house.folder.socket)
    await listening.open()
    client = await EngineClient.connect(house.folder.socket)
    found = await client.runs(RunQuery())
    await client.close()
    await listening.close()
    await house.close()
    assert found == []


ASKER = """
import asyncio, sys
from pathlib import Path
from auraos.engine.client import EngineClient
from auraos.storage.folder import DataFolder, FolderInUseError
async def main():
    folder = Path(sys.argv[1])
    try:
        DataFolder.claim(folder)
    except FolderInUseError:
        client = await EngineClient.connect(folder / "engine.sock")
        await client.signal(sys.argv[2], "paid", data="from outside")
        await client.close()
asyncio.run(main())
"""


async def test_a_second_process_finds_the_folder_taken_and_asks_instead(
    house: House, client: EngineClient
) -> None:
    run = await house.start(WAITING)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ASKER, str(house.path), run, env={**os.environ}, stderr=subprocess.PIPE
    )
    _, complained = await process.communicate()
    assert process.returncode == 0, complained
    assert (await house.engine.wait(run)).output["data"] == "from outside"


async def ask_raw(house: House, line: bytes) -> dict[str, Any]:
    """Return the answer to one line."""
    reader, writer = await asyncio.open_unix_connection(str(house.folder.socket))
    writer.write(line)
    answer = await asyncio.wait_for(reader.readline(), 10)
    writer.close()
    told: dict[str, Any] = msgspec.json.decode(answer)
    return told


async def test_a_text_that_is_sent_under_the_hash_of_another_is_refused(
    house: House, client: EngineClient
) -> None:
    version = house.definitions.add(WAITING)
    forged = msgspec.structs.replace(house.definitions.add(ASKING), hash=version.hash)
    with pytest.raises(UserError, match="is not the version") as caught:
        await client.start(forged)
    with pytest.raises(UserError, match="is not the version"):
        await client.start(version, called=[forged])
    assert caught.value.code == "ask-refused"
    run = await client.start(version)
    assert (await house.store.find(run)) is not None


@pytest.mark.parametrize("name", ["../../x", "a\nb", "\x1b[2J", "17", "x" * 129])
async def test_what_could_mislead_is_no_id_of_a_run_and_no_workspace(
    house: House, client: EngineClient, name: str
) -> None:
    version = house.definitions.add(WAITING)
    with pytest.raises(UserError, match="cannot be the id of a run"):
        await client.start(version, run=name)
    with pytest.raises(UserError, match="cannot be the id of a run"):
        await client.start(version, workspace=name)


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\n",
        b'{"ask":"Find","number":1,"name":"\xff"}\n',
        b'{"ask":"Signal","run":"x","name":"x","data":' + b"[" * 100_000 + b"\n",
        b'{"ask":"close"}\n',
    ],
)
async def test_what_is_no_ask_is_refused_as_the_mistake_of_who_sent_it(
    house: House, client: EngineClient, line: bytes
) -> None:
    told = await ask_raw(house, line)
    assert (told["error"]["code"], told["error"]["family"]) == ("ask-refused", "user")


async def test_who_asks_without_reading_the_answers_holds_up_nobody_else(
    house: House, client: EngineClient
) -> None:
    _, writer = await asyncio.open_unix_connection(str(house.folder.socket))
    for _ in range(50):
        await house.start(WAITING)
    writer.write(b'{"ask":"ListRuns","number":1,"limit":50}\n' * 2_000)
    assert len(await asyncio.wait_for(client.runs(RunQuery()), 10)) == 50
    assert len(asyncio.all_tasks()) < 200
    writer.close()
