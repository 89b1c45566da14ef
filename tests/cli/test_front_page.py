"""The front page is quick and complete, and every error has its exit code."""

import subprocess
import sys

import pytest

from auraos.cli.commands import CHAPTERS, NOUNS
from auraos.cli.exits import MEANINGS, Exit
from auraos.cli.front import build_app, front_page, run_command

HEAVY = (
    "aiohttp",
    "asyncio",
    "pydantic_monty",
    "sqlite3",
    "rich",
    "cyclopts",
    "yaml",
    "jsonschema_rs",
    "msgspec",
)
COMMANDS = [command for chapter in CHAPTERS for command in chapter.commands]


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_the_front_page_and_the_version_import_nothing_heavy(argument):
    code = (
        "import sys; from auraos.cli.front import run_command; "
        f"run_command([{argument!r}]); print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_front_page_names_every_command_and_every_exit_code():
    page = front_page()
    assert [command.words for command in COMMANDS if command.words not in page] == []
    assert [code for code in MEANINGS if f"{code:d}  " not in page] == []


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.words)
def test_every_command_is_there_takes_json_and_explains_itself(command, capsys):
    app = build_app()
    app([*command.words.split(), "--help"], result_action="return_value", exit_on_error=False)
    shown = capsys.readouterr().out
    assert "--json" in shown
    assert command.summary.split(";")[0].rstrip(".") in " ".join(shown.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["chekc"], "Did you mean `auraos check`?"),
        (["runs", "shwo"], "Did you mean `auraos runs show`?"),
        (["frobnicate"], "`auraos --help` lists all commands."),
        (["check", "--nope"], "See `auraos check --help`."),
    ],
)
def test_a_wrong_word_is_wrong_input_and_the_way_out_is_told(arguments, words, capsys):
    assert run_command(arguments) == Exit.WRONG_INPUT
    assert words in capsys.readouterr().err


def test_errors_are_json_where_json_was_asked_for(capsys):
    assert run_command(["check", "no-such-file.yaml", "--json"]) == Exit.WRONG_INPUT
    assert '"code": "unreadable-file"' in capsys.readouterr().out


def test_nouns_and_commands_fit_together():
    assert {command.words.split()[0] for command in COMMANDS if " " in command.words} == set(NOUNS)
