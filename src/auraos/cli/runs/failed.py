"""Failed runs: `auraos runs failed` groups them by their cause, and `auraos runs retry --failed` takes them up again."""

import asyncio
import shlex
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import msgspec
from cyclopts import Parameter

from auraos.app.house import House
from auraos.app.runs.failed import Cause, Failure, Found, Wanted, by_cause, find_failures
from auraos.app.runs.following import Patience, follow
from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError
from auraos.cli.following import exit_code, person, see_failure_heard
from auraos.cli.options import DEFAULT_DATA, Data, Database, Json, read_number
from auraos.cli.runs.rows import with_house
from auraos.cli.screen import Screen, clean, fit, print_json, to_people
from auraos.cli.times import clock, read_moment
from auraos.core.errors import UserError
from auraos.engine.ports import Version

Workflow: TypeAlias = Annotated[str, Parameter(name="--workflow", help="Only runs of this workflow.")]
Code: TypeAlias = Annotated[
    str,
    Parameter(name="--code", help="Only runs that failed with this code, or with an error of this class."),
]
Since: TypeAlias = Annotated[
    str, Parameter(name="--since", help="Only runs that failed since then: 24h, 7d, or 2026-11-20T17:30:00Z.")
]
Limit: TypeAlias = Annotated[int, Parameter(name="--limit", help="How many runs at most, the newest ones.")]
MOST = 1_000
_SHOWN = 20


def failed(
    *,
    workflow: Workflow = "",
    code: Code = "",
    since: Since = "",
    limit: Limit = MOST,
    database: Database = "",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Show the failed runs that nobody has taken up again, grouped by their cause.

    A run whose retry succeeded or is under way is not among them, and neither is a called run: its caller is.
    """
    wanted = read_wanted(workflow, code, since, limit)

    found = with_house(data, lambda house: _find(house, wanted), database)
    groups = by_cause(found.failures)
    if json:
        documents = [_group_document(cause, failures) for cause, failures in groups]
        print_json({"ok": True, "count": len(found.failures), "more": found.more, "groups": documents})
        return Exit.DONE
    screen = to_people()
    if not groups:
        screen.line(
            "There are no such failed runs." if workflow or code or since else "There are no failed runs."
        )
    for cause, failures in groups:
        _show_group(screen, cause, failures)
    if groups:
        command = _retry_command(workflow, code, since, data)
        screen.line(screen.tint(f"Take them up again with: {command}", "cyan"))
    _show_more(screen, found)
    return Exit.DONE


def retry_failed(
    wanted: Wanted,
    *,
    find_version: Callable[[House], Awaitable[Version | str | None]],
    opening: Callable[[], AbstractAsyncContextManager[House]],
    dry_run: bool,
    patience: Patience,
    as_json: bool,
) -> int:
    """Start one new run for each failed one that is wanted, and stay with them; with `dry_run` only say which."""

    async def go() -> tuple[Found, list[dict[str, Any]], Exit]:
        async with opening() as house:
            version = await find_version(house)
            found = await _find(house, _narrowed(wanted, version))
            started = [] if dry_run else [await _start(house, each, version) for each in found.failures]
            ends = [await _finish(house, told, patience, quiet=as_json) for told in started]
            return found, started, max(ends, default=Exit.DONE)

    found, started, code = asyncio.run(go())
    if dry_run:
        return _show_preview(found, as_json=as_json)
    if as_json:
        print_json(
            {
                "ok": code == Exit.DONE,
                "dry_run": False,
                "more": found.more,
                "runs": started,
                "exit_code": code,
            }
        )
        return code
    screen = to_people()
    if not started:
        screen.line("There are no such failed runs; nothing was started.")
    _show_more(screen, found)
    return code


def read_wanted(workflow: str, code: str, since: str, limit: int) -> Wanted:
    """Return which failed runs are meant by these options."""
    return Wanted(
        workflow=workflow,
        code=code,
        since=read_moment(since, "--since"),
        limit=read_number(limit, "--limit", 1, 100_000),
    )


async def _find(house: House, wanted: Wanted) -> Found:
    """Return the failed runs that are wanted, of a folder, a database or a server."""
    if not house.is_remote:
        return await find_failures(house.store, wanted)
    from auraos.app.remote.house import RemoteHouse  # noqa: PLC0415 (most runs are in a folder)

    assert isinstance(house, RemoteHouse)
    return await house.failures(wanted)


def _narrowed(wanted: Wanted, version: Version | str | None) -> Wanted:
    """Return what is wanted where the new runs are to live by a version: runs of its workflow only."""
    if version is None:
        return wanted
    if isinstance(version, str):
        if not wanted.workflow:
            raise WrongInputError(
                "--on names a version of one workflow.", hint="Say of which: --workflow NAME"
            )
        return wanted
    if wanted.workflow not in ("", version.name):
        message = f"--workflow says {wanted.workflow!r}, and the file of --on is {version.name!r}."
        raise WrongInputError(message, hint="Leave --workflow out.")
    return msgspec.structs.replace(wanted, workflow=version.name)


def _show_preview(found: Found, *, as_json: bool) -> int:
    if as_json:
        runs = [_failure_document(failure) for failure in found.failures]
        print_json({"ok": True, "dry_run": True, "more": found.more, "runs": runs})
        return Exit.DONE
    screen = to_people()
    for failure in found.failures:
        screen.line(
            f"run {failure.row.number} of {clean(failure.row.workflow)}: {_cause_words(screen, failure.cause)}"
        )
    count = len(found.failures)
    screen.line(f"{count} run{'s' * (count != 1)} would be started, and nothing was.")
    _show_more(screen, found)
    return Exit.DONE


async def _start(house: House, failure: Failure, version: Any) -> dict[str, Any]:
    """Start the retry of one failed run; one that cannot be retried does not keep the others from it."""
    told: dict[str, Any] = {**_failure_document(failure), "retried_as": None, "refused": None}
    try:
        run = await house.engine.retry(failure.row.run, workflow=version, by=person())
    except UserError as error:
        told["refused"] = {"code": error.code, "message": error.message}
        return told
    row = await house.find(run)
    told["retried_as"] = {"run": row.run, "number": row.number, "state": row.state}
    return told


async def _finish(house: House, told: dict[str, Any], patience: Patience, *, quiet: bool) -> Exit:
    """Stay with a retry, and say what came of it."""
    screen, number = to_people(), told["number"]
    if told["retried_as"] is None:
        if not quiet:
            screen.line(f"run {number} was not retried: {clean(told['refused']['message'])}")
        return Exit.FAILED
    followed = await follow(house, told["retried_as"]["run"], patience=patience)
    told["retried_as"]["state"] = followed.state
    if not quiet:
        why = f": {clean(followed.error.message)}" if followed.error is not None else ""
        screen.line(f"run {number} → run {followed.number} {followed.state}{fit(why, 100)}")
    await see_failure_heard(house, followed, as_json=quiet)
    return exit_code(followed)


def _show_group(screen: Screen, cause: Cause, failures: list[Failure]) -> None:
    newest, times = failures[0], [failure.row.finished_at or 0 for failure in failures]
    many = screen.tint(f"{len(failures)} ×", "bold")
    span = f"at {clock(times[0])}" if len(times) == 1 else f"from {clock(min(times))} to {clock(max(times))}"
    screen.line(f"{many} {clean(cause.workflow)}: {_cause_words(screen, cause)}")
    numbers = ", ".join(str(failure.row.number) for failure in failures[:_SHOWN])
    rest = f" and {len(failures) - _SHOWN} more" if len(failures) > _SHOWN else ""
    screen.line(f"    {fit(clean(newest.row.why), 110)}")
    screen.line(f"    {screen.tint(f'{span}, run {numbers}{rest}', 'dim')}")


def _cause_words(screen: Screen, cause: Cause) -> str:
    where = f" in {clean(cause.step)}" if cause.step else ""
    return screen.tint(clean(f"{cause.error_class}/{cause.code}"), "red") + where


def _show_more(screen: Screen, found: Found) -> None:
    if found.more:
        screen.line(f"There are more than {len(found.failures)} of them; --limit looks at more.")


def _retry_command(workflow: str, code: str, since: str, data: Path) -> str:
    options = {"--workflow": workflow, "--code": code, "--since": since}
    words = [word for name, value in options.items() if value for word in (name, value)]
    folder = [] if data == DEFAULT_DATA else ["--data", str(data)]
    return shlex.join(["auraos", "runs", "retry", "--failed", *words, *folder, "--dry-run"])


def _group_document(cause: Cause, failures: list[Failure]) -> dict[str, Any]:
    times = [failure.row.finished_at or 0 for failure in failures]
    newest = failures[0]
    return {
        **_cause_document(cause),
        "count": len(failures),
        "message": newest.row.why,
        "newest": {"run": newest.row.run, "number": newest.row.number},
        "first_at": min(times),
        "last_at": max(times),
        "numbers": [failure.row.number for failure in failures],
    }


def _failure_document(failure: Failure) -> dict[str, Any]:
    row = failure.row
    told = {"run": row.run, "number": row.number, "state": row.state, "failed_at": row.finished_at}
    return {**told, **_cause_document(failure.cause)}


def _cause_document(cause: Cause) -> dict[str, Any]:
    return {"workflow": cause.workflow, "step": cause.step, "class": cause.error_class, "code": cause.code}
