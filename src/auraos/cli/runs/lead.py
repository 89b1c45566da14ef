"""Answering and leading runs: each command delivers one wish, durably, and then stays with the run while it moves.

Where another process holds the data folder, the wish goes to that process. Otherwise the folder is opened here, and the
run is driven on until it is final or waits again.
"""

# ruff: noqa: PLR0913 (a command has as many parameters as it has options)

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter

from auraos.app.house import House
from auraos.app.runs.following import Patience
from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError
from auraos.cli.following import lead, person
from auraos.cli.options import DEFAULT_DATA, AllowNet, Data, Json, read_input, read_pairs
from auraos.cli.runs.answers import answer_words, find_answer
from auraos.cli.runs.options import Comment, Force, Run, Step, Undo, Wait
from auraos.cli.runs.rows import called_by_number, opening
from auraos.cli.screen import print_json, to_people
from auraos.cli.values import with_kinds
from auraos.core.errors import UserError
from auraos.core.run import FINAL
from auraos.engine.ports import RunRow

Payload: TypeAlias = Annotated[
    tuple[str, ...], Parameter(help="Data: JSON, @FILE, or key=value again and again.")
]
Wish: TypeAlias = Callable[[House, RunRow], Awaitable[None]]
Outcome: TypeAlias = Literal["succeeded", "failed", "retry"]


def signal(
    run: Run,
    name: Annotated[str, Parameter(help="The name of the signal.")],
    /,
    *,
    payload: Payload = (),
    key: Annotated[str, Parameter(help="The key that the wait names, if it names one.")] = "",
    allow_net: AllowNet = (),
    wait: Wait = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Send a signal that a run waits for; one that comes early is kept for it."""
    given = read_input(payload, "--payload")
    wish: Wish = lambda house, row: house.engine.signal(row.run, name, data=given, key=key, by=person())  # noqa: E731
    return _lead(run, wish, data=data, allow_net=allow_net, wait=wait, as_json=json)


def event(
    name: Annotated[str, Parameter(help="The type of the event.")],
    /,
    *,
    payload: Payload = (),
    id: Annotated[str, Parameter(help="Its id; the same one is taken once only.")] = "",  # noqa: A002
    allow_net: AllowNet = (),
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Bring an event to every run that waits for its type."""
    given = read_input(payload, "--payload")

    async def go() -> int:
        async with opening(data, allow_net)() as house:
            count = await house.engine.publish(name, data=given, id=id)
            if house.own_engine is not None:
                await house.own_engine.drive_until_idle()
            return count

    count = asyncio.run(go())
    if json:
        print_json({"ok": True, "runs": count})
    else:
        to_people().line(_brought(name, count))
    return Exit.DONE


def _brought(name: str, count: int) -> str:
    if not count:
        return f"No run waits for events of type {name}."
    whom = "the run that waits" if count == 1 else f"{count} runs that wait"
    return f"Brought to {whom} for events of type {name}; where a `match` does not hold, the wait goes on."


def approve(
    run: Run,
    /,
    *,
    step: Step = "",
    comment: Comment = "",
    payload: Payload = (),
    allow_net: AllowNet = (),
    wait: Wait = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Say yes to what a run asks."""
    wish = _answer("approved", step, comment, payload)
    return _lead(run, wish, data=data, allow_net=allow_net, wait=wait, as_json=json, answers=step)


def reject(
    run: Run,
    /,
    *,
    step: Step = "",
    comment: Comment = "",
    payload: Payload = (),
    allow_net: AllowNet = (),
    wait: Wait = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Say no to what a run asks."""
    wish = _answer("rejected", step, comment, payload)
    return _lead(run, wish, data=data, allow_net=allow_net, wait=wait, as_json=json, answers=step)


def resolve(
    run: Run,
    path: Annotated[
        str, Parameter(help="The path of the step; it can be left out while only one is meant.")
    ] = "",
    /,
    *,
    succeeded: Annotated[
        tuple[str, ...] | None,
        Parameter(
            metavar="JSON",
            negative="",
            consume_multiple=True,
            help="It took effect; its output, if it has one: JSON, @FILE, key=value.",
        ),
    ] = None,
    failed: Annotated[
        tuple[str, ...] | None,
        Parameter(
            metavar="[MESSAGE]",
            negative="",
            consume_multiple=(0, 1),
            help="It had no effect; why, in a word for the journal.",
        ),
    ] = None,
    retry: Annotated[
        bool, Parameter(negative="", help="It had no effect, and is to be tried once more.")
    ] = False,
    attempt: Annotated[
        int,
        Parameter(help="The attempt that is meant; the answer is refused if another one is in doubt by now."),
    ] = 0,
    comment: Comment = "",
    allow_net: AllowNet = (),
    wait: Wait = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Say what became of an attempt whose outcome is unknown, or of an undo that kept failing.

    One of --succeeded, --failed and --retry says it.
    """
    outcome = _outcome(succeeded=succeeded is not None, failed=failed is not None, retry=retry)
    if failed and comment:
        raise WrongInputError("Both --failed and --comment give a word for the journal.", hint="Give one.")
    output = with_kinds(read_input(succeeded or (), "--succeeded"))
    message = failed[0] if failed else comment

    async def wish(house: House, row: RunRow) -> None:
        await house.engine.resolve(
            row.run, outcome, path=path, attempt=attempt, output=output, message=message, by=person()
        )

    return _lead(run, wish, data=data, allow_net=allow_net, wait=wait, as_json=json)


def prioritize(
    run: Run,
    priority: Annotated[int, Parameter(help="From 0 to 9; 5 is usual.")],
    /,
    *,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Change the priority of a run that waits to begin."""
    wish: Wish = lambda house, row: house.engine.prioritize(row.run, priority=priority)  # noqa: E731
    return _lead(run, wish, data=data, allow_net=(), wait=False, as_json=json)


def pause(run: Run, /, *, comment: Comment = "", data: Data = DEFAULT_DATA, json: Json = False) -> int:
    """Start nothing new in a run until it is resumed."""
    wish: Wish = lambda house, row: house.engine.pause(row.run, by=person(), reason=comment)  # noqa: E731
    return _lead(run, wish, data=data, allow_net=(), wait=None, as_json=json)


def resume(
    run: Run,
    /,
    *,
    var: Annotated[tuple[str, ...], Parameter(help="Another value for a variable: key=value.")] = (),
    allow_net: AllowNet = (),
    wait: Wait = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Let a run go on: a paused one, or one whose process ended."""
    variables = read_pairs(var)

    async def wish(house: House, row: RunRow) -> None:
        if row.state == "paused":
            await house.engine.resume(row.run, by=person(), variables=variables)
        elif row.state == "quarantined":
            await house.engine.release(row.run, by=person())
        elif variables:
            raise WrongInputError(
                f"Run {row.number} is {row.state}; variables can be changed while it is paused."
            )

    return _lead(run, wish, data=data, allow_net=allow_net, wait=wait, as_json=json)


def cancel(
    run: Run,
    /,
    *,
    undo: Undo = False,
    force: Force = False,
    comment: Comment = "",
    allow_net: AllowNet = (),
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """End a run; what it must clean up still runs."""

    async def wish(house: House, row: RunRow) -> None:
        await house.engine.cancel(row.run, by=person(), reason=comment, undo=undo, force=force)

    code = _lead(run, wish, data=data, allow_net=allow_net, wait=None, as_json=json)
    return Exit.DONE if code == Exit.FAILED else code


def patience_of(wait: bool | None) -> Patience:
    """Return how long to stay, from --wait and --no-wait."""
    if wait is None:
        return "for-time"
    return "always" if wait else "never"


def _outcome(*, succeeded: bool, failed: bool, retry: bool) -> Outcome:
    said: dict[Outcome, bool] = {"succeeded": succeeded, "failed": failed, "retry": retry}
    outcomes = [outcome for outcome, is_said in said.items() if is_said]
    if len(outcomes) != 1:
        raise WrongInputError(
            "Several things are said to have become of it." if outcomes else "What became of it is not said.",
            hint="Say one: --succeeded JSON where it took effect, --failed where it did not, "
            "--retry where it did not and is to be tried once more.",
        )
    return outcomes[0]


def _answer(decision: str, step: str, comment: str, payload: tuple[str, ...]) -> Wish:
    given = read_input(payload, "--payload")

    async def wish(house: House, row: RunRow) -> None:
        try:
            await house.engine.approve(row.run, decision, path=step, by=person(), comment=comment, data=given)
        except UserError as refused:
            before = find_answer(await house.facts(row.run), step)
            if before is None or refused.hint:
                raise
            raise WrongInputError(
                f"Nobody is asked there any more: {answer_words(before)}", hint="An answer stands."
            ) from refused

    return wish


def _lead(
    run: str,
    wish: Wish,
    *,
    data: Path,
    allow_net: tuple[str, ...],
    wait: bool | None,
    as_json: bool,
    answers: str | None = None,
) -> int:
    """Deliver a wish and stay with the run. `answers` names the step that is answered; it may be empty."""

    async def begin(house: House) -> tuple[str, int]:
        row = await house.find(run)
        if row.state in FINAL:
            before = None if answers is None else find_answer(await house.facts(row.run), answers)
            told = f" {answer_words(before)}" if before is not None else ""
            went_on = f" {row.why}" if row.state == "moved" else ""
            raise WrongInputError(
                f"Run {row.number} is over: it {_ended(row.state)}.{went_on}{told}", hint=_hint(row)
            )
        top = await _outermost(house, row)
        after = len(await house.facts(top.run))
        with called_by_number(run, row):
            await wish(house, row)
        return top.run, after

    return asyncio.run(lead(opening(data, allow_net), begin, patience=patience_of(wait), as_json=as_json))


async def _outermost(house: House, row: RunRow) -> RunRow:
    """Return the run that in the end waits for this one: answering a called run moves its callers too."""
    while row.awaited and row.parent:
        row = await house.find(row.parent)
    return row


def _ended(state: str) -> str:
    return state if state in ("succeeded", "failed") else f"was {state}"


def _hint(row: RunRow) -> str:
    if row.state == "moved":
        return f"`auraos runs show {row.number}` names the run that goes on."
    return f"A final run never reopens; `auraos runs retry {row.number}` starts a new one from it."
