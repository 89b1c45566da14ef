"""The figures of an engine: what its runs and steps came to, and how long the store took. They are counted where the engine
is at work anyway, one addition each.
"""

from collections.abc import Iterator

from auraos.core.run.facts import StepFailed, StepSucceeded, StepUnknown
from auraos.observability.figures import Figure, Tally, Timing

LONG = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 3600.0, 21_600.0, 86_400.0)
STEPS = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 600.0)
SECOND = 1_000_000
OUTCOMES: dict[type, str] = {StepSucceeded: "succeeded", StepFailed: "failed", StepUnknown: "unknown"}


class EngineFigures:
    """What one engine counts."""

    __slots__ = ("attempts", "commits", "durations", "ended", "started")

    def __init__(self) -> None:
        self.started = Tally(
            "auraos_runs_started_total", "Runs that began, by workflow.", "workspace", "workflow"
        )
        self.ended = Tally(
            "auraos_runs_ended_total",
            "Runs that ended, by workflow and how they ended.",
            "workspace",
            "workflow",
            "state",
        )
        self.durations = Timing(
            "auraos_run_seconds", "How long runs took, from their start to their end.", "state", bounds=LONG
        )
        self.attempts = Timing(
            "auraos_step_seconds",
            "How long attempts of steps took that are more than an expression.",
            "type",
            "outcome",
            bounds=STEPS,
        )
        self.commits = Timing(
            "auraos_commit_seconds", "How long writes waited for the store until they were durable."
        )

    def figures(self) -> Iterator[Figure]:
        """Yield how they stand."""
        for each in (self.started, self.ended, self.durations, self.attempts, self.commits):
            yield from each.figures()
