"""A server is as its description says, with what that allows and with what it does not, on every route."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from owned_server import owned_server

TESTS = Path(__file__).parents[1]
EXAMPLES = 2
"""So many requests of each kind for a route; `make test-api` makes fifty."""


@pytest.mark.timeout(300)
def test_every_route_answers_as_it_is_described(auraos):
    examples = os.environ.get("AURAOS_API_EXAMPLES", str(EXAMPLES))
    with owned_server(auraos) as server:
        words = [
            sys.executable, "-m", "schemathesis.cli", "--config-file", str(TESTS / "schemathesis.toml"),
            "run", f"{server.url}/api/v1/openapi.json", "--url", server.url, "--max-examples", examples,
            "--phases", "fuzzing" if examples == str(EXAMPLES) else "coverage,fuzzing,stateful",
            "--workers", "2", "--no-color", "--seed", "1",
        ]  # fmt: skip
        told = subprocess.run(
            words,
            env={
                **os.environ,
                "AURAOS_KEY": server.session,
                "SCHEMATHESIS_HOOKS": "schema_checks",
                "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")]),
            },
            cwd=auraos.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        code, log = server.stop()
    assert told.returncode == 0, told.stdout[-20_000:] + told.stderr[-2_000:]
    assert "api.broke" not in log
    assert code == 0
