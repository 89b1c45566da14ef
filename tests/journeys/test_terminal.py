"""On a terminal a run is shown live and in colours; in a pipe it is plain lines; a reader that leaves early breaks nothing."""

import os
import pty
import subprocess

import pytest

FLOW = "kind: workflow\nname: flow\nspec:\n  steps: {a: {type: noop}, b: {type: fail, with: {message: no}}}\n"


def on_a_terminal(auraos, *words, **more):
    """Run a command whose standard error is a terminal, and return what it wrote there."""
    ours, theirs = pty.openpty()
    environment = {**auraos.environment, "TERM": "xterm-256color", **more}
    environment.pop("NO_COLOR", None) if "NO_COLOR" not in more else None
    process = subprocess.Popen(
        [auraos.binary, *words], cwd=auraos.folder, env=environment, stdout=subprocess.PIPE, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:  # the other side hung up
        pass
    os.close(ours)
    process.communicate()
    return shown.decode()


@pytest.mark.parametrize(
    ("more", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colours_are_shown_where_they_are_wanted(auraos, more, coloured):
    auraos.write("flow.yaml", FLOW)
    shown = on_a_terminal(auraos, "run", "flow.yaml", **more)
    assert ("✓" in shown, "✗" in shown, "\x1b[" in shown) == (True, True, coloured)


def test_in_a_pipe_there_is_no_escape(auraos):
    auraos.write("flow.yaml", FLOW)
    done = auraos("run", "flow.yaml")
    assert "\x1b" not in done.out + done.err


def test_a_reader_that_leaves_early_breaks_nothing(auraos):
    listing = subprocess.Popen(
        [auraos.binary, "expressions", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=auraos.folder,
    )
    listing.stdout.read(10)
    listing.stdout.close()
    assert (listing.stderr.read(), listing.wait(timeout=30)) == (b"", 0)
    listing.stderr.close()
