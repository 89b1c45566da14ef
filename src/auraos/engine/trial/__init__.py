"""The test runner: plays the cases of a workflow on the run machine, with mocks, a virtual clock and no network."""

from auraos.engine.trial.cases import PlacedCase, read_cases
from auraos.engine.trial.coverage import Coverage, LinkName, join_coverage
from auraos.engine.trial.matching import Difference
from auraos.engine.trial.mocks import MockError, Outcome
from auraos.engine.trial.runner import CaseResult, play_case
from auraos.engine.trial.world import World

__all__ = [
    "CaseResult",
    "Coverage",
    "Difference",
    "LinkName",
    "MockError",
    "Outcome",
    "PlacedCase",
    "World",
    "join_coverage",
    "play_case",
    "read_cases",
]
