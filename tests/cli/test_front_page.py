"""The front page is quick and complete, and every error has its exit code."""

import subprocess
import sys

import pytest

from auraos.cli.commands import CHAPTERS, NOUNS
from auraos.cli.exits import MEANINGS, Exit
from auraos.cli.front import build_app, front_page, run_command
from auraos.cli.help import FOLDER, command_page, file_name

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


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["run", "--help"], ["runs", "--help"], ["runs", "show", "-h"]]
)
def test_help_and_the_version_import_nothing_heavy(arguments):
    code = (
        "import sys; from auraos.cli.front import run_command; "
        f"run_command({arguments!r}); print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_front_page_names_every_command_and_every_exit_code():
    page = front_page()
    assert [command.words for command in COMMANDS if command.words not in page] == []
    assert [code for code in MEANINGS if f"{code:d}  " not in page] == []


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.words)
def test_every_command_is_there_takes_json_and_explains_itself(command, capsys):
    assert run_command([*command.words.split(), "--help"]) == Exit.DONE
    shown = capsys.readouterr().out
    assert shown.startswith(f"Usage: auraos {command.words}")
    assert "--json" in shown


def test_the_kept_help_pages_are_what_the_code_says():
    app = build_app()
    built = {file_name(command.words): command_page(app, command.words) for command in COMMANDS}
    kept = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.iterdir()}
    assert kept == built, "`make reference` writes them again"


@pytest.mark.parametrize("noun", NOUNS)
def test_a_noun_lists_its_commands(noun, capsys):
    assert run_command([noun, "--help"]) == Exit.DONE
    shown = capsys.readouterr().out
    listed = [command.words for command in COMMANDS if command.words.startswith(f"{noun} ")]
    assert [words for words in listed if f"  {words} " not in shown] == []


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
