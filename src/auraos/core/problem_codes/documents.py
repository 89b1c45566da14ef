"""Codes of documents of every kind: the YAML they are written in, and their envelope."""

from auraos.core.problem_codes.code import ProblemCode

CODES = (
    ProblemCode(
        code="yaml-syntax",
        title="A text that is no YAML",
        why="Nothing can be read from it until the marked place is mended.",
        bad=("kind: workflow\nname: [example\n"),
        good=("kind: workflow\nname: example\nspec:\n  steps:\n    a: {type: noop}"),
    ),
    ProblemCode(
        code="yaml-duplicate-key",
        title="A key that stands twice",
        why="One of the two would silently be lost.",
        bad=("kind: workflow\nname: example\nname: other\nspec:\n  steps:\n    a: {type: noop}"),
        good=("kind: workflow\nname: example\nspec:\n  steps:\n    a: {type: noop}"),
    ),
    ProblemCode(
        code="yaml-key",
        title="A key that is no plain text",
        why="Names are text; lists, mappings and empty keys cannot name anything.",
        bad=("kind: workflow\nname: example\n? [a]\n: 1\nspec:\n  steps:\n    a: {type: noop}"),
        good=("kind: workflow\nname: example\nspec:\n  steps:\n    a: {type: noop}"),
    ),
    ProblemCode(
        code="yaml-merge-key",
        title="A merge key",
        why="`<<` is no part of YAML 1.2, and what it hides nobody sees in a difference.",
        bad=("kind: workflow\nname: example\nspec:\n  steps:\n    a: &a {type: noop}\n    b:\n      <<: *a"),
        good=("kind: workflow\nname: example\nspec:\n  steps:\n    a: {type: noop}"),
    ),
    ProblemCode(
        code="yaml-tag",
        title="A tag",
        why="Tags can make a reader build anything; a document holds plain data.",
        bad=("kind: workflow\nname: example\nspec: !thing\n  steps:\n    a: {type: noop}"),
        good=("kind: workflow\nname: example\nspec:\n  steps:\n    a: {type: noop}"),
    ),
    ProblemCode(
        code="yaml-alias",
        title="An alias that leads nowhere",
        why="It names an anchor that is not there, or the very thing it stands in.",
        bad=("kind: workflow\nname: example\nspec:\n  steps:\n    a: *nothing"),
        good=("kind: workflow\nname: example\nspec:\n  steps:\n    a: {type: noop}"),
    ),
    ProblemCode(
        code="yaml-too-many-aliases",
        title="Too many aliases",
        why="Aliases of aliases can stand for gigabytes.",
        reason=(
            "It takes more than a hundred aliases to show, or some that stand for each other. Write the values out, or "
            "work them out in an expression."
        ),
    ),
    ProblemCode(
        code="yaml-too-deep",
        title="Data nested too deeply",
        why="More than 100 levels are a mistake or an attack.",
        reason=(
            "It takes more than 100 brackets within brackets to show. Keep such data in a file beside the workflow and "
            "read it in a step."
        ),
    ),
    ProblemCode(
        code="yaml-too-long",
        title="A text that is too long",
        why="A document has at most two million characters.",
        reason=(
            "It takes more than two million characters to show. Data belongs in a file that a step reads; a large "
            "workflow in several that call each other."
        ),
    ),
    ProblemCode(
        code="yaml-character",
        title="A character that cannot stand in a document",
        why="Control characters and halves of characters are invisible and get lost on the way.",
        bad=("kind: workflow\nname: example\nspec:\n  steps:\n    a: {type: noop, title: 'Ring\x07'}"),
        good=('kind: workflow\nname: example\nspec:\n  steps:\n    a: {type: noop, title: "Ring\\a"}'),
    ),
    ProblemCode(
        code="yaml-number",
        title="A number that cannot be kept",
        why="Whole numbers have 64 bits and decimals are finite; others would silently change.",
        bad=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    a: {type: noop, with: {value: 99999999999999999999999}}"
        ),
        good=(
            "kind: workflow\n"
            "name: example\n"
            "spec:\n"
            "  steps:\n"
            "    a: {type: noop, with: {value: '99999999999999999999999'}}"
        ),
    ),
    ProblemCode(
        code="yaml-many-documents",
        title="Several documents in one file",
        why="A file holds one document, so that a name leads to one place.",
        bad=("kind: workflow\nname: example\nspec:\n  steps:\n    a: {type: noop}\n---\nkind: workflow"),
        good=("kind: workflow\nname: example\nspec:\n  steps:\n    a: {type: noop}"),
    ),
    ProblemCode(
        code="yaml-unquoted-braces",
        title="An expression without quotes",
        why="To YAML, braces begin a mapping; quotes make them the text of an expression.",
        bad=("kind: workflow\nname: example\nspec:\n  steps:\n    a: {type: noop}\n  output: {{ steps.a }}"),
        good=(
            "kind: workflow\nname: example\nspec:\n  steps:\n    a: {type: noop}\n  output: '{{ steps.a }}'"
        ),
    ),
    ProblemCode(
        code="document-empty",
        title="An empty text",
        why="A document has at least `kind`, `name` and `spec`.",
        bad="\n",
        good=("kind: workflow\nname: example\nspec:\n  steps:\n    a: {type: noop}"),
    ),
    ProblemCode(
        code="document-shape",
        title="No mapping",
        why="A document is a mapping with `kind`, `name` and `spec`.",
        bad=("- kind: workflow\n- name: example"),
        good=("kind: workflow\nname: example\nspec:\n  steps:\n    a: {type: noop}"),
    ),
    ProblemCode(
        code="unknown-kind",
        title="A kind that does not exist",
        why="The kind says how to read the rest.",
        bad=("kind: workflwo\nname: example\nspec:\n  steps:\n    a: {type: noop}"),
        good=("kind: workflow\nname: example\nspec:\n  steps:\n    a: {type: noop}"),
    ),
)
