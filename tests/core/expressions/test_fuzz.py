"""Random sources: whatever the text, the answer is plain data or one of our errors, in bounded time."""

import contextlib
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from expression_values import SCOPE, check_place, is_plain
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auraos.core.expressions import (
    Meter,
    compile_expression,
    compile_template,
    describe_functions,
    find_expressions,
    infer,
)
from auraos.core.expressions.errors import LocatedError
from auraos.core.expressions.library import LIBRARY
from auraos.core.expressions.registry import Parameter
from auraos.core.values import FileReference, to_wire

NAMES = st.sampled_from(
    ["x", "text", "items", "number", "moment", "day", "span", "money", "file", "input", "nope", "__class__"]
)
FIELDS = st.sampled_from(
    ["a", "b", "field", "name", "year", "__class__", "format", "gi_frame", "real", "items"]
)
FUNCTIONS = st.sampled_from(sorted({doc.name for doc in describe_functions() if not doc.receiver}))
METHODS = st.sampled_from(sorted({doc.name for doc in describe_functions() if doc.receiver}))
LITERALS = st.sampled_from(
    ["0", "1", "-1", "2.5", "9223372036854775807", "'a'", "''", "'%Y'", "'a.b'", "'(a+)+$'", "null", "true", "[]", "{}",
     "[1, 'a', null]", "{'a': [1]}", "decimal('1e30')", "date('2026-02-28')", "now()", "duration('1h')", "'Europe/Berlin'"]
)  # fmt: skip
SIGNS = st.sampled_from(
    [
        "+",
        "-",
        "*",
        "/",
        "//",
        "%",
        "**",
        "|",
        "<",
        "<=",
        ">",
        ">=",
        "==",
        "!=",
        "in",
        "and",
        "or",
        "not in",
        "is",
    ]
)


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    arguments = st.lists(inner, max_size=4).map(", ".join)
    return st.one_of(
        st.tuples(inner, SIGNS, inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        st.tuples(inner, FIELDS).map(lambda p: f"({p[0]}).{p[1]}"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]})[{p[1]}]"),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]})[{p[1]}:{p[2]}]"),
        st.tuples(FUNCTIONS, arguments).map(lambda p: f"{p[0]}({p[1]})"),
        st.tuples(inner, METHODS, arguments).map(lambda p: f"({p[0]}).{p[1]}({p[2]})"),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} if {p[1]} else {p[2]})"),
        st.tuples(inner, inner, inner).map(lambda p: f"[{p[0]} for x in {p[1]} if {p[2]}]"),
        st.tuples(inner, inner).map(lambda p: f"{{k: {p[0]} for k, v in ({p[1]})}}"),
        arguments.map(lambda p: f"[{p}]"),
        arguments.map(lambda p: f"{{{p}}}"),
        st.tuples(inner, inner).map(lambda p: f"{{{p[0]}: {p[1]}}}"),
        inner.map(lambda p: f"(not -{p})"),
        inner.map(lambda p: "f'{(" + p.replace("'", '"') + "):>5}'"),
    )


SOURCES = st.recursive(st.one_of(LITERALS, NAMES), _larger, max_leaves=12)


def run(source: str) -> None:
    """Compile, analyse and evaluate; let only our own errors pass."""
    try:
        expression = compile_expression(source)
    except LocatedError as error:
        check_place(error, source)
        return
    assert isinstance(expression.reads, frozenset)
    infer(expression, {})
    scope: dict[str, Any] = {**SCOPE, "$meter": Meter(operations=20_000, size=1_000_000)}
    before = {key: repr(value) for key, value in scope.items() if key != "$meter"}
    try:
        value = expression.evaluate(scope)
    except LocatedError as error:
        check_place(error, source)
    else:
        assert is_plain(value), (source, value)
        to_wire(value)
    assert before == {key: repr(value) for key, value in scope.items() if key != "$meter"}


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(SOURCES)
def test_a_random_expression_yields_plain_data_or_one_of_our_errors(source: str) -> None:
    run(source)


POOLS: dict[type, list[str]] = {
    type(None): ["null"],
    bool: ["true", "false"],
    int: ["0", "1", "-1", "7", "9223372036854775807", "-9223372036854775808", "100000"],
    float: ["0.0", "-1.5", "1e308", "5e-324", "0.1"],
    Decimal: ["decimal('0')", "decimal('-1.005')", "decimal('1e6000')", "decimal('1e-6000')", "decimal('9'*34)"],
    str: ["''", "'a'", "'ß ﬁ Ä\\n'", "'2026-02-29'", "'2026-11-20T17:30:00Z'", "'%d.%m.%Y %H'", "'Europe/Berlin'",
          "'(a|b)*?'", "'[1,{}]'",
          "'1e999'", "'-1'", "'month'", "'a.b'", "'>10.3f'", "'half_up'", "'%'", "'\\x00'", "'1h'", "'17:30'", "('ab ' * 999)"],
    date: ["date('2026-02-28')", "date('0001-01-01')", "date('9999-12-31')"],
    datetime: ["now()", "datetime('0001-01-01T00:00:00Z')", "datetime('9999-12-31T23:59:59+14:00')",
               "datetime('2026-10-25T02:30:00', zone='Europe/Berlin')"],
    timedelta: ["duration('0s')", "duration('-1.5s')", "duration('36500d')"],
    list: ["[]", "[1, 2.5]", "['a', null]", "[[1, 2], [3]]", "[{'a': 1}, {'a': null}]", "[decimal('1'), 2]",
           "[['a', 1]]", "range(300)"],
    dict: ["{}", "{'a': 1}", "{'a': {'b': null}, '$x': [1]}", "{'ä b': 'x'}"],
    FileReference: ["file"],
}  # fmt: skip
ANY_VALUE = st.sampled_from([source for pool in POOLS.values() for source in pool])


def _argument(parameter: Parameter) -> st.SearchStrategy[str]:
    if parameter.accepts is None:
        return ANY_VALUE
    return st.sampled_from([source for kind in parameter.accepts for source in POOLS[kind]])


@st.composite
def fitting_calls(draw: st.DrawFn) -> str:
    """Return a call of some function or method with arguments of the right types, extremes among them."""
    function = draw(st.sampled_from(EVERYTHING))
    optional = [parameter for parameter in function.parameters if not parameter.required]
    count = function.least + draw(st.integers(0, len(optional)))
    arguments = ", ".join(draw(_argument(parameter)) for parameter in function.parameters[:count])
    if function.receiver is None:
        return f"{function.name}({arguments})"
    receiver = draw(st.sampled_from(POOLS[function.receiver]))
    return f"({receiver}).{function.name}({arguments})"


EVERYTHING = [
    *LIBRARY.functions.values(),
    *(method for methods in LIBRARY.methods.values() for method in methods.values()),
]
SIGNS_BETWEEN = st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "<", "==", "in", "|", "and"])


@settings(max_examples=2000, deadline=None)
@given(st.one_of(fitting_calls(), st.tuples(ANY_VALUE, SIGNS_BETWEEN, ANY_VALUE).map(" ".join)))
def test_a_call_with_fitting_arguments_yields_plain_data_or_one_of_our_errors(source: str) -> None:
    run(source)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(SOURCES)
def test_with_and_without_a_meter_the_answer_is_the_same(source: str) -> None:
    def answer(scope: dict[str, Any]) -> str:
        try:
            return repr(compile_expression(source).evaluate(scope))
        except LocatedError as error:
            return error.code

    assert answer(dict(SCOPE)) == answer({**SCOPE, "$meter": Meter()})


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=60))
def test_a_random_text_is_an_expression_or_refused(source: str) -> None:
    run(source)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_random_bytes_are_an_expression_or_refused(data: bytes) -> None:
    run(data.decode("latin-1"))
    run(data.decode("utf-8", "surrogateescape"))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [*"(){}[]'\"\\{}.,:;=!<>+-*/%@#$& \n\tabf019é_", "{{", "}}", "lambda", "for", "in", "f'"]
        ),
        max_size=25,
    )
)
def test_random_signs_are_an_expression_or_refused(parts: list[str]) -> None:
    run("".join(parts))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(["{{", "}}", "'", '"', "{", "}", " x ", "text", "\\", "(", ")", "\n"]), max_size=14
    )
)
def test_a_random_template_is_compiled_or_refused(parts: list[str]) -> None:
    text = "".join(parts)
    found, errors = find_expressions(text)
    assert all(text[placed.offset :].startswith(placed.expression.source) for placed in found)
    if not errors:
        with contextlib.suppress(LocatedError):
            assert is_plain(compile_template(text).evaluate(dict(SCOPE)))
