"""A start of a workflow whose settings limit who may begin: it gets the gates that it stands before, and its home."""

from collections.abc import Callable

import msgspec

from auraos.core.run import Program
from auraos.core.run.facts import RunStarted
from auraos.core.run.gates import CAPACITY
from auraos.core.run.starting import describe_run

AGAIN = frozenset(("retry", "fork", "move"))


def stand_before(
    started: RunStarted, program: Program, mask: Callable[[str], str] | None = None
) -> tuple[RunStarted, int]:
    """Return the start with its gates, and the shard in which all runs of these gates live; raise `KeyRefusedError`. In the
    gates of a private run something stands for its keys.

    A run that goes on with an earlier one is no new start: it passes only the gates that count runs.
    """
    goes_on = started.parent is not None and started.parent.kind in AGAIN
    moment = program.moment(started.at)
    names = {
        "input": started.input,
        "vars": {**program.variables, **started.variables},
        "run": describe_run(started, moment),
        "trigger": started.trigger,
        "$now": lambda: moment,
        "$seed": started.run,
    }
    gates, home = program.gates.open_for(
        names,
        workspace=started.workspace,
        workflow=started.workflow,
        only=CAPACITY if goes_on else None,
        mask=mask,
    )
    return msgspec.structs.replace(started, gates=gates), home
