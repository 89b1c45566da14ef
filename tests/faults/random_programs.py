"""Random programs on one server that is killed again and again: `python -m tests.faults.random_programs --seconds 600 --seed 7`.

Each program adds to counters of the witness, and its author knows what they must say in the end. Rounds of programs are played
until the time is over; each round ends with the check of everything that the store and the witness hold.
"""

import argparse
import asyncio
import contextlib
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parent / "tools"))

from checker import check, hash_input, read_database, read_folder
from load import AWAY
from programs import RandomProgram, draw
from served import Caller, Served
from variants import VARIANTS, as_variant
from witness_process import Effect, WitnessProcess

from auraos.app.definitions.versions import make_version
from auraos.app.installed import load_installed


class Round(msgspec.Struct):
    """What came of one round."""

    programs: int = 0
    kills: int = 0
    early_kills: int = 0
    """Those of the kills that hit the process before it was ready."""
    effects: int = 0
    repeated: int = 0
    """Effects that the witness saw more than once, under the same key."""
    asked_again: int = 0
    replays: int = 0
    seconds: float = 0.0
    wrong: list[str] = []


def play_round(
    folder: Path, *, seed: int, programs: int, kills: int, variant: str = "", database: str = ""
) -> Round:
    """Play so many programs on one server that is killed so often; return what came of it. `database` is one of PostgreSQL."""
    began = time.monotonic()
    with WitnessProcess() as witness:
        drawn = [draw(seed, number, witness.place) for number in range(programs)]
        witness.behave(**{name: told for each in drawn for name, told in each.behaviours.items()})
        words = ["--allow-net", witness.place, *(["--database", database] if database else [])]
        server = Served(folder, *words, **as_variant(variant)).start()
        game = _Game(server, witness, drawn, random.Random(seed), kills)
        played = game.played
        try:
            asyncio.run(game.play())
            if server.stop() != 0:
                played.wrong.append("the server did not leave in good order")
        except TimeoutError:
            played.wrong.append("not all programs ended in time")
        finally:
            server.kill()
        ledger = witness.ledger()
    kept = asyncio.run(read_database(database, server.data)) if database else read_folder(server.data)
    played.wrong += check(kept, acknowledged=game.acknowledged, ledger=ledger)
    played.wrong += _miscounted(drawn, ledger)
    played.effects, played.repeated = len(ledger), len(ledger) - len({effect.key for effect in ledger})
    log = server.log.read_text()
    played.replays = log.count("variant.replayed")
    if "variant.differs" in log:
        played.wrong.append("I7: a run replayed to another state before a step: see serve.log")
    played.seconds = time.monotonic() - began
    return played


class _Game:
    """One round, while it is played."""

    def __init__(
        self,
        server: Served,
        witness: WitnessProcess,
        drawn: Sequence[RandomProgram],
        chance: random.Random,
        kills: int,
    ) -> None:
        self.server = server
        self.witness = witness
        self.drawn = drawn
        self.chance = chance
        self.kills = kills
        self.played = Round(programs=len(drawn))
        self.acknowledged: dict[str, str] = {}
        self.catalogue = load_installed().catalogue
        self.killed = asyncio.Condition()
        self.killings = 0

    async def play(self) -> None:
        async with Caller(self.server, patient=AWAY) as caller:
            killing = asyncio.create_task(self.kill_again_and_again())
            try:
                async with asyncio.timeout(120 + 2 * self.kills + len(self.drawn) / 5):
                    await asyncio.gather(*(self.play_one(caller, each) for each in self.drawn))
                    await killing
            finally:
                killing.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await killing
                self.played.asked_again = caller.retried

    async def play_one(self, caller: Caller, drawn: RandomProgram) -> None:
        """Start a program, send it its signals, and compare how it ended."""
        called = [make_version(text, self.catalogue) for text in reversed(drawn.called)]
        version = make_version(drawn.text, self.catalogue)
        run = f"program-{drawn.number}"
        async with self.killed:
            turn = drawn.number * (self.kills + 1) // len(self.drawn)
            await self.killed.wait_for(lambda: self.killings >= turn)
        await caller.ask(lambda client: client.start(version, input=drawn.input, run=run, called=called))
        self.acknowledged[run] = hash_input(drawn.input)
        for signal in drawn.signals:
            for _ in range(signal.times):
                await caller.ask(lambda client, one=signal: client.signal(run, one.name, id=one.id))
        ended = await caller.ask(lambda client: client.wait(run))
        if (ended.state, ended.output) != (drawn.state, drawn.output):
            self.played.wrong.append(f"{run} ended as {ended.state} with {ended.output!r}: {ended.error}")

    async def kill_again_and_again(self) -> None:
        """Kill the server each time after some more effects were seen, sometimes before it is ready again."""
        for _ in range(self.kills):
            seen = await asyncio.to_thread(self.witness.wait_for, 0)
            await asyncio.to_thread(self.witness.wait_for, seen + self.chance.randint(1, 40), seconds=0.5)
            await asyncio.to_thread(self.server.kill)
            self.played.kills += 1
            while self.chance.random() < 0.15:
                await asyncio.to_thread(self.kill_early)
            async with self.killed:
                self.killings += 1
                self.killed.notify_all()
            await asyncio.to_thread(self.server.start)

    def kill_early(self) -> None:
        """Start the server, and kill it while it takes up what is there."""
        process = self.server.begin()
        with contextlib.suppress(Exception):
            process.wait(0.1 + self.chance.random() * 0.4)
        process.kill()
        process.wait()
        self.played.kills += 1
        self.played.early_kills += 1


def _miscounted(drawn: Sequence[RandomProgram], ledger: Sequence[Effect]) -> list[str]:
    """Return which counters say something else than the authors of the programs expect."""
    keys = {
        (effect.name.partition("/r")[0], effect.name, effect.key) for effect in ledger if effect.told == "200"
    }
    counted = Counter(counter for counter, _, _ in keys)
    expected: Counter[str] = Counter()
    for each in drawn:
        expected.update(each.expected)
    return [
        f"I3: {counter} was done {counted[counter]} times under different keys, expected {expected[counter]}"
        for counter in sorted(counted.keys() | expected.keys())
        if counted[counter] != expected[counter]
    ]


def main() -> int:
    """Play rounds from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.random_programs", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=0.0, help="go on for so long; one round when left out"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--programs", type=int, default=500, help="of one round")
    parser.add_argument("--kills", type=int, default=60, help="of one round")
    parser.add_argument("--variant", choices=["", *VARIANTS], default="")
    parser.add_argument(
        "--database", default="", help="postgresql://…, an empty one; one round is played on it"
    )
    parser.add_argument("--keep", type=Path, help="an empty folder that stays, to look into afterwards")
    asked = parser.parse_args()
    last, seed = time.monotonic() + asked.seconds, asked.seed
    while True:
        with contextlib.ExitStack() as stack:
            folder = asked.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            folder.mkdir(parents=True, exist_ok=True)
            played = play_round(
                folder,
                seed=seed,
                programs=asked.programs,
                kills=asked.kills,
                variant=asked.variant,
                database=asked.database,
            )
        for line in played.wrong[:40]:
            sys.stdout.write(f"  {line}\n")
        sys.stdout.write(
            f"seed {seed}: {played.programs} programs, {played.kills} kills ({played.early_kills} before it was ready), "
            f"{played.effects} effects, {played.repeated} repeated under their key, {played.asked_again} asks repeated, "
            f"{played.replays} replays, {played.seconds:.0f} s: {len(played.wrong)} wrong\n"
        )
        sys.stdout.flush()
        if played.wrong:
            return 1
        if time.monotonic() > last or asked.keep or asked.database:
            return 0
        seed += 1


if __name__ == "__main__":
    sys.exit(main())
