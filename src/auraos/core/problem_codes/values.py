"""Codes of values that an expression or a step cannot work with, met while a run is under way."""

from auraos.core.problem_codes.code import ProblemCode

CODES = (
    ProblemCode(
        code="value-refused",
        title="A value that the language does not have",
        why="Numbers that are not finite, halves of characters and foreign objects cannot be kept.",
        shown_by="expression",
        bad="datetime('2026-01-05T10:00:00')",
        good="datetime('2026-01-05T10:00:00Z')",
    ),
    ProblemCode(
        code="expression",
        title="An expression is at fault",
        why="The message says where and why.",
        reason="It is the base of all errors in expressions, and nothing raises it by itself.",
    ),
    ProblemCode(
        code="evaluation",
        title="An expression could not be worked out",
        why="It met values that it cannot work with.",
        reason="It is the base of the errors of expressions that run, and nothing raises it by itself.",
    ),
    ProblemCode(
        code="budget",
        title="An expression asks for too much",
        why="It would take more steps or memory than it was given.",
        reason="It is the base of `too-many-steps` and `too-much-data`, and nothing raises it by itself.",
    ),
    ProblemCode(
        code="too-many-steps",
        title="An expression takes too many steps",
        why="A loop over much data belongs into a step.",
        shown_by="expression",
        bad="[a for a in range(4000) for b in range(4000)]",
        good="[a for a in range(4000)]",
    ),
    ProblemCode(
        code="too-much-data",
        title="An expression makes too much data",
        why="The result would not fit into memory; work on a part.",
        shown_by="expression",
        bad="'x' * 100000000",
        good="'x' * 100",
    ),
    ProblemCode(
        code="call-failed",
        title="A function could not work with what it was given",
        why="The message says which and why.",
        reason=(
            "Each function says with a more exact code what it cannot work with; no values are known that lead to this "
            "one. Look at the values it was given with `auraos runs journal`."
        ),
    ),
    ProblemCode(
        code="null",
        title="Null where a value is needed",
        why="Something before it is missing; say what holds then, as `x or 0`.",
        shown_by="expression",
        bad="{'price': null}.price + 1",
        good="({'price': null}.price or 0) + 1",
    ),
    ProblemCode(
        code="null-compared",
        title="Null in a comparison of size",
        why="Null is neither smaller nor larger than anything.",
        shown_by="expression",
        bad="{'price': null}.price < 3",
        good="({'price': null}.price or 0) < 3",
    ),
    ProblemCode(
        code="no-fields",
        title="Fields of something that has none",
        why="Only mappings have fields.",
        shown_by="expression",
        bad="(5).name",
        good="{'name': 5}.name",
    ),
    ProblemCode(
        code="division-by-zero",
        title="Division by zero",
        why="It has no result; test the divisor first.",
        shown_by="expression",
        bad="1 / 0",
        good="1 / 2",
    ),
    ProblemCode(
        code="float-and-decimal",
        title="Float and decimal together",
        why="Their sum would be exact in neither; convert one of them.",
        shown_by="expression",
        bad="1.5 + decimal('2.5')",
        good="decimal('1.5') + decimal('2.5')",
    ),
    ProblemCode(
        code="no-number",
        title="No number",
        why="The text cannot be read as one.",
        shown_by="expression",
        bad="int('ten')",
        good="int('10')",
    ),
    ProblemCode(
        code="no-date",
        title="No date",
        why="The text cannot be read as one.",
        shown_by="expression",
        bad="date('soon')",
        good="date('2026-11-20')",
    ),
    ProblemCode(
        code="no-time",
        title="No time of day",
        why="The value has a date only.",
        shown_by="expression",
        bad="date('2026-11-20').at('noon', 'UTC')",
        good="date('2026-11-20').at('12:00', 'UTC')",
    ),
    ProblemCode(
        code="no-zone",
        title="A time without zone",
        why="Nobody could say when it was.",
        shown_by="expression",
        bad="parse_datetime('20.11.2026 10:00', '%d.%m.%Y %H:%M')",
        good="parse_datetime('20.11.2026 10:00', '%d.%m.%Y %H:%M', zone='Europe/Berlin')",
    ),
    ProblemCode(
        code="unknown-zone",
        title="A time zone that does not exist",
        why="Write it as in the time-zone database, as Europe/Berlin.",
        shown_by="expression",
        bad="datetime('2026-11-20T10:00:00Z').in_zone('Europe/Nowhere')",
        good="datetime('2026-11-20T10:00:00Z').in_zone('Europe/Berlin')",
    ),
    ProblemCode(
        code="unknown-unit",
        title="A unit that does not exist",
        why="Units of time are named in the reference of the method.",
        shown_by="expression",
        bad="date('2026-11-20').start_of('decade')",
        good="date('2026-11-20').start_of('month')",
    ),
    ProblemCode(
        code="unknown-mode",
        title="A way of rounding that does not exist",
        why="The reference of the function lists them.",
        shown_by="expression",
        bad="round(2.5, mode='sideways')",
        good="round(2.5, mode='half_up')",
    ),
    ProblemCode(
        code="unknown-group",
        title="A group that a pattern does not have",
        why="Groups are numbered from 1, or named in the pattern.",
        shown_by="expression",
        bad="find('order 7', 'order ([0-9]+)', group=2)",
        good="find('order 7', 'order ([0-9]+)', group=1)",
    ),
    ProblemCode(
        code="bad-format",
        title="A format that does not exist",
        why="The reference lists the signs of formats.",
        shown_by="expression",
        bad="format(3, 'q')",
        good="format(3, '.2f')",
    ),
    ProblemCode(
        code="bad-pattern",
        title="No pattern",
        why="It cannot be read as a regular expression.",
        shown_by="expression",
        bad="find('order 7', 'order (')",
        good="find('order 7', 'order ([0-9]+)')",
    ),
    ProblemCode(
        code="no-json",
        title="No JSON",
        why="The text cannot be read as JSON.",
        shown_by="expression",
        bad="from_json('{')",
        good="from_json('{}')",
    ),
    ProblemCode(
        code="no-url",
        title="No address",
        why="The text cannot be read as one.",
        shown_by="expression",
        bad="url_decode('%ff')",
        good="url_decode('%20')",
    ),
    ProblemCode(
        code="no-clock",
        title="No time here",
        why="The time is known inside of a run only.",
        shown_by="expression",
        bad="now()",
        good="datetime('2026-11-20T10:00:00Z')",
    ),
    ProblemCode(
        code="no-seed",
        title="No ids here",
        why="Ids are derived from the run, so there are none outside of one.",
        shown_by="expression",
        bad="uuid()",
        good="'order-' + str(7)",
    ),
    ProblemCode(
        code="settings-refused",
        title="Settings that a step cannot work with",
        why="Once worked out, they are of the wrong type or out of range.",
        shown_by="run",
        bad=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    wait: {type: wait.for, with: {duration: '{{ input.minutes }}'}}\n"
            "tests:\n"
            "  - {name: it, input: {minutes: 5}, expect: {state: failed}}"
        ),
        good=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    wait: {type: wait.for, with: {duration: '{{ input.minutes }}m'}}\n"
            "tests:\n"
            "  - {name: it, input: {minutes: 5}, expect: {state: succeeded}}"
        ),
    ),
    ProblemCode(
        code="items-refused",
        title="Items that cannot be looped over",
        why="`items` must be a list.",
        shown_by="run",
        bad=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    each:\n"
            "      type: foreach\n"
            "      with: {items: '{{ input.lines }}'}\n"
            "      steps: {one: {type: noop}}\n"
            "tests:\n"
            "  - {name: it, input: {lines: 7}, expect: {state: failed}}"
        ),
        good=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    each:\n"
            "      type: foreach\n"
            "      with: {items: '{{ input.lines }}'}\n"
            "      steps: {one: {type: noop}}\n"
            "tests:\n"
            "  - {name: it, input: {lines: [7]}, expect: {state: succeeded}}"
        ),
    ),
    ProblemCode(
        code="not-as-expected",
        title="An output unlike what the step expects",
        why="It does not fit the schema under `expect`.",
        shown_by="run",
        bad=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    stock:\n"
            "      type: transform\n"
            "      with: {set: {left: '{{ input.left }}'}}\n"
            "      expect: {properties: {left: {type: integer}}}\n"
            "tests:\n"
            "  - {name: it, input: {left: many}, expect: {state: failed}}"
        ),
        good=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    stock:\n"
            "      type: transform\n"
            "      with: {set: {left: '{{ input.left }}'}}\n"
            "      expect: {properties: {left: {type: integer}}}\n"
            "tests:\n"
            "  - {name: it, input: {left: 3}, expect: {state: succeeded}}"
        ),
    ),
    ProblemCode(
        code="condition-not-boolean",
        title="A condition that is neither true nor false",
        why="Whether a loop goes on must be said plainly; a number or a text there is mostly a mistake.",
        shown_by="run",
        bad=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    until:\n"
            "      type: while\n"
            "      with: {condition: '{{ input.left - index }}', limit: 9}\n"
            "      steps: {a: {type: noop}}\n"
            "tests:\n"
            "  - {name: it, input: {left: 0}, expect: {state: failed}}"
        ),
        good=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    until:\n"
            "      type: while\n"
            "      with: {condition: '{{ index < input.left }}', limit: 9}\n"
            "      steps: {a: {type: noop}}\n"
            "tests:\n"
            "  - {name: it, input: {left: 0}, expect: {state: succeeded}}"
        ),
    ),
)
