"""Each kind of error has its exit code, in words for people or as JSON for scripts."""

import errno
import json

import pytest

from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError, explain_bug, explain_error, say
from auraos.core.errors import OperationalError, UnexpectedError


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (
            WrongInputError("No such thing.", hint="Try another."),
            Exit.WRONG_INPUT,
            "error[wrong-input]: No such thing.",
        ),
        (
            OperationalError("The disk is full."),
            Exit.WORLD_FAILED,
            "error[operational-error]: The disk is full.",
        ),
        (UnexpectedError("Two of them."), Exit.BUG, "AuraOS made a mistake: UnexpectedError: Two of them."),
        (FileNotFoundError(errno.ENOENT, "no", "x.yaml"), Exit.WRONG_INPUT, "There is no file 'x.yaml'."),
        (
            FileNotFoundError(errno.ENOENT, "no", "/no/such/x"),
            Exit.WRONG_INPUT,
            "There is no folder '/no/such'.",
        ),
        (OSError(errno.ENOSPC, "No space left", "x.db"), Exit.WORLD_FAILED, "x.db: No space left"),
    ],
)
def test_an_error_is_told_and_has_its_code(error, code, words, capsys):
    assert explain_error(error, as_json=False, debug=False) == code
    assert words in capsys.readouterr().err


def test_as_json_an_error_has_code_message_hint_and_data(capsys):
    explain_error(WrongInputError("No.", hint="Yes.", places=[1]), as_json=True, debug=False)
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "ok": False,
        "error": {"code": "wrong-input", "message": "No.", "hint": "Yes.", "data": {"places": [1]}},
        "exit_code": 2,
    }


def test_a_bug_shows_its_traceback_only_when_asked(capsys):
    assert explain_bug(ValueError("odd"), as_json=False, debug=False) == Exit.BUG
    quiet = capsys.readouterr().err
    explain_bug(ValueError("odd"), as_json=False, debug=True)
    assert ("Please report it" in quiet, "Traceback" in quiet) == (True, False)
    assert "ValueError: odd" in capsys.readouterr().err


def test_a_server_that_is_asked_cannot_steer_the_terminal(capsys):
    say("evil\x1b[31m", "d\x1b]0;x\x07", "h\x1b[2J", Exit.WRONG_INPUT, as_json=False)
    assert "\x1b" not in capsys.readouterr().err
