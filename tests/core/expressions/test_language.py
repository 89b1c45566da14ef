"""What expressions mean: each case is an expression and its value, or the code of its error."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from expression_values import SCOPE, evaluate, outcome

from auraos.core.expressions import EvaluationError, ExpressionError, compile_expression

VALUES = [
    ("1 + 2 * 3", 7),
    ("7 // 2", 3),
    ("-7 // 2", -4),
    ("-7 % 3", 2),
    ("7 / 2", 3.5),
    ("2 ** 10", 1024),
    ("2 ** -1", 0.5),
    ("0 ** 0", 1),
    ("(-1) ** 1000001", -1),
    ("1.5 + 1", 2.5),
    ('decimal("0.1") + 2', Decimal("2.1")),
    ("-(3)", -3),
    ('decimal("-7") // 2', Decimal(-4)),
    ('decimal("-7") % 3', Decimal(2)),
    ("-9223372036854775808", -(2**63)),
    ('"a" + "b"', "ab"),
    ("[1] + [2]", [1, 2]),
    ('"ab" * 2', "abab"),
    ('{"a": 1} | {"b": 2}', {"a": 1, "b": 2}),
    ("True == 1", False),
    ("true == true", True),
    ("1 == 1.0", True),
    ("[true] == [1]", False),
    ("null == None", True),
    ('{"a": [1, {"b": 2.0}]} == {"a": [1.0, {"b": 2}]}', True),
    ("1 in [true]", False),
    ("true in [1, 2]", False),
    ("1.0 in [1, 2]", True),
    ('"b" in text', True),
    ('"a" in x', True),
    ('"z" not in x', True),
    ("number in items", False),
    ("1 < 2 < 3", True),
    ("1 < 3 < 2", False),
    ("1 == 1 != 2", True),
    ("3 > number", False),
    ("money > 1", True),
    ("x.a", 1),
    ('x["a"]', 1),
    ("x.b", None),
    ("x.b.c.d", None),
    ("null.a", None),
    ("x.b.upper()", None),
    ("items[0]", 1),
    ("items[-1]", 2),
    ("items[5]", None),
    ("text[1]", "b"),
    ("text[1:]", "bc"),
    ("items[::-1]", [2, 1]),
    ("null[1:]", None),
    ("file.size", 1),
    ("not x.b", True),
    ("x.b or 3", 3),
    ("0 and missing", 0),
    ("1 or missing", 1),
    ('"y" if x.a else "n"', "y"),
    ("[i * 2 for i in items if i > 1]", [4]),
    ("[i + j for i in items for j in items]", [2, 3, 3, 4]),
    ("{i % 2 for i in [1, 2, 3]}", [1, 0]),
    ("{3, 1, 3}", [3, 1]),
    ("{k: v for k, v in x.items()}", {"a": 1}),
    ("[[i for i in [i, i]] for i in items]", [[1, 1], [2, 2]]),
    ("[text for text in items] + [text]", [1, 2, "abc"]),
    ("(1, 2)", [1, 2]),
    ("[*items, 3]", [1, 2, 3]),
    ('{**x, "b": 2}', {"a": 1, "b": 2}),
    ("sum(i for i in items)", 3),
    ('f"{text}-{number:03d}-{null}-{true}-{items}"', "abc-005--true-[1,2]"),
    ('f"{1234.5:,.2f}"', "1,234.50"),
    ('f"{money}"', "1.50"),
    ('f"{day:%d.%m.%Y}"', "20.11.2026"),
    ('f"{text:>{number}}"', "  abc"),
    ("f'{moment}'", "2026-11-20T00:00:00Z"),
    ("x is null", False),
    ("x.b is not None", False),
    ("moment - moment == duration('0s')", True),
    ("span * 2 > span", True),
    ("(moment + span).hour()", 1),
    ("day + duration('2d') == date('2026-11-22')", True),
    ("span / duration('30m')", 2.0),
    ("1 +\n 2", 3),
    ("  1", 1),
    ("max(items) in [2]", True),
    ("'it''s'", "its"),
    ("r'\\d'", "\\d"),
    ("'\\d'", "\\d"),
]
ERRORS = [
    ("null < 1", "null-compared"),
    ("x.b > 1", "null-compared"),
    ('"1" < 2', "wrong-type"),
    ("true < 2", "wrong-type"),
    ("money + 1.5", "float-and-decimal"),
    ("true + 1", "wrong-type"),
    ("1 / 0", "division-by-zero"),
    ("1 % 0", "division-by-zero"),
    ('decimal("1") / 0', "division-by-zero"),
    ("1.0 // 0", "division-by-zero"),
    ("span / 0", "division-by-zero"),
    ("9223372036854775807 + 1", "number-too-large"),
    ("9223372036854775807 * 2", "number-too-large"),
    ("2 ** 63", "number-too-large"),
    ("1e308 * 10", "number-too-large"),
    ("-(-9223372036854775807 - 1)", "number-too-large"),
    ("(-8) ** 0.5", "no-number"),
    ('"a" + 1', "wrong-type"),
    ("null + 1", "null"),
    ("missing", "unknown-name"),
    ("text.a", "no-fields"),
    ("items.a", "no-fields"),
    ("[i for i in x.b]", "null"),
    ("[i for i in text]", "wrong-type"),
    ("{1: 2 for i in items}", "wrong-type"),
    ("1 in null", "null"),
    ('1 in "a"', "wrong-type"),
    ("number.upper()", "unknown-method"),
    ("abs(null)", "null"),
    ('abs("1")', "wrong-type"),
    ("sum([1, null])", "null"),
    ("[a for a, b in [[1]]]", "wrong-type"),
    ('items["a"]', "wrong-type"),
    ("x[1]", "wrong-type"),
    ("day + duration('1h')", "wrong-type"),
    ("moment < day", "wrong-type"),
    ("day + duration('36500d') * 99", "out-of-range"),
    ("datetime('2026-11-20T10:00:00')", "value-refused"),
    ("duration('soon')", "value-refused"),
    ("'' * -1 + 1", "wrong-type"),
]
REFUSED = [
    ("", "empty"),
    ("  ", "empty"),
    ("1 +", "expression-syntax"),
    ("x = 1", "expression-syntax"),
    ("(1", "bracket"),
    ("1)", "bracket"),
    ("'a", "quote"),
    ("1 # one", "comment"),
    ("uper('a')", "unknown-function"),
    ("'a'.uper()", "unknown-method"),
    ("len()", "wrong-arguments"),
    ("len(1, 2)", "wrong-arguments"),
    ("sorted([], bye='a')", "wrong-arguments"),
    ("{1: 2}", "wrong-type"),
    ("9223372036854775808", "number-too-large"),
    ("a.b = 2", "expression-syntax"),
    ("a && b", "expression-syntax"),
]


@pytest.mark.parametrize(("source", "value"), VALUES)
def test_an_expression_has_this_value_and_type(source: str, value: object) -> None:
    found = compile_expression(source).evaluate(SCOPE)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("source", "code"), ERRORS)
def test_an_expression_fails_with_this_code(source: str, code: str) -> None:
    assert outcome(source, SCOPE) == {"fails": code}


@pytest.mark.parametrize(("source", "code"), REFUSED)
def test_a_text_is_refused_with_this_code(source: str, code: str) -> None:
    assert outcome(source, SCOPE) == {"refused": code}


def test_comparing_null_names_the_field_and_the_way_out() -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate("true and order.total > 100", order={})
    assert caught.value.message == "order.total is null, so it cannot be compared with `>`."
    assert "(order.total or 0) > …" in caught.value.hint
    assert (caught.value.start, caught.value.line, caught.value.column) == (9, 1, 10)


def test_a_division_by_zero_is_called_so_and_shows_where() -> None:
    with pytest.raises(EvaluationError) as found:
        evaluate("1 + 5 / (order.total - 1)", order={"total": 1})
    assert found.value.message == "Division by zero in `5 / (order.total - 1)`."
    assert found.value.hint == "Say what holds then, as in `… if order.total - 1 != 0 else null`."


def test_a_text_where_a_number_is_meant_is_shown_with_its_mend() -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate("order.total > 100", order={"total": "120"})
    assert str(caught.value) == (
        'order.total is text "120" and 100 is int: they cannot be compared with `>`. Convert it: number(order.total).'
    )


def test_an_unknown_name_offers_the_nearest_one() -> None:
    with pytest.raises(EvaluationError, match=r"There is no name 'amont' here\. Did you mean 'amount'\?"):
        evaluate("amont + 1", amount=1)


def test_an_unknown_function_offers_the_nearest_one() -> None:
    with pytest.raises(ExpressionError, match=r"There is no function 'flaten'\. Did you mean 'flatten'\?"):
        compile_expression("flaten([])")


@pytest.mark.parametrize(
    ("source", "at_fault", "words"),
    [
        ("a + ", "+", "something is missing at its end"),
        ("steps.\n  total.", ".", "something is missing at its end"),
        ("'ü' 1", "'ü' 1", "two values stand side by side"),
        ("x = 1", "x = 1", "`=` is no part of one"),
        ("a ? b : c", "?", "`?` is not expected here"),
        ("input.class", "class", "`class` is not expected here"),
    ],
)
def test_a_text_that_is_no_expression_is_told_where_and_why(source: str, at_fault: str, words: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(source)
    assert source[caught.value.start : caught.value.end] == at_fault
    assert caught.value.message == f"This cannot be read as an expression: {words}."


def test_positions_count_characters_and_lines_not_bytes() -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate('"äöü😀" and\n "é" and nope')
    assert (caught.value.line, caught.value.column, caught.value.start) == (2, 10, 20)


def test_an_evaluation_leaves_its_scope_as_it_is() -> None:
    scope = {"rows": [{"n": 1}], "$seed": "s"}
    compile_expression("[[r.n + q for q in [1]] for r in rows]").evaluate(scope)
    assert scope == {"rows": [{"n": 1}], "$seed": "s"}


def test_the_same_moment_in_two_zones_is_equal_and_differences_count_real_hours() -> None:
    assert evaluate('a == a.in_zone("Asia/Tokyo")', a=datetime(2026, 11, 20, tzinfo=UTC)) is True
    spring = 'datetime("2026-03-29T01:00:00", zone="Europe/Berlin")'
    assert evaluate(f'({spring} + duration("2h")).time()') == "04:00:00"
    assert evaluate(f"({spring}.add(days=1) - {spring}).hours()") == 23.0


def test_the_clock_and_ids_come_from_the_scope() -> None:
    assert evaluate("now().year()", **{"$now": datetime(2031, 1, 1, tzinfo=UTC)}) == 2031
    first = evaluate('uuid("a")', **{"$seed": "run-1"})
    assert first == evaluate('uuid("a")', **{"$seed": "run-1"})
    assert first != evaluate('uuid("a")', **{"$seed": "run-2"})
    assert outcome("now()", {}) == {"fails": "no-clock"}
    assert outcome("uuid()", {}) == {"fails": "no-seed"}


def test_decimals_do_not_depend_on_the_host_context() -> None:
    import decimal

    with decimal.localcontext() as context:
        context.prec = 3
        assert evaluate("a / 3", a=Decimal(1)) == Decimal("0." + "3" * 34)
