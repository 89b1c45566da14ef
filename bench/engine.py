"""Durable runs a second of the engine on SQLite with full sync, beside `limit.py` in the same run. Ratios count.

python -m bench.engine pure 5000        one measurement of ours, as a JSON line
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from auraos.app.definitions import FolderDefinitions
from auraos.app.installed import load_installed
from auraos.core.catalogue import Catalogue, Effect, StepType
from auraos.engine.context import Doors
from auraos.engine.engine import Engine
from auraos.engine.process import settle_memory
from auraos.storage.blobs import LocalBlobs
from auraos.storage.folder import DataFolder
from auraos.storage.sqlite import SqliteStore

HERE = Path(__file__).parent
AT_ONCE = 100
ROUNDS = 3
STEPS = 10
MEASURED = (
    # name, kind of steps, our runs, mode of the yardstick, its runs, must, aim
    ("ten effect steps, runs/s of limit.py every-step", "effect", 2_000, "every-step", 4_000, 0.40, 0.60),
    ("ten pure steps, runs/s of limit.py ends-only", "pure", 6_000, "ends-only", 20_000, 0.30, 0.55),
)


def rows() -> list[dict[str, Any]]:
    """Measure, and return one row per promise: the best of three rounds of each side, taken in turn."""
    found = []
    for name, kind, runs, mode, limit_runs, must, aim in MEASURED:
        ours, yardstick = 0.0, 0.0
        for _ in range(ROUNDS):
            ours = max(ours, _measured("-m", "bench.engine", kind, str(runs)))
            yardstick = max(yardstick, _measured("bench/limit.py", "--mode", mode, "--runs", str(limit_runs)))
        ratio = ours / yardstick
        found.append(
            {
                "name": name,
                "ours": round(ours),
                "yardstick": round(yardstick),
                "ratio": round(ratio, 3),
                "must": must,
                "aim": aim,
                "met": ratio >= must,
            }
        )
    return found


def workflow_of(kind: str) -> str:
    """Return the text of a chain of ten steps, each with expressions over the one before."""
    steps = []
    for number in range(STEPS):
        before = f"steps.s{number - 1}.n" if number else "input.n"
        values = f'{{n: "{{{{ {before} * 2 - {number} }}}}", big: "{{{{ {before} > 3 }}}}"}}'
        given = (
            f"type: transform, with: {{set: {values}}}"
            if kind == "pure"
            else f"type: bench.effect, with: {values}"
        )
        steps.append(f"    s{number}: {{{given}}}")
    links = ", ".join(f"s{number} -> s{number + 1}" for number in range(STEPS - 1))
    return "\n".join([f"kind: workflow\nname: {kind}\nspec:\n  steps:", *steps, f"  links: [{links}]\n"])


async def measure(kind: str, runs: int) -> float:
    """Return durable runs a second, a hundred at once."""
    with tempfile.TemporaryDirectory() as folder:
        claimed = DataFolder.claim(Path(folder))
        store = SqliteStore.open(claimed)
        catalogue = Catalogue([*load_installed().catalogue.all(), EFFECT])
        definitions = FolderDefinitions(None, catalogue)
        unused: Any = None
        doors = Doors(
            http=unused, secrets=unused, sandbox=unused, blobs=LocalBlobs(claimed.blobs), redact=_as_it_is
        )
        engine = Engine(store, catalogue, definitions, doors)
        await engine.open()
        version = definitions.add(workflow_of(kind))
        gate = asyncio.Semaphore(AT_ONCE)
        settle_memory()

        async def one() -> str:
            async with gate:
                return (await engine.run(version, input={"n": 1})).state

        begun = time.perf_counter()
        states = await asyncio.gather(*(one() for _ in range(runs)))
        took = time.perf_counter() - begun
        await engine.close()
        await store.close()
        claimed.release()
    if set(states) != {"succeeded"}:
        message = f"not every run succeeded: {set(states)}"
        raise RuntimeError(message)
    return runs / took


async def _effect(settings: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001 (as every step)
    return settings


def _as_it_is(value: Any) -> Any:
    return value


def _measured(*command: str) -> float:
    done = subprocess.run(
        [sys.executable, *command], cwd=HERE.parent, capture_output=True, text=True, check=True
    )
    return float(json.loads(done.stdout.splitlines()[-1])["runs_per_s"])


EFFECT = StepType(
    name="bench.effect", title="Effect", summary="Does next to nothing.", effect=Effect.WRITE, execute=_effect
)

if __name__ == "__main__":
    print(json.dumps({"runs_per_s": asyncio.run(measure(sys.argv[1], int(sys.argv[2])))}))
