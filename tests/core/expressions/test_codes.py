"""Every code that an expression's error can carry is explained, and none is explained that no error carries."""

import re
from pathlib import Path

from auraos.core import expressions
from auraos.core.expressions import EXPRESSION_CODES

FOLDER = Path(expressions.__file__).parent
TEXT = "\n".join(file.read_text(encoding="utf-8") for file in FOLDER.glob("*.py") if file.name != "codes.py")
RAISED = re.compile(r'(?:Error|\.error|\.refusal|_failure)\(\s*"([a-z]+(?:-[a-z]+)*)"')
REPORTED = re.compile(r'\.report\(\s*[a-z_.\[\]]+,\s*"([a-z]+(?:-[a-z]+)*)"')


def test_every_code_that_is_raised_is_explained() -> None:
    found = {*RAISED.findall(TEXT), *REPORTED.findall(TEXT)}
    assert len(found) > 35
    assert found <= set(EXPRESSION_CODES)


def test_every_explained_code_is_raised() -> None:
    raised_by_values = {"value-refused"}
    assert {code for code in EXPRESSION_CODES if f'"{code}"' not in TEXT} == raised_by_values
