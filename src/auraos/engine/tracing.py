"""The spans of runs: one of each run, one of each step and of each of its attempts. The trace that a run belongs to is a fact of
the run, so whichever process leads it goes on in it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from auraos.core.run.facts import AnyFact, Computed, RunFinished, StepSucceeded
from auraos.observability.traces import Span, Trace, Tracer, read, span_of

if TYPE_CHECKING:
    from auraos.core.run.commands import ExecuteStep
    from auraos.engine.active import ActiveRun


def attempt_ended(tracer: Tracer, run: "ActiveRun", command: "ExecuteStep", outcome: Any) -> None:
    """Tell of an attempt that is over."""
    within = _trace_of(run)
    if within is None:
        return
    error = "" if type(outcome) is StepSucceeded else outcome.error.code
    attributes: dict[str, str | int | float | bool] = {
        **_about(run),
        "auraos.step.path": command.path,
        "auraos.step.type": command.type,
        "auraos.step.attempt": command.attempt,
    }
    tracer.tell(
        Span(
            name=f"step {command.path}",
            place=within.at(span_of(run.id, command.path, command.attempt)),
            parent=span_of(run.id),
            began=command.granted_at,
            ended=outcome.at,
            error=error,
            attributes=attributes,
        )
    )


def became_durable(tracer: Tracer, run: "ActiveRun", facts: Sequence[AnyFact]) -> None:
    """Tell of pure steps and of the end of a run, which are facts."""
    within = _trace_of(run)
    if within is None:
        return
    for fact in facts:
        if type(fact) is Computed:
            _pure_steps(tracer, run, within, fact)
        elif type(fact) is RunFinished:
            _end(tracer, run, within, fact)


def _pure_steps(tracer: Tracer, run: "ActiveRun", within: Trace, fact: Computed) -> None:
    for result in fact.results:
        step = run.program.find(result.path)
        attributes: dict[str, str | int | float | bool] = {**_about(run), "auraos.step.path": result.path}
        if step is not None:
            attributes["auraos.step.type"] = step.type.name
        tracer.tell(
            Span(
                name=f"step {result.path}",
                place=within.at(span_of(run.id, result.path, 0)),
                parent=span_of(run.id),
                began=fact.at,
                ended=fact.at,
                error=result.error.code if result.error is not None else "",
                attributes=attributes,
            )
        )


def _end(tracer: Tracer, run: "ActiveRun", within: Trace, fact: RunFinished) -> None:
    state = run.state
    if state is None:
        return
    error = ""
    if fact.state != "succeeded":
        error = fact.error.code if fact.error is not None else fact.state
    tracer.tell(
        Span(
            name=f"run {run.program.workflow.name}",
            place=within.at(span_of(run.id)),
            parent=within.span,
            began=state.started_at,
            ended=fact.at,
            error=error,
            attributes={**_about(run), "auraos.run.state": fact.state, "auraos.run.number": state.number},
        )
    )


def _about(run: "ActiveRun") -> dict[str, str | int | float | bool]:
    return {
        "auraos.run.id": run.id,
        "auraos.workspace": run.workspace,
        "auraos.workflow": run.program.workflow.name,
    }


def _trace_of(run: "ActiveRun") -> Trace | None:
    return read(run.state.trace) if run.state is not None else None
