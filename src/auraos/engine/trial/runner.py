"""Playing one case: the world runs, the expectations are compared, and what came of it is told."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec

from auraos.core.catalogue import Catalogue
from auraos.core.errors import UserError
from auraos.core.run import Program
from auraos.core.values import to_wire
from auraos.core.workflow import TestCase, Workflow
from auraos.engine.trial.attempts import PureSteps
from auraos.engine.trial.coverage import Coverage, all_links, taken_links
from auraos.engine.trial.expectations import compare, completed
from auraos.engine.trial.matching import Difference
from auraos.engine.trial.world import World


class CaseResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a case. `error` says why it could not be played to its end; `notes` are no failures."""

    name: str
    passed: bool
    differences: tuple[Difference, ...] = ()
    error: str = ""
    hint: str = ""
    notes: tuple[str, ...] = ()
    state: str = ""
    output: Any = None
    path: tuple[str, ...] = ()
    took: timedelta = timedelta(0)
    coverage: Coverage = Coverage((), frozenset())


def play_case(
    case: TestCase,
    workflow: Workflow,
    catalogue: Catalogue,
    *,
    find_workflow: Callable[[str], Workflow | None],
    pure_steps: PureSteps | None = None,
    seed: int | None = None,
) -> CaseResult:
    """Play a case and compare what happened with what it expects."""
    world = World(case, workflow, catalogue, find_workflow=find_workflow, pure_steps=pure_steps, seed=seed)
    error, hint = "", ""
    differences: list[Difference] = []
    try:
        world.play()
        differences = compare(case, world)
    except UserError as refused:
        error, hint = refused.message, refused.hint
    program = world.root.program
    return CaseResult(
        name=case.name,
        passed=not error and not differences,
        differences=tuple(differences),
        error=error,
        hint=hint,
        notes=tuple(f"{one} was never used" for one in world.unused) if not error else (),
        state=world.root.state.status,
        output=to_wire(world.root.state.output),
        path=tuple(completed(world)),
        took=world.took,
        coverage=_coverage(program),
    )


def _coverage(program: Program) -> Coverage:
    return Coverage(all_links(program), taken_links(program))
