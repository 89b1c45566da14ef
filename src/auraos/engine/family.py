"""What one run asks of another: a caller of its child, and a child of its callers. Written with the sender's facts.

A child lives in the shard of its caller; one with a key lives where all who call it meet.
"""

from collections.abc import Callable

from auraos.core.run import RunState, encode_fact, parent_of
from auraos.core.run.commands import CancelChild, EndRun, StartChild
from auraos.core.run.facts import CancelRequested, ChildFinished, OutsideFact, Parent, RunFinished, RunStarted
from auraos.core.run.identity import home_of, value_hash
from auraos.core.run.parts import Caller, Keyed
from auraos.engine.active import ActiveRun
from auraos.engine.ports import RequestRow
from auraos.engine.trace_context import header_for_child


def requests_of(
    run: ActiveRun, wish: StartChild | CancelChild | EndRun, new_id: Callable[[], str]
) -> list[RequestRow]:
    """Return the requests that a wish leads to: none for the end of a run that nobody waits for."""
    state = run.state
    assert state is not None
    match wish:
        case StartChild():
            kind = "call" if wish.wait or wish.key else "start"
            shard = home_of(wish.run) if wish.key else run.shard
            return [_row(new_id(), wish.run, kind, _start_of_child(run, state, wish), shard)]
        case CancelChild():
            reason = f"Run {run.id} that called it ended."
            cancel = CancelRequested(
                at=state.last_at, by=f"run:{run.id}", reason=reason, undo=wish.undo, force=wish.force
            )
            return [_row(new_id(), wish.run, "cancel", cancel, run.shard)]
        case EndRun():
            rows = [answer_to(caller, end_of(wish, run.id, caller), new_id()) for caller in state.callers]
            if run.awaited and state.parent is not None:
                told = _end_of_child(run, state, state.parent, wish)
                rows.append(_row(new_id(), state.parent.run, "finished", told, run.shard))
            return rows


def end_of(end: EndRun | RunFinished, run: str, caller: Caller) -> ChildFinished:
    """Return how a run with a key ended, for one of its callers. What it did is not theirs to undo."""
    return ChildFinished(at=0, path=caller.path, run=run, state=end.state, output=end.output, error=end.error)


def answer_to(caller: Caller, told: ChildFinished, id_: str) -> RequestRow:
    """Return the request that tells a caller of a run with a key."""
    return _row(id_, caller.run, "finished", told, caller.shard)


def _start_of_child(run: ActiveRun, state: RunState, wish: StartChild) -> RunStarted:
    """Return the start of a child; a page of a loop is part of its parent and shares its origin and
    variables.
    """
    is_page = wish.kind == "page"
    return RunStarted(
        at=state.last_at,
        run=wish.run,
        workflow=wish.workflow,
        version=wish.version or state.resolved.get(wish.workflow, ""),
        workspace=run.workspace,
        input=wish.input,
        variables=state.variables if is_page else {},
        by=f"run:{run.id}",
        origin=state.origin if is_page else "",
        parent=parent_of(state, wish),
        depth=state.depth + (0 if is_page else 1),
        resolved=state.resolved,
        page=wish.page,
        trace=header_for_child(state.trace, run.id) if state.trace else "",
        keyed=keyed_by(run.id, run.shard, wish),
        trial=state.trial and not wish.key,  # the one run of a key is a real one, whoever called it first
    )


def keyed_by(caller: str, shard: int, wish: StartChild) -> Keyed | None:
    """Return what a run that is called under a key knows of its key and of this caller; None without a key."""
    if not wish.key:
        return None
    first = Caller(run=caller, path=wish.path, shard=shard, wants_end=wish.wait)
    return Keyed(key=wish.key, given=value_hash(wish.input), caller=first)


def _end_of_child(run: ActiveRun, state: RunState, parent: Parent, wish: EndRun) -> ChildFinished:
    return ChildFinished(
        at=state.last_at,
        path=parent.path,
        run=run.id,
        state=wish.state,
        output=wish.output,
        error=wish.error,
        undo=state.undo_entries(),
        page=state.page.number if state.page is not None else None,
    )


def _row(id_: str, receiver: str, kind: str, fact: OutsideFact, shard: int) -> RequestRow:
    return RequestRow(id_, receiver, kind, encode_fact(fact), shard)
