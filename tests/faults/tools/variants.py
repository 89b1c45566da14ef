"""`auraos` with one trait changed that must not matter: what is in memory, what is read again, how many work at once.

    AURAOS_VARIANT=suspended variants.py serve …

suspended       a run leaves memory after every step and is read again from its journal
one-timer       one timer is kept in memory, the others are read when their turn comes
one-worker, eight-workers
deadly          a timer of a workflow called `poison` kills the process; so does the start of one called `stillborn`
replayed        before every step its run is folded again from the journal, compared, and goes on from what was folded
"""

import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

VARIANTS: dict[str, tuple[str, ...]] = {
    "suspended": (),
    "one-timer": (),
    "one-worker": ("--parallel", "1"),
    "eight-workers": ("--parallel", "8"),
    "replayed": (),
}


def as_variant(name: str) -> dict[str, Any]:
    """Return what `Served` needs for a variant, apart from its words; nothing for none."""
    if not name:
        return {}
    return {
        "program": (sys.executable, str(Path(__file__))),
        "environment": {"AURAOS_VARIANT": name},
        "more": VARIANTS.get(name, ()),
    }


def suspend() -> None:
    """Let every run leave memory as soon as nothing of it is under way."""
    from auraos.engine.sleepers import Sleepers

    make = Sleepers.__init__

    def made(self: Any, drop: Any, **_: Any) -> None:
        make(self, drop, most=0, most_bytes=0)

    Sleepers.__init__ = made  # type: ignore[method-assign]


def keep_one_timer() -> None:
    """Keep one timer in memory, two at most."""
    from auraos.engine import timers

    timers.PAGE = 1


def replay() -> None:
    """Fold a run again before each of its steps, and go on from that."""
    from auraos.core.run import decode_fact, fold, snapshot
    from auraos.engine import runner

    execute = runner.Runner._execute
    reader: list[sqlite3.Connection] = []

    def journal(run: str) -> list[Any]:
        if not reader:
            data = Path(sys.argv[sys.argv.index("--data") + 1]) / "auraos.db"
            reader.append(sqlite3.connect(f"file:{data}?mode=ro", uri=True, isolation_level=None))
        rows = reader[0].execute("select facts from journal where run=? order by seq", (run,)).fetchall()
        return [decode_fact(line) for (facts,) in rows for line in facts.split(b"\n")]

    def executed(self: Any, run: Any, wish: Any) -> None:
        if run.writing is None and run.draft.is_empty and run.state is not None and not run.todo:
            folded = fold(run.program, journal(run.id))
            same = snapshot(folded) == snapshot(run.state)
            sys.stderr.write(f"variant.{'replayed' if same else 'differs'}  run={run.id} path={wish.path}\n")
            run.state = folded
        execute(self, run, wish)

    runner.Runner._execute = executed  # type: ignore[method-assign]


def die() -> None:
    """Let some runs kill the whole process, in the middle of a turn, before anything of it is durable."""
    from auraos.core.run.facts import RunStarted, TimerFired
    from auraos.engine import runner

    advance = runner.advance

    def advanced(program: Any, state: Any, given: Any, **more: Any) -> Any:
        deadly = (program.workflow.name, type(given)) in (("poison", TimerFired), ("stillborn", RunStarted))
        if deadly and state.status != "quarantined":
            os.kill(os.getpid(), signal.SIGKILL)
        return advance(program, state, given, **more)

    runner.advance = advanced


CHANGES = {"deadly": die, "suspended": suspend, "one-timer": keep_one_timer, "replayed": replay}


if __name__ == "__main__":
    CHANGES.get(os.environ["AURAOS_VARIANT"], lambda: None)()
    from auraos.cli import main

    sys.exit(main())
