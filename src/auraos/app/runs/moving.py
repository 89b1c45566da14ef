"""`Moving`: runs that go on by another version of their workflow. What that would do is told before anything is done."""

from collections.abc import Mapping, Sequence

from auraos.app.audit.witness import Witness
from auraos.app.runs.keys import id_of, taken
from auraos.app.runs.runs import Asking, RunRefusedError, Runs
from auraos.core.audit import Entry, Object
from auraos.core.run.moving import Move
from auraos.engine.answers import RequestRefusedError
from auraos.engine.definitions import Definitions
from auraos.engine.engine import Engine
from auraos.engine.ports import RunRow, Version
from auraos.engine.stewardship import InspectedStore


class Moving:
    """Looks at moves, and carries them out."""

    def __init__(
        self, engine: Engine, store: InspectedStore, definitions: Definitions, witness: Witness, runs: Runs
    ) -> None:
        self._engine = engine
        self._store = store
        self._definitions = definitions
        self._witness = witness
        self._runs = runs

    async def look(self, row: RunRow, version: str, *, steps: Mapping[str, str], drop: Sequence[str]) -> Move:
        """Return what would become of each step of a run by another version: a number, or `live` for what is published."""
        on = await self._version(row, version)
        return await self._engine.check_move(row.run, on, steps=dict(steps), drop=drop)

    async def move(
        self, asking: Asking, row: RunRow, version: str, *, steps: Mapping[str, str], drop: Sequence[str], reason: str = "",
        made: str = "",
    ) -> RunRow:  # fmt: skip
        """Let a run go on by another version, and return the run that does; raise `RunRefusedError` where it is not safe."""
        on = await self._version(row, version)
        entry = Entry(
            at=self._witness.now, workspace=row.workspace, actor=asking.actor, action="runs.move",
            object=Object(kind="run", name=row.run), why=reason, after={"version": on.hash},
        )  # fmt: skip
        async with self._witness.of(entry) as told:
            try:
                run = await self._engine.move(
                    row.run, on, steps=dict(steps), drop=drop, by=asking.by, reason=reason, made=made
                )
            except RequestRefusedError as error:
                raise RunRefusedError(error.message, hint=error.hint) from error
            told.tell(after={"run": run, "version": on.hash})
        return await self._runs.find(row.workspace, run)

    async def move_once(
        self, asking: Asking, row: RunRow, key: str, version: str, *, steps: Mapping[str, str], drop: Sequence[str],
        reason: str = "",
    ) -> tuple[RunRow, bool]:  # fmt: skip
        """Do the same under a key, once; return the run that goes on, and whether it is new."""
        made = id_of(row.workspace, key)
        known = await self._store.find(made)
        if known is not None and known.parent != row.run:
            raise taken("Another run was started under this key.")
        if known is not None:
            return known, False
        return await self.move(asking, row, version, steps=steps, drop=drop, reason=reason, made=made), True

    async def _version(self, row: RunRow, version: str) -> Version:
        named = row.workflow if version == "live" else f"{row.workflow}@{version}"
        return await self._definitions.resolve(row.workspace, named)
