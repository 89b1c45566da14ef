"""A command that is done waits for the writes that others began in its process; it is there for all until then."""

import threading
from http.server import BaseHTTPRequestHandler

import pytest

from server_process import answering

FIRST = """kind: workflow
name: first
spec: {steps: {paid: {type: wait.signal, with: {name: paid}}}}
"""
SECOND = """kind: workflow
name: second
spec:
  steps: {{write: {{type: http.request, with: {{method: POST, url: "http://127.0.0.1:{port}/", json: 1}}}}}}
  output: "{{{{ steps.write.json }}}}"
"""


class Slow(BaseHTTPRequestHandler):
    """A service that answers only when the command that carries out the request has something else to do: to leave."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.calls.release()
        self.server.leaving.wait(30)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"42")

    def log_message(self, *words):
        """Keep quiet."""


@pytest.fixture
def slow():
    with answering(Slow, calls=threading.Semaphore(0), leaving=threading.Event()) as server:
        yield server


def test_the_write_of_a_second_command_is_not_cut_off_when_the_first_one_is_done(auraos, slow):
    port = slow.server_address[1]
    auraos.write("first.yaml", FIRST)
    auraos.write("second.yaml", SECOND.format(port=port))
    first = auraos.begin("run", "first.yaml", "--wait", "--allow-net", f"127.0.0.1:{port}")
    assert "waits for the signal paid" in first.stderr.readline()
    second = auraos.begin("run", "second.yaml")
    assert slow.calls.acquire(timeout=60)
    assert auraos("runs", "signal", "1", "paid").code == 0
    assert any("still writes here and is waited for" in line for line in first.stderr)
    assert auraos("runs", "list", "--json").json["driven"] is True
    slow.leaving.set()
    out, err = second.communicate(timeout=60)
    assert (second.returncode, out) == (0, "42\n"), err
    first.communicate(timeout=60)
    assert first.returncode == 0
    assert not slow.calls.acquire(blocking=False)
