"""What a run lives by over HTTP: the version of its workflow, whatever became of the definition since."""

import msgspec

from auraos.api.protocol.asking import Ask
from auraos.api.protocol.routes import Routes
from auraos.api.runs.run_shapes import OneRun
from auraos.api.runs.runs import ABOUT, TELLS

routes = Routes()


class RunDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """The text that a run was started on, by its hash."""

    name: str
    hash: str
    text: str
    step_types: dict[str, int]
    """The versions of step types that were resolved when it was published."""


@routes.get("/api/v1/runs/{run}/definition", may="definitions.read", tells=TELLS, about=ABOUT)
async def show_run_definition(ask: Ask, at: OneRun) -> RunDefinition:
    """Show the text that a run lives by."""
    kept = await ask.desk.runs.version(await ask.desk.runs.find(ask.workspace, at.run))
    return RunDefinition(name=kept.name, hash=kept.hash, text=kept.text, step_types=kept.step_types)
