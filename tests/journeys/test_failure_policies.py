"""Every policy for failures, against a server that really fails: what a run waits, sends and ends with (C13)."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from faulty_server import FaultyServer, faulty_server

ASK = "type: http.request, with: {url: 'http://PLACE/a'}"
POST = "type: http.request, with: {url: 'http://PLACE/a', method: POST}"


class Case(NamedTuple):
    """A policy: the steps, how the server behaves, the state of the run, what was sent, and the waits between in ms."""

    steps: str
    behaves: dict[str, str]
    state: str
    sent: dict[str, int]
    waits: list[int] | None = None
    output: Any = ...
    code: str = ""


CASES = {
    "a fixed pause": Case(
        f"a: {{{ASK}, retry: {{attempts: 4, first: 100ms, factor: 1, jitter: 0}}}}",
        {"a": "500 500 500 200"}, "succeeded", {"a": 4}, [100, 100, 100],
    ),
    "a pause that grows, up to its bound": Case(
        f"a: {{{ASK}, retry: {{attempts: 5, first: 50ms, factor: 3, max: 200ms, jitter: 0}}}}",
        {"a": "500 502 504 500 200"}, "succeeded", {"a": 5}, [50, 150, 200, 200],
    ),
    "attempts run out": Case(
        f"a: {{{ASK}, retry: {{attempts: 3, first: 10ms}}}}", {"a": "500"}, "failed", {"a": 3}, code="http-500",
    ),
    "no retry unless asked for": Case(f"a: {{{ASK}}}", {"a": "500 200"}, "failed", {"a": 1}, [], code="http-500"),
    "a class that is not named": Case(
        f"a: {{{ASK}, retry: {{attempts: 3, first: 10ms}}}}", {"a": "401 200"}, "failed", {"a": 1}, [], code="http-401",
    ),
    "a class that is named": Case(
        f"a: {{{ASK}, retry: {{attempts: 3, first: 10ms, on: [credential]}}}}", {"a": "401 200"}, "succeeded", {"a": 2},
    ),
    "a code that is named": Case(
        f"a: {{{ASK}, retry: {{attempts: 3, first: 10ms, on: [http-404]}}}}", {"a": "404 404 200"}, "succeeded", {"a": 3},
    ),
    "Retry-After is longer than the pause": Case(
        f"a: {{{ASK}, retry: {{attempts: 2, first: 10ms}}}}", {"a": "429/1 200"}, "succeeded", {"a": 2}, [1000],
    ),
    "503 with Retry-After is definite, so even a write is repeated": Case(
        f"a: {{{POST}, retry: {{attempts: 2, first: 10ms, on: [transient]}}}}", {"a": "503/1 200"}, "succeeded", {"a": 2},
        [1000],
    ),
    "500 of a write is never repeated": Case(
        f"a: {{{POST}, retry: {{attempts: 5, first: 10ms, on: [transient]}}}}", {"a": "500 200"}, "waiting", {"a": 1}, [],
    ),
    "a timeout of a step that may be repeated": Case(
        f"a: {{{ASK}, timeout: 3s, retry: {{attempts: 2, first: 10ms}}}}", {"a": "hang 200"}, "succeeded", {"a": 2},
    ),
    "a timeout without retry": Case(
        f"a: {{{ASK}, timeout: 3s}}", {"a": "hang"}, "failed", {"a": 1}, code="timeout"
    ),
    "a deadline over all attempts": Case(
        f"a: {{{ASK}, deadline: 4s, retry: {{attempts: 50, first: 2500ms, factor: 1, jitter: 0}}}}", {"a": "500"},
        "failed", {"a": 2},
    ),
    "a fallback stands in": Case(
        f"a: {{{ASK}, fallback: {{price: 9}}}}", {"a": "500"}, "succeeded", {"a": 1}, [], {"price": 9},
    ),
    "the error port catches": Case(
        f"a: {{{ASK}}}\nsay: {{type: transform, with: {{set: {{code: '{{{{ errors.a.code }}}}'}}}}}}\nLINKS [a.error -> say]",
        {"a": "500"}, "succeeded", {"a": 1}, [], {"code": "http-500"},
    ),
    "the catch of a scope": Case(
        f"guard: {{type: try, steps: {{a: {{{ASK}}}}}, catch: {{steps: {{say: {{type: transform, with: {{set: "
        "{code: '{{ errors.a.code }}'}}}}}, finally: {steps: {clean: {type: http.request, with: {url: 'http://PLACE/b'}}}}}",
        {"a": "500", "b": "200"}, "succeeded", {"a": 1, "b": 1},
    ),
    "what was done is undone": Case(
        "b: {type: http.request, with: {url: 'http://PLACE/b', method: POST}, undo: {type: http.request, with: "
        f"{{url: 'http://PLACE/b', method: DELETE}}}}}}\na: {{{ASK}}}\nLINKS [b -> a]",
        {"a": "404", "b": "201"}, "compensated", {"a": 1, "b": 2}, code="http-404",
    ),
    "the circuit of the host": Case(
        f"each: {{type: foreach, with: {{items: '{{{{ list(range(9)) }}}}', on_error: report}}, steps: {{a: {{{ASK}}}}}}}\n"
        "say: {type: transform, with: {set: {codes: '{{ [f.error.code for f in steps.each.failures] }}'}}}\n"
        "LINKS [each -> say]",
        {"a": "500"}, "succeeded", {"a": 5}, [], {"codes": ["http-500"] * 5 + ["host-resting"] * 4},
    ),
}  # fmt: skip


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with faulty_server() as running:
        yield running


def document(steps: str, place: str, *, name: str = "policy", settings: str = "") -> str:
    """Return a workflow of these steps; what stands after LINKS are its links."""
    steps, _, links = steps.replace("PLACE", place).partition("LINKS ")
    indented = "\n".join(f"    {line}" for line in steps.strip().splitlines())
    linked = f"  links: {links}\n" if links else ""
    return f"kind: workflow\nname: {name}\nspec:\n{settings}  steps:\n{indented}\n{linked}"


def waits_of(auraos, run: str) -> list[int]:
    """Return for how many milliseconds each retry was put off, as the journal has it."""
    facts = auraos("runs", "journal", run, "--json").json["facts"]
    return [round((fact["due"] - fact["at"]) / 1000) for fact in facts if fact["fact"] == "RetryPlanned"]


@pytest.mark.parametrize("name", CASES)
def test_a_policy_waits_sends_and_ends_as_it_says(auraos, server, name):
    case = CASES[name]
    server.behave(**case.behaves)
    auraos.write("flow.yaml", document(case.steps, server.place))
    told = auraos("run", "flow.yaml", "--allow-net", server.place, "--json").json
    assert (told["state"], {path: server.count(path) for path in case.sent}) == (case.state, case.sent)
    assert case.code in ("", (told["error"] or {}).get("code"))
    assert case.output in (..., told["output"])
    assert case.waits in (None, waits_of(auraos, "1"))


def test_jitter_spreads_the_pauses_around_what_they_would_be(auraos, server):
    server.behave(a="500 500 500 500 200")
    step = f"a: {{{ASK}, retry: {{attempts: 5, first: 100ms, factor: 1, jitter: 0.5}}}}"
    auraos.write("flow.yaml", document(step, server.place))
    assert auraos("run", "flow.yaml", "--allow-net", server.place).code == 0
    waits = waits_of(auraos, "1")
    assert len(set(waits)) > 1
    assert [wait for wait in waits if not 50 <= wait <= 150] == []


def test_a_step_waits_as_long_as_its_host_rests(auraos, server):
    server.behave(a="503/2", b="200")
    other = "b: {type: http.request, with: {url: 'http://PLACE/b', method: POST}, retry: {attempts: 2, first: 10ms}}"
    caught = f"a: {{{ASK}, fallback: null}}"
    auraos.write("flow.yaml", document(f"{caught}\n{other}\nLINKS [a -> b]", server.place))
    told = auraos("run", "flow.yaml", "--allow-net", server.place, "--json").json
    facts = auraos("runs", "journal", "1", "--json").json["facts"]
    (refused,) = [fact["error"] for fact in facts if fact["fact"] == "StepFailed" and fact["path"] == "b"]
    assert (told["state"], server.count("b", "POST")) == ("succeeded", 1)
    assert (refused["class"], refused["code"]) == ("transient", "host-resting")
    assert waits_of(auraos, "1") == [pytest.approx(refused["retry_after"] * 1000, abs=1)]


def test_failed_runs_are_kept_shown_by_cause_and_taken_up_again_once(auraos, server):
    server.behave(a="404", b="200")
    first = "b: {type: http.request, with: {url: 'http://PLACE/b', method: POST}}"
    auraos.write("flow.yaml", document(f"{first}\na: {{{ASK}}}\nLINKS [b -> a]", server.place))
    auraos.write("other.yaml", document("stop: {type: fail, with: {message: No.}}", "", name="other"))
    net = ("--allow-net", server.place)
    codes = [auraos("run", file, *net).code for file in ("flow.yaml", "flow.yaml", "other.yaml")]
    shown = auraos("runs", "failed", "--json").json
    groups = [(group["workflow"], group["step"], group["code"], group["count"]) for group in shown["groups"]]
    assert (codes, groups) == ([1, 1, 1], [("policy", "a", "http-404", 2), ("other", "stop", "failed", 1)])
    assert shown["groups"][0]["newest"]["number"] == 2

    preview = auraos("runs", "retry", "--failed", "--workflow", "policy", "--dry-run", "--json").json
    assert [run["number"] for run in preview["runs"]] == [2, 1]
    assert len(auraos("runs", "list", "--json").json["runs"]) == 3

    server.behave(a="404 200")
    again = auraos("runs", "retry", "--failed", "--code", "http-404", "--json", *net)
    states = {run["number"]: run["retried_as"]["state"] for run in again.json["runs"]}
    assert (again.code, sorted(states.values())) == (1, ["failed", "succeeded"])
    left = auraos("runs", "failed", "--workflow", "policy", "--json").json
    assert (left["count"], left["groups"][0]["newest"]["number"] in (4, 5)) == (1, True)

    last = auraos("runs", "retry", "--failed", "--workflow", "policy", *net)
    assert (last.code, "succeeded" in last.out) == (0, True)
    assert auraos("runs", "failed", "--workflow", "policy").out == "There are no such failed runs.\n"
    assert server.count("b") == 2, "what was done before the failure is never done again"


def test_of_a_called_run_that_failed_its_caller_is_the_one_to_retry(auraos, server):
    server.behave(a="404 200")
    auraos.write("inner.yaml", document(f"a: {{{ASK}}}", server.place, name="inner"))
    auraos.write("outer.yaml", document("ask: {type: call, with: {workflow: inner}}", "", name="outer"))
    assert auraos("run", "outer.yaml", "--allow-net", server.place).code == 1
    (group,) = auraos("runs", "failed", "--json").json["groups"]
    assert (group["workflow"], group["numbers"]) == ("outer", [1])
    again = auraos("runs", "retry", "--failed", "--allow-net", server.place)
    assert (again.code, auraos("runs", "failed").out) == (0, "There are no failed runs.\n")


def test_many_are_retried_on_a_mended_file_with_one_command(auraos, server):
    auraos.write("flow.yaml", document("a: {type: fail, with: {message: No.}}", ""))
    auraos.write("mended.yaml", document("a: {type: noop, with: {value: fine}}", ""))
    assert [auraos("run", "flow.yaml").code for _ in range(2)] == [1, 1]
    done = auraos("runs", "retry", "--failed", "--on", "mended.yaml", "--json")
    assert (done.code, [run["retried_as"]["state"] for run in done.json["runs"]]) == (0, ["succeeded"] * 2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("1", "--failed"), "--failed and run 1 together"),
        ((), "Which run is to be retried?"),
        (("--failed", "--from", "a"), "--failed means many"),
        (("1", "--code", "x"), "choose among failed runs"),
        (("--failed", "--since", "yesterday"), "which is no time"),
    ],
)
def test_what_does_not_go_together_is_refused_with_what_to_do(auraos, words, said):
    auraos.write("flow.yaml", document("a: {type: fail, with: {message: No.}}", ""))
    auraos("run", "flow.yaml")
    done = auraos("runs", "retry", *words)
    assert (done.code, said in done.err, "help" in done.err) == (2, True, True)


def test_a_workflow_hears_of_a_failure_and_both_runs_show_the_link(auraos, server):
    server.behave(a="404", tell="200")
    say = "say: {type: http.request, with: {method: POST, url: 'http://PLACE/tell', json: {code: '{{ input.error.code }}'}}}"
    auraos.write("tell.yaml", document(say, server.place, name="tell"))
    settings = "  settings: {on_failure: tell}\n"
    auraos.write("flow.yaml", document(f"a: {{{ASK}}}", server.place, settings=settings))
    told = auraos("run", "flow.yaml", "--allow-net", server.place, "--json").json
    shown = auraos("runs", "show", "1", "--json").json
    heard = auraos("runs", "show", "2", "--json").json
    assert (told["state"], server.count("tell")) == ("failed", 1)
    assert shown["heard_by"] == {"run": heard["run"], "number": 2, "workflow": "tell", "state": "succeeded"}
    assert (heard["parent"], heard["from"]) == (
        shown["run"],
        {"run": shown["run"], "number": 1, "how": "failure"},
    )
    assert "run 2 of tell hears of it: succeeded" in auraos("runs", "show", "1").out
    assert "for the failure of run 1" in auraos("runs", "show", "2").out
