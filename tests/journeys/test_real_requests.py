"""A run that really sends requests: retries, keys, secrets, and a door that is shut unless it is opened."""

import json
from http.server import BaseHTTPRequestHandler

import pytest

from server_process import answering

SECRET = "s3cret-value-of-the-stock"
FLOW = """kind: workflow
name: reserving
spec:
  steps:
    reserve:
      type: http.request
      with: {{method: POST, url: "http://127.0.0.1:{port}/reserve", json: {{order: 7}}, secret: stock-api}}
      key: "7"
      retry: {{attempts: 3, first: 100ms, jitter: 0, on: [transient]}}
  output: "{{{{ steps.reserve.json.id }}}}"
"""


class Stock(BaseHTTPRequestHandler):
    """A service that is busy at first."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.calls.append(
            (self.headers["Idempotency-Key"], self.headers["Authorization"], json.loads(body))
        )
        busy = len(self.server.calls) == 1
        self.send_response(503 if busy else 200)
        if busy:
            self.send_header("Retry-After", "0")
        answer = b"busy" if busy else json.dumps({"id": "r1", "echo": self.headers["Authorization"]}).encode()
        self.send_header("Content-Type", "text/plain" if busy else "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *words):
        """Keep quiet."""


@pytest.fixture
def stock():
    with answering(Stock, calls=[]) as server:
        yield server


def test_a_request_is_tried_again_under_one_key_and_its_secret_is_nowhere(auraos, stock):
    port = stock.server_address[1]
    auraos.environment |= {"AURAOS_SECRET_STOCK_API": SECRET, "AURAOS_HOSTS_STOCK_API": "127.0.0.1"}
    auraos.write("flow.yaml", FLOW.format(port=port))
    done = auraos("run", "flow.yaml", "--allow-net", f"127.0.0.1:{port}")
    assert (done.code, done.out) == (0, '"r1"\n'), done.err
    assert "(try 2 at " in done.err
    keys, secrets, bodies = zip(*stock.calls, strict=True)
    assert len(set(keys)) == 1
    assert [SECRET in one for one in secrets] == [True, True]
    assert bodies == ({"order": 7}, {"order": 7})
    shown = [auraos("runs", verb, "1", "--json").out for verb in ("show", "journal", "logs")]
    kept = [path.read_bytes() for path in (auraos.folder / ".auraos").rglob("*") if path.is_file()]
    assert [text for text in (*shown, done.out, done.err) if SECRET in text] == []
    assert [content for content in kept if SECRET.encode() in content] == []


def test_without_allow_net_this_machine_is_out_of_reach(auraos, stock):
    port = stock.server_address[1]
    auraos.environment |= {"AURAOS_SECRET_STOCK_API": SECRET, "AURAOS_HOSTS_STOCK_API": "127.0.0.1"}
    auraos.write("flow.yaml", FLOW.format(port=port))
    done = auraos("run", "flow.yaml")
    assert done.code == 1
    assert stock.calls == []


def test_a_missing_secret_is_told_before_a_run_exists(auraos):
    auraos.write("flow.yaml", FLOW.format(port=9))
    done = auraos("run", "flow.yaml")
    assert done.code == 2
    assert "stock-api" in done.err
    assert not (auraos.folder / ".auraos").exists()
    assert auraos("check", "flow.yaml").code == 0
    assert auraos("check", "flow.yaml", "--secrets").code == 1
