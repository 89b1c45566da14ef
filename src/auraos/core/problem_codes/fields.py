"""Codes of the shape of a workflow: its fields, names, types and links as they are written."""

from auraos.core.problem_codes.code import WARNING, ProblemCode

CODES = (
    ProblemCode(
        code="unknown-field",
        title="A field that does not exist",
        why=(
            "A field that nobody reads is nearly always a misspelt one: what it was to say would silently "
            "not happen."
        ),
        bad="steps:\n  a: {type: noop, titel: First}",
        good="steps:\n  a: {type: noop, title: First}",
    ),
    ProblemCode(
        code="missing-field",
        title="A field that is needed is missing",
        why="Without it nobody could say what the part is to do.",
        bad="steps:\n  a: {title: Nothing to do}",
        good="steps:\n  a: {type: noop, title: Nothing to do}",
    ),
    ProblemCode(
        code="wrong-type",
        title="A value of the wrong type",
        why=(
            "Values are never bent into another type: a text `5` where a number belongs is a mistake or "
            "becomes one later."
        ),
        bad="steps:\n  a: {type: noop, disabled: 1}",
        good="steps:\n  a: {type: noop, disabled: true}",
    ),
    ProblemCode(
        code="out-of-range",
        title="A number that is too small or too large",
        why="The number has bounds beyond which it would mean nothing or do harm.",
        bad="steps:\n  a: {type: log, with: {message: hi}, priority: 11}",
        good="steps:\n  a: {type: log, with: {message: hi}, priority: 9}",
    ),
    ProblemCode(
        code="unknown-choice",
        title="None of the words to choose from",
        why="The field knows a few words only, and guessing which was meant could be wrong.",
        bad="steps:\n  a: {type: noop}\n  b: {type: noop, join: some}\nlinks: [a -> b]",
        good="steps:\n  a: {type: noop}\n  b: {type: noop, join: any}\nlinks: [a -> b]",
    ),
    ProblemCode(
        code="bad-url",
        title="An address that cannot be asked",
        why="Each attempt would fail before anything is sent.",
        bad="steps:\n  a: {type: http.request, with: {url: 'www.example.org/prices'}}",
        good="steps:\n  a: {type: http.request, with: {url: 'https://www.example.org/prices'}}",
    ),
    ProblemCode(
        code="clashing-settings",
        title="Settings that exclude each other",
        why="The step could obey one of them only, and it does not guess which.",
        bad="steps:\n  a: {type: http.request, with: {url: 'https://a.io', method: PUT, json: {n: 1}, body: 'n=1'}}",
        good="steps:\n  a: {type: http.request, with: {url: 'https://a.io', method: PUT, json: {n: 1}}}",
    ),
    ProblemCode(
        code="python-syntax",
        title="Statements that are no Python",
        why="The step would fail each time before its first statement ran.",
        bad=(
            "steps:\n  a:\n    type: code.python\n    with:\n      code: |\n"
            "        total = 1\n        if total = 2:\n          total"
        ),
        good=(
            "steps:\n  a:\n    type: code.python\n    with:\n      code: |\n"
            "        total = 1\n        if total == 2:\n          total"
        ),
    ),
    ProblemCode(
        code="python-unsupported",
        title="Python that the sandbox does not run",
        why=(
            "Statements run in a sandbox with a part of Python and of its standard library. What it lacks stops the step before "
            "its first statement, or where a module is imported that is not there."
        ),
        bad="steps:\n  a:\n    type: code.python\n    with:\n      code: |\n        import requests\n        requests.get('x')",
        good="steps:\n  a:\n    type: code.python\n    with:\n      code: |\n        import math\n        math.sqrt(2)",
    ),
    ProblemCode(
        code="bad-duration",
        title="No duration",
        why=(
            "A number without a unit could be seconds or minutes, and nobody notices the difference "
            "before it is too late."
        ),
        bad="steps:\n  a: {type: log, with: {message: hi}, timeout: 30}",
        good="steps:\n  a: {type: log, with: {message: hi}, timeout: 30s}",
    ),
    ProblemCode(
        code="bad-name",
        title="A name that is not possible",
        why=(
            "Names stand in expressions and paths, so they are small letters, digits and `_`, a letter first."
        ),
        bad="steps:\n  Get-Order: {type: noop}",
        good="steps:\n  get_order: {type: noop}",
    ),
    ProblemCode(
        code="reserved-name",
        title="A name that is taken",
        why=(
            "Words of the expression language and names such as `input` and `item` would make expressions "
            "ambiguous."
        ),
        bad="steps:\n  input: {type: noop}",
        good="steps:\n  read_input: {type: noop}",
    ),
    ProblemCode(
        code="duplicate-step",
        title="Two steps of one name",
        why="A step is named by its id wherever it is read or shown; so an id is used once, inner steps included.",
        bad="steps:\n  a: {type: noop}\n  each: {type: foreach, with: {items: [1]}, steps: {a: {type: noop}}}\noutput: 1",
        good="steps:\n  a: {type: noop}\n  each: {type: foreach, with: {items: [1]}, steps: {b: {type: noop}}}\noutput: 1",
    ),
    ProblemCode(
        code="unknown-type",
        title="A step type that is not there",
        why="The type is misspelt, or the plugin that brings it is not installed.",
        bad="steps:\n  a: {type: nop}",
        good="steps:\n  a: {type: noop}",
    ),
    ProblemCode(
        code="unknown-version",
        title="A version of a step type that is not there",
        why="A pinned version means exactly that one, and it is not installed.",
        bad="steps:\n  a: {type: noop@99}",
        good="steps:\n  a: {type: noop@1}",
    ),
    ProblemCode(
        code="bad-link",
        title="No link",
        why="A link goes from a step, or one of its ports, to a step: `a -> b` or `a.port -> b`.",
        bad="steps:\n  a: {type: noop}\n  b: {type: noop}\nlinks: [a => b]",
        good="steps:\n  a: {type: noop}\n  b: {type: noop}\nlinks: [a -> b]",
    ),
    ProblemCode(
        code="bad-schema",
        title="No JSON Schema",
        why=(
            "A schema that cannot be read checks nothing. References stay within it, so that a check "
            "never asks the network."
        ),
        bad="input: {type: objct}\nsteps:\n  a: {type: noop}",
        good="input: {type: object}\nsteps:\n  a: {type: noop}",
    ),
    ProblemCode(
        code="no-steps",
        title="A scope without steps",
        why="There is nothing to run.",
        bad="steps: {}",
        good="steps:\n  a: {type: noop}",
    ),
    ProblemCode(
        code="too-deep-nesting",
        title="Containers nested too deeply",
        why="Nobody can read that many levels, and each of them costs at run time.",
        reason=(
            "It takes more levels of containers than anybody reads to show. Move the inner ones to a workflow of its "
            "own, and `call` it."
        ),
    ),
    ProblemCode(
        code="unknown-timezone",
        title="A time zone that does not exist",
        why="Schedules and dates follow the rules of a place, which is named as in the time-zone database.",
        bad="settings: {timezone: Europe/Berln}\nsteps:\n  a: {type: noop}",
        good="settings: {timezone: Europe/Berlin}\nsteps:\n  a: {type: noop}",
    ),
    ProblemCode(
        code="no-expression-here",
        title="An expression where none is evaluated",
        why="The text would be used as it stands, braces and all.",
        bad=(
            "variables: {limit: '{{ input.limit }}'}\n"
            "steps:\n"
            "  a: {type: noop, with: {value: '{{ vars.limit }}'}}"
        ),
        good="variables: {limit: 10}\nsteps:\n  a: {type: noop, with: {value: '{{ vars.limit }}'}}",
    ),
    ProblemCode(
        code="field-without-effect",
        title="A field that changes nothing here",
        why="Somebody expects something of it that will not happen.",
        severity=WARNING,
        bad="settings: {debounce: {per: 1m, limit: 5}}\nsteps:\n  a: {type: noop}",
        good="settings: {debounce: {per: 1m}}\nsteps:\n  a: {type: noop}",
    ),
    ProblemCode(
        code="unknown-error-class",
        title="Nearly the name of a class of errors",
        why=(
            "A word that is no class is taken for an error code, which no error may ever have: the step "
            "would not be retried."
        ),
        severity=WARNING,
        bad=(
            "steps:\n"
            "  a: {type: http.request, with: {url: 'https://a.io'}, retry: {attempts: 3, on: [transiant]}}"
        ),
        good=(
            "steps:\n"
            "  a: {type: http.request, with: {url: 'https://a.io'}, retry: {attempts: 3, on: [transient]}}"
        ),
    ),
)
