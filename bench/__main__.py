"""Run every benchmark of this folder, print one table, and write bench/latest.json.

A benchmark is a module with a function `rows()`. Each row sets our time or rate beside a yardstick that was measured in
the same run on the same machine: a ratio travels between machines, an absolute number does not.
"""

import argparse
import importlib
import json
import os
import platform
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
COLUMNS = ("name", "ours", "yardstick", "ratio", "must", "aim", "met")


def main(arguments: list[str] | None = None) -> int:
    """Measure what is asked for, print it, and keep it."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", help="modules to run, such as `expressions`; all when left out")
    parser.add_argument("--output", type=Path, default=HERE / "latest.json")
    parser.add_argument("--strict", action="store_true", help="fail when a row is missed")
    asked = parser.parse_args(arguments)
    known = modules()
    unknown = [name for name in asked.names if name not in known]
    if unknown:
        parser.error(f"there is no benchmark named {unknown[0]!r}; there are {', '.join(known)}")
    rows: list[dict[str, Any]] = []
    begun, before = time.monotonic(), machine()
    for name in asked.names or known:
        sys.stderr.write(f"measuring {name} …\n")
        rows += measure(name)
    sys.stdout.write(table(rows))
    measured = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - begun),
        "machine": before,
        "rows": rows,
    }
    asked.output.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    missed = sum(row["met"] is False for row in rows)
    load = ", ".join(map(str, before["load"]))
    sys.stdout.write(
        f"\n{len(rows)} rows, {missed} missed; {measured['seconds']} s; load of the machine at the start {load};"
        f" written to {asked.output}\n"
    )
    return 1 if missed and asked.strict else 0


def modules() -> list[str]:
    """Return the names of the benchmarks: the modules of this folder that have a function `rows`."""
    files = sorted(file for file in HERE.glob("*.py") if file.name != "__main__.py")
    return [file.stem for file in files if "\ndef rows(" in file.read_text(encoding="utf-8")]


def measure(name: str) -> list[dict[str, Any]]:
    """Return the rows of one benchmark, each with every column."""
    return [complete(row, source=name) for row in importlib.import_module(f"bench.{name}").rows()]


def complete(row: Mapping[str, Any], *, source: str) -> dict[str, Any]:
    """Return a row with every column, and what it was measured by; a column it does not know is a mistake."""
    unknown = set(row) - set(COLUMNS)
    if unknown or "name" not in row or "ours" not in row:
        message = f"bench/{source}.py gave a row that is not one: {dict(row)}"
        raise ValueError(message)
    return {**dict.fromkeys(COLUMNS), **row, "source": source}


def table(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the rows as an aligned table: names to the left, everything else to the right."""
    lines = [COLUMNS, *(tuple(shown(row[column]) for column in COLUMNS) for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(COLUMNS))]
    text = ""
    for number, line in enumerate(lines):
        cells = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        text += "  ".join([line[0].ljust(widths[0]), *cells]).rstrip() + "\n"
        if number == 0:
            text += "  ".join("-" * width for width in widths) + "\n"
    return text


def shown(value: Any) -> str:
    """Return a cell as people read it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "NO"
        case float():
            return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
        case int():
            return f"{value:,}"
        case _:
            return str(value)


def machine() -> dict[str, Any]:
    """Return what a reader needs to judge the absolute numbers; `load` is the averages of 1, 5 and 15 minutes."""
    return {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count(),
            "load": [round(load, 1) for load in os.getloadavg()]}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
