"""Coverage-guided fuzzing of the expression language, on demand: `python tests/core/expressions/fuzz_atheris.py -runs=200000`."""

import sys
import tempfile
from pathlib import Path

import atheris
import yaml

with atheris.instrument_imports(include=["auraos"]):
    from auraos.core.expressions import Meter, compile_expression, find_expressions, infer
    from auraos.core.expressions.errors import LocatedError

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from expression_values import SCOPE, check_place, is_plain  # noqa: E402


def fuzz(data: bytes) -> None:
    """Read, analyse and evaluate one text; anything but plain data or one of our errors is a find."""
    source = data.decode("utf-8", "surrogateescape")
    find_expressions(source)
    try:
        expression = compile_expression(source)
        infer(expression, {})
        value = expression.evaluate({**SCOPE, "$meter": Meter(operations=5_000, size=200_000)})
    except LocatedError as error:
        check_place(error, source)
    else:
        assert is_plain(value)


if __name__ == "__main__":
    seeds = Path(tempfile.mkdtemp(prefix="expressions-"))
    for number, case in enumerate(yaml.safe_load((HERE / "hostile.yaml").read_text(encoding="utf-8"))):
        (seeds / f"seed-{number}").write_text(case["source"], encoding="utf-8")
    atheris.Setup([*sys.argv, "-max_len=200", "-timeout=5", str(seeds)], fuzz)
    atheris.Fuzz()
