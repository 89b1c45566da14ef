"""Facts under seal: they come back byte for byte, and without a key the machine still goes through them."""

import pathlib

import msgspec
import pytest
from golden_scenes import SCENES

from auraos.core.run import decode_fact, encode_fact, fold
from auraos.core.run.facts import RunStarted
from auraos.core.run.large import Reading
from auraos.core.run.sealed import (
    hide,
    is_sealed,
    open_line,
    open_stretch,
    seal_line,
    seal_stretch,
    sealed_by,
)
from auraos.core.run.view import view
from auraos.core.values import Hidden, to_plain

FOLDER = pathlib.Path(__file__).parent / "golden"
JOURNALS = sorted(FOLDER.rglob("*.jsonl"))
NAMES = [str(path.relative_to(FOLDER).with_suffix("")) for path in JOURNALS]
MAKERS = {scene.__name__: scene for scene in SCENES}


def turn(content: bytes) -> bytes:
    return bytes(255 - byte for byte in content)


def lines_of(path):
    return path.read_bytes().splitlines()


@pytest.mark.parametrize("path", JOURNALS, ids=NAMES)
def test_every_fact_comes_back_byte_for_byte(path):
    for line in lines_of(path):
        sealed = seal_line(line, turn, "another-run")
        assert is_sealed(sealed)
        assert sealed_by(sealed) == "another-run"
        assert open_line(sealed, turn) == line


@pytest.mark.parametrize("path", JOURNALS, ids=NAMES)
def test_the_journal_of_an_erased_run_folds_to_the_same_course(path):
    program = MAKERS[path.stem]().program
    facts = [decode_fact(line) for line in lines_of(path)]
    erased = open_stretch(seal_stretch(b"\n".join(lines_of(path)), turn), None)
    hidden = [decode_fact(line) for line in erased.split(b"\n")]
    before, after = fold(program, facts), fold(program, hidden)
    assert after.status == before.status
    seen, shown = view(program, facts), view(program, hidden)
    assert [(step.path, step.how, step.attempts) for step in shown.steps] == [
        (step.path, step.how, step.attempts) for step in seen.steps
    ]


@pytest.mark.parametrize("path", JOURNALS, ids=NAMES)
def test_no_payload_stands_in_a_sealed_line(path):
    """Every value of the facts is made a canary; none of them is to be found."""
    for line in lines_of(path):
        told = msgspec.json.decode(line)
        for name in ("input", "output", "data", "parameters", "event", "details", "trigger"):
            if told.get(name) is not None:
                told[name] = "canary"
        for name in ("message", "comment", "reason"):
            if name in told:
                told[name] = "canary"
        if isinstance(told.get("error"), dict):
            told["error"]["message"] = told["error"]["data"] = "canary"
        marked = encode_fact(decode_fact(msgspec.json.encode(told)))
        assert b"canary" not in seal_line(marked, turn)


def test_what_is_hidden_is_shown_as_such():
    started = RunStarted(at=1, run="r", workflow="w", version="v", input={"a": 1}, variables={"b": 2})
    hidden = hide(started)
    assert hidden.input == Hidden(why="redacted")
    assert hidden.variables == {}
    assert to_plain(hidden.input) == {"hidden": "redacted"}
    assert decode_fact(encode_fact(hidden)) == hidden


def test_a_user_cannot_pose_as_what_is_sealed_or_hidden():
    posing = {"$hidden": "erased", "$sealed": "AAAA", "a": {"$hidden": "redacted"}}
    started = RunStarted(at=1, run="r", workflow="w", version="v", input=posing)
    line = encode_fact(started)
    assert not is_sealed(line)
    assert decode_fact(line, Reading()).input == posing
    assert decode_fact(open_line(seal_line(line, turn), turn)).input == posing
