"""Fill a store with copies of one run, quickly: what a long life leaves behind, without waiting for it.

python -m bench.filling DIR 1000000                  DIR gets a million finished runs of ten steps
python -m bench.filling DIR 100 running < FILE       DIR gets a hundred runs of this workflow, as they are when running
"""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.sample import Sample, chain_of

SLICE = 50_000
_COPY_OF = "printf('01900000-%04x-7000-8000-%012x', n / 65536, n)"
"""The id of the n-th copy: as of an earlier time than every run that is started now."""
_NUMBERS = "with recursive counting(n) as (select ? union all select n + 1 from counting where n + 1 < ?)"


def copy_run(database: Path, run: str, copies: int, *, first: int = 1) -> None:
    """Put this many copies of a run into a database that nobody uses: its row, its journal, its timers."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("pragma synchronous=off")
    connection.execute("pragma cache_size=-200000")
    columns = _columns(connection, "runs")
    run_values = ", ".join({"id": _COPY_OF, "number": "1000000 + n"}.get(name, name) for name in columns)
    for start in range(first, first + copies, SLICE):
        bounds = (start, min(start + SLICE, first + copies))
        connection.execute("begin")
        connection.execute(
            f"{_NUMBERS} insert into runs({', '.join(columns)}) select {run_values} from counting, runs where runs.id=?",
            (*bounds, run),
        )
        connection.execute(
            f"{_NUMBERS} insert into journal(run, seq, count, workspace, facts) select {_COPY_OF}, seq, count, workspace,"
            f" cast(replace(cast(facts as text), ?, {_COPY_OF}) as blob) from counting, journal where run=? order by n, seq",
            (*bounds, run, run),
        )
        for table in ("results", "timers"):
            copied = _columns(connection, table)
            values = ", ".join(_COPY_OF if name == "run" else name for name in copied)
            connection.execute(
                f"{_NUMBERS} insert into {table}({', '.join(copied)}) select {values} from counting, {table} where run=?",
                (*bounds, run),
            )
        connection.execute("commit")
    connection.execute("pragma wal_checkpoint(truncate)")
    connection.close()
    with database.open("rb") as written:
        os.fsync(written.fileno())  # or what is measured next would wait for it


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"pragma table_info({table})")]


async def one_run(folder: Path, workflow: str, *, until: str = "") -> str:
    """Start one run of a workflow in a new folder, and let it come to its end, or to this state; return its id."""
    sample = Sample(folder)
    version = await sample.open(workflow)
    if not until:
        run = (await sample.engine.run(version, input={"n": 1})).run
    else:
        run = await sample.engine.start(version, input={"n": 1})
        while (row := await sample.store.find(run)) is None or row.state != until:  # noqa: ASYNC110 (another task changes it)
            await asyncio.sleep(0.01)
    await sample.close(0.0)
    return run


def fill(data: Path, copies: int, workflow: str, until: str = "") -> None:
    """Let a process of its own fill a folder, so that the memory it needs is not counted with what is measured."""
    command = [sys.executable, "-m", "bench.filling", str(data), str(copies), *([until] if until else [])]
    subprocess.run(command, input=workflow, text=True, cwd=Path(__file__).parent.parent, check=True)


def main(arguments: Sequence[str]) -> None:
    """Fill the folder that is named."""
    data, copies, until = Path(arguments[0]), int(arguments[1]), "".join(arguments[2:])
    database = data / "auraos.db"
    known = list(data.glob("sample"))
    if known:
        run, done = known[0].read_text().split()
    else:
        text = "" if sys.stdin.isatty() else sys.stdin.read()
        run, done = asyncio.run(one_run(data, text or chain_of("effect"), until=until)), "0"
    copy_run(database, run, copies, first=int(done) + 1)
    (data / "sample").write_text(f"{run} {int(done) + copies}")


if __name__ == "__main__":
    main(sys.argv[1:])
