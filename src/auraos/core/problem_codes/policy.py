"""Codes of what steps do about failure, time, secrets, calls and size, and of a document's tests."""

from auraos.core.problem_codes.code import WARNING, ProblemCode

CODES = (
    ProblemCode(
        code="unbounded-loop",
        title="A loop without limit",
        why="A loop whose condition never becomes false would run for ever, and cost for ever.",
        bad=(
            "steps:\n"
            "  pages:\n"
            "    type: while\n"
            "    with: {condition: '{{ last.more }}'}\n"
            "    steps:\n"
            "      page: {type: noop}"
        ),
        good=(
            "steps:\n"
            "  pages:\n"
            "    type: while\n"
            "    with: {condition: '{{ last.more }}', limit: 100}\n"
            "    steps:\n"
            "      page: {type: noop}"
        ),
    ),
    ProblemCode(
        code="try-without-catch",
        title="A `try` that catches nothing",
        why="Its failure goes up as if it were not there.",
        bad=("steps:\n  guard:\n    type: try\n    steps:\n      a: {type: noop}"),
        good=(
            "steps:\n"
            "  guard:\n"
            "    type: try\n"
            "    steps:\n"
            "      a: {type: noop}\n"
            "    catch:\n"
            "      steps:\n"
            "        b: {type: noop}"
        ),
        severity=WARNING,
    ),
    ProblemCode(
        code="race-of-one",
        title="A race without rivals",
        why="With one branch there is nobody to be faster than.",
        bad=(
            "steps:\n"
            "  first:\n"
            "    type: race\n"
            "    branches:\n"
            "      only:\n"
            "        steps:\n"
            "          a: {type: noop}"
        ),
        good=(
            "steps:\n"
            "  first:\n"
            "    type: race\n"
            "    branches:\n"
            "      one:\n"
            "        steps:\n"
            "          a: {type: noop}\n"
            "      other:\n"
            "        steps:\n"
            "          b: {type: noop}"
        ),
        severity=WARNING,
    ),
    ProblemCode(
        code="retry-without-key",
        title="Retry of something that should happen once",
        why=(
            "When an attempt ends in doubt (the answer was lost) it is not repeated, for that could do it "
            "twice: a person is asked. A `key` that the other side honours makes repeating safe."
        ),
        bad=(
            "steps:\n"
            "  pay: {type: http.request, with: {url: 'https://a.io', method: POST}, retry: {attempts: 3}}"
        ),
        good=(
            "steps:\n"
            "  pay: {type: http.request, with: {url: 'https://a.io', method: POST}, retry: {attempts: 3}, key: '{{ input.id }}'}"
        ),
        severity=WARNING,
    ),
    ProblemCode(
        code="stands-when-retried",
        title="An effect that stands when the scope around it is tried again",
        why=(
            "A container with `retry` undoes what its failed try had done, and begins anew. What has no `undo` stays done. It "
            "is not done again, even if the next try has other data; only in a `finally` it is done in every try."
        ),
        bad=(
            "steps:\n  each: {type: foreach, with: {items: [1]}, retry: {attempts: 3}, steps: "
            "{pay: {type: http.request, with: {url: 'https://a.io', method: POST}}}}"
        ),
        good=(
            "steps:\n  each: {type: foreach, with: {items: [1]}, retry: {attempts: 3}, steps: "
            "{pay: {type: http.request, with: {url: 'https://a.io', method: POST}, key: '{{ item }}'}}}"
        ),
        severity=WARNING,
    ),
    ProblemCode(
        code="policy-refused",
        title="A policy that this step cannot have",
        why="Somebody relies on it, and nothing could carry it out; so the file is refused instead of half obeyed.",
        bad="steps:\n  a: {type: wait.for, with: {duration: 5m}, retry: {attempts: 3}}",
        good="steps:\n  a: {type: wait.for, with: {duration: 5m}}",
    ),
    ProblemCode(
        code="repeats-a-write",
        title="A write that may be done twice",
        why=(
            "`uncertain: retry` repeats what may have happened already. Without a `key` nobody on the "
            "other side can tell."
        ),
        bad=(
            "steps:\n"
            "  pay: {type: http.request, with: {url: 'https://a.io', method: POST}, retry: {attempts: 3}, uncertain: retry}"
        ),
        good=(
            "steps:\n"
            "  pay: {type: http.request, with: {url: 'https://a.io', method: POST}, retry: {attempts: 3}, uncertain: ask}"
        ),
    ),
    ProblemCode(
        code="constant-key",
        title="A key that is the same in every run",
        why=(
            "The key tells one piece of work from another. With one key for all, the other side takes "
            "everything after the first for a repetition."
        ),
        bad=("steps:\n  pay: {type: http.request, with: {url: 'https://a.io', method: POST}, key: payment}"),
        good=(
            "steps:\n"
            "  pay: {type: http.request, with: {url: 'https://a.io', method: POST}, key: '{{ input.id }}'}"
        ),
        severity=WARNING,
    ),
    ProblemCode(
        code="verify-missing",
        title="Nothing says how to verify",
        why="`uncertain: verify` needs a step that finds out whether an attempt took effect.",
        bad=(
            "steps:\n"
            "  pay: {type: http.request, with: {url: 'https://a.io', method: POST}, uncertain: verify}"
        ),
        good=(
            "steps:\n"
            "  pay:\n"
            "    type: http.request\n"
            "    with: {url: 'https://a.io', method: POST}\n"
            "    uncertain: verify\n"
            "    verify: {type: http.request, with: {url: 'https://a.io/1'}, done: '{{ output.status == 200 }}'}"
        ),
    ),
    ProblemCode(
        code="verify-writes",
        title="A verification that does not just look",
        why=(
            "Verifying happens in doubt and perhaps often; it must change nothing, and it must look at "
            "the world."
        ),
        bad=(
            "steps:\n"
            "  pay:\n"
            "    type: http.request\n"
            "    with: {url: 'https://a.io', method: POST}\n"
            "    verify: {type: http.request, with: {url: 'https://a.io', method: POST}, done: '{{ output.ok }}'}"
        ),
        good=(
            "steps:\n"
            "  pay:\n"
            "    type: http.request\n"
            "    with: {url: 'https://a.io', method: POST}\n"
            "    verify: {type: http.request, with: {url: 'https://a.io/1'}, done: '{{ output.status == 200 }}'}"
        ),
    ),
    ProblemCode(
        code="cache-of-effect",
        title="A cached effect",
        why="A cached output is used instead of doing the work; what changes the world would not happen.",
        bad=(
            "steps:\n  pay: {type: http.request, with: {url: 'https://a.io', method: POST}, cache: {ttl: 1h}}"
        ),
        good=("steps:\n  look: {type: http.request, with: {url: 'https://a.io'}, cache: {ttl: 1h}}"),
    ),
    ProblemCode(
        code="timeout-too-long",
        title="A time-out that never comes into effect",
        why="A shorter one around it ends the step first.",
        bad=(
            "settings: {timeout: 1m}\n"
            "steps:\n"
            "  a: {type: http.request, with: {url: 'https://a.io'}, timeout: 5m}"
        ),
        good=(
            "settings: {timeout: 10m}\n"
            "steps:\n"
            "  a: {type: http.request, with: {url: 'https://a.io'}, timeout: 5m}"
        ),
        severity=WARNING,
    ),
    ProblemCode(
        code="wait-too-long",
        title="A wait longer than the run",
        why="The run times out before the wait is over.",
        bad=("settings: {timeout: 1h}\nsteps:\n  a: {type: wait.for, with: {duration: 2h}}"),
        good=("settings: {timeout: 3h}\nsteps:\n  a: {type: wait.for, with: {duration: 2h}}"),
        severity=WARNING,
    ),
    ProblemCode(
        code="bad-datetime",
        title="No point in time",
        why="A date without a time zone could mean any of 38 moments.",
        bad=("steps:\n  a: {type: wait.until, with: {at: '2026-11-20 17:30'}}"),
        good=("steps:\n  a: {type: wait.until, with: {at: '2026-11-20T17:30:00Z'}}"),
    ),
    ProblemCode(
        code="secret-variable",
        title="A variable that is meant to be a secret",
        why=(
            "The value of a variable stands in the text of the workflow and in the journal of every run. A secret "
            "is no value: a step names it, and only that step's code is given it, for the hosts it is meant for."
        ),
        bad=(
            "variables: {key: {type: string, default: '', secret: true}}\n"
            "steps:\n"
            "  a: {type: http.request, with: {url: 'https://stock.example/items', headers: {X-Key: '{{ vars.key }}'}}}"
        ),
        good=(
            "steps:\n  a: {type: http.request, with: {url: 'https://stock.example/items', secret: stock-api}}"
        ),
    ),
    ProblemCode(
        code="unknown-workflow",
        title="A workflow that does not exist is called",
        why="The call would fail.",
        bad=("steps:\n  a: {type: call, with: {workflow: invoce}}"),
        good=("steps:\n  a: {type: call, with: {workflow: invoice}}"),
    ),
    ProblemCode(
        code="pinned-call",
        title="A call that pins a version",
        why=(
            "Files have no version numbers, so no run could find that version. A run takes what the file says when "
            "the run starts, and stays with it."
        ),
        bad="steps:\n  a: {type: call, with: {workflow: invoice@3}}",
        good="steps:\n  a: {type: call, with: {workflow: invoice}}",
    ),
    ProblemCode(
        code="call-recursion",
        title="A workflow that always calls itself",
        why="Each run starts another, until calls are too deep and all of them fail. A condition must end it.",
        bad="steps:\n  again: {type: call, with: {workflow: example}}",
        good=(
            "steps:\n"
            "  ask: {type: if, with: {condition: '{{ input.depth < 3 }}'}}\n"
            "  again: {type: call, with: {workflow: example, input: {depth: '{{ input.depth + 1 }}'}}}\n"
            "links: [ask.true -> again]"
        ),
    ),
    ProblemCode(
        code="call-too-deep",
        title="Calls nested too deeply",
        why="A run fails when calls are more than 16 deep.",
        reason=(
            "It takes 17 workflows, each of which calls the next, to show. Let one workflow call several, instead of "
            "each calling one."
        ),
    ),
    ProblemCode(
        code="large-workflow",
        title="A workflow that is hard to understand",
        why=(
            "Nobody keeps more than 200 steps in mind. A part with a name of its own is easier to read, "
            "test and use again."
        ),
        reason=(
            "It takes more than 200 steps to show. Move a part that has a name of its own to a workflow of its own, "
            "and `call` it."
        ),
        severity=WARNING,
    ),
    ProblemCode(
        code="too-large-workflow",
        title="A workflow that is too large",
        why="More than 2,000 steps, or 20,000 expressions, can neither be drawn nor understood. Nothing else of it is checked.",
        reason=(
            "It takes more than 2,000 steps to show. Let a `foreach` repeat what is alike, and `call` workflows for "
            "the parts."
        ),
    ),
    ProblemCode(
        code="test-without-expect",
        title="A test that expects nothing",
        why="It passes whatever the workflow puts out.",
        bad=(
            "kind: workflow\nname: example\nspec:\n  steps:\n    a: {type: noop}\ntests:\n  - {name: it runs}"
        ),
        good=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    a: {type: noop}\n"
            "tests:\n"
            "  - {name: it runs, expect: {path: [a]}}"
        ),
        severity=WARNING,
    ),
    ProblemCode(
        code="duplicate-test",
        title="Two tests of one name",
        why="A report could not say which of them failed.",
        bad=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    a: {type: noop}\n"
            "tests:\n"
            "  - {name: it runs, expect: {path: [a]}}\n"
            "  - {name: it runs, expect: {path: [a]}}"
        ),
        good=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    a: {type: noop}\n"
            "tests:\n"
            "  - {name: it runs, expect: {path: [a]}}"
        ),
        severity=WARNING,
    ),
    ProblemCode(
        code="test-input",
        title="A test whose input the workflow would refuse",
        why="The input does not fit the schema, so no run would begin.",
        bad=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  input: {type: object, required: [id]}\n"
            "  steps:\n"
            "    a: {type: noop}\n"
            "tests:\n"
            "  - {name: it runs, input: {}, expect: {path: [a]}}"
        ),
        good=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  input: {type: object, required: [id]}\n"
            "  steps:\n"
            "    a: {type: noop}\n"
            "tests:\n"
            "  - {name: it runs, input: {id: 7}, expect: {path: [a]}}"
        ),
        severity=WARNING,
    ),
)
