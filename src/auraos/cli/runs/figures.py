"""`auraos runs figures`: how the runs of a workflow went, in a table."""

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from cyclopts import Parameter

from auraos.app.house import House
from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError
from auraos.cli.options import DEFAULT_DATA, Data, Database, Json
from auraos.cli.runs.rows import STATE_TINTS, with_house
from auraos.cli.screen import Screen, clean, fit, pad, print_json, to_people, width
from auraos.cli.times import clock, now, read_moment, took_words
from auraos.engine.counting import RunWindow

if TYPE_CHECKING:
    from auraos.app.runs.figures import StepFigures, VersionFigures, WorkflowFigures
    from auraos.engine.counting import Spread

_BAR = 12
_SHORTEST_HASH = 12
_MOST_STEPS = 100


def figures(
    workflow: Annotated[str, Parameter(help="The name of the workflow.")],
    /,
    *,
    since: Annotated[
        str, Parameter(help="Only runs that were asked for since then: 24h, 30d, or 2026-11-20T17:30:00Z.")
    ] = "7d",
    until: Annotated[str, Parameter(help="Only runs that were asked for before then.")] = "",
    version: Annotated[
        str,
        Parameter(help="Only runs of this version: its number, or at least twelve characters of its hash."),
    ] = "",
    database: Database = "",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Show how the runs of a workflow went: how they ended, how long they took and waited, and what each step took.

    What the table of runs tells is exact. How long they waited, what was tried again, and the steps are read from the newest
    1,000 runs at most; the table says of how many. Of 100 runs, 95 took no longer than what stands under p95.
    """
    begin, end = read_moment(since, "--since"), read_moment(until, "--until") or now() + 1
    if end <= begin:
        raise WrongInputError(
            f"--until is {until!r}, which is before --since.", hint="Leave one of them out."
        )

    async def look(house: House) -> "WorkflowFigures":
        if house.is_remote:
            from auraos.app.remote.house import RemoteHouse  # noqa: PLC0415 (most runs are in a folder)

            assert isinstance(house, RemoteHouse)
            return await house.figures(workflow, since=begin, until=end, version=version)
        from auraos.app.runs.figures import read_figures  # noqa: PLC0415 (it needs the machine, and a wrong option none)

        window = RunWindow(workflow=workflow, version=_hash(version), since=begin, until=end)
        return await read_figures(house.store, window, house.program)

    found = with_house(data, look, database)
    if json:
        print_json({"ok": True, **msgspec.to_builtins(found)})
        return Exit.DONE
    _show(to_people(), found)
    return Exit.DONE


def _hash(version: str) -> str:
    """Return the beginning of a hash; what is kept beside a server knows no numbers of versions."""
    if version and len(version) < _SHORTEST_HASH:
        raise WrongInputError(
            f"--version is {version!r}, and only a server knows versions by their numbers.",
            hint="Give twelve characters of the hash that `auraos runs show` tells, or more.",
        )
    return version


def _show(screen: Screen, found: "WorkflowFigures") -> None:
    whole = found.all
    span = f"from {clock(found.since)} to {clock(found.until)}"
    if not whole.begun:
        screen.line(f"There are no runs of {clean(found.workflow)} {span}.")
        return
    many = f"{whole.begun:,} run{'s' * (whole.begun != 1)}"
    screen.line(f"{screen.tint(clean(found.workflow), 'bold')}: {many} {span}")
    for state, count in sorted(whole.states.items(), key=lambda each: -each[1]):
        share = count / whole.begun
        words = f"{count:>9,}  {share:>6.1%}".ljust(20)
        screen.line(
            f"  {pad(state, 12)} {words}{screen.tint(bar(share), STATE_TINTS.get(state, 'blue'))}".rstrip()
        )
    _show_versions(screen, found)
    if found.steps:
        _show_steps(screen, found)


def _show_versions(screen: Screen, found: "WorkflowFigures") -> None:
    rows = [["", "runs", "succeeded", "p50", "p95", "p99", "waited p95", "retries"]]
    rows.append(_of_version("all", found.all))
    if len(found.versions) > 1:
        rows += [_of_version(_name(one), one) for one in found.versions]
    screen.line()
    _table(screen, rows)


def _of_version(name: str, one: "VersionFigures") -> list[str]:
    success = "" if one.success is None else f"{one.success:.1f} %"
    waited = "" if one.waited is None else took_words(one.waited.p95)
    return [name, f"{one.begun:,}", success, *_spread(one.took), waited, f"{one.retries:,}"]


def _name(one: "VersionFigures") -> str:
    return f"version {one.version[:12]}" if one.number is None else f"version {one.number}"


def _show_steps(screen: Screen, found: "WorkflowFigures") -> None:
    screen.line()
    if found.all.read < found.all.begun:
        screen.line(f"The newest {found.all.read:,} of {found.all.begun:,} runs, step by step:")
    rows = [["step", "done", "failed", "retried", "skipped", "p50", "p95", "p99", "of the whole"]]
    rows += [_of_step(one) for one in found.steps[:_MOST_STEPS]]
    _table(screen, rows)
    if len(found.steps) > _MOST_STEPS:
        screen.line(screen.tint(f"  … and {len(found.steps) - _MOST_STEPS} more; --json has them all", "dim"))


def _of_step(one: "StepFigures") -> list[str]:
    counts = [f"{count:,}" for count in (one.carried_out, one.failed, one.retried, one.skipped)]
    share = f"{one.share:>5.1f} % {bar(one.share / 100)}".rstrip()
    return [fit(one.path, 40), *counts, *_spread(one.took), share]


def _spread(took: "Spread | None") -> list[str]:
    return ["", "", ""] if took is None else [took_words(value) for value in (took.p50, took.p95, took.p99)]


def bar(share: float) -> str:
    """Return a bar that is as long as the share is large; what is there at all is seen."""
    if share <= 0:
        return ""
    return "▇" * max(1, round(min(share, 1.0) * _BAR))


def _table(screen: Screen, rows: list[list[str]]) -> None:
    """Write rows below each other: the first and the last column begin at the left, the others end at the right."""
    wide = [max(width(row[place]) for row in rows) for place in range(len(rows[0]))]
    last = len(wide) - 1
    for number, row in enumerate(rows):
        cells: list[Any] = [pad(row[0], wide[0])]
        cells += [" " * (wide[place] - width(row[place])) + row[place] for place in range(1, last)]
        line = "  ".join([*cells, row[last]]).rstrip()
        screen.line(f"  {screen.tint(line, 'dim') if not number else line}")
