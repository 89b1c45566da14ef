"""What is shown of the runs around a run: the one it comes from, and the one that hears of its failure."""

from typing import Any

from auraos.app.runs.kin import Kin
from auraos.cli.screen import Screen, clean
from auraos.engine.ports import RunRow

_WORDS = {
    "call": "called by run {}",
    "retry": "a retry of run {}",
    "fork": "a fork of run {}",
    "move": "goes on in the place of run {}",
    "failure": "started for the failure of run {}",
}


def show_kin(screen: Screen, kin: Kin) -> None:
    """Print a line on each of them."""
    if kin.source is not None and kin.how in _WORDS:
        words = _WORDS[kin.how].format(f"{kin.source.number} of {clean(kin.source.workflow)}")
        screen.line(f"  {words}")
    if kin.moved_to is not None:
        screen.line(f"  goes on as run {kin.moved_to.number}: {kin.moved_to.state}")
    show_hearing(screen, kin)


def show_hearing(screen: Screen, kin: Kin) -> None:
    """Print a line on the run that hears of a failure, where there is one."""
    if kin.heard_by is not None:
        row = kin.heard_by
        screen.line(f"  run {row.number} of {clean(row.workflow)} hears of it: {row.state}")


def kin_document(kin: Kin) -> dict[str, Any]:
    """Return them as the JSON output has them."""
    source = None if kin.source is None else {**_named(kin.source), "how": kin.how}
    heard_by = kin.heard_by
    told = None
    if heard_by is not None:
        told = {**_named(heard_by), "workflow": heard_by.workflow, "state": heard_by.state}
    moved_to = None if kin.moved_to is None else _named(kin.moved_to)
    return {"from": source, "heard_by": told, "moved_to": moved_to}


def _named(row: RunRow) -> dict[str, Any]:
    return {"run": row.run, "number": row.number}
