"""Random sources: whatever the text, the answer is plain data or one of our errors, in bounded time."""

from typing import Any

from expression_values import SCOPE, is_plain
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
    ["+", "-", "*", "/", "//", "%", "**", "|", "<", "<=", ">", ">=", "==", "!=", "in", "and", "or"]
    + ["not in", "is"]
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
        assert 0 <= error.start <= error.end <= len(source)
        return
    assert isinstance(expression.reads, frozenset)
    infer(expression, {})
    scope: dict[str, Any] = {**SCOPE, "$meter": Meter(operations=20_000, size=1_000_000)}
    before = {key: repr(value) for key, value in scope.items() if key != "$meter"}
    try:
        value = expression.evaluate(scope)
    except LocatedError as error:
        assert error.source == source
        assert 0 <= error.start <= error.end <= len(source)
    else:
        assert is_plain(value), (source, value)
    assert before == {key: repr(value) for key, value in scope.items() if key != "$meter"}


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(SOURCES)
def test_a_random_expression_yields_plain_data_or_one_of_our_errors(source: str) -> None:
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
            list("(){}[]'\"\\{}.,:;=!<>+-*/%@#$& \n\tabf019é_") + ["{{", "}}", "lambda", "for", "in", "f'"]
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
        try:
            assert is_plain(compile_template(text).evaluate(dict(SCOPE)))
        except LocatedError as error:
            assert error.data["path"] == ()
