"""Runs whose workflow says how many go on: over kills of the server at any moment, each begins once and no place is lost."""

import random
import signal
import time

import pytest

from server_process import Server, until

ONE_EACH = """kind: workflow
name: one-each
spec:
  settings:
    concurrency: {key: "{{ input.customer }}", limit: 1}
  steps:
    paid: {type: wait.signal, with: {name: paid}}
"""
QUICK = """kind: workflow
name: quick
spec:
  settings: {concurrency: {limit: 2}}
  steps:
    nap: {type: wait.for, with: {duration: 20ms}}
    say: {type: noop, with: {value: "{{ input.n }}"}}
  links: [nap -> say]
  output: "{{ steps.say }}"
"""
GATHERED = """kind: workflow
name: gathered
spec:
  settings: {batch: {limit: 5, per: 300ms}}
  steps:
    say: {type: noop, with: {value: "{{ [one.n for one in input] }}"}}
  output: "{{ steps.say }}"
"""


@pytest.fixture
def flows(auraos):
    """The folder with the workflows, and a way to serve it that ends with the test."""
    (auraos.folder / "flows").mkdir()
    for name, text in (("one-each", ONE_EACH), ("quick", QUICK), ("gathered", GATHERED)):
        auraos.write(f"flows/{name}.yaml", text)
    opened = []

    def serve(*words):
        opened.append(Server(auraos, "--files", "flows", *words))
        return opened[-1]

    yield serve
    for server in opened:
        server.kill()


def shown(auraos, number):
    return auraos("runs", "show", str(number), "--json").json


def states(auraos, *numbers):
    return [shown(auraos, number)["state"] for number in numbers]


def test_a_server_that_is_killed_leaves_those_waiting_who_waited_and_loses_no_place(auraos, flows):
    server = flows()
    for customer in ("c1", "c1", "c2"):
        auraos("start", "one-each", "--input", f"customer={customer}")
    until(lambda: states(auraos, 1, 2, 3) == ["waiting", "queued", "waiting"])
    words = (
        "It waits for its turn: concurrency of 'c1' (1 at a time). (concurrency of c1: 1 running, 0 ahead)"
    )
    assert words in auraos("runs", "show", "2").out
    assert auraos("runs", "prioritize", "2", "9").code == 3  # it waits on
    assert "does not wait to begin" in auraos("runs", "prioritize", "1", "9").err
    server.stop(signal.SIGKILL)
    flows()
    assert states(auraos, 1, 2, 3) == ["waiting", "queued", "waiting"]
    auraos("runs", "cancel", "1")
    until(lambda: states(auraos, 1, 2) == ["cancelled", "waiting"])
    auraos("runs", "signal", "2", "paid")
    until(lambda: states(auraos, 2) == ["succeeded"])


def start_amid_kills(auraos, flows, workflow, *, seed, starts, longest):
    """Start runs while the server is killed three times; return how many starts it took, and the runs there are."""
    chance, started = random.Random(seed), 0
    for _ in range(3):
        server = flows()
        for _ in range(starts):
            started += auraos("start", workflow, "--input", f"n={started}").code == 0
        time.sleep(chance.uniform(0, longest))
        server.stop(signal.SIGKILL)
    flows()
    return started, [one["number"] for one in auraos("runs", "list", "--json").json["runs"]]


def test_however_often_the_server_is_killed_every_run_begins_once_and_ends(auraos, flows):
    started, numbers = start_amid_kills(auraos, flows, "quick", seed=7, starts=4, longest=0.15)
    assert len(numbers) >= started
    until(lambda: set(states(auraos, *numbers)) == {"succeeded"})
    for number in numbers:
        kinds = [one["fact"] for one in auraos("runs", "journal", str(number), "--json").json["facts"]]
        assert kinds.count("RunAdmitted") == 1


def test_however_often_the_server_is_killed_each_start_goes_into_one_batch(auraos, flows):
    started, numbers = start_amid_kills(auraos, flows, "gathered", seed=11, starts=3, longest=0.4)
    until(lambda: not {"queued", "running"} & set(states(auraos, *numbers)))
    ended = [shown(auraos, number) for number in numbers]
    carried = [n for one in ended if one["state"] == "succeeded" for n in one["output"]]
    assert sorted(carried) == list(range(started))


def test_a_pool_of_the_server_bounds_the_steps_that_take_of_it(auraos, flows):
    flows("--pool", "erp=1")
    told = auraos("engine", "status").out
    assert "pool erp" in told
    assert "1 of 1 free" in told


def test_a_pool_of_a_run_bounds_the_steps_of_it(auraos):
    steps = "".join(f'    {name}: {{type: code.python, pool: cpu, with: {{code: "1"}}}}\n' for name in "abc")
    auraos.write("w.yaml", f"kind: workflow\nname: w\nspec:\n  steps:\n{steps}")
    assert auraos("run", "w.yaml", "--pool", "cpu=1").code == 0
    kinds = [one["fact"] for one in auraos("runs", "journal", "1", "--json").json["facts"]]
    assert kinds[1:-1] == ["StepGranted", "StepSucceeded"] * 3
