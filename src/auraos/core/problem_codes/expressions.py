"""Codes of expressions that cannot be understood; they are known before anything runs."""

from auraos.core.problem_codes.code import ProblemCode

CODES = (
    ProblemCode(
        code="expression-syntax",
        title="No expression",
        why="The text cannot be read as an expression.",
        bad=("steps:\n  a: {type: noop, with: {value: '{{ input.total + }}'}}"),
        good=("steps:\n  a: {type: noop, with: {value: '{{ input.total + 1 }}'}}"),
    ),
    ProblemCode(
        code="empty",
        title="An empty expression",
        why="There is nothing between the braces.",
        bad=("steps:\n  a: {type: noop, with: {value: '{{   }}'}}"),
        good=("steps:\n  a: {type: noop, with: {value: '{{ input.total }}'}}"),
    ),
    ProblemCode(
        code="unclosed",
        title="An expression without end",
        why="The closing `}}` is missing, so everything behind it would be part of the expression.",
        bad=("steps:\n  a: {type: noop, with: {value: '{{ input.total'}}"),
        good=("steps:\n  a: {type: noop, with: {value: '{{ input.total }}'}}"),
    ),
    ProblemCode(
        code="bracket",
        title="Brackets that do not pair",
        why="One is opened and not closed, or closed and not opened.",
        bad=("steps:\n  a: {type: noop, with: {value: '{{ input.total) }}'}}"),
        good=("steps:\n  a: {type: noop, with: {value: '{{ (input.total) }}'}}"),
    ),
    ProblemCode(
        code="quote",
        title="A text without end inside an expression",
        why="A quote opens a text and none closes it.",
        bad=('steps:\n  a:\n    type: noop\n    with:\n      value: >-\n        {{ "open }}'),
        good=('steps:\n  a:\n    type: noop\n    with:\n      value: >-\n        {{ "open" }}'),
    ),
    ProblemCode(
        code="comment",
        title="A comment inside an expression",
        why="What follows the `#` would be lost.",
        bad=("steps:\n  a: {type: noop, with: {value: '{{ input.total # all }}'}}"),
        good=("steps:\n  a: {type: noop, with: {value: '{{ input.total }}'}}"),
    ),
    ProblemCode(
        code="too-long",
        title="An expression that is too long",
        why="Nobody can read it, and reading it costs time in every run.",
        reason=(
            "It takes more than ten thousand characters to show. Work values out in a `transform` step, one part after "
            "the other, or in a `code.python` step."
        ),
    ),
    ProblemCode(
        code="too-deep",
        title="Nested too deeply",
        why="Nobody can read it, and working on it could exhaust the machine.",
        reason=(
            "It takes dozens of brackets within brackets to show. Give the inner parts names in a `transform` step "
            "before it."
        ),
    ),
    ProblemCode(
        code="not-in-the-language",
        title="Something the language does not have",
        why="Expressions work out a value and do nothing else.",
        bad=("steps:\n  a: {type: noop, with: {value: '{{ lambda: 1 }}'}}"),
        good=("steps:\n  a: {type: noop, with: {value: '{{ input.total }}'}}"),
    ),
    ProblemCode(
        code="name-spelling",
        title="Letters that look like others",
        why="Two names that look alike would be different ones.",
        bad=("steps:\n  a: {type: noop, with: {value: '{{ input.ﬁle }}'}}"),
        good=("steps:\n  a: {type: noop, with: {value: '{{ input.file }}'}}"),
    ),
    ProblemCode(
        code="number-too-large",
        title="A number that is too large",
        why="Whole numbers have 64 bits.",
        bad=("steps:\n  a: {type: noop, with: {value: '{{ 99999999999999999999999 }}'}}"),
        good=("steps:\n  a: {type: noop, with: {value: '{{ 1 }}'}}"),
    ),
    ProblemCode(
        code="half-character",
        title="Half of a character",
        why="A lone surrogate is no text that could be kept or sent.",
        bad=("steps:\n  a:\n    type: noop\n    with:\n      value: >-\n        {{ '\\ud83d' }}"),
        good=("steps:\n  a:\n    type: noop\n    with:\n      value: >-\n        {{ '\\U0001f600' }}"),
    ),
    ProblemCode(
        code="unknown-function",
        title="A function that does not exist",
        why="It is misspelt, or belongs to another language.",
        bad=("steps:\n  a: {type: noop, with: {value: '{{ summ(input.lines) }}'}}"),
        good=("steps:\n  a: {type: noop, with: {value: '{{ sum(input.lines) }}'}}"),
    ),
    ProblemCode(
        code="unknown-method",
        title="A method that does not exist",
        why="No value of the language has a method of this name.",
        bad=("steps:\n  a: {type: noop, with: {value: '{{ input.name.uppr() }}'}}"),
        good=("steps:\n  a: {type: noop, with: {value: '{{ input.name.upper() }}'}}"),
    ),
    ProblemCode(
        code="not-callable",
        title="Something that cannot be called",
        why="Only functions and methods of the language can be called, by their names.",
        bad=("steps:\n  a: {type: noop, with: {value: '{{ input.lines[0](2) }}'}}"),
        good=("steps:\n  a: {type: noop, with: {value: '{{ input.lines[0] * 2 }}'}}"),
    ),
    ProblemCode(
        code="wrong-arguments",
        title="Arguments that a function does not take",
        why="There are too many or too few, or one has a name that the function does not know.",
        bad=("steps:\n  a: {type: noop, with: {value: '{{ len() }}'}}"),
        good=("steps:\n  a: {type: noop, with: {value: '{{ len(input.lines) }}'}}"),
    ),
)
