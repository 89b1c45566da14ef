"""`auraos expressions`: the functions of the language, and a place to try an expression."""

from typing import Annotated

import msgspec
from cyclopts import Parameter

from auraos.cli.exits import Exit
from auraos.cli.options import Json, read_input, read_pairs
from auraos.cli.problems import problem_document, show_problem
from auraos.cli.screen import clean, print_json, to_people, to_side
from auraos.cli.values import with_kinds
from auraos.core.expressions import (
    LocatedError,
    Meter,
    compile_expression,
    compile_template,
    describe_functions,
)
from auraos.core.problems import Problem
from auraos.core.values import to_wire


def list_functions(
    search: Annotated[str, Parameter(help="Only those whose name or words have this in them.")] = "",
    /,
    *,
    json: Json = False,
) -> int:
    """List functions and methods of the language."""
    found = [
        one
        for one in describe_functions()
        if search.casefold() in msgspec.json.encode(one).decode().casefold()
    ]
    if json:
        print_json({"ok": True, "functions": [msgspec.to_builtins(one) for one in found]})
        return Exit.DONE
    screen = to_people()
    for one in found:
        screen.line(screen.tint(clean(one.signature), "bold"))
        screen.line(f"    {clean(' '.join(one.docstring.partition('>>>')[0].split()))}")
    return Exit.DONE


def evaluate(
    expression: Annotated[str, Parameter(help="An expression, or a text with {{ … }} in it.")],
    /,
    *,
    input: Annotated[tuple[str, ...], Parameter(help="The value of `input`: JSON, @file or key=value.")] = (),  # noqa: A002
    name: Annotated[tuple[str, ...], Parameter(name="--name", help="Another name: steps='{\"a\": 1}'.")] = (),
    json: Json = False,
) -> int:
    """Evaluate an expression over data you give."""
    named = {key: with_kinds(value) for key, value in read_pairs(name).items()}
    names = {"input": with_kinds(read_input(input)), **named, "$meter": Meter()}
    try:
        if "{{" in expression:
            value = compile_template(expression).evaluate(names)
        else:
            value = compile_expression(expression).evaluate(names)
    except LocatedError as error:
        return _refuse(error, expression, as_json=json)
    if json:
        print_json({"ok": True, "value": to_wire(value)})
    else:
        data = msgspec.json.encode(to_wire(value))
        to_people().line(msgspec.json.format(data, indent=2).decode())
    return Exit.DONE


def _refuse(error: LocatedError, text: str, *, as_json: bool) -> int:
    """Show where in the expression the error is; inside a text with `{{ … }}` the place counts from its braces."""
    from auraos.core.document import Lines  # noqa: PLC0415 (an expression that is right needs no YAML)

    offset = error.data.get("offset", 0)
    place = Lines(text).place(offset + error.start, offset + max(error.end, error.start + 1))
    problem = Problem(code=error.code, message=error.message, place=place, hint=error.hint)
    if as_json:
        print_json({"ok": False, "error": problem_document(problem), "exit_code": int(Exit.WRONG_INPUT)})
    else:
        show_problem(to_side(), "expression", text, problem)
    return Exit.WRONG_INPUT
