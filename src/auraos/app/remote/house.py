"""A server as the commands about runs see it: the same house, whose store and engine are asked over HTTP.

Journals come from the server, and so does the text that a run lives by; what is shown of them is made here, by the code that
shows the runs of a data folder.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec

from auraos.app.house import House
from auraos.app.remote.profiles import Profile
from auraos.app.remote.servers import PATIENCE, SaidByServerError, client_of, told_as_errors
from auraos.app.runs.failed import Cause, Failure, Found, Wanted
from auraos.core.errors import UnexpectedError, UserError
from auraos.core.run import RunView, decode_fact
from auraos.core.run.facts import AnyFact, StepError
from auraos.core.run.moving import Fate, Move, Objection
from auraos.core.run.view import StepView, Why
from auraos.core.values import Value, to_plain, to_wire
from auraos.engine.context import Progress
from auraos.engine.counting import FOREVER
from auraos.engine.ports import LogLine, RunQuery, RunRow, Version
from auraos.engine.stream import Change

if TYPE_CHECKING:
    from auraos.app.runs.figures import WorkflowFigures
    from auraos.app.runs.log_search import LinesFound, LineWish
    from auraos.client import Client, Event
    from auraos.client.shapes.runs import Ended, RunShown, StepShown
    from auraos.core.run import Program

T = TypeVar("T")
MOST_FAILURES = 10_000
"""A server tells of so many failed runs at once."""
_AT_ONCE = 1_000


class NotOverServerError(UserError):
    """This can be done to the runs of a data folder, and not over a server."""

    code = "not-over-a-server"


@asynccontextmanager
async def open_remote(
    profile: Profile, *, patience: float = PATIENCE, reveal: bool = False
) -> "AsyncIterator[RemoteHouse]":
    """Open the server of a profile; one that is away is waited for a little. With `reveal` private runs are shown whole."""
    async with client_of(profile, patience=patience) as client:
        yield RemoteHouse(client, reveal=reveal)


class RemoteHouse(House):
    """A server and its runs."""

    store: "RemoteRuns"  # type: ignore[assignment]

    def __init__(self, client: "Client", *, reveal: bool = False) -> None:
        runs = RemoteRuns(client, reveal=reveal)
        super().__init__(Path(), runs, client=runs)  # type: ignore[arg-type]
        self.client = client
        self.runs = runs

    @property
    def held(self) -> str:
        """Return nothing: a server that is held says so when it is asked for something."""
        return ""

    @property
    def is_remote(self) -> bool:
        """Return that it is a server."""
        return True

    @property
    def driver(self) -> str:
        """Return who drives the runs, in a sentence."""
        return f"{self.client.url} drives the run."

    async def find(self, name: str) -> RunRow:
        """Return the run of this number, id, or beginning of an id; raise `SaidByServerError` if there is none."""
        return _row(await self.runs.ask(self.client.runs.show_run(name)))

    async def facts(self, run: str) -> list[AnyFact]:
        """Return the durable facts of a run."""
        return [decode_fact(msgspec.json.encode(one.fact)) for one in await self.runs.journal_of(run)]

    async def fetching(self, run: str) -> Callable[[str], bytes]:
        """Return what is never called: the facts of a server have their large values with them."""

        def fetch(reference: str) -> bytes:
            raise UnexpectedError(f"A fact of run {run} came without its value {reference}.")

        return fetch

    async def program(self, row: RunRow) -> "Program":
        """Return the program that a run lives by, from the text that the server kept."""
        if row.version not in self._programs:
            kept = await self.runs.ask(self.client.run_definitions.show_run_definition(row.run))
            version = Version(
                hash=kept.hash, kind="workflow", name=kept.name, text=kept.text, step_types=kept.step_types
            )
            self._programs[row.version] = self.definitions.compile(version)
        return self._programs[row.version]

    async def failures(self, wanted: Wanted) -> Found:
        """Return the failed runs that nobody has taken up again."""
        call = self.client.failures.list_failures(
            workflow=wanted.workflow or None,
            code=wanted.code,
            since=wanted.since,
            limit=min(wanted.limit, MOST_FAILURES),
        )
        page = await self.runs.ask(call)
        found = [
            Failure(
                row=_row(one.run),
                cause=Cause(
                    workflow=one.run.workflow, step=one.step, error_class=one.error_class, code=one.code
                ),
            )
            for one in page.items
        ]
        return Found(failures=found, more=page.more)

    async def number_of(self, on: str, text: str) -> str:
        """Return by which number the server keeps a version that is named so, or has this text; raise `NotOverServerError`
        where it keeps none.
        """
        if not text:
            return on
        version = self.definitions.add(text)
        with told_as_errors(self.client.url):
            async for one in self.client.definition_history.all_versions("workflow", version.name):
                if one.hash == version.hash:
                    return str(one.version)
        raise NotOverServerError(
            f"A server runs what it keeps, and no version of {version.name!r} there has the text of {on}.",
            hint="Publish it there, as by `auraos apply`, or name a version: a number, or `live`.",
        )

    async def view(self, row: RunRow, upto: int | None = None) -> RunView:
        """Return a run as the server sees it, as a whole or up to a fact."""
        state = await self.runs.ask(self.client.runs.show_state(row.run, seq=upto, reveal=self.runs.reveal))
        return RunView(
            status=state.state,
            why=[_why(msgspec.convert(one, dict[str, Any])) for one in state.waits],
            steps=[_step(one) for one in state.steps],
            unread=list(state.unread_signals),
            output=state.output,
            error=_error(state.error),
        )

    async def figures(self, workflow: str, *, since: int, until: int, version: str) -> "WorkflowFigures":
        """Return how the runs of a workflow went."""
        from auraos.app.runs.figures import WorkflowFigures  # noqa: PLC0415 (most commands ask for none)

        calls = self.client.run_figures
        asked = calls.show_workflow_figures(workflow, since=since, until=until, version=version or None)
        return msgspec.convert(msgspec.to_builtins(await self.runs.ask(asked)), WorkflowFigures)

    async def search(self, wish: "LineWish") -> "LinesFound":
        """Return lines that are meant of all logs."""
        from auraos.app.runs.log_search import LinesFound  # noqa: PLC0415 (most commands ask for none)

        order: Literal["oldest", "newest"] = "oldest" if wish.oldest_first else "newest"
        asked = self.client.logs.list_logs(
            q=wish.text, workflow=wish.workflow or None, step=wish.step or None, level=wish.level or None,  # type: ignore[arg-type]  # one of the four
            since=wish.since or None, until=wish.until if wish.until < FOREVER else None, order=order,
            after=wish.after, limit=wish.limit,
        )  # fmt: skip
        return msgspec.convert(msgspec.to_builtins(await self.runs.ask(asked)), LinesFound)


class RemoteRuns:
    """The store and the engine of a server."""

    def __init__(self, client: "Client", *, reveal: bool = False) -> None:
        self._client = client
        self.reveal = reveal
        """Whether what private runs are about is asked for, too."""

    async def ask(self, call: Awaitable[T]) -> T:
        """Return what a call answers; what goes wrong with it is an error of the house."""
        with told_as_errors(self._client.url):
            return await call

    # --- as a store ---

    async def find(self, name: str, *, workspace: str | None = None) -> RunRow | None:  # noqa: ARG002 (the server knows)
        """Return a run, None where there is none."""
        try:
            return _row(await self.ask(self._client.runs.show_run(name)))
        except SaidByServerError as refused:
            if refused.said == "not-found":
                return None
            raise

    async def is_private(self, run: str) -> bool:  # noqa: ARG002 (the server veils what it sends)
        """Return no: a server sends of a private run what may be seen."""
        return False

    async def runs(self, query: RunQuery) -> list[RunRow]:
        """Return runs, the newest first."""
        page = await self.ask(
            self._client.runs.list_runs(
                workflow=query.workflow or None, state=tuple(query.states), after=query.before or None,
                limit=min(query.limit, _AT_ONCE),
            )
        )  # fmt: skip
        return [_row(one) for one in page.items]

    async def journal_of(self, run: str, after: int = 0, limit: int = 0) -> list[Any]:
        """Return facts of a run after a number: all of them, or so many."""
        calls = self._client.runs
        if limit:
            return list(
                (await self.ask(calls.list_facts(run, after=after, limit=limit, reveal=self.reveal))).items
            )
        with told_as_errors(self._client.url):
            return [one async for one in calls.all_facts(run, limit=_AT_ONCE, reveal=self.reveal)]

    async def logs(self, run: str, *, path: str | None = None, limit: int = 1000) -> list[LogLine]:
        """Return what the steps of a run logged."""
        found: list[LogLine] = []
        after: int | None = 0
        while after is not None and len(found) < limit:
            call = self._client.runs.list_log_lines(
                run, step=path, after=after, limit=min(_AT_ONCE, limit - len(found)), reveal=self.reveal
            )
            page = await self.ask(call)
            found += [LogLine(**msgspec.structs.asdict(one)) for one in page.items]
            after = page.next
        return found

    # --- as an engine ---

    async def places(self, run: str) -> dict[str, str]:
        """Return in words how far the steps of a run are from their turn."""
        found = await self.ask(self._client.runs.explain_run(run))
        return {one.path: one.place for one in found.waits if one.place}

    async def subscribe(self, run: str, after: int = 0) -> AsyncIterator[Change]:
        """Yield what a run does after a fact, until it is over."""
        with told_as_errors(self._client.url):
            async for event in self._client.stream.follow_topic(topic=f"runs/{run}", after=after):
                change = await self._change(event)
                if change is not None:
                    yield change

    async def start(self, workflow: str, *, key: str, input: Value, variables: dict[str, Any]) -> "Ended":  # noqa: A002
        """Start a run under a key, once however often it is asked for."""
        call = self._client.runs.start_run(
            workflow, input=to_plain(input), variables=to_plain(variables), idempotency_key=key
        )
        return await self.ask(call)

    async def retry(
        self, run: str, *, kind: Literal["retry", "fork"] = "retry", start_at: str | None = None,
        changes: dict[str, Any] | None = None, again: bool = False, workflow: str | None = None, by: str = "",  # noqa: ARG002
    ) -> str:  # fmt: skip
        """Start a new run out of this one; return its id. Another version of its workflow goes by its number."""
        calls = self._client.runs
        again_by = calls.retry_run if kind == "retry" else calls.fork_run
        made = await self.ask(
            again_by(
                run,
                start_at=start_at or "",
                changes={path: to_wire(one) for path, one in (changes or {}).items()},
                again=again,
                version=workflow or "",
            )
        )
        return made.run

    async def check_move(self, run: str, version: str, *, steps: dict[str, str], drop: Sequence[str]) -> Move:
        """Return what would become of each step of a run by another version."""
        call = self._client.moves.move_run(run, version=version, steps=steps, drop=tuple(drop), dry_run=True)
        told = await self.ask(call)
        return Move(
            fates=tuple(msgspec.convert(one, Fate, from_attributes=True) for one in told.steps),
            objections=tuple(Objection(path=one.path, words=one.words) for one in told.objections),
            begins=told.begins,
            ends=told.ends,
        )

    async def move(
        self, run: str, version: str, *, steps: dict[str, str], drop: Sequence[str], by: str = "", reason: str = "",  # noqa: ARG002
    ) -> str:  # fmt: skip
        """Let a run go on by another version; return the id of the run that does."""
        call = self._client.moves.move_run(run, version=version, steps=steps, drop=tuple(drop), reason=reason)
        made = (await self.ask(call)).run
        assert made is not None
        return made.run

    async def signal(self, run: str, name: str, *, data: Value, key: str = "", by: str = "") -> None:  # noqa: ARG002
        """Send a signal."""
        await self.ask(self._client.runs.signal_run(run, name=name, data=to_plain(data), key=key))

    async def approve(
        self, run: str, decision: str, *, path: str, comment: str, data: Value, by: str = ""  # noqa: ARG002
    ) -> None:  # fmt: skip
        """Answer what a step asks."""
        call = self._client.runs.approve_run(
            run, decision=decision, step=path, comment=comment, data=to_plain(data)
        )
        await self.ask(call)

    async def resolve(
        self, run: str, outcome: Literal["succeeded", "failed", "retry"], *, path: str, attempt: int, output: Value,
        message: str, by: str = "",  # noqa: ARG002
    ) -> None:  # fmt: skip
        """Say what became of an attempt."""
        call = self._client.runs.resolve_run(
            run, outcome=outcome, step=path, attempt=attempt, output=to_wire(output), message=message
        )
        await self.ask(call)

    async def prioritize(self, run: str, *, priority: int) -> None:
        """Change the priority of a run that waits to begin."""
        await self.ask(self._client.runs.prioritize_run(run, priority=priority))

    async def pause(self, run: str, *, reason: str = "", by: str = "") -> None:  # noqa: ARG002
        """Start nothing new in a run."""
        await self.ask(self._client.runs.pause_run(run, reason=reason))

    async def resume(self, run: str, *, variables: dict[str, Any], by: str = "") -> None:  # noqa: ARG002
        """Let a run go on."""
        await self.ask(self._client.runs.resume_run(run, variables=variables))

    async def release(self, run: str, *, by: str = "") -> None:  # noqa: ARG002
        """Let a run go on that was set apart."""
        await self.ask(self._client.runs.resume_run(run))

    async def cancel(self, run: str, *, reason: str, undo: bool, force: bool, by: str = "") -> None:  # noqa: ARG002
        """End a run."""
        await self.ask(self._client.runs.cancel_run(run, reason=reason, undo=undo, force=force))

    async def publish(self, type: str, *, data: Value, id: str = "") -> int:  # noqa: A002
        """Bring an event to every run that waits for its type; return how many there are."""
        return (await self.ask(self._client.runs.send_event(type=type, data=to_plain(data), id=id))).runs

    async def _change(self, event: "Event") -> Change | None:
        """Return what an event tells; of a fact whose large values are only named, the whole one."""
        match event.kind:
            case "fact":
                stored = msgspec.json.encode(event.data["fact"])
                if b'"$blob"' in stored or b'"$items"' in stored:
                    (whole,) = await self.journal_of(event.data["run"], event.id - 1, 1)
                    stored = msgspec.json.encode(whole.fact)
                return Change(run=event.data["run"], seq=event.id, fact=decode_fact(stored))
            case "log":
                line = msgspec.convert(event.data, LogLine)
                return Change(run=line.run, log=line)
            case "progress":
                progress = msgspec.convert(event.data["progress"], Progress)
                return Change(run=event.data["run"], progress=progress)
        return None


def _row(shown: "RunShown | Ended") -> RunRow:
    fields = {name: getattr(shown, name) for name in RunRow.__struct_fields__ if hasattr(shown, name)}
    return RunRow(workspace="", **fields)


def _why(told: dict[str, Any]) -> Why:
    place = f" ({told['place']})" if told.get("place") else ""
    return Why(
        path=told["path"], state=told["state"], words=told["words"] + place, until=told["until"], data=told["data"] or {}
    )  # fmt: skip


def _step(shown: "StepShown") -> StepView:
    fields = {name: getattr(shown, name) for name in StepView.__struct_fields__}
    return StepView(**{**fields, "error": _error(shown.error)})


def _error(told: Any) -> StepError | None:
    return None if told is None else msgspec.convert(told, StepError)
