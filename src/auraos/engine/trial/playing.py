"""One run in the world of a test case."""

from auraos.core.run import Program, RunState, inherit
from auraos.core.run.commands import ExecuteStep
from auraos.core.run.facts import AnyFact, Inherited, Page, TakenOver
from auraos.engine.trial.attempts import Loop


class Playing:
    """One run in the world: the tested one, one it called, or a page of a long loop."""

    def __init__(self, program: Program, run: str, prefix: str, page: Page | None = None) -> None:
        self.program = program
        self.run = run
        self.prefix = prefix
        self.page = page.number if page else None
        self.page_path = page.path if page else None
        self.state = RunState(program)
        self.parent: tuple[Playing, str] | None = None
        self.loops: dict[str, Loop] = {}
        self.attempts: dict[str, ExecuteStep] = {}
        self.journal: list[AnyFact] = []

    def left_over(self, taken: TakenOver) -> tuple[Inherited, ...]:
        """Return what a run in the place of this one takes over, when its step is tried again."""
        return inherit(self.program, self.journal, undone=taken.undone)

    def named(self, path: str) -> str:
        """Return how the case names a path of this run."""
        return self.prefix + path
