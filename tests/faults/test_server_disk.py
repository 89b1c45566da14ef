"""A serving process on a disk that fails (R08), is full (R07) or read-only (R37), damaged (R09) or lost (R10): honest, and back
by itself.
"""

import asyncio
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from checker import check, hash_input, read_folder
from served import Caller, NotReadyError, Served, until
from witness_process import WitnessProcess
from workflows import put, version_of

from auraos.core.errors import AuraError
from auraos.engine.ports import RunQuery, Version
from faults import needs


def one_step(place: str) -> Version:
    return version_of("one", {"a": put(place, "a")})


async def start_each(server: Served, version: Version, runs: range, *, pause: float = 0.0) -> dict[str, str]:
    """Ask for each of these runs once; return what became of it: `told`, or the code of the error."""
    came: dict[str, str] = {}
    async with Caller(server.data) as caller:
        for number in runs:
            try:
                await caller.ask(
                    lambda client, n=number: client.start(version, input={"n": n}, run=f"run-{n}")
                )
                came[f"run-{number}"] = "told"
            except AuraError as error:
                came[f"run-{number}"] = error.code
            await asyncio.sleep(pause)
    return came


async def wait_for_all(server: Served, runs: list[str]) -> None:
    async with Caller(server.data) as caller:
        for run in runs:
            await caller.ask(lambda client, one=run: client.wait(one))


def acknowledged(came: dict[str, str]) -> dict[str, str]:
    return {run: hash_input({"n": int(run[4:])}) for run, what in came.items() if what == "told"}


@needs.strace
@pytest.mark.parametrize(
    "injury",
    [
        "fdatasync:error=EIO:when=4..6",
        "fdatasync:error=EIO:when=5..7",
        "pwrite64:error=EROFS:when=24..28",
        "pwrite64:error=ENOSPC:when=24..28",
    ],
    ids=[
        "syncs fail",
        "later syncs fail",
        "the disk is read-only for a while",
        "the disk is full for a while",
    ],
)
def test_what_the_disk_does_not_take_is_not_acknowledged_and_the_server_goes_on_by_itself(
    server: Served, outside: WitnessProcess, injury: str
) -> None:
    server.start()
    assert server.stop() == 0
    call = injury.partition(":")[0]
    server.start(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={injury}"])
    came = asyncio.run(start_each(server, one_step(outside.place), range(12), pause=0.05))
    assert "store-unavailable" in came.values(), "the fault happened"
    assert set(came.values()) == {"told", "store-unavailable"}
    asyncio.run(wait_for_all(server, list(acknowledged(came))))
    until(lambda: server.health()[0] == 200)
    assert server.stop() == 0
    assert check(read_folder(server.data), acknowledged=acknowledged(came), ledger=outside.ledger()) == []


@needs.namespaces
def test_on_a_full_disk_starts_are_refused_and_with_room_it_goes_on_without_a_restart(
    tmp_path: Path, outside: WitnessProcess
) -> None:
    room = tmp_path / "room"
    room.mkdir()
    mount = f'mount -t tmpfs -o size=80m none "{room}" && exec "$@"'
    server = Served(room, "--allow-net", outside.place, before=["unshare", "-Urm", "sh", "-c", mount, "sh"])
    server.log = tmp_path / "serve.log"
    try:
        server.start()
        server.data = inside = Path(f"/proc/{server.pid}/root{room}/data")
        assert asyncio.run(start_each(server, one_step(outside.place), range(3))) == {
            f"run-{number}": "told" for number in range(3)
        }
        filling = inside.parent / "filling"
        _fill(filling)
        came = asyncio.run(start_each(server, one_step(outside.place), range(3, 60)))
        assert set(came.values()) - {"told"}, "the fault happened"
        assert set(came.values()) <= {"told", "store-unavailable", "disk-nearly-full"}
        red, told = server.health()
        assert (red, told["ready"]) == (503, False)
        filling.unlink()
        until(lambda: server.health()[0] == 200)
        later = asyncio.run(start_each(server, one_step(outside.place), range(60, 63)))
        assert set(later.values()) == {"told"}
        known = [*acknowledged(came), *later]
        asyncio.run(wait_for_all(server, known))
        rows = asyncio.run(_states(server))
        assert {rows[run] for run in known} == {"succeeded"}
        assert not {run for run, what in came.items() if what != "told"} & {
            run for run, state in rows.items() if state != "succeeded"
        }
    finally:
        server.kill()


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as opened:
        try:
            while True:
                opened.write(bytes(4096))
        except OSError:
            return


async def _states(server: Served) -> dict[str, str]:
    async with Caller(server.data) as caller:
        rows = await caller.ask(lambda client: client.runs(RunQuery(limit=200)))
        return {row.run: row.state for row in rows}


@needs.namespaces
def test_on_a_disk_that_is_mounted_read_only_it_does_not_start_and_says_why(
    server: Served, outside: WitnessProcess
) -> None:
    server.start()
    came = asyncio.run(start_each(server, one_step(outside.place), range(3)))
    asyncio.run(wait_for_all(server, list(came)))
    assert server.stop() == 0
    before = _hash(server.data / "auraos.db")
    sealed = f'mount --bind "{server.data}" "{server.data}" && mount -o remount,bind,ro "{server.data}" && exec "$@"'
    with pytest.raises(NotReadyError) as refused:
        server.start(["unshare", "-Urm", "sh", "-c", sealed, "sh"])
    exit_code, told, message = refused.value.args
    assert (exit_code, told) == (4, "folder-refused")
    assert "Read-only file system" in message
    assert _hash(server.data / "auraos.db") == before
    server.start()
    assert asyncio.run(_states(server)) == dict.fromkeys(came, "succeeded")
    assert server.stop() == 0


def overwrite_a_page(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4096:8192] = os.urandom(4096)
    file.write_bytes(content)


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def empty(file: Path) -> None:
    os.truncate(file, 0)


def change_magic(file: Path) -> None:
    file.write_bytes(b"Something else  " + file.read_bytes()[16:])


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (overwrite_a_page, "database-damaged"),
        (cut, "database-damaged"),
        (empty, "database-damaged"),
        (change_magic, "database-damaged"),
        (Path.unlink, "database-missing"),
    ],
)
def test_a_damaged_or_missing_database_is_not_served_and_not_touched(
    server: Served, outside: WitnessProcess, damage: Callable[[Path], None], code: str
) -> None:
    server.start()
    came = asyncio.run(start_each(server, one_step(outside.place), range(5)))
    asyncio.run(wait_for_all(server, list(came)))
    assert server.stop() == 0
    file = server.data / "auraos.db"
    damage(file)
    before = _hash(file)
    with pytest.raises(NotReadyError) as refused:
        server.start()
    exit_code, told, message = refused.value.args
    assert (exit_code != 0, told) == (True, code)
    assert "auraos.db" in message
    assert _hash(file) == before


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else "missing"
