"""Traces of a real server, sent to a real collector: from the request through a run, its steps and whom they ask."""

import signal
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from command_line import CommandLine
from otlp_receiver import Collector, collecting
from owned_server import OwnedServer
from server_process import Server, answering, until

TRACE, ASKING = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CANARY = "canary-3f9a17c2b7"
OUTER = """kind: workflow
name: outer
spec:
  input:
    type: object
    properties: {{word: {{type: string}}}}
  steps:
    shape: {{type: transform, with: {{set: {{word: "{{{{ input.word }}}}"}}}}}}
    look:
      type: http.request
      with: {{url: "{url}/prices", headers: {{Authorization: "{{{{ input.word }}}}"}}}}
    inner: {{type: call, with: {{workflow: inner}}}}
  links: [shape -> look, look -> inner]
"""
INNER = "kind: workflow\nname: inner\nspec:\n  steps:\n    a: {type: noop}\n"
WAITING = """kind: workflow
name: waiting
spec:
  steps:
    first: {{type: http.request, with: {{url: "{url}/first"}}}}
    paid: {{type: wait.signal, with: {{name: paid}}}}
    done: {{type: http.request, with: {{url: "{url}/last"}}}}
  links: [first -> paid, paid -> done]
"""


class Shop(BaseHTTPRequestHandler):
    """Answers, and notes which trace it was asked in."""

    def do_GET(self) -> None:
        self.server.asked[self.path] = self.headers.get("traceparent")  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def shop() -> Iterator[Any]:
    with answering(Shop, asked={}) as server:
        yield server


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as opened:
        yield opened


@pytest.fixture
def served(tmp_path) -> CommandLine:
    return CommandLine(tmp_path)


def words_for(shop: Any) -> tuple[str, ...]:
    return ("--allow-net", f"127.0.0.1:{shop.server_port}", "--log-format", "json")


def publish(server: OwnedServer, *texts: str) -> None:
    for text in texts:
        made = server.ask("POST", "/definitions", {"text": text})
        path = f"/definitions/workflow/{made['name']}/publish"
        server.ask("POST", path, {}, if_match=f'"{made["revision"]}"')


def test_one_trace_leads_from_the_request_through_the_run_to_whom_its_steps_ask(served, shop, collector):
    """X22."""
    served.environment |= collector.environment
    server = OwnedServer(served, *words_for(shop))
    url = f"http://127.0.0.1:{shop.server_port}"
    publish(server, INNER, OUTER.format(url=url))
    told = f"00-{TRACE}-{ASKING}-01"
    run = server.ask("POST", "/workflows/outer/runs?wait=20", {"input": {"word": CANARY}}, traceparent=told)
    assert run["state"] == "succeeded"
    wanted = ("run outer", "run inner", "step shape", "step look", "step a")
    found = {name: until(lambda name=name: collector.named(name)) for name in wanted}
    asked = until(lambda: collector.named("POST /api/v1/workflows/{name}/runs"))
    server.stop(signal.SIGTERM)
    assert {span.trace for span in (asked, *found.values())} == {TRACE}
    assert (asked.parent, asked.service) == (ASKING, "auraos")
    assert found["run outer"].parent == asked.span
    assert found["step shape"].parent == found["step look"].parent == found["run outer"].span
    assert found["run inner"].parent == found["run outer"].span
    assert found["step a"].parent == found["run inner"].span
    assert shop.asked["/prices"] == f"00-{TRACE}-{found['step look'].span}-01"
    assert found["step look"].attributes["auraos.step.type"] == "http.request"
    assert found["run outer"].attributes["auraos.run.id"] == run["run"]
    assert CANARY.encode() not in collector.raw


def test_a_run_that_another_process_goes_on_with_goes_on_in_the_same_trace(served, shop, collector):
    served.environment |= collector.environment
    server = OwnedServer(served, *words_for(shop))
    publish(server, WAITING.format(url=f"http://127.0.0.1:{shop.server_port}"))
    told = f"00-{TRACE}-{ASKING}-01"
    run = server.ask("POST", "/workflows/waiting/runs", {}, traceparent=told)["run"]
    first = until(lambda: collector.named("step first"))
    server.kill()
    again = Server(served, *words_for(shop))
    again_asked = OwnedServer.ask
    server.url = again.url
    again_asked(server, "POST", f"/runs/{run}/signal", {"name": "paid"})
    last = until(lambda: collector.named("step done"))
    whole = until(lambda: collector.named("run waiting"))
    again.stop(signal.SIGTERM)
    assert {first.trace, last.trace, whole.trace} == {TRACE}
    assert first.parent == last.parent == whole.span
    assert shop.asked["/last"].split("-")[1] == TRACE


def test_what_fails_is_an_error_and_what_is_not_told_is_not_sent(served, shop, collector):
    served.environment |= collector.environment
    server = OwnedServer(served, *words_for(shop))
    publish(
        server,
        "kind: workflow\nname: broken\nspec:\n  steps:\n    no: {type: fail, with: {message: no}}\n",
        INNER,
    )
    server.ask("POST", "/workflows/inner/runs?wait=20", {}, traceparent=f"00-{TRACE}-{ASKING}-00")
    run = server.ask("POST", "/workflows/broken/runs?wait=20", {})
    whole = until(lambda: collector.named("run broken"))
    asked = until(
        lambda: next(
            (
                span
                for span in collector.spans
                if span.name == "POST /api/v1/workflows/{name}/runs" and span.trace == whole.trace
            ),
            None,
        )
    )
    _, log = server.stop(signal.SIGTERM)
    assert (whole.is_error, whole.attributes["auraos.run.state"]) == (True, "failed")
    assert asked.attributes["auraos.request.id"].replace("-", "") == whole.trace
    assert asked.attributes["http.response.status_code"] == 201
    assert TRACE not in {span.trace for span in collector.spans}
    assert run["state"] == "failed"
    assert "Traceback" not in log


def test_without_a_collector_nothing_is_traced_and_no_run_knows_of_a_trace(served, shop):
    server = OwnedServer(served, *words_for(shop))
    publish(server, INNER)
    told = f"00-{TRACE}-{ASKING}-01"
    run = server.ask("POST", "/workflows/inner/runs?wait=20", {}, traceparent=told)["run"]
    journal = server.ask("GET", f"/runs/{run}/journal")
    server.stop(signal.SIGTERM)
    assert "trace" not in journal["items"][0]["fact"]
    assert "traceparent" not in str(journal)
