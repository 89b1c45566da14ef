"""A command imports what it needs: what is slow to import and not wanted is not there. Modules are counted, not seconds."""

import json
import os
import subprocess
import sys

import pytest

WORKFLOW = "kind: workflow\nname: lean\nspec:\n  steps:\n    a: {type: noop}\n"
SAID = """
import json, sys
from auraos.cli.front import run_command
code = run_command(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""
NETWORK = {"aiohttp", "auraos.security.egress"}
DOCUMENTS = {"yaml", "auraos.core.document", "auraos.core.graph", "auraos.core.expressions"}
ENGINE = {"auraos.core.run", "auraos.engine.engine", "auraos.engine.client"}
STEPS = {"auraos.app.installed", "auraos.steps"}
STORE = {"sqlite3", "auraos.storage.sqlite"}
SANDBOX = {"pydantic_monty", "auraos.engine.sandbox"}
REPORTS = {"rich", "difflib", "email"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a workflow that ran once."""
    made = tmp_path_factory.mktemp("lean")
    (made / "lean.yaml").write_text(WORKFLOW)
    assert modules_after(made, "run", "lean.yaml")
    return made


def modules_after(folder, *words):
    """Return the modules that a command imported; it must have ended well."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AURAOS_")}
    done = subprocess.run(
        [sys.executable, "-c", SAID, *words],
        cwd=folder,
        env={**kept, "AURAOS_STATE_HOME": str(folder / ".state")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0, done
    return set(modules)


@pytest.mark.parametrize(
    ("words", "unwanted"),
    [
        (
            ("--help",),
            NETWORK | DOCUMENTS | ENGINE | STEPS | STORE | SANDBOX | REPORTS | {"asyncio", "cyclopts"},
        ),
        (("runs", "list"), NETWORK | DOCUMENTS | ENGINE | STEPS | SANDBOX | REPORTS),
        (("runs", "show", "1"), NETWORK | SANDBOX | {"rich"}),
        (("check", "lean.yaml"), NETWORK | STORE | SANDBOX | {"rich", "auraos.engine.engine"}),
        (("steps", "show", "if"), NETWORK | STORE | SANDBOX | {"rich", "yaml", "auraos.core.graph"}),
        (("expressions", "eval", "1 + 1"), NETWORK | STEPS | STORE | ENGINE | SANDBOX | {"rich", "yaml"}),
        (("run", "lean.yaml"), {"aiohttp", "rich"} | SANDBOX),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_a_command_imports_nothing_slow_that_it_does_not_want(folder, words, unwanted):
    assert modules_after(folder, *words) & unwanted == set()


def test_only_the_step_types_of_a_workflow_are_imported(folder):
    families = {
        name for name in modules_after(folder, "check", "lean.yaml") if name.startswith("auraos.steps.")
    }
    assert "auraos.steps.basic" in families
    assert (
        families & {"auraos.steps.http", "auraos.steps.html", "auraos.steps.xml", "auraos.steps.code"}
        == set()
    )


def test_the_list_of_step_types_imports_them_all(folder):
    assert {"auraos.steps.http", "auraos.steps.html", "auraos.steps.xml"} <= modules_after(
        folder, "steps", "list"
    )
