"""Options that the commands about runs share."""

from typing import Annotated, TypeAlias

from cyclopts import Parameter

Run: TypeAlias = Annotated[str, Parameter(help="The number of a run, its id, or the beginning of its id.")]
Reveal: TypeAlias = Annotated[
    bool,
    Parameter(
        negative="", help="Show what a private run is about; that you looked goes into the audit trail."
    ),
]
Step: TypeAlias = Annotated[
    str, Parameter(name="--step", help="The path of the step; it can be left out while only one is meant.")
]
Comment: TypeAlias = Annotated[str, Parameter(help="A word on it, kept in the journal.")]
Wait: TypeAlias = Annotated[
    bool | None,
    Parameter(
        help="Stay to the end whatever it waits for, or leave as soon as it waits. "
        "Left out: stay while only time must pass."
    ),
]
Undo: TypeAlias = Annotated[bool, Parameter(negative="", help="Also take back what the run has done.")]
Force: TypeAlias = Annotated[bool, Parameter(negative="", help="End it as it stands, without cleaning up.")]
