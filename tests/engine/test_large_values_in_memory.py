"""What a large value costs in memory, in a process of its own, as the system counts it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import asyncio, json, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from engine_house import House, flow

def memory(line):
    text = Path("/proc/self/status").read_text()
    return int(next(found.split()[1] for found in text.splitlines() if found.startswith(line))) / 1024

async def large(settings, context):
    return {{"text": "x" * 16_000_000}} if context.path == "s0" else settings

async def main():
    house = House(Path({folder!r}))
    engine = await house.open()
    house.steps.work = large
    lines = ["s0: {{type: test.write}}"]
    for number in range(1, {steps}):
        before = "s0.text" if number == 1 else f"s{{number - 1}}.got"
        lines.append(f's{{number}}: {{{{type: test.write, with: {{{{got: "{{{{{{{{ steps.{{before}} }}}}}}}}"}}}}}}}}')
    links = ", ".join(f"s{{number - 1}} -> s{{number}}" for number in range(1, {steps}))
    at_first = memory("VmRSS:")
    run = await house.start(flow("\\n".join(lines), links=links))
    ended = await engine.wait(run)
    journal = sum(len(batch.facts) for batch in await house.store.journal(run))
    blobs = [blob.stat().st_size for blob in (house.path / "blobs" / "default" / run).iterdir()]
    await house.close()
    told = dict(state=ended.state, journal=journal, blobs=sum(blobs), grown=memory("VmHWM:") - at_first)
    print(json.dumps(told))

asyncio.run(main())
"""


def told_of(folder: Path, steps: int) -> dict[str, float]:
    script = SCRIPT.format(tests=str(Path(__file__).parent), folder=str(folder), steps=steps)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system has no /proc")
def test_sixteen_megabytes_through_many_steps_cost_little_more_than_through_three(tmp_path: Path) -> None:
    three = told_of(tmp_path / "three", 3)
    many = told_of(tmp_path / "many", 9)
    assert three["state"] == many["state"] == "succeeded"
    assert max(three["journal"], many["journal"]) < 10_000
    assert three["blobs"] == many["blobs"] < 16_100_000
    assert three["grown"] < 160
    assert many["grown"] < three["grown"] + 48
