"""Codes of the graph: links, order, and what expressions read."""

from auraos.core.problem_codes.code import WARNING, ProblemCode

CODES = (
    ProblemCode(
        code="dangling-link",
        title="A link to a step that does not exist",
        why="The step it should lead to would never start, or start at once, without waiting.",
        bad=("steps:\n  a: {type: noop}\n  b: {type: noop}\nlinks: [a -> c]"),
        good=("steps:\n  a: {type: noop}\n  b: {type: noop}\nlinks: [a -> b]"),
    ),
    ProblemCode(
        code="dangling-port",
        title="A link from a port that does not exist",
        why="Nothing ever leaves from there, so the step behind it would be skipped in every run.",
        bad=(
            "steps:\n"
            "  ask: {type: if, with: {condition: '{{ input.ok }}'}}\n"
            "  b: {type: noop}\n"
            "links: [ask.yes -> b]"
        ),
        good=(
            "steps:\n"
            "  ask: {type: if, with: {condition: '{{ input.ok }}'}}\n"
            "  b: {type: noop}\n"
            "links: [ask.true -> b]"
        ),
    ),
    ProblemCode(
        code="link-leaves-scope",
        title="A link across the border of a container",
        why=(
            "Inner steps start with their container, once for each item or round; a link from outside "
            "could not say for which."
        ),
        bad=(
            "steps:\n"
            "  a: {type: noop}\n"
            "  each:\n"
            "    type: foreach\n"
            "    with: {items: [1]}\n"
            "    steps:\n"
            "      b: {type: noop}\n"
            "links: [a -> b]"
        ),
        good=(
            "steps:\n"
            "  a: {type: noop}\n"
            "  each:\n"
            "    type: foreach\n"
            "    with: {items: [1]}\n"
            "    steps:\n"
            "      b: {type: noop}\n"
            "links: [a -> each]"
        ),
    ),
    ProblemCode(
        code="duplicate-link",
        title="The same link twice",
        why="The second adds nothing, but counts where `join` is a number, and `join: collect` lists it twice.",
        bad=("steps:\n  a: {type: noop}\n  b: {type: noop}\nlinks: [a -> b, a -> b]"),
        good=("steps:\n  a: {type: noop}\n  b: {type: noop}\nlinks: [a -> b]"),
        severity=WARNING,
    ),
    ProblemCode(
        code="link-cycle",
        title="Steps that wait for one another",
        why=(
            "Each waits for the one before it, round and round, so none ever starts. Repetition is a "
            "container, never a link back."
        ),
        bad=("steps:\n  a: {type: noop}\n  b: {type: noop}\nlinks: [a -> b, b -> a]\noutput: null"),
        good=("steps:\n  a: {type: noop}\n  b: {type: noop}\nlinks: [a -> b]"),
    ),
    ProblemCode(
        code="never-starts",
        title="A step that can never start",
        why="It waits for more live links than can ever come together.",
        bad=("steps:\n  a: {type: noop}\n  b: {type: noop, join: 2}\nlinks: [a -> b]"),
        good=(
            "steps:\n"
            "  a: {type: noop}\n"
            "  c: {type: noop}\n"
            "  b: {type: noop, join: 2}\n"
            "links: [a -> b, c -> b]"
        ),
    ),
    ProblemCode(
        code="unreachable-step",
        title="A step that no run reaches",
        why=(
            "It stands behind an end, a branch that is never taken, or steps that never start. It may be "
            "a leftover, or a link is wrong."
        ),
        bad=("steps:\n  halt: {type: stop}\n  b: {type: noop}\nlinks: [halt -> b]"),
        good=("steps:\n  a: {type: noop}\n  b: {type: noop}\nlinks: [a -> b]"),
        severity=WARNING,
    ),
    ProblemCode(
        code="dead-port",
        title="A link from a port that is never live",
        why="The step behind it waits for something that cannot happen.",
        bad=("steps:\n  a: {type: noop}\n  b: {type: noop}\nlinks: [a.error -> b]"),
        good=(
            "steps:\n"
            "  a: {type: noop, with: {value: '{{ input.x / 2 }}'}}\n"
            "  b: {type: noop}\n"
            "links: [a.error -> b]\n"
            "output: '{{ steps.a }}'"
        ),
        severity=WARNING,
    ),
    ProblemCode(
        code="several-ends",
        title="An output that nobody has chosen",
        why=(
            "With one last step its output is that of the scope. With several it is null, which is seldom "
            "what was meant."
        ),
        bad=("steps:\n  a: {type: noop}\n  b: {type: noop}"),
        good=("steps:\n  a: {type: noop}\n  b: {type: noop}\noutput: '{{ steps.b }}'"),
        severity=WARNING,
    ),
    ProblemCode(
        code="unknown-name",
        title="A name that does not exist",
        why=(
            "Expressions read `input`, `vars`, `steps`, `errors`, `run`, `trigger`, and in loops `item`, "
            "`index` and `last`."
        ),
        bad=("steps:\n  a: {type: noop, with: {value: '{{ inptu.x }}'}}"),
        good=("steps:\n  a: {type: noop, with: {value: '{{ input.x }}'}}"),
    ),
    ProblemCode(
        code="unknown-step",
        title="A step that does not exist is named",
        why="What should be read or meant is not there, under that name at least.",
        bad=(
            "steps:\n"
            "  first: {type: noop}\n"
            "  b: {type: noop, with: {value: '{{ steps.frist }}'}}\n"
            "links: [first -> b]"
        ),
        good=(
            "steps:\n"
            "  first: {type: noop}\n"
            "  b: {type: noop, with: {value: '{{ steps.first }}'}}\n"
            "links: [first -> b]"
        ),
    ),
    ProblemCode(
        code="unknown-variable",
        title="A variable that does not exist",
        why="Variables are listed under `variables`, with their first values.",
        bad=(
            "variables: {limit: 5}\n"
            "steps:\n"
            "  a: {type: noop, with: {value: '{{ [vars.limit, vars.limti] }}'}}"
        ),
        good=("variables: {limit: 5}\nsteps:\n  a: {type: noop, with: {value: '{{ vars.limit }}'}}"),
    ),
    ProblemCode(
        code="reads-later",
        title="A step is read that cannot have run",
        why="Its output is not there at that time, in any run.",
        bad=("steps:\n  a: {type: noop, with: {value: '{{ steps.b }}'}}\n  b: {type: noop}\nlinks: [a -> b]"),
        good=(
            "steps:\n  a: {type: noop}\n  b: {type: noop, with: {value: '{{ steps.a }}'}}\nlinks: [a -> b]"
        ),
    ),
    ProblemCode(
        code="reads-maybe",
        title="A step is read that may not have run",
        why=(
            "In some runs it is skipped, or has not ended yet; its output is null then. Say what holds in "
            "that case."
        ),
        bad=(
            "steps:\n"
            "  ask: {type: if, with: {condition: '{{ input.ok }}'}}\n"
            "  yes: {type: noop, with: {value: 5}}\n"
            "  end: {type: noop, with: {value: '{{ steps.yes + 1 }}'}}\n"
            "links: [ask.true -> yes, yes -> end, ask.false -> end]"
        ),
        good=(
            "steps:\n"
            "  ask: {type: if, with: {condition: '{{ input.ok }}'}}\n"
            "  yes: {type: noop, with: {value: 5}}\n"
            "  end: {type: noop, with: {value: '{{ steps.yes + 1 if steps.yes else 0 }}'}}\n"
            "links: [ask.true -> yes, yes -> end, ask.false -> end]"
        ),
        severity=WARNING,
    ),
    ProblemCode(
        code="reads-unordered",
        title="A step is read that runs side by side",
        why="Sometimes it has ended by then, sometimes not: the run would depend on who is faster.",
        bad=("steps:\n  a: {type: noop}\n  b: {type: noop, with: {value: '{{ steps.a }}'}}\noutput: null"),
        good=(
            "steps:\n  a: {type: noop}\n  b: {type: noop, with: {value: '{{ steps.a }}'}}\nlinks: [a -> b]"
        ),
        severity=WARNING,
    ),
    ProblemCode(
        code="reads-inner",
        title="An inner step is read from outside",
        why=(
            "Inner steps may run many times or not at all, so their outputs stay inside. Outside, read "
            "the container."
        ),
        bad=(
            "steps:\n"
            "  each:\n"
            "    type: foreach\n"
            "    with: {items: [1, 2]}\n"
            "    steps:\n"
            "      price: {type: noop, with: {value: '{{ item }}'}}\n"
            "  end: {type: noop, with: {value: '{{ steps.price }}'}}\n"
            "links: [each -> end]"
        ),
        good=(
            "steps:\n"
            "  each:\n"
            "    type: foreach\n"
            "    with: {items: [1, 2]}\n"
            "    steps:\n"
            "      price: {type: noop, with: {value: '{{ item }}'}}\n"
            "  end: {type: noop, with: {value: '{{ steps.each }}'}}\n"
            "links: [each -> end]"
        ),
    ),
    ProblemCode(
        code="reads-disabled",
        title="A disabled step is read",
        why="A disabled step passes null on, so this always is null.",
        bad=(
            "steps:\n"
            "  a: {type: noop, disabled: true}\n"
            "  b: {type: noop, with: {value: '{{ steps.a }}'}}\n"
            "links: [a -> b]"
        ),
        good=(
            "steps:\n  a: {type: noop}\n  b: {type: noop, with: {value: '{{ steps.a }}'}}\nlinks: [a -> b]"
        ),
        severity=WARNING,
    ),
    ProblemCode(
        code="reads-no-error",
        title="An error is read that is never caught",
        why=(
            "When the step fails, its whole scope does, unless its `error` port is linked; so this always "
            "is null."
        ),
        bad=(
            "steps:\n"
            "  a: {type: fail, with: {message: no}}\n"
            "  b: {type: noop, with: {value: '{{ errors.a }}'}}\n"
            "  c: {type: noop, with: {value: '{{ errors.b }}'}}\n"
            "links: [a.error -> b, b -> c]"
        ),
        good=(
            "steps:\n"
            "  a: {type: fail, with: {message: no}}\n"
            "  b: {type: noop, with: {value: '{{ errors.a }}'}}\n"
            "links: [a.error -> b]"
        ),
        severity=WARNING,
    ),
    ProblemCode(
        code="type-mismatch",
        title="A value of another type than is needed",
        why="What is known of the value shows that this cannot work, or is never what was meant.",
        bad=("steps:\n  a: {type: foreach, with: {items: '{{ 5 }}'}, steps: {b: {type: noop}}}"),
        good=("steps:\n  a: {type: foreach, with: {items: '{{ [5] }}'}, steps: {b: {type: noop}}}"),
    ),
    ProblemCode(
        code="fallback-mismatch",
        title="A fallback unlike the output it stands in for",
        why="Steps that read the output would find something else when the fallback stands in.",
        bad=(
            "steps:\n"
            "  a: {type: http.request, with: {url: 'https://a.io'}, fallback: none}\n"
            "  b: {type: noop, with: {value: '{{ steps.a.json }}'}}\n"
            "links: [a -> b]"
        ),
        good=(
            "steps:\n"
            "  a: {type: http.request, with: {url: 'https://a.io'}, fallback: {json: null}}\n"
            "  b: {type: noop, with: {value: '{{ steps.a.json }}'}}\n"
            "links: [a -> b]"
        ),
        severity=WARNING,
    ),
    ProblemCode(
        code="text-condition",
        title="A condition that is a text",
        why="A text that is not empty counts as true, whatever it says. Between braces it is an expression.",
        bad=("steps:\n  ask: {type: if, with: {condition: input.total > 5}}"),
        good=("steps:\n  ask: {type: if, with: {condition: '{{ input.total > 5 }}'}}"),
    ),
    ProblemCode(
        code="text-like-expression",
        title="A text written like an expression",
        why="Without braces it stays the text it is.",
        bad=("steps:\n  a: {type: noop, with: {value: input.total}}"),
        good=("steps:\n  a: {type: noop, with: {value: '{{ input.total }}'}}"),
        severity=WARNING,
    ),
    ProblemCode(
        code="constant-condition",
        title="A condition that never varies",
        why="A branch that is always or never taken is a leftover, or the condition is not what was meant.",
        bad=("steps:\n  ask: {type: if, with: {condition: '{{ 1 > 2 }}'}}"),
        good=("steps:\n  ask: {type: if, with: {condition: '{{ input.total > 2 }}'}}"),
        severity=WARNING,
    ),
    ProblemCode(
        code="unused-variable",
        title="A variable that nobody reads",
        why="It is a leftover, or its name is misspelt where it should be read.",
        bad=("variables: {limit: 5}\nsteps:\n  a: {type: noop}"),
        good=("variables: {limit: 5}\nsteps:\n  a: {type: noop, with: {value: '{{ vars.limit }}'}}"),
        severity=WARNING,
    ),
)
