"""`make demo-crash`: 500 runs of ten slow steps are accepted, the process is killed amid them, and all end right.

A server of its own, the witness, notes every request that the steps send, with its key. In the end its notes are held against
the journals: each of the 5,000 effects was recorded once, and nothing that may not be repeated was done twice.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "tools"))

from checker import check, hash_input, read_folder
from served import Caller, Served
from witness_process import Effect, WitnessProcess
from workflows import chain, post, put, version_of

STEPS = 10
SLOW = "late/0.2"


def play(folder: Path, *, runs: int, kills: int) -> list[str]:
    """Play it, telling what happens; return what is wrong in the end."""
    with WitnessProcess() as witness:
        witness.behave(**{"": SLOW})
        server = Served(folder, "--allow-net", witness.place)
        _tell(f"Starting a server in {folder} and a witness at {witness.place}.")
        try:
            server.start()
            acknowledged = asyncio.run(_accept_and_kill(server, witness, runs, kills))
            _tell(f"All {runs} runs ended. The server leaves in good order.")
            left = server.stop()
        finally:
            server.kill()
        ledger = witness.ledger()
    _tell("Holding the journals against what the witness noted …")
    wrong = check(read_folder(server.data), acknowledged=acknowledged, ledger=ledger)
    if left != 0:
        wrong.append(f"the server left with {left}")
    if server.kills != kills:
        wrong.append(f"{server.kills} processes were killed, not {kills}")
    return wrong + _verdict(ledger, runs)


async def _accept_and_kill(server: Served, witness: WitnessProcess, runs: int, kills: int) -> dict[str, str]:
    """Start all runs, kill the server amid them, and wait until all ended; return what was acknowledged."""
    names = [f"s{number}" for number in range(STEPS)]
    make = {True: post, False: put}
    steps = {
        name: make[place % 2 == 0](witness.place, f"{name}/{{{{ input.n }}}}")
        for place, name in enumerate(names)
    }
    version = version_of("ten-slow-steps", steps, chain(*names))
    acknowledged: dict[str, str] = {}
    async with Caller(server.data) as caller:

        async def accept(number: int) -> str:
            run = await caller.ask(
                lambda client: client.start(version, input={"n": number}, run=f"run-{number}")
            )
            acknowledged[run] = hash_input({"n": number})
            return run

        started = await asyncio.gather(*(accept(number) for number in range(runs)))
        _tell(f"{len(started)} runs of {STEPS} slow steps are accepted.")
        for number in range(1, kills + 1):
            await _until_seen(witness, runs * STEPS * number // (kills + 1), runs)
            await asyncio.to_thread(server.kill)
            began = time.monotonic()
            _tell(f"kill -9: the process is gone, amid {witness.wait_for(0)} of {runs * STEPS} effects.")
            await asyncio.to_thread(server.start)
            _tell(f"A new process is ready after {time.monotonic() - began:.1f} s and goes on.")
        watching = asyncio.create_task(_until_seen(witness, runs * STEPS, runs))
        ended = await asyncio.gather(
            *(caller.ask(lambda client, run=run: client.wait(run)) for run in started)
        )
        watching.cancel()
    states = Counter(each.state for each in ended)
    _tell(f"How the runs ended: {', '.join(f'{count} {state}' for state, count in states.items())}.")
    return acknowledged


async def _until_seen(witness: WitnessProcess, count: int, runs: int) -> None:
    while (seen := await asyncio.to_thread(witness.wait_for, count, seconds=1.0)) < count:
        _tell(f"  {seen} of {runs * STEPS} effects", end="\r")


def _verdict(ledger: Sequence[Effect], runs: int) -> list[str]:
    by_key = Counter(effect.key for effect in ledger)
    names = {effect.name for effect in ledger}
    writes = Counter(effect.key for effect in ledger if effect.method == "POST")
    repeated = sum(count - 1 for count in by_key.values())
    _tell(f"The witness saw {len(ledger)} requests under {len(by_key)} keys for {len(names)} effects:")
    _tell(f"  {repeated} were sent again after a kill, under the same key, by steps that may be repeated;")
    _tell(
        f"  {sum(count - 1 for count in writes.values())} of those that may not be repeated were done twice."
    )
    expected = runs * STEPS
    if len(names) == len(by_key) == expected:
        return []
    return [f"{len(names)} effects under {len(by_key)} keys, expected {expected}"]


def _tell(line: str, *, end: str = "\n") -> None:
    if end == "\r" and not sys.stdout.isatty():
        return
    sys.stdout.write(f"{line}{end}")
    sys.stdout.flush()


def main() -> int:
    """Play it from the command line."""
    parser = argparse.ArgumentParser(prog="make demo-crash", description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--kills", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="auraos-demo-") as folder:
        wrong = play(Path(folder), runs=asked.runs, kills=asked.kills)
    for line in wrong[:20]:
        _tell(f"  wrong: {line}")
    _tell(f"{len(wrong)} wrong." if wrong else "Nothing was lost, and nothing was recorded twice.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
