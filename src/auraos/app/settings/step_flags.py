"""The feature flags that steps ask for: those that are published in the workspace, and beside them those of a folder."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from auraos.app.definitions.flag_files import FlagFiles
from auraos.app.settings.flags import flags_on
from auraos.core.errors import UserError
from auraos.core.values import Value
from auraos.engine.beginnings import DEFAULT_WORKSPACE
from auraos.sdk import Flags as AskedFlags
from auraos.sdk import StepFailed
from auraos.settings.errors import FlagContextError, NoFlagError
from auraos.settings.flags.model import Evaluation
from auraos.settings.flags.service import Flags
from auraos.storage.tables.definitions import DefinitionTables
from auraos.storage.tables.statement import Tables

_HINT = "Publish it in this workspace, or say with `default` what stands in for it."
_BESIDE = "A file of it beside that of the workflow does, too."


class StepFlags:
    """The flags of all workspaces, as steps ask for them."""

    def __init__(self, flags: Flags, files: FlagFiles | None = None) -> None:
        self.flags = flags
        self.files = files

    def of(self, workspace: str) -> AskedFlags:
        """Return the flags of a workspace."""
        return _FlagsOfOne(self, workspace)


class _FlagsOfOne:
    """The flags of one workspace (the sdk's `Flags`)."""

    __slots__ = ("_all", "_workspace")

    def __init__(self, all_: StepFlags, workspace: str) -> None:
        self._all = all_
        self._workspace = workspace

    async def evaluate(self, name: str, context: Mapping[str, Value]) -> Evaluation:
        """Return what a flag gives in a context; see `auraos.sdk.protocols.Flags`."""
        try:
            found = await self._all.flags.evaluate(self._workspace, name, context, surely=True)
        except NoFlagError as missing:
            beside = self._beside(name, context)
            if beside is None:
                hint = _HINT if self._all.files is None else f"{_HINT} {_BESIDE}"
                raise StepFailed(missing.message, code=missing.code, hint=hint) from None
            found = beside
        if found.error_code:
            raise StepFailed(
                found.error,
                error_class="data",
                code=FlagContextError.code,
                hint="Give it in `key` or `context` of the step, or say with `default` what stands in.",
            )
        return found

    def _beside(self, name: str, context: Mapping[str, Value]) -> Evaluation | None:
        files = self._all.files
        if files is None or self._workspace != DEFAULT_WORKSPACE:
            return None
        try:
            return files.evaluate(name, context, _now)
        except UserError as error:
            raise StepFailed(error.message, code=error.code, hint=error.hint) from error


@asynccontextmanager
async def step_flags_on(
    tables: Tables, folder: Path | None, now: Callable[[], int]
) -> AsyncIterator[StepFlags]:
    """Yield the flags that steps ask for where no server is: those of a store, and of a folder. What they gave is counted."""
    flags = flags_on(tables, DefinitionTables(tables), now=now)
    try:
        yield StepFlags(flags, FlagFiles(folder))
    finally:
        await flags.stop()


def _now() -> datetime:
    return datetime.now(tz=UTC)
