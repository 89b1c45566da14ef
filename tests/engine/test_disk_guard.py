"""The disk guard, on a real small disk of its own where the machine can make one."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import asyncio, json, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from engine_house import House, flow
from auraos.engine import disk
from auraos.engine.disk import DiskGuard, DiskNearlyFullError

async def main():
    house = House(Path({folder!r}) / "data")
    engine = await house.open()
    pruned = []
    async def prune():
        pruned.append(1)
    disk.LOOK_EVERY = 0.02
    guard = engine.disk = DiskGuard(house.path, prune)
    guard.start()
    told = {{"at_first": guard.words}}
    waits = await house.start(flow("paid: {{type: wait.signal, with: {{name: paid}}}}"))
    filler = Path({folder!r}) / "filler"

    def fill_to(share):
        guard.look()
        missing = share - guard.share()
        with filler.open("ab") as file:
            file.write(b"x" * int(missing * 64 * 1024 * 1024))
        guard.look()

    fill_to(0.87)
    told["warned"], told["refused"] = guard.is_warning, guard.is_refusing
    while not pruned:
        await asyncio.sleep(0.02)
    told["ballast"] = guard.ballast.stat().st_size
    await house.start(flow("one: {{type: test.write}}"))
    fill_to(0.96)
    told["then_refused"] = guard.is_refusing
    try:
        await house.start(flow("one: {{type: test.write}}"))
    except DiskNearlyFullError as error:
        told["code"], told["hint"] = error.code, error.hint
    await engine.signal(waits, "paid")
    told["ended"] = (await engine.wait(waits)).state
    filler.unlink()
    while guard.is_refusing:
        await asyncio.sleep(0.02)
    told["started_again"] = bool(await house.start(flow("one: {{type: test.write}}")))
    guard.stop()
    await house.close()
    print(json.dumps(told))

asyncio.run(main())
"""


def test_it_warns_and_prunes_then_refuses_starts_while_runs_end_and_begins_again(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    if (
        unshare is None
        or subprocess.run([unshare, "-rm", "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("this machine lets nobody mount a small disk (unshare)")
    disk = tmp_path / "disk"
    disk.mkdir()
    script = tmp_path / "guarded.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parent), folder=str(disk)), encoding="utf-8")
    command = f"mount -t tmpfs -o size=64m none {disk} && exec {sys.executable} {script}"
    done = subprocess.run([unshare, "-rm", "sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["at_first"] == ""
    assert told["ballast"] > 500_000
    assert (told["warned"], told["refused"], told["then_refused"]) == (True, False, True)
    assert told["code"] == "disk-nearly-full"
    assert "ballast" in told["hint"]
    assert (told["ended"], told["started_again"]) == ("succeeded", True)
