"""The terminal is given colours only where it shows them, and never control characters of others."""

import io
import json

import pytest

from auraos.cli.screen import Screen, clean, fit, pad, print_json, wants_colours, width


@pytest.mark.parametrize(
    ("environment", "is_terminal", "colours"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(environment, is_terminal, colours, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert wants_colours(is_terminal) is colours


def test_a_screen_without_colours_writes_plain_text():
    assert Screen(io.StringIO()).tint("hello", "red", "bold") == "hello"


def test_a_screen_with_colours_ends_what_it_begins():
    assert Screen(io.StringIO(), colours=True).tint("hello", "red") == "\x1b[31mhello\x1b[0m"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("a\u202eb", "a\\u202eb"),
        ("bell\x07", "bell\\x07"),
        ("héllo → ✓", "héllo → ✓"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
    ],
)
def test_control_characters_are_written_out(text, shown):
    assert clean(text) == shown


def test_wide_and_combining_characters_are_measured_in_cells():
    assert [width("abc"), width("日本"), width("e\u0301")] == [3, 4, 1]


def test_text_is_cut_and_filled_by_cells():
    assert [fit("日本語です", 7), fit("short", 7), fit("two\nlines", 20), pad("日", 4)] == [
        "日本語…",
        "short",
        "two lines",
        "日  ",
    ]


def test_json_for_programs_cannot_steer_a_terminal_either(capsys):
    print_json({"\x9b2J": "\x1b]0;x\x07\u202e\x7f äß"})
    printed = capsys.readouterr().out
    assert clean(printed) == printed
    assert json.loads(printed) == {"\x9b2J": "\x1b]0;x\x07\u202e\x7f äß"}
