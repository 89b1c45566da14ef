"""What one run asks of another: a caller of its child, and a child of its caller. Written with the sender's
facts. Both live in the same shard.
"""

from collections.abc import Callable

from auraos.core.run import RunState, encode_fact, parent_of
from auraos.core.run.commands import CancelChild, EndRun, StartChild
from auraos.core.run.facts import CancelRequested, ChildFinished, OutsideFact, Parent, RunStarted
from auraos.engine.active import ActiveRun
from auraos.engine.ports import RequestRow


def request_of(
    run: ActiveRun, wish: StartChild | CancelChild | EndRun, new_id: Callable[[], str]
) -> RequestRow | None:
    """Return the request that a wish leads to; None for the end of a run that nobody waits for."""
    state = run.state
    assert state is not None
    match wish:
        case StartChild():
            kind = "call" if wish.wait else "start"
            return _row(new_id(), wish.run, kind, _start_of_child(run, state, wish), run.shard)
        case CancelChild():
            reason = f"Run {run.id} that called it ended."
            cancel = CancelRequested(
                at=state.last_at, by=f"run:{run.id}", reason=reason, undo=wish.undo, force=wish.force
            )
            return _row(new_id(), wish.run, "cancel", cancel, run.shard)
        case EndRun():
            if not run.awaited or state.parent is None:
                return None
            return _row(
                new_id(),
                state.parent.run,
                "finished",
                _end_of_child(run, state, state.parent, wish),
                run.shard,
            )


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
    )


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
