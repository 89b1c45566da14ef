"""Codes of what goes wrong while a run is under way; `retry.on` may name them."""

from auraos.core.problem_codes.code import ProblemCode

CODES = (
    ProblemCode(
        code="step-crashed",
        title="A step that broke on its data",
        why="A mistake in the step's own code, or data that nobody foresaw; nothing is known of what it would have given.",
    ),
    ProblemCode(
        code="error",
        title="An error",
        why="The base of all errors; a more exact code stands in most places.",
    ),
    ProblemCode(
        code="user-error",
        title="Something that cannot be done as asked",
        why="Whoever wrote or asked it can mend it.",
    ),
    ProblemCode(
        code="operational-error",
        title="The world failed",
        why="Trying again later may help.",
    ),
    ProblemCode(
        code="unexpected-error",
        title="A mistake of this program",
        why="Please report it, with the message.",
    ),
    ProblemCode(
        code="value-refused",
        title="A value that the language does not have",
        why="Numbers that are not finite, halves of characters and foreign objects cannot be kept.",
    ),
    ProblemCode(
        code="expression",
        title="An expression is at fault",
        why="The message says where and why.",
    ),
    ProblemCode(
        code="evaluation",
        title="An expression could not be worked out",
        why="It met values that it cannot work with.",
    ),
    ProblemCode(
        code="budget",
        title="An expression asks for too much",
        why="It would take more steps or memory than it was given.",
    ),
    ProblemCode(
        code="too-many-steps",
        title="An expression takes too many steps",
        why="A loop over much data belongs into a step.",
    ),
    ProblemCode(
        code="too-much-data",
        title="An expression makes too much data",
        why="The result would not fit into memory; work on a part.",
    ),
    ProblemCode(
        code="call-failed",
        title="A function could not work with what it was given",
        why="The message says which and why.",
    ),
    ProblemCode(
        code="null",
        title="Null where a value is needed",
        why="Something before it is missing; say what holds then, as `x or 0`.",
    ),
    ProblemCode(
        code="null-compared",
        title="Null in a comparison of size",
        why="Null is neither smaller nor larger than anything.",
    ),
    ProblemCode(
        code="no-fields",
        title="Fields of something that has none",
        why="Only mappings have fields.",
    ),
    ProblemCode(
        code="division-by-zero",
        title="Division by zero",
        why="It has no result; test the divisor first.",
    ),
    ProblemCode(
        code="float-and-decimal",
        title="Float and decimal together",
        why="Their sum would be exact in neither; convert one of them.",
    ),
    ProblemCode(
        code="no-number",
        title="No number",
        why="The text cannot be read as one.",
    ),
    ProblemCode(
        code="no-date",
        title="No date",
        why="The text cannot be read as one.",
    ),
    ProblemCode(
        code="no-time",
        title="No time of day",
        why="The value has a date only.",
    ),
    ProblemCode(
        code="no-zone",
        title="A time without zone",
        why="Nobody could say when it was.",
    ),
    ProblemCode(
        code="unknown-zone",
        title="A time zone that does not exist",
        why="Write it as in the time-zone database, as Europe/Berlin.",
    ),
    ProblemCode(
        code="unknown-unit",
        title="A unit that does not exist",
        why="Units of time are named in the reference of the method.",
    ),
    ProblemCode(
        code="unknown-mode",
        title="A way of rounding that does not exist",
        why="The reference of the function lists them.",
    ),
    ProblemCode(
        code="unknown-group",
        title="A group that a pattern does not have",
        why="Groups are numbered from 1, or named in the pattern.",
    ),
    ProblemCode(
        code="bad-format",
        title="A format that does not exist",
        why="The reference lists the signs of formats.",
    ),
    ProblemCode(
        code="bad-pattern",
        title="No pattern",
        why="It cannot be read as a regular expression.",
    ),
    ProblemCode(
        code="no-json",
        title="No JSON",
        why="The text cannot be read as JSON.",
    ),
    ProblemCode(
        code="no-url",
        title="No address",
        why="The text cannot be read as one.",
    ),
    ProblemCode(
        code="no-clock",
        title="No time here",
        why="The time is known inside of a run only.",
    ),
    ProblemCode(
        code="no-seed",
        title="No ids here",
        why="Ids are derived from the run, so there are none outside of one.",
    ),
    ProblemCode(
        code="not-compilable",
        title="A workflow that its checks would refuse",
        why="Check it and mend what is found.",
    ),
    ProblemCode(
        code="step-failed",
        title="A step failed",
        why="Certainly without effect.",
    ),
    ProblemCode(
        code="step-unknown",
        title="The outcome of a step is not known",
        why="It may or may not have had its effect.",
    ),
    ProblemCode(
        code="left-open",
        title="An effect that the run before left open",
        why="That run ended without knowing whether the step took effect, so nothing repeats it before that is known.",
    ),
    ProblemCode(
        code="settings-refused",
        title="Settings that a step cannot work with",
        why="Once worked out, they are of the wrong type or out of range.",
    ),
    ProblemCode(
        code="items-refused",
        title="Items that cannot be looped over",
        why="`items` must be a list.",
    ),
    ProblemCode(
        code="not-as-expected",
        title="An output unlike what the step expects",
        why="It does not fit the schema under `expect`.",
    ),
    ProblemCode(
        code="verify-not-boolean",
        title="A verification that answers neither yes nor no",
        why="`done` must be true or false.",
    ),
    ProblemCode(
        code="verified-not-done",
        title="An attempt that had no effect",
        why="So its verification found; it may be repeated.",
    ),
    ProblemCode(
        code="resolved-as-failed",
        title="Resolved as failed",
        why="A person said that an attempt in doubt had no effect.",
    ),
    ProblemCode(
        code="cancelled",
        title="Cancelled",
        why="Somebody cancelled it, or the scope around it ended.",
    ),
    ProblemCode(
        code="stopped",
        title="Stopped",
        why="The run ended at a `stop` step elsewhere.",
    ),
    ProblemCode(
        code="forced",
        title="Ended by force",
        why="Somebody ended the run as it stood.",
    ),
    ProblemCode(
        code="deadline",
        title="The deadline of a step has passed",
        why="All its attempts together took too long.",
    ),
    ProblemCode(
        code="expired",
        title="A wait expired",
        why="Nothing came in time, and the port `expired` is not linked.",
    ),
    ProblemCode(
        code="run-timeout",
        title="The run took too long",
        why="It reached the time-out of its workflow.",
    ),
    ProblemCode(
        code="too-many-activations",
        title="Too many steps in one run",
        why="A run has at most a million activations.",
    ),
    ProblemCode(
        code="cannot-inherit",
        title="A run that cannot be taken up there",
        why="The step to start at, or an output to change, is not in that run.",
    ),
    ProblemCode(
        code="condition-not-boolean",
        title="A condition that is neither true nor false",
        why="Whether a loop goes on must be said plainly; a number or a text there is mostly a mistake.",
    ),
    ProblemCode(
        code="unreadable-fact",
        title="A fact that cannot be read",
        why="The journal holds something that this version does not know; a newer one may have written it.",
    ),
)
