"""`Holds`: what is neither deleted nor erased before somebody lifts the hold, because a court or the law wants it kept."""

from collections.abc import Callable, Sequence
from typing import Any

from auraos.core.audit import Actor, Entry, Object
from auraos.core.errors import UserError
from auraos.core.privacy import name_of_subject
from auraos.security.privacy.rows import HoldKind, LegalHold
from auraos.security.privacy.seals import Seals
from auraos.security.row_store import Add, Remove, RowStore

WORKSPACE = "workspace"


class HeldByLawError(UserError):
    """Something is held, so it is neither deleted nor erased."""

    code = "legal-hold"


class NoHoldError(UserError):
    """There is no such hold in this workspace."""

    code = "not-found"


class HoldTakenError(UserError):
    """It is held already."""

    code = "already-held"


class NoSubjectError(UserError):
    """A name that names nobody."""

    code = "no-subject"


def subject_of(name: str) -> str:
    """Return the name of a person as it is looked for; raise `NoSubjectError` for an empty one."""
    subject = name_of_subject(name)
    if not subject:
        raise NoSubjectError(
            "This names nobody.", hint="Write what the input names the person by, as ann@example.org."
        )
    return subject


class Holds:
    """The holds of all workspaces."""

    def __init__(
        self,
        store: RowStore,
        seals: Callable[[], Seals],
        *,
        now: Callable[[], int],
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._seals = seals
        self._now = now
        self._new_id = new_id

    async def list(self, workspace: str) -> Sequence[LegalHold]:
        """Return the holds of a workspace, the oldest first."""
        return await self._store.all(LegalHold, workspace=workspace)

    async def all(self) -> Sequence[LegalHold]:
        """Return the holds of all workspaces."""
        return await self._store.all(LegalHold)

    async def hold(self, actor: Actor, workspace: str, kind: HoldKind, thing: str, reason: str) -> LegalHold:
        """Hold a person's data, a run, all runs of a workflow, or all of a workspace."""
        if kind == "subject":
            (thing,) = await self._seals().tokens(workspace, [subject_of(thing)])
        elif kind == WORKSPACE:
            thing = ""
        held = LegalHold(
            id=self._new_id(), workspace=workspace, kind=kind, thing=thing, reason=reason, at=self._now(), author=actor.id
        )  # fmt: skip
        if (
            await self._store.save([Add(held)], [self._entry(actor, "privacy.hold", held, reason)])
            is not None
        ):
            raise HoldTakenError(f"This {kind} is held already.", hint="See what is held.")
        return held

    async def lift(self, actor: Actor, workspace: str, id_: str, reason: str) -> LegalHold:
        """Hold something no more."""
        held = await self._store.one(LegalHold, id=id_, workspace=workspace)
        if held is None:
            raise NoHoldError(f"There is no hold {id_!r} in this workspace.", hint="See what is held.")
        await self._store.save([Remove(held)], [self._entry(actor, "privacy.lift", held, reason)])
        return held

    def _entry(self, actor: Actor, action: str, held: LegalHold, why: str) -> Entry:
        told: dict[str, Any] = {"kind": held.kind, "thing": held.thing}
        return Entry(
            at=self._now(), workspace=held.workspace, actor=actor, action=action,
            object=Object(kind="legal-hold", name=held.id), why=why, after=told,
        )  # fmt: skip


class HeldRuns:
    """Which runs are held, as long as nothing is changed about it."""

    def __init__(self, holds: Sequence[LegalHold], runs_of_subjects: dict[tuple[str, str], str]) -> None:
        self._by_thing: dict[tuple[str, str, str], LegalHold] = {
            (hold.workspace, hold.kind, hold.thing): hold for hold in holds
        }
        self._by_subject = {
            (workspace, run): self._by_thing[workspace, "subject", token]
            for (workspace, run), token in runs_of_subjects.items()
        }

    def __bool__(self) -> bool:
        return bool(self._by_thing)

    def of_subject(self, workspace: str, token: str) -> LegalHold | None:
        """Return what holds the data of a person."""
        return self._by_thing.get((workspace, WORKSPACE, "")) or self._by_thing.get(
            (workspace, "subject", token)
        )

    def of(self, workspace: str, run: str, workflow: str) -> LegalHold | None:
        """Return what holds a run; None where nothing does."""
        found = self._by_thing
        return (
            found.get((workspace, WORKSPACE, ""))
            or found.get((workspace, "workflow", workflow))
            or found.get((workspace, "run", run))
            or self._by_subject.get((workspace, run))
        )
