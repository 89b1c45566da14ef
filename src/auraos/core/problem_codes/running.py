"""Codes of what goes wrong while a run is under way; `retry.on` may name them."""

from auraos.core.problem_codes.code import ProblemCode

CODES = (
    ProblemCode(
        code="left-open",
        title="An effect that the run before left open",
        why="That run ended without knowing whether the step took effect, so nothing repeats it before that is known.",
        reason=(
            "It takes a write whose answer was lost, and a run that was then ended by force. The retry of such a run "
            "asks: look whether it took effect, then `auraos runs resolve RUN PATH --succeeded JSON|--failed|--retry`."
        ),
    ),
    ProblemCode(
        code="deadly-run",
        title="A run whose beginning kills the process",
        why="Process after process died as it began this run, and the next one would, too.",
        reason=(
            "It takes three processes that die. Find out what kills them, in the log of the system or with less memory-hungry "
            "input; then start the run under another id."
        ),
    ),
    ProblemCode(
        code="key-refused",
        title="A key of the settings without a value",
        why="`concurrency`, `singleton` and the like share out starts by their `key`; without its value nothing can be shared.",
        reason=(
            "It takes a start in a process that serves a data folder. Write the `key` so that it has a value for every "
            'input, as in `key: "{{ input.customer or "nobody" }}"`, or require the field in the schema of the input.'
        ),
    ),
    ProblemCode(
        code="call-without-key",
        title="A call whose key has no value",
        why="The key says which run is meant. With an empty one, calls that have nothing in common would share a run.",
        reason=(
            "It takes a run. Write the `key` of the call so that it has a value of at most 1,000 characters for every input, "
            "or require the field in the schema of the input."
        ),
    ),
    ProblemCode(
        code="call-in-circle",
        title="A call that would wait for itself",
        why="A run waits for the one that it calls, and under a key that can be a run which waits for this one.",
        reason=(
            "It takes two workflows that call each other under one key. Look why the data leads in a circle, or let one of "
            "the calls not wait: `wait: false`."
        ),
    ),
    ProblemCode(
        code="key-used",
        title="A key that stands for another input",
        why="The same key means the same work. A run with this key was given another input, so one of the two calls is mistaken.",
        reason=(
            "It takes two runs that call a workflow under one key with different inputs. Put what differs into the `key`, or "
            "leave it out of the input. The message names the run that has the key."
        ),
    ),
    ProblemCode(
        code="too-many-callers",
        title="A run that a thousand steps await",
        why="Each caller is told of the end in the commit of the end, which must not grow without bound.",
        reason="It takes a thousand callers. Let those that need no output call with `wait: false`, or call again later.",
    ),
    ProblemCode(
        code="called-run-gone",
        title="A called run that was deleted",
        why="Its output was large, and it was deleted by its `retention` before the caller had read it.",
        reason="It takes a retention that is shorter than the caller was out of work. Keep the called runs longer.",
    ),
    ProblemCode(
        code="verify-not-boolean",
        title="A verification that answers neither yes nor no",
        why="`done` must be true or false.",
        shown_by="run",
        bad=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    pay:\n"
            "      type: http.request\n"
            "      with: {method: POST, url: 'https://bank.example/pay', json: {}}\n"
            "      verify:\n"
            "        type: http.request\n"
            "        with: {url: 'https://bank.example/payments/1'}\n"
            "        done: '{{ output.json.state }}'\n"
            "tests:\n"
            "  - {name: it, mocks: {pay: {$unknown: true}, pay!verify: {json: {state: paid}}}, answers: {pay: {outcome: "
            "failed}}, expect: {state: failed}}"
        ),
        good=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    pay:\n"
            "      type: http.request\n"
            "      with: {method: POST, url: 'https://bank.example/pay', json: {}}\n"
            "      verify:\n"
            "        type: http.request\n"
            "        with: {url: 'https://bank.example/payments/1'}\n"
            "        done: '{{ output.json.state == \"paid\" }}'\n"
            "tests:\n"
            "  - {name: it, mocks: {pay: {$unknown: true}, pay!verify: {json: {state: paid}}}, expect: {state: succeeded}}"
        ),
    ),
    ProblemCode(
        code="verified-not-done",
        title="An attempt that had no effect",
        why="So its verification found; it may be repeated.",
        shown_by="run",
        bad=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    pay:\n"
            "      type: http.request\n"
            "      with: {method: POST, url: 'https://bank.example/pay', json: {}}\n"
            "      verify:\n"
            "        type: http.request\n"
            "        with: {url: 'https://bank.example/payments/1'}\n"
            "        done: '{{ output.json.state == \"paid\" }}'\n"
            "tests:\n"
            "  - {name: it, mocks: {pay: {$unknown: true}, pay!verify: {json: {state: open}}}, expect: {state: failed}}"
        ),
        good=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    pay:\n"
            "      type: http.request\n"
            "      with: {method: POST, url: 'https://bank.example/pay', json: {}}\n"
            "      verify:\n"
            "        type: http.request\n"
            "        with: {url: 'https://bank.example/payments/1'}\n"
            "        done: '{{ output.json.state == \"paid\" }}'\n"
            "tests:\n"
            "  - {name: it, mocks: {pay: {$unknown: true}, pay!verify: {json: {state: paid}}}, expect: {state: succeeded}}"
        ),
    ),
    ProblemCode(
        code="resolved-as-failed",
        title="Resolved as failed",
        why="A person said that an attempt in doubt had no effect.",
        shown_by="run",
        bad=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    pay:\n"
            "      type: http.request\n"
            "      with: {method: POST, url: 'https://bank.example/pay', json: {}}\n"
            "      uncertain: ask\n"
            "tests:\n"
            "  - {name: it, mocks: {pay: {$unknown: true}}, answers: {pay: {outcome: failed}}, expect: {state: failed}}"
        ),
        good=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    pay:\n"
            "      type: http.request\n"
            "      with: {method: POST, url: 'https://bank.example/pay', json: {}}\n"
            "      uncertain: ask\n"
            "tests:\n"
            "  - {name: it, mocks: {pay: {$unknown: true}}, answers: {pay: {outcome: succeeded, output: {}}}, expect: "
            "{state: succeeded}}"
        ),
    ),
    ProblemCode(
        code="cancelled",
        title="Cancelled",
        why="Somebody cancelled it, or the scope around it ended.",
        shown_by="run",
        bad=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    paid: {type: wait.signal, with: {name: paid}}\n"
            "tests:\n"
            "  - {name: it, control: [{do: cancel, at: 1h}], expect: {state: cancelled}}"
        ),
        good=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    paid: {type: wait.signal, with: {name: paid}}\n"
            "tests:\n"
            "  - {name: it, signals: [{name: paid, at: 1h}], expect: {state: succeeded}}"
        ),
    ),
    ProblemCode(
        code="stopped",
        title="Stopped",
        why="The run ended at a `stop` step elsewhere.",
        reason=(
            "It is a reason inside of the run machine: the steps that a `stop` ends are shown as cancelled, and the "
            "run ends as the `stop` says. No run ends with it."
        ),
    ),
    ProblemCode(
        code="forced",
        title="Ended by force",
        why="Somebody ended the run as it stood.",
        shown_by="run",
        bad=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    paid: {type: wait.signal, with: {name: paid}}\n"
            "tests:\n"
            "  - {name: it, control: [{do: cancel, at: 1h, force: true}], expect: {state: cancelled}}"
        ),
        good=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    paid: {type: wait.signal, with: {name: paid}}\n"
            "tests:\n"
            "  - {name: it, control: [{do: pause, at: 1h}, {do: resume, at: 2h}], signals: [{name: paid, at: 3h}], "
            "expect: {state: succeeded}}"
        ),
    ),
    ProblemCode(
        code="deadline",
        title="The deadline of a step has passed",
        why="All its attempts together took too long.",
        shown_by="run",
        bad=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    pay:\n"
            "      type: http.request\n"
            "      with: {method: POST, url: 'https://bank.example/pay', json: {}}\n"
            "      retry: {attempts: 5, first: 50s, on: [transient]}\n"
            "      deadline: 1m\n"
            "      timeout: 30s\n"
            "      key: '1'\n"
            "tests:\n"
            "  - {name: it, mocks: {pay: {$fail: transient}}, expect: {state: failed}}"
        ),
        good=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    pay:\n"
            "      type: http.request\n"
            "      with: {method: POST, url: 'https://bank.example/pay', json: {}}\n"
            "      retry: {attempts: 5, first: 5s, on: [transient]}\n"
            "      deadline: 1m\n"
            "      timeout: 30s\n"
            "      key: '1'\n"
            "tests:\n"
            "  - {name: it, mocks: {pay: [{$fail: transient}, {json: {}}]}, expect: {state: succeeded}}"
        ),
    ),
    ProblemCode(
        code="expired",
        title="A wait expired",
        why="Nothing came in time, and the port `expired` is not linked.",
        shown_by="run",
        bad=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    paid: {type: wait.signal, with: {name: paid, expires: 2h}}\n"
            "tests:\n"
            "  - {name: it, expect: {state: failed}}"
        ),
        good=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    paid: {type: wait.signal, with: {name: paid, expires: 2h}}\n"
            "tests:\n"
            "  - {name: it, signals: [{name: paid, at: 1h}], expect: {state: succeeded}}"
        ),
    ),
    ProblemCode(
        code="run-timeout",
        title="The run took too long",
        why="It reached the time-out of its workflow.",
        shown_by="run",
        bad=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  settings: {timeout: 1h}\n"
            "  steps:\n"
            "    paid: {type: wait.signal, with: {name: paid}}\n"
            "tests:\n"
            "  - {name: it, expect: {state: failed}}"
        ),
        good=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  settings: {timeout: 1h}\n"
            "  steps:\n"
            "    paid: {type: wait.signal, with: {name: paid}}\n"
            "tests:\n"
            "  - {name: it, signals: [{name: paid, at: 10m}], expect: {state: succeeded}}"
        ),
    ),
    ProblemCode(
        code="too-many-activations",
        title="Too many steps in one run",
        why="A run has at most a million activations.",
        reason=(
            "It takes a million steps in one run to show. Let a `foreach` work in pages, or start a run for each part."
        ),
    ),
    ProblemCode(
        code="cannot-inherit",
        title="A run that cannot be taken up there",
        why="The step to start at, or an output to change, is not in that run.",
        shown_by="console",
        bad=(
            "$ auraos run examples/hello.yaml --input name=Ada --no-wait\n"
            "...\n"
            "$ auraos runs retry 1 --from nowhere\n"
            "error[cannot-inherit]: ...\n"
            "..."
        ),
        good=("$ auraos runs retry 1 --from greet\n...\nrun 2 succeeded\n..."),
    ),
    ProblemCode(
        code="unreadable-fact",
        title="A fact that cannot be read",
        why="The journal holds something that this version does not know; a newer one may have written it.",
        reason=(
            "It takes a journal of a newer release. Run that release, or a later one, on this data folder."
        ),
    ),
)
