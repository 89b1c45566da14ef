"""A data folder that may not be written can be looked at, and nothing else."""

import os
import shutil
import subprocess

import pytest

DONE = "kind: workflow\nname: done\nspec:\n  steps:\n    a: {type: noop}\n"
AS_ANYBODY = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
"""The administrator may write everywhere; this gives that right away."""
LEAD = AS_ANYBODY if os.geteuid() == 0 else []

pytestmark = pytest.mark.skipif(
    bool(LEAD) and shutil.which("setpriv") is None, reason="an administrator needs setpriv to give up rights"
)


@pytest.fixture
def sealed(auraos):
    """A folder with one run, which may be read and not written."""
    assert auraos("run", auraos.write("done.yaml", DONE)).code == 0
    seal(auraos.folder / ".auraos")
    yield auraos
    for path in (auraos.folder / ".auraos", auraos.folder / ".auraos" / "blobs"):
        if path.exists():
            path.chmod(0o700)


def seal(folder):
    """Take the right to write from a folder and all in it."""
    for path in sorted(folder.rglob("*"), reverse=True):
        path.chmod(0o500 if path.is_dir() else 0o400)
    folder.chmod(0o500)


def ask(auraos, *words):
    """Call a command with the rights of an ordinary user."""
    return subprocess.run(
        [*LEAD, auraos.binary, *words],
        cwd=auraos.folder,
        env=auraos.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (("runs", "list"), "succeeded    done"),
        (("runs", "show", "1"), "run 1 of done: succeeded"),
        (("runs", "why", "1"), "run 1 of done: succeeded"),
        (("runs", "journal", "1"), "RunFinished"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_a_folder_that_may_not_be_written_is_looked_at(sealed, words, printed):
    before = {path: path.stat().st_mtime_ns for path in (sealed.folder / ".auraos").iterdir()}
    done = ask(sealed, *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert printed in done.stdout
    assert {path: path.stat().st_mtime_ns for path in (sealed.folder / ".auraos").iterdir()} == before


def test_a_folder_that_may_not_be_written_leads_no_run(sealed):
    done = ask(sealed, "run", "done.yaml")
    assert done.returncode == 4
    assert "error[system-refused]" in done.stderr
    assert ".auraos" in done.stderr


def test_the_log_of_a_process_that_was_killed_is_read_too(auraos):
    auraos.write("wait.yaml", DONE.replace("{type: noop}", "{type: wait.signal, with: {name: go}}"))
    leading = auraos.begin("run", "wait.yaml", "--wait")
    while '"waiting"' not in auraos("runs", "list", "--json").out:
        assert leading.poll() is None
    leading.kill()
    leading.communicate()
    assert (auraos.folder / ".auraos" / "auraos.db-wal").stat().st_size > 0
    seal(auraos.folder / ".auraos")
    done = ask(auraos, "runs", "list")
    (auraos.folder / ".auraos").chmod(0o700)
    assert "waiting      done" in done.stdout


def test_a_damaged_marker_is_a_broken_store(auraos):
    auraos("run", auraos.write("done.yaml", DONE))
    (auraos.folder / ".auraos" / "auraos.json").write_text("garbage")
    done = auraos("runs", "list")
    assert done.code == 4
    assert "error[marker-refused]" in done.err
