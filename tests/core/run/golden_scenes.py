"""The runs behind the golden journals: between them they hold every kind of fact, final and mid-flight.

python tests/core/run/golden_scenes.py FOLDER     writes them, once for each release; a written one never changes
"""

import pathlib
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from machine_hand import Hand, read_program

from auraos.core.gate import Gate
from auraos.core.run import encode_fact, inherit, view
from auraos.core.run.facts import (
    Answered,
    CallJoined,
    EventReceived,
    Parent,
    RunAdmitted,
    RunMoved,
    RunPaused,
    RunQuarantined,
    RunRefused,
    RunReleased,
    RunResumed,
    StepResolved,
)
from auraos.core.run.moving import Plan
from auraos.core.run.parts import Caller, Keyed
from auraos.core.values import to_wire

CHILD = """
kind: workflow
name: child
spec:
  steps: {c: {type: act, undo: {type: act, with: {of: "{{ input }}"}}}}
"""

SAGA = """
steps:
  reserve:
    type: act
    expect: {type: object}
    undo: {type: act, with: {what: release, id: "{{ steps.reserve.id }}"}}
  pay: {type: act, retry: {attempts: 2, first: 1s}, timeout: 30s, deadline: 1h}
  ship: {type: act, fallback: {later: true}}
links: [reserve -> pay, pay -> ship]
"""

LOOPS = """
steps:
  each:
    type: foreach
    with: {items: "{{ input.rows }}", parallel: 2, on_error: report}
    steps: {a: {type: act, with: {effect: read, n: "{{ item }}"}}}
  pages:
    type: while
    with: {condition: "{{ last.more }}", limit: 9}
    steps: {page: {type: act, with: {effect: read}}}
  guard:
    type: try
    steps: {risky: {type: act}}
    catch: {steps: {tell: {type: act, with: {why: "{{ errors.risky.code }}"}}}}
    finally: {steps: {clean: {type: act}}}
  first:
    type: race
    branches:
      paid: {steps: {w: {type: wait.signal, with: {name: paid, key: "{{ input.key }}", expires: 1h}}}}
      late: {steps: {t: {type: wait.for, with: {duration: 30m}}}}
links: [each -> pages, pages -> guard, guard -> first]
output: {each: "{{ steps.each }}", first: "{{ steps.first }}"}
"""

PEOPLE = """
steps:
  ask: {type: human.approve, with: {title: "Order {{ input.id }}", group: sales, expires: 2d, remind: 1d}}
  stock: {type: wait.event, with: {type: stock.arrived, match: "{{ event.sku == 'A' }}"}}
  write: {type: act}
links: [ask.approved -> stock, stock -> write]
"""

PURE = """
variables: {rate: 2}
steps:
  a: {type: transform, with: {set: {total: "{{ input.price * vars.rate }}", due: "{{ input.at }}"}}}
  q: {type: if, with: {condition: "{{ steps.a.total > 10 }}"}}
  b: {type: noop, with: {value: "{{ steps.a }}"}}
  c: {type: noop}
links: [a -> q, q.true -> b, q.false -> c]
output: "{{ steps.b }}"
"""


GUARD = """
steps:
  guard:
    type: try
    retry: {attempts: 3, first: 1s, jitter: 0}
    steps:
      look: {type: act, with: {effect: read}}
      reserve: {type: act, undo: {type: act, with: {what: release}}}
      bill: {type: act}
      ship: {type: act}
    links: [look -> reserve, reserve -> bill, bill -> ship]
"""

CALL_AGAIN = """
steps: {k: {type: call, with: {workflow: child, input: 7}, retry: {attempts: 2, first: 1s, jitter: 0}}, z: {type: act}}
links: [k -> z]
"""

SHARING = """
steps:
  k: {type: call, key: "{{ input.id }}", with: {workflow: child, input: 7}}
  n: {type: call, key: "{{ [input.id, 1] }}", with: {workflow: child, wait: false}}
"""

ASK_AGAIN = """
steps:
  ask: {type: human.approve, with: {title: May it?, expires: 1h}, retry: {attempts: 2, first: 0s}}
"""


def pure() -> Hand:
    at = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
    return Hand(
        PURE,
        {"price": Decimal("9.90"), "at": at, "for": timedelta(hours=2), "$odd": [1, None, True, 1.5, "é"]},
    )


def compensated() -> Hand:
    hand = Hand(SAGA.replace(", fallback: {later: true}", "")).succeed("reserve", {"id": 7})
    hand.fail("pay", "transient").wait(2).succeed("pay").fail("ship")
    return hand.fail("reserve!undo", "transient").wait(10).succeed("reserve!undo")


def by_fallback() -> Hand:
    return Hand(SAGA).succeed("reserve", {"id": 7}).succeed("pay").fail("ship")


def retrying() -> Hand:
    return Hand(SAGA).succeed("reserve", {"id": 7}).fail("pay", "transient")


def in_doubt() -> Hand:
    text = """
steps:
  pay:
    type: act
    verify: {type: act, with: {effect: read}, done: "{{ output.found }}"}
  other: {type: act}
"""
    hand = Hand(text).doubt("pay")
    return hand.doubt("other")


def resolved() -> Hand:
    hand = in_doubt()
    hand.tell(StepResolved(at=hand.now, path="other", outcome="succeeded", output=3, by="ann"))
    return hand.succeed("pay!verify", {"found": True})


def in_loops() -> Hand:
    hand = Hand(LOOPS, {"rows": [1, 2, 3], "key": "k"})
    hand.succeed("each[0]/a").fail("each[1]/a").succeed("each[2]/a")
    return (
        hand.succeed("pages[1]/page", {"more": True})
        .succeed("pages[2]/page", {"more": False})
        .fail("guard/risky")
    )


def raced() -> Hand:
    hand = in_loops().succeed("guard/tell", "told").succeed("guard/clean")
    return hand.signal("other", 1).signal("paid", {"eur": Decimal("9.90")}, key="k", sent_as="s1")


def asked() -> Hand:
    return Hand(PEOPLE, {"id": 7}).wait(86_400)


def answered() -> Hand:
    hand = asked()
    hand.tell(Answered(at=hand.now, path="ask", decision="approved", by="ann", comment="fine"))
    for number, sku in enumerate("BA"):
        hand.tell(EventReceived(at=hand.now, id=f"e{number}", type="stock.arrived", event={"sku": sku}))
    return hand.succeed("write", 1)


def paused() -> Hand:
    hand = Hand(SAGA)
    hand.tell(RunPaused(at=hand.now, by="ann", reason="lunch"))
    return hand.succeed("reserve", {"id": 7})


def released() -> Hand:
    hand = paused()
    hand.tell(RunResumed(at=hand.now, by="ann", variables={"x": 1}))
    hand.tell(RunQuarantined(at=hand.now, reason="it broke the engine three times."))
    hand.tell(RunReleased(at=hand.now, by="ann"))
    return hand


def cancelled() -> Hand:
    return (
        Hand(SAGA).succeed("reserve", {"id": 7}).cancel(by="ann", reason="no more", undo=True).succeed("pay")
    )


def forced() -> Hand:
    return Hand(SAGA).succeed("reserve", {"id": 7}).cancel(by="ann", force=True)


def calling() -> Hand:
    return Hand("steps: {k: {type: call, with: {workflow: child, input: 7}}, z: {type: act}}\nlinks: [k -> z]",
                programs={"child": read_program(CHILD)}, resolved={"child": "v1"})  # fmt: skip


def called() -> Hand:
    hand = calling()
    child = next(iter(hand.children.values())).succeed("c", "made")
    hand.collect(child)
    return hand


def page() -> Hand:
    hand = Hand(
        'steps: {e: {type: foreach, with: {items: "{{ range(1001) }}"}, steps: {a: {type: act, with: {effect: read}}}}}'
    )
    return next(iter(hand.children.values())).succeed("e[0]/a", 1)


def forked() -> Hand:
    hand = compensated()
    taken = inherit(hand.program, hand.journal, changes={"ship": {"id": 9}})
    return Hand(
        hand.program, run="run-2", origin="run-1", parent=Parent(run="run-1", kind="fork"), inherited=taken
    )


GATES = (
    Gate(setting="batch", name="b1", key="ann", limit=3, per=60_000_000),
    Gate(setting="concurrency", name="c1"),
)


def gathered() -> Hand:
    hand = Hand(
        'steps: {a: {type: act, with: {all: "{{ input }}"}}}', {"price": Decimal("9.90")}, gates=GATES
    )
    inputs = [{"price": Decimal("9.90")}, {"price": 2}]
    return hand.tell(RunAdmitted(at=hand.now + 1, input=inputs, gathered=("run-1", "run-2")))


def refused() -> Hand:
    hand = Hand("steps: {a: {type: act}}", gates=GATES[1:])
    return hand.tell(
        RunRefused(at=hand.now + 1, outcome="failed", code="limit-reached", message="It is full.")
    )


SCENES: list[Callable[[], Hand]] = [
    pure, compensated, by_fallback, retrying, in_doubt, resolved, in_loops, raced, asked, answered, paused, released,
    cancelled, forced, calling, called, page, forked, gathered, refused,
]  # fmt: skip


def guarded() -> Hand:
    """A scope in the pause between two tries."""
    hand = Hand(GUARD).succeed("guard/look", 1).succeed("guard/reserve", "r").succeed("guard/bill", "b")
    return hand.fail("guard/ship", "transient").succeed("guard/reserve!undo")


def guarded_again() -> Hand:
    """Its second try, under new keys, with what stands taken over."""
    return guarded().wait(1).succeed("guard/look", 2).succeed("guard/reserve", "r2")


def called_again() -> Hand:
    """A call whose second run is under way."""
    hand = Hand(CALL_AGAIN, programs={"child": read_program(CHILD)}, resolved={"child": "v1"})
    hand.collect(next(iter(hand.children.values())).fail("c", "transient"))
    return hand.wait(1)


def waiting_again() -> Hand:
    """An approval that expired once and is asked for again."""
    return Hand(ASK_AGAIN).wait(3600)


def without_output() -> Hand:
    """A run that is undone because its output cannot be evaluated."""
    return Hand('steps: {a: {type: act, undo: {type: act}}}\noutput: "{{ 1 / input }}"', 0).succeed("a")


def shared() -> Hand:
    """A run with a key that two steps await."""
    keyed = Keyed(key='"o1"', given="40 characters", caller=Caller(run="run-0", path="ask", shard=7))
    hand = Hand(
        "steps: {a: {type: act}}", 1, keyed=keyed, parent=Parent(run="run-0", kind="call", path="ask")
    )
    return hand.tell(CallJoined(at=hand.now + 1, caller=Caller(run="run-9", path="each[0]/ask", shard=9)))


def sharing() -> Hand:
    """A run that awaits one with a key, and that only wanted another one to be there."""
    return Hand(SHARING, {"id": "o1"}, programs={"child": read_program(CHILD)}, resolved={"child": "v1"})


SCENES += [guarded, guarded_again, called_again, waiting_again, without_output, shared, sharing]

MOVING = """
steps:
  book: {type: act, undo: {type: act}}
  each: {type: foreach, with: {items: "{{ input }}"}, steps: {a: {type: wait.signal, with: {name: "go {{ item }}"}}}}
  ask: {type: human.approve, with: {title: May it go, expires: 3d}}
links: [book -> each, book -> ask]
"""


def moved() -> Hand:
    """A run that goes on as another one."""
    hand = (
        Hand(MOVING, ["x", "y"]).succeed("book", {"id": 1}).signal("go x", 1, sent_as="s1").signal("left", 2)
    )
    return hand.tell(RunMoved(at=hand.now, run="run-2", version="v2", steps={"book": "book"}, by="ann"))


def moved_to() -> Hand:
    """The run that goes on in its place, paused as that one was."""
    hand = (
        Hand(MOVING, ["x", "y"]).succeed("book", {"id": 1}).signal("go x", 1, sent_as="s1").signal("left", 2)
    )
    hand.tell(RunPaused(at=hand.now, reason="a look"))
    plan = Plan(hand.program, hand.program, hand.journal, steps={}, drop=())
    return Hand(
        hand.program, ["x", "y"], run="run-2", origin="run-1", parent=Parent(run="run-1", kind="move"),
        inherited=tuple(plan.taken.values()), moved=plan.carried,
    )  # fmt: skip


SCENES += [moved, moved_to]


def project(program: Any, journal: list[Any]) -> Any:
    """Return the projection that must stay equal for ever: what people are shown of the run."""
    return to_wire(msgspec.to_builtins(view(program, journal), enc_hook=to_wire))


def main(folder: str) -> None:
    target = pathlib.Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for scene in SCENES:
        hand = scene().check_replay()
        lines = [encode_fact(fact) for fact in hand.journal]
        (target / f"{scene.__name__}.jsonl").write_bytes(b"\n".join(lines) + b"\n")
        (target / f"{scene.__name__}.json").write_bytes(
            msgspec.json.format(msgspec.json.encode(project(hand.program, hand.journal)), indent=1) + b"\n"
        )


if __name__ == "__main__":
    main(sys.argv[1])
