"""The order of `examples/order` against services that really answer: fulfilled, cancelled, and with an answer that is lost."""

import itertools
import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import pytest

from server_process import answering

EXAMPLES = Path(__file__).parents[2] / "examples" / "order"
ORDER = {
    "order": {
        "id": "o1",
        "customer": "ann",
        "total": 50,
        "lines": [{"sku": "A", "qty": 1}, {"sku": "B", "qty": 2}],
    }
}


class Shop(BaseHTTPRequestHandler):
    """Stock, fraud, payments and shipments with a ledger. `lose` names calls whose effect happens and whose answer is lost."""

    answers: ClassVar = {
        ("POST", "stock"): {"backordered": False},
        ("GET", "fraud"): {"risk": 10},
        ("POST", "payments"): {"payment": "p1"},
        ("GET", "payments"): {"state": "captured"},
        ("POST", "shipments"): {"shipment": "s1"},
    }

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0]
        key = self.headers["Idempotency-Key"]
        self.server.ledger.append((self.command, path, key))
        if path in self.server.lose:
            self.server.lose.discard(path)
            self.connection.close()
            return
        given = {
            "id": f"r{next(self.server.numbers)}",
            **self.answers.get((self.command, path.split("/")[1]), {}),
        }
        sent = json.dumps(given).encode()
        self.send_response(200 if body or self.command == "GET" else 204)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent) if body or self.command == "GET" else 0))
        self.end_headers()
        if body or self.command == "GET":
            self.wfile.write(sent)

    do_GET = do_POST = do_DELETE = answer  # noqa: N815 (named by the server)

    def log_message(self, *words):
        """Keep quiet."""


@pytest.fixture
def shop(auraos):
    for name in ("STOCK_API", "PAYMENTS"):
        auraos.environment |= {
            f"AURAOS_SECRET_{name}": f"secret-of-{name}",
            f"AURAOS_HOSTS_{name}": "127.0.0.1",
        }
    with answering(Shop, ledger=[], lose=set(), numbers=itertools.count(1)) as server:
        yield server


def begin(auraos, shop):
    """Run the order until it waits, and return what later commands need to reach the shop."""
    port = shop.server_address[1]
    net = ("--allow-net", f"127.0.0.1:{port}")
    services = f"services=http://127.0.0.1:{port}"
    done = auraos(
        "run",
        str(EXAMPLES / "order.yaml"),
        "--input",
        json.dumps(ORDER),
        "--var",
        services,
        *net,
        "--no-wait",
    )
    assert done.code == 3, done.err
    return net


def paths(shop, method="POST"):
    return [path for made, path, _ in shop.ledger if made == method]


def test_an_order_is_fulfilled_and_its_journal_replays(auraos, shop):
    net = begin(auraos, shop)
    assert sorted(paths(shop)) == [
        "/payments",
        "/payments/p1/capture",
        "/shipments",
        "/stock/reservations",
        "/stock/reservations",
    ]
    assert auraos("runs", "event", "shipment.delivered", "--payload", '{"order": "o1"}', *net).code == 0
    shown = auraos("runs", "show", "1", "--json").json
    assert shown["state"] == "succeeded"
    assert shown["output"] == {
        "end": "fulfilled",
        "result": {"order": "o1", "invoice": "2026-o1", "amount": 50},
    }
    shop.ledger.clear()
    half = auraos("runs", "replay", "1", "--until", "8", "--json").json
    assert half["state"] not in ("succeeded", "failed")
    assert auraos("runs", "replay", "1", "--json").json["output"] == shown["output"]
    assert shop.ledger == [], "a replay sends nothing"


def test_an_order_that_is_cancelled_on_its_way_is_taken_back_latest_first(auraos, shop):
    net = begin(auraos, shop)
    shop.ledger.clear()
    assert auraos("runs", "event", "order.cancelled", "--payload", '{"order": "o1"}', *net).code == 0
    shown = auraos("runs", "show", "1", "--json").json
    assert shown["output"] == {"end": "called_off", "result": None}
    undone = [path for _, path, _ in shop.ledger]
    assert undone[:3] == ["/shipments/s1", "/payments/p1/refund", "/payments/p1"]
    assert sorted(undone[3:]) == ["/stock/reservations/r1", "/stock/reservations/r2"]


def test_a_capture_whose_answer_is_lost_is_verified_and_not_done_twice(auraos, shop):
    shop.lose.add("/payments/p1/capture")
    begin(auraos, shop)
    assert paths(shop).count("/payments/p1/capture") == 1
    assert "/payments/p1" in paths(shop, "GET")
    assert "/shipments" in paths(shop)


def test_a_reservation_whose_answer_is_lost_is_repeated_under_its_key(auraos, shop):
    shop.lose.add("/stock/reservations")
    net = begin(auraos, shop)
    tries = itertools.takewhile(lambda _: "/shipments" not in paths(shop), range(20))
    assert all(auraos("runs", "resume", "1", "--no-wait", *net).code == 3 for _ in tries)
    keys = [key for method, path, key in shop.ledger if (method, path) == ("POST", "/stock/reservations")]
    assert len(keys) == 3
    assert len(set(keys)) == 2
