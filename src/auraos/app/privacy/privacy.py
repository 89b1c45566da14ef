"""`Privacy`: what there is about a person, handed out or erased, and the proof of it.

What is erased is the key: the journals stay and still tell the course of the runs, and nobody can read what they were about.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import msgspec

from auraos.app.keeping import Keeping
from auraos.app.privacy.holding import held_runs
from auraos.app.secrets.sealing import LateSealing
from auraos.core.audit import Actor, Entry, Object
from auraos.core.errors import UserError
from auraos.core.run import encode_fact
from auraos.core.values import FileReference, to_plain
from auraos.engine.clock import SystemClock
from auraos.engine.handed_files import files_in
from auraos.engine.ports import Blobs, LogLine, RunRow, Version
from auraos.engine.stream import facts_of
from auraos.security.access import Principal
from auraos.security.access.errors import NotFoundError as NoPersonError
from auraos.security.access.walls import everywhere
from auraos.security.audit.erasing import TrailErasing
from auraos.security.identity.people import People
from auraos.security.privacy.holds import HeldByLawError, Holds, subject_of
from auraos.security.privacy.rows import LegalHold, PrivacyRequest, RequestKind
from auraos.security.privacy.seals import Seals
from auraos.storage.tables.privacy import PrivacyTables

LOG_OF_DATABASE = "the write-ahead log of the database, until it is recycled, and its archive"


class RunsOpenError(UserError):
    """Runs with somebody's data are under way, and would go on without it."""

    code = "runs-open"


class FoundRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run that got data of a person."""

    run: str
    number: int
    workflow: str
    state: str
    started_at: int
    is_erased: bool
    held: str = ""
    """Why it is held; empty where it is not."""


class FoundAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account under the name of a person."""

    id: str
    name: str
    title: str
    entries: int
    """So many entries of the audit trail tell of it, by its id."""
    places: dict[str, int]
    """Where lists name it, and how often."""


class FoundText(msgspec.Struct, frozen=True, kw_only=True):
    """A definition in whose text the name of a person stands. Only people can change it."""

    kind: str
    name: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """All places where something about a person was found."""

    token: str
    """What stands for the person in proofs and keys."""
    runs: tuple[FoundRun, ...]
    accounts: tuple[FoundAccount, ...]
    definitions: tuple[FoundText, ...]
    requests: int
    """So many times the person's data was looked for, handed out or erased."""
    held: str = ""
    """Why the person's data is held; empty where it is not."""


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """All that is kept about a person, for programs to read."""

    format: str
    subject: str
    at: int
    workspace: str
    accounts: tuple[FoundAccount, ...]
    definitions: tuple[FoundText, ...]
    runs: tuple[dict[str, Any], ...]


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What was erased, and the proof of it."""

    request: str
    token: str
    at: int
    runs: tuple[str, ...]
    left: tuple[str, ...]
    """What is left for people to do, or to wait for."""


class KeptRuns(Protocol):
    """The store of the runs, as it is read here."""

    async def find(self, name: str, *, workspace: str | None = None) -> RunRow | None: ...

    async def journal(self, run: str, after: int = 0) -> list[Any]: ...

    async def logs(self, run: str, *, path: str | None = None, limit: int = 1000) -> list[LogLine]: ...

    async def version(self, hash: str) -> Version | None: ...  # noqa: A002 (as in the port)


class Cancels(Protocol):
    """Ends runs."""

    async def cancel(
        self, run: str, *, by: str = "", reason: str = "", undo: bool = False, force: bool = False
    ) -> None: ...

    async def wait(self, run: str) -> Any: ...


class Privacy:
    """Finds, hands out and erases what there is about persons."""

    def __init__(  # noqa: PLR0913 (all places where something may be kept)
        self, rows: PrivacyTables, sealing: LateSealing, store: KeptRuns, blobs: Blobs, people: People | None,
        *, engine: Cancels | None, where: str, now: Callable[[], int], new_id: Callable[[], str],
    ) -> None:  # fmt: skip
        self._rows = rows
        self._sealing = sealing
        self._store = store
        self._blobs = blobs
        self._people = people
        self._engine = engine
        self._where = where
        self._now = now
        self._new_id = new_id
        self._trail = TrailErasing(rows.audit, now=now)
        self.holds = Holds(rows, lambda: self._seals, now=now, new_id=new_id)

    @property
    def _seals(self) -> Seals:
        return self._sealing.made.seals

    # --- looking ---

    async def find(
        self, actor: Actor, workspace: str, name: str, reason: str = "", *, accounts: bool = False
    ) -> Found:
        """Return where something about a person is kept; with `accounts` also among those who may come in."""
        found = await self._look(workspace, name, accounts=accounts)
        await self._note(actor, workspace, "find", found, reason)
        return found

    async def export(
        self, actor: Actor, workspace: str, name: str, reason: str = "", *, accounts: bool = False
    ) -> Bundle:
        """Return all that is kept about a person."""
        found = await self._look(workspace, name, accounts=accounts)
        runs = [await self._told(workspace, one.run) for one in found.runs if not one.is_erased]
        await self._note(actor, workspace, "export", found, reason)
        return Bundle(
            format="auraos/personal-data/1", subject=name, at=self._now(), workspace=workspace,
            accounts=found.accounts, definitions=found.definitions, runs=tuple(runs),
        )  # fmt: skip

    async def requests(self, workspace: str, after: str = "", limit: int = 100) -> Sequence[PrivacyRequest]:
        """Return what was asked about persons, the oldest first."""
        return await self._rows.all(PrivacyRequest, workspace=workspace, order="id", after=after, limit=limit)

    # --- erasing ---

    async def erase(
        self, actor: Actor, workspace: str, name: str, reason: str = "", *, cancel: bool = False
    ) -> Erased:
        """Erase what the runs of a workspace tell about a person; `cancel` ends those first that are under way."""
        found = await self._look(workspace, name)
        await self._refuse_held(actor, workspace, found)
        await self._end_open(actor, workspace, found, cancel=cancel)
        request = self._request(actor, workspace, "erase", found, reason)
        await self._rows.erase(request, [self._entry(actor, request, {"runs": len(found.runs)})])
        runs = request.runs
        self._sealing.forget(runs)
        for run in runs:
            await asyncio.to_thread(self._blobs.remove, workspace, run)
        why = f"privacy request {request.id}"
        await self._trail.erase(actor, words=[name.strip()], workspace=workspace, why=why)
        await self._rows.scrub()
        return Erased(request=request.id, token=found.token, at=request.at, runs=runs, left=self._left(found))

    async def reapply(self, actor: Actor, workspace: str, requests: Sequence[PrivacyRequest]) -> int:
        """Erase again, in a store that was restored, what these requests had erased since; return how many that were."""
        known = {one.id for one in await self._rows.all(PrivacyRequest, workspace=workspace)}
        missing = [
            one
            for one in requests
            if one.kind == "erase" and one.workspace == workspace and one.id not in known
        ]
        for request in missing:
            runs = await self._rows.runs_of(workspace, [request.token])
            entry = self._entry(actor, request, {"runs": len(runs), "again": True})
            await self._rows.erase(request, [entry])
            self._sealing.forget(runs)
            for run in runs:
                await asyncio.to_thread(self._blobs.remove, workspace, run)
        if missing:
            await self._rows.scrub()
        return len(missing)

    async def erase_account(self, actor: Actor, who: Principal, name: str, reason: str = "") -> Erased:
        """Take an account away, and its name out of all lists; the audit trail keeps its id. `who` says who may."""
        assert self._people is not None
        before = await self._people.find(name)
        left = await self._people.erase(actor, who, name)
        request = PrivacyRequest(
            id=self._new_id(), workspace="", kind="erase", token=before.id, at=self._now(), author=actor.id,
            reason=reason, runs=(), accounts=(before.id,),
        )  # fmt: skip
        with everywhere():
            await self._rows.rename(before.name, left.name, request, [self._entry(actor, request, {})])
            await self._trail.erase(
                actor, person=before.id, words=[before.name], why=f"privacy request {request.id}"
            )
        await self._rows.scrub()
        return Erased(
            request=request.id, token=before.id, at=request.at, runs=(),
            left=("journals of runs that this account started or answered name it", *self._elsewhere),
        )  # fmt: skip

    def _left(self, found: Found) -> tuple[str, ...]:
        left = [f"{one.kind} {one.name}: the name stands in its text" for one in found.definitions]
        left += [f"account {one.name}: an owner erases it" for one in found.accounts]
        return (*left, *self._elsewhere)

    @property
    def _elsewhere(self) -> tuple[str, ...]:
        return (*((self._where,) if self._where else ()), "backups that were made before")

    async def _refuse_held(self, actor: Actor, workspace: str, found: Found) -> None:
        held = found.held or next((one.held for one in found.runs if one.held), "")
        if not held:
            return
        request = self._request(actor, workspace, "erase", found, "")
        entry = msgspec.structs.replace(
            self._entry(actor, request, {"runs": len(found.runs)}), outcome="refused", why=f"Held: {held}"
        )
        await self._rows.save([], [entry])
        raise HeldByLawError(
            f"This is held and is not erased: {held}.",
            hint="Whoever holds it can lift the hold: auraos privacy holds.",
        )

    async def _end_open(self, actor: Actor, workspace: str, found: Found, *, cancel: bool) -> None:
        """Cancel what is under way with the data of a person, or refuse to erase it."""
        open_runs = [one.run for one in found.runs if await self._is_open(workspace, one.run)]
        if not open_runs:
            return
        if not cancel or self._engine is None:
            named = ", ".join(open_runs[:5])
            raise RunsOpenError(
                f"{len(open_runs)} runs with this person's data are not over: {named}.",
                hint="Cancel them first, or erase with --cancel-runs where a server leads them.",
            )
        for run in open_runs:
            await self._engine.cancel(
                run, by=actor.name or actor.id, reason="Its data is erased.", force=True
            )
        for run in open_runs:
            await self._engine.wait(run)

    async def _is_open(self, workspace: str, run: str) -> bool:
        row = await self._store.find(run, workspace=workspace)
        return row is not None and row.run == run and row.finished_at is None

    # --- inside ---

    async def _look(self, workspace: str, name: str, *, accounts: bool = False) -> Found:
        subject = subject_of(name)
        (token,) = await self._seals.tokens(workspace, [subject])
        held = await held_runs(self._rows, await self.holds.list(workspace))
        rows = [
            row
            for run in await self._rows.runs_of(workspace, [token])
            if (row := await self._store.find(run)) is not None
        ]
        keys = await self._seals.load([row.run for row in rows])
        runs = [
            FoundRun(
                run=row.run, number=row.number, workflow=row.workflow, state=row.state, started_at=row.started_at,
                is_erased=keys.get(row.run) is None, held=_reason(held.of(workspace, row.run, row.workflow)),
            )
            for row in rows
        ]  # fmt: skip
        return Found(
            token=token,
            runs=tuple(runs),
            accounts=await self._accounts(subject) if accounts else (),
            definitions=tuple(
                FoundText(kind=kind, name=named)
                for kind, named in await self._rows.texts_with(workspace, subject)
            ),
            requests=len(await self._rows.all(PrivacyRequest, workspace=workspace, token=token)),
            held=_reason(held.of_subject(workspace, token)),
        )

    async def _accounts(self, subject: str) -> tuple[FoundAccount, ...]:
        if self._people is None:
            return ()
        try:
            person = await self._people.find(subject)
        except NoPersonError:
            return ()
        entries = await self._rows.count_entries([person.id])
        places = await self._rows.count_names(person.name)
        return (
            FoundAccount(id=person.id, name=person.name, title=person.title, entries=entries, places=places),
        )

    async def _told(self, workspace: str, run: str) -> dict[str, Any]:
        """Return all that a run tells."""
        row = await self._store.find(run)
        assert row is not None
        batches = await self._store.journal(run)
        facts = await asyncio.to_thread(facts_of, batches, partial(self._blobs.fetch, workspace, run))
        lines = await self._store.logs(run, limit=100_000)
        files: dict[str, FileReference] = {one.hash: one for fact in facts for one in files_in(fact)}
        return {
            "run": msgspec.to_builtins(row),
            "facts": [msgspec.Raw(encode_fact(fact)) for fact in facts],
            "logs": [
                {"at": line.at, "step": line.path, "message": line.message, "fields": to_plain(line.fields)}
                for line in lines
            ],
            "files": [await self._file(workspace, run, one) for one in files.values()],
        }

    async def _file(self, workspace: str, run: str, reference: FileReference) -> dict[str, Any]:
        pieces = [piece async for piece in self._blobs.files(workspace, run).read(reference)]
        return {"name": reference.name, "media_type": reference.media_type, "content": b"".join(pieces)}

    async def _note(self, actor: Actor, workspace: str, kind: RequestKind, found: Found, reason: str) -> None:
        request = self._request(actor, workspace, kind, found, reason)
        await self._rows.note(request, [self._entry(actor, request, {"runs": len(found.runs)})])

    def _request(
        self, actor: Actor, workspace: str, kind: RequestKind, found: Found, reason: str
    ) -> PrivacyRequest:
        return PrivacyRequest(
            id=self._new_id(), workspace=workspace, kind=kind, token=found.token, at=self._now(), author=actor.id,
            reason=reason, runs=tuple(one.run for one in found.runs),
            accounts=tuple(account.id for account in found.accounts),
        )  # fmt: skip

    def _entry(self, actor: Actor, request: PrivacyRequest, told: dict[str, Any]) -> Entry:
        return Entry(
            at=self._now(), workspace=request.workspace, actor=actor, action=f"privacy.{request.kind}",
            object=Object(kind="subject", name=request.token), why=request.reason,
            after={"request": request.id, **told},
        )  # fmt: skip


def privacy_on(keeping: Keeping, people: People | None = None, engine: Cancels | None = None) -> Privacy:
    """Return what finds and erases personal data in an open store."""
    clock = SystemClock()
    return Privacy(
        PrivacyTables(keeping.tables), keeping.sealing, keeping.revealed, keeping.blobs, people, engine=engine,
        where=LOG_OF_DATABASE if keeping.tables.dialect == "postgres" else "", now=clock.now, new_id=clock.new_id,
    )  # fmt: skip


def _reason(hold: LegalHold | None) -> str:
    return "" if hold is None else hold.reason or f"hold {hold.id}"
