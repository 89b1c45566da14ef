"""One line on each fact, for people who read a journal."""

import msgspec

from auraos.cli.progress import FROM_CACHE, wait_words
from auraos.cli.times import clock
from auraos.core.run import facts
from auraos.core.values import Value, to_wire


def fact_words(fact: facts.AnyFact) -> str:  # noqa: C901, PLR0912 (one line for each kind of fact)
    """Return what a fact says, as briefly as it can be said."""
    match fact:
        case facts.RunStarted(workflow=workflow, input=given):
            parent = f" {fact.parent.kind} of {fact.parent.run}" if fact.parent else ""
            taken = f", takes over {len(fact.inherited)}" if fact.inherited else ""
            return f"{workflow}{parent}{taken} with {_short(given)}"
        case facts.RunAdmitted(gathered=gathered):
            return f"with the inputs of {len(gathered)} runs" if gathered else "it may begin"
        case facts.RunRefused(code=code, message=message):
            return f"{code}: {message}"
        case facts.Computed(results=results):
            return "; ".join(_result(result) for result in results)
        case facts.StepSucceeded(path=path, output=output, ports=ports):
            how = f" {FROM_CACHE}" if fact.cached else ""
            return f"{path}{how}{_ports(ports)} = {_short(output)}"
        case facts.StepFailed(path=path, error=error) | facts.StepUnknown(path=path, error=error):
            return f"{path} {_error(error)}"
        case facts.StepGranted(path=path, attempt=attempt):
            what = f" {fact.purpose}" if fact.purpose != "step" else ""
            return f"{path} attempt {attempt}{what} with {_short(fact.parameters)}"
        case facts.StepSettled(path=path):
            how = " by its fallback" if fact.by_fallback else ""
            return f"{path}{how} {_error(fact.error) if fact.error else '= ' + _short(fact.output)}"
        case facts.RetryPlanned(path=path, attempt=attempt, due=due):
            return f"{path} attempt {attempt} at {clock(due)}"
        case facts.DoubtRaised(path=path, way=way):
            return f"{path}: {way}"
        case facts.WaitStarted(path=path):
            return f"{path} {wait_words(fact)}"
        case facts.TimerFired(path=path, timer=timer):
            return f"{path or 'the run'} {timer}"
        case facts.SignalReceived(name=name):
            return f"{name} {fact.key} {_short(fact.data)}".strip()
        case facts.EventReceived(type=kind, id=id_):
            return f"{kind} {id_}"
        case facts.EventTaken(path=path, id=id_):
            return f"{path or 'nobody'} took {id_}"
        case facts.Answered(path=path, decision=decision, by=by):
            return f"{path}: {decision} by {by or 'somebody'} {fact.comment}".rstrip()
        case facts.StepResolved(path=path, outcome=outcome, by=by):
            return f"{path}: {outcome} by {by or 'somebody'}"
        case facts.LoopEntered(path=path, items=items):
            return f"{path} with {len(items)} items"
        case facts.RoundDecided(path=path, go_on=go_on):
            return f"{path}: {'another round' if go_on else 'it is over'}"
        case facts.ChildFinished(path=path, run=run, state=state):
            return f"{path}: run {run} {state}"
        case facts.CallJoined(caller=caller):
            return f"run {caller.run} awaits it too, at {caller.path}"
        case facts.RunFinished(state=state, output=output):
            return f"{state} {_error(fact.error) if fact.error else '= ' + _short(output)}"
        case facts.RunResumed(by=by, variables=variables) if variables:
            return f"by {by or 'somebody'} with {_short(variables)}"
        case facts.CancelRequested() | facts.RunPaused() | facts.RunResumed() | facts.RunReleased():
            return f"by {fact.by or 'somebody'}"
        case facts.RunMoved(run=run):
            return f"by {fact.by or 'somebody'}, it goes on as run {run}"
        case facts.RunQuarantined(reason=reason):
            return reason


def _result(result: facts.Result) -> str:
    if result.error is not None:
        return f"{result.path} {_error(result.error)}"
    return f"{result.path}{_ports(result.ports)} = {_short(result.output)}"


def _ports(ports: tuple[str, ...]) -> str:
    named = [port for port in ports if port != "out"]
    return f" → {', '.join(named)}" if named else ""


def _error(error: facts.StepError) -> str:
    return f"{error.class_}/{error.code}: {error.message}"


def _short(value: Value) -> str:
    text = msgspec.json.encode(to_wire(value), enc_hook=str).decode()
    return text if len(text) <= 80 else text[:79] + "…"
