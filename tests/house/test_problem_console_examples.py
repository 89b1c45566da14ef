"""Examples of problem codes that are commands: what the reference prints there is what the commands really print."""

import shutil

import pytest

from auraos.core.problem_codes import PROBLEM_CODES
from markdown_blocks import Block
from repository import ROOT
from test_docs import prove_console

SHOWN = [code for code in PROBLEM_CODES.values() if code.shown_by == "console"]


@pytest.mark.parametrize("code", SHOWN, ids=lambda code: code.code)
def test_the_commands_of_an_example_print_what_it_promises(code, tmp_path):
    (tmp_path / "home").mkdir()
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    assert f"error[{code.code}]" in code.bad
    assert f"error[{code.code}]" not in code.good
    wrong = [
        found
        for text in (code.bad, code.good)
        for found in prove_console(Block("console", "", text, 1), tmp_path)
    ]
    assert wrong == []
