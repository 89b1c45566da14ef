"""JSON, YAML, CSV, XML, HTML and hashes: what is read and written, and what hostile text is answered with."""

import hashlib
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auraos.sdk import StepFailed
from auraos.steps.crypto import hash_value
from auraos.steps.csv import format_csv, parse_csv
from auraos.steps.html import parse_html
from auraos.steps.html_format import format_html
from auraos.steps.json import format_json, parse_json
from auraos.steps.xml import format_xml, parse_xml
from auraos.steps.yaml import format_yaml, parse_yaml

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20)
plain_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


def fault_of(step, settings):
    with pytest.raises(StepFailed) as failure:
        step.evaluate(settings)
    assert failure.value.error_class == "data"
    return failure.value.message


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "Expecting value"),
        ('{"a": NaN}', "NaN"),
        ("1e400", "no number"),
        ("[" * 100_000, "too deep"),
        ('"\\ud800"', "lone surrogate"),
        ("[1] 2", "Extra data"),
        ("9" * 5000, "5,000 digits"),
    ],
)
def test_json_that_cannot_be_kept_is_refused_with_a_reason(text, fault):
    assert fault in fault_of(parse_json, {"text": text})


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"a": 1, "a": 2}', "'a' stands twice in a mapping, again at line 1 column 10"),
        ('{"a": 1, "\\u0061": 2}', "'a' stands twice in a mapping, again at line 1 column 10"),
        (
            '[{"a": {"b": "{"}},\n {"c": [],\n  "d": {"a": 1}, "c": 2}]',
            "'c' stands twice in a mapping, again at line 3 column 18",
        ),
        (
            '{"a\\"b": 1, "x": "a\\"b", "a\\"b": 2}',
            "'a\"b' stands twice in a mapping, again at line 1 column 26",
        ),
    ],
)
def test_a_key_that_stands_twice_is_refused_with_its_place(text, place):
    assert place in fault_of(parse_json, {"text": text})
    assert parse_json.evaluate({"text": text, "doubles": "last"})


def test_a_key_that_stands_twice_in_a_line_is_refused_with_its_line():
    text = '{"a": 1}\n\n{"b": 1, "b": 1}\n'
    assert "'b' stands twice in a mapping, again at line 3 column 10" in fault_of(
        parse_json, {"text": text, "lines": True}
    )
    assert parse_json.evaluate({"text": text, "lines": True, "doubles": "last"}) == [{"a": 1}, {"b": 1}]


def test_a_key_may_stand_once_in_each_of_several_mappings():
    assert parse_json.evaluate({"text": '{"a": {"a": [{"a": 1}, {"a": 2}]}}'}) == {
        "a": {"a": [{"a": 1}, {"a": 2}]}
    }


def test_json_numbers_stay_exact_where_asked():
    assert parse_json.evaluate({"text": "18446744073709551616"}) == Decimal(18446744073709551616)
    assert parse_json.evaluate({"text": "9223372036854775807"}) == 9223372036854775807
    assert str(parse_json.evaluate({"text": "0.10", "decimals": True})) == "0.10"
    assert parse_json.evaluate({"text": "0.10"}) == 0.1


def test_json_writes_special_values_as_text():
    value = {"at": datetime(2026, 11, 20, tzinfo=UTC), "price": Decimal("1.50"), "wait": timedelta(minutes=5)}
    assert (
        format_json.evaluate({"value": value}) == '{"at":"2026-11-20T00:00:00Z","price":"1.50","wait":"5m"}'
    )


@settings(deadline=None)
@given(plain_values)
def test_json_and_yaml_read_back_what_they_wrote(value):
    assert parse_json.evaluate({"text": format_json.evaluate({"value": value})}) == value
    assert parse_yaml.evaluate({"text": format_yaml.evaluate({"value": value})}) == value


@pytest.mark.parametrize(
    "text", ["no", "12:30", "0o7", "1e3", "~", "null", "0x1f", ".5", "", "2026-01-01", ".inf"]
)
def test_yaml_quotes_every_text_that_would_read_back_as_something_else(text):
    assert parse_yaml.evaluate({"text": format_yaml.evaluate({"value": [text]})}) == [text]


@pytest.mark.parametrize(
    "odd", ["\x85", "\u2028", "\u2029", "\ufeff", "\uffff", "\x07", "\t", "\r\n", "\n", "\U0010ffff"]
)
@pytest.mark.parametrize("pattern", ["{}", "a{}b", " {}", "{} ", "#{}: {}"])
def test_yaml_keeps_every_odd_character(odd, pattern):
    text = pattern.format(odd, odd)
    assert parse_yaml.evaluate({"text": format_yaml.evaluate({"value": {text: [text]}})}) == {text: [text]}


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join(['*' + old] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text",
    ["!!python/object/apply:os.system [ls]", BOMB, "[" * 5000, "a: 1\na: 2", "a: [", "--- 1\n--- 2"],
    ids=["tag", "aliases", "depth", "twice", "broken", "two documents"],
)
def test_hostile_yaml_is_refused_with_its_place(text):
    """S28."""
    assert "line " in fault_of(parse_yaml, {"text": text})


def test_csv_reads_types_and_empty_cells():
    settings = {
        "text": '\ufeffn,price,ok,data\r\n1,0.10,true,"[1,2]"\r\n,,,\r\n',
        "types": {"n": "int", "price": "decimal", "ok": "bool", "data": "json"},
    }
    assert parse_csv.evaluate(settings) == [
        {"n": 1, "price": Decimal("0.10"), "ok": True, "data": [1, 2]},
        {"n": None, "price": None, "ok": None, "data": None},
    ]


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"text": "a,a\n1,2"}, "stands twice"),
        ({"text": "a\n1,2"}, "2 cells for 1 columns"),
        ({"text": "a\nx", "types": {"a": "int"}}, "'x' in column 'a' of row 1 is no int"),
        ({"text": "a\nnan", "types": {"a": "float"}}, "is no float"),
        ({"text": "a\n" + "9" * 5000, "types": {"a": "int"}}, "is no int"),
        ({"text": 'a\n"open'}, "unexpected end of data"),
        ({"text": "a\n" + "x" * 200_000}, "field larger than"),
    ],
)
def test_csv_that_cannot_be_read_says_where(settings, fault):
    assert fault in fault_of(parse_csv, settings)


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+49 1",
        "-1+cmd|' /C calc'!A0",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1",
        "＋1",
        "－1",
        "＠x",
        "  =1",
    ],
)
def test_no_cell_that_csv_writes_begins_like_a_formula(cell):
    """S30."""
    text = format_csv.evaluate({"items": [[cell]], "header": False})
    assert parse_csv.evaluate({"text": text, "header": False}) == [["'" + cell]]


def test_csv_disarms_the_names_of_columns_too():
    assert format_csv.evaluate({"items": [{"=A1": 1}]}) == "'=A1\r\n1\r\n"


def test_csv_leaves_numbers_and_negative_number_texts_alone():
    row = [-5, Decimal("-0.50"), "-5", "+3.2", True, None, [1], {"a": "=1"}]
    assert format_csv.evaluate({"items": [row], "header": False}) == (
        '-5,-0.50,-5,+3.2,true,,[1],"{""a"":""=1""}"\r\n'
    )


def test_csv_keeps_a_formula_when_told_to():
    assert format_csv.evaluate({"items": [["=1"]], "header": False, "formulas": "keep"}) == "=1\r\n"


@settings(deadline=None)
@given(st.lists(st.fixed_dictionaries({"a": words, "b": words}), min_size=1, max_size=5))
def test_csv_reads_back_what_it_wrote(rows):
    text = format_csv.evaluate({"items": rows, "formulas": "keep"})
    kept = [row for row in rows]  # noqa: C416 (the rows themselves, compared below)
    assert parse_csv.evaluate({"text": text}) == kept


LAUGHS = '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><l>&b;</l>'
EXTERNAL = '<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><l>&a;</l>'
PARAMETER = '<!DOCTYPE l [<!ENTITY % a SYSTEM "http://127.0.0.1:1/x">%a;]><l/>'


@pytest.mark.parametrize("text", [LAUGHS, EXTERNAL, PARAMETER, "<!DOCTYPE l><l/>"])
def test_xml_with_a_document_type_is_refused(text):
    """S27."""
    assert "document type" in fault_of(parse_xml, {"text": text})


@pytest.mark.parametrize(
    "text", ["", "<a>", "<a></b>", "<a>&nope;</a>", "<a>" * 100, "<a/><b/>", "<a>\x01</a>"]
)
def test_xml_that_is_not_well_formed_or_too_deep_is_refused(text):
    assert "is no XML that can be read" in fault_of(parse_xml, {"text": text})


def test_xml_reads_attributes_text_and_repeated_elements():
    text = '<a x="1">t<b/><b>2</b><c y="3">4</c></a>'
    assert parse_xml.evaluate({"text": text}) == {
        "a": {"@x": "1", "b": [None, "2"], "c": {"@y": "3", "#text": "4"}, "#text": "t"}
    }


def test_xml_writes_what_reads_back():
    value = {"a": {"@x": "<&\"'>", "b": ["1", "2"], "c": "]]> & <"}}
    assert parse_xml.evaluate({"text": format_xml.evaluate({"value": value})}) == value


@pytest.mark.parametrize(
    "value",
    [
        {"a b": 1},
        {"a": {"@x y": 1}},
        {"a": 1, "b": 2},
        {"a": "\x00"},
        {"a": [1]},
        {"a": {"@x": [1]}},
        {"1": 1},
    ],
)
def test_a_value_that_xml_cannot_hold_is_refused(value):
    assert "cannot be written as XML" in fault_of(format_xml, {"value": value})


PAGE = """<!doctype html><html><head><title>T &amp; U</title><style>p{}</style></head>
<body><!-- no --><p class="a b">One <b>two</b><p id=x>Three
<ul><li>1<li>2</ul><script>var a = "<p>no</p>";</script>
<table><tr><th>h<td>1<tr><td><table><tr><td>in</table></table>
<a href='/u?a=1&amp;b=2'>go</a></body>"""


def test_html_reads_what_a_person_would_see():
    page = parse_html.evaluate({"text": PAGE})
    assert page["title"] == "T & U"
    assert page["text"].split("\n") == ["T & U", "One two", "Three", "1", "2", "h", "1", "in", "go"]
    assert page["links"] == [{"text": "go", "url": "/u?a=1&b=2"}]
    assert page["tables"] == [[["h", "1"], ["in"]], [["in"]]]


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("p", ["One two", "Three"]),
        ("p.a", ["One two"]),
        (".a.b", ["One two"]),
        ("#x", ["Three"]),
        ("[id=x]", ["Three"]),
        ('p[id="x"]', ["Three"]),
        ("ul li", ["1", "2"]),
        ("table table td", ["in"]),
        ("a@href", ["/u?a=1&b=2"]),
        ("p@id", ["x"]),
        (".missing", []),
    ],
)
def test_html_selects_parts(selector, found):
    assert parse_html.evaluate({"text": PAGE, "select": {"it": selector}})["selected"]["it"] == found


@pytest.mark.parametrize("selector", ["", "p > a", "p:first", "a@", "@href", "..a"])
def test_an_unknown_selector_is_refused_with_an_example(selector):
    assert "no selector" in fault_of(parse_html, {"text": "<p>", "select": {"it": selector}})


@pytest.mark.parametrize(
    "text",
    [
        "<b>" * 200_000,
        "<b>" * 100_000 + "</x>" * 500_000,
        "<a " * 300_000,
        "<a b='" * 300_000,
        "<!--" * 400_000,
        "<table><tr><td>" * 60_000,
        "&#" + "9" * 5000 + ";",
        "<script>" * 200_000,
        "<a b" + " " * 500_000 + "c",
        "<" * 500_000,
        "</" * 500_000,
    ],
    ids=range(11),
)
@pytest.mark.timeout(60)
def test_hostile_html_is_read_or_refused_in_good_time(text):
    with suppress(StepFailed):
        assert set(parse_html.evaluate({"text": text})) == {"title", "text", "links", "tables", "selected"}


def test_parts_within_parts_without_end_are_refused():
    assert "lie within each other" in fault_of(parse_html, {"text": "<table><tr><td>" * 60_000})


@settings(deadline=None)
@given(st.text(st.sampled_from("<>/ab\"'=! -&#;\n"), max_size=200))
def test_no_html_text_makes_the_reader_fail(text):
    assert isinstance(parse_html.evaluate({"text": text})["text"], str)


def test_hashes_are_those_of_the_standard_library():
    assert (
        hash_value.evaluate({"value": "ä", "algorithm": "sha512"}) == hashlib.sha512("ä".encode()).hexdigest()
    )
    assert hash_value.evaluate({"value": {"b": 1, "a": 2}}) == hash_value.evaluate(
        {"value": {"a": 2, "b": 1}}
    )
    assert hash_value.evaluate({"value": "abc", "encoding": "base64"}).endswith("=")


def test_html_format_writes_every_kind_of_part_as_text():
    """S29, S43."""
    written = format_html.evaluate(
        {
            "title": "A <b> & c",
            "parts": [
                {"heading": "<h1>"},
                {"text": "one\ntwo\n\nthree"},
                {"list": ["a", None, {"k": 1}]},
                {"table": [["x", "y"], [1, True]]},
                {"link": {"text": "go", "url": 'https://a.example/?q="1"&r=2'}},
            ],
        }
    )
    page = parse_html.evaluate({"text": written})
    assert page["title"] == "A <b> & c"
    assert page["tables"] == [[["x", "y"], ["1", "true"]]]
    assert page["links"] == [{"text": "go", "url": 'https://a.example/?q="1"&r=2'}]
    assert "<h1>" in page["text"]


@pytest.mark.parametrize(
    "part",
    [
        {"link": {"text": "x", "url": "javascript:alert(1)"}},
        {"link": {"text": "x", "url": "//evil.example"}},
        {"link": {"text": "x", "url": " data:text/html,x"}},
        {"link": "https://a.example"},
        {"list": "abc"},
        {"table": [[1], {"a": 1}]},
        {},
        {"heading": "a", "text": "b"},
    ],
)
def test_html_format_refuses_what_could_be_more_than_text(part):
    """S43."""
    assert fault_of(format_html, {"parts": [part]})


@pytest.mark.parametrize("cell", ["1_000", "１０", "٣", "1_0.5"])
@pytest.mark.parametrize("kind", ["int", "float", "decimal"])
def test_a_cell_that_only_python_reads_as_a_number_is_none(cell, kind):
    assert f"is no {kind}" in fault_of(parse_csv, {"text": f"a\n{cell}\n", "types": {"a": kind}})


@pytest.mark.parametrize("number", ["1e9999999999999999999999", "1e999999999", "-1e-999999"])
def test_a_json_number_of_millions_of_places_is_refused(number):
    assert " kept" in fault_of(parse_json, {"text": f"[{number}]", "decimals": True})


def test_a_selector_has_few_parts_and_deep_pages_do_not_stall_it():
    page = "<div>" * 90 + "<q>x</q>" * 2_000
    assert parse_html.evaluate({"text": page, "select": {"q": "div " * 15 + "q"}})["selected"]["q"]
    assert "no selector" in fault_of(parse_html, {"text": page, "select": {"q": "div " * 2_000 + "q"}})
