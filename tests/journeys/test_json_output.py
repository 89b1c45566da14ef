"""Every command prints the fields that the page about `--json` promises, no fewer and no others."""

import re
from pathlib import Path

import pytest

from command_line import CommandLine
from owned_server import owned_server
from server_process import Server

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "json-output.md"
ROW = re.compile(r"^\| `auraos (?P<words>[a-z ]+)` \| (?P<fields>.*) \|$", re.MULTILINE)
PROMISED = {
    row["words"]: set(re.findall(r"`(\w+)`", row["fields"])) for row in ROW.finditer(PAGE.read_text())
}
CALLS = {
    "check": ["flow.yaml"],
    "test": ["flow.yaml"],
    "graph": ["flow.yaml"],
    "run": ["flow.yaml"],
    "runs list": [],
    "runs failed": [],
    "runs show": ["1"],
    "runs why": ["1"],
    "runs journal": ["1"],
    "runs replay": ["1"],
    "runs logs": ["1"],
    "runs figures": ["flow"],
    "runs search": ["a word"],
    "runs event": ["anything.happened"],
    "backup": ["x.backup"],
    "journal verify": ["--all"],
    "journal export": ["--all", "--output", "x.jsonl"],
    "engine release": [],
    "doctor": [],
    "steps list": [],
    "steps show": ["noop"],
    "expressions list": [],
    "expressions eval": ["1 + 1"],
    "completion show": ["--shell", "bash"],
    "completion install": ["--shell", "fish", "--output", "x.fish"],
}
ASKED = {
    "login": ["{url}"],
    "profiles list": [],
    "profiles use": ["local"],
    "apply": ["-f", "flows"],
    "export": ["-f", "copy"],
    "pull": ["-f", "copy"],
    "definitions list": [],
    "definitions show": ["flow"],
    "definitions publish": ["flow"],
    "definitions archive": ["flow"],
    "flags off": ["fast", "--why", "it burns"],
    "flags on": ["fast"],
    "flags list": [],
    "flags explain": ["fast"],
    "secrets set": ["shop", "--host", "api.example.com"],
    "secrets list": [],
    "secrets kinds": [],
    "secrets uses": ["shop"],
    "secrets rotate": [],
    "secrets revoke": ["shop", "1"],
    "secrets delete": ["shop"],
    "access roles": [],
    "services add": ["robot"],
    "services list": [],
    "access grant": ["robot", "viewer", "--to", "service"],
    "access grants": [],
    "access explain": ["robot", "runs.read"],
    "keys add": ["mine"],
    "keys list": [],
    "people add": ["bob"],
    "people list": [],
    "people reset": ["bob"],
    "people disable": ["bob"],
    "people enable": ["bob"],
    "workspaces add": ["second"],
    "workspaces list": [],
}
"""What is asked of a server, in this order."""
OF_WHAT_WAS_MADE = {"keys revoke": ("keys add", "key"), "access revoke": ("access grant", "grant")}
SERVED = {"start": ["flow.yaml"], "engine status": [], "engine drain": []}
FLOW = """kind: workflow
name: flow
spec:
  steps: {a: {type: log, with: {message: hello}}}
  output: 1
tests: [{name: it runs, expect: {output: 1}}]
"""


@pytest.mark.parametrize("words", CALLS)
def test_the_fields_are_those_of_the_page(auraos, words):
    auraos.write("flow.yaml", FLOW)
    assert auraos("run", "flow.yaml").code == 0
    done = auraos(*words.split(), *CALLS[words], "--json")
    assert done.code == 0
    assert set(done.json) == PROMISED[words]


def test_the_fields_of_what_needs_a_server_are_those_of_the_page(auraos):
    auraos.write("flow.yaml", FLOW)
    server = Server(auraos)
    assert set(server.ready) == PROMISED["serve"]
    for words, more in SERVED.items():
        done = auraos(*words.split(), *more, "--json")
        assert (done.code, set(done.json)) == (0, PROMISED[words])
    assert server.end()[0] == 0


def test_the_fields_of_a_restore_are_those_of_the_page(auraos):
    assert auraos("run", auraos.write("flow.yaml", FLOW)).code == 0
    assert auraos("backup", "x.backup").code == 0
    done = auraos("restore", "x.backup", "--data", "back", "--json")
    assert (done.code, set(done.json)) == (0, PROMISED["restore"])


def test_what_is_asked_of_a_server_prints_the_fields_of_the_page(auraos, tmp_path):
    (tmp_path / "served").mkdir()
    (tmp_path / "flows").mkdir()
    auraos.write("flows/flow.yaml", FLOW)
    auraos.write("flows/fast.yaml", "kind: flag\nname: fast\nspec: {type: boolean, default: on}\n")
    with owned_server(CommandLine(tmp_path / "served")) as server:
        session = {"AURAOS_SERVER": server.url, "AURAOS_KEY": server.session}
        auraos.environment |= session
        made = {}
        for words, more in ASKED.items():
            given = [one.format(url=server.url) for one in more]
            done = auraos(*words.split(), *given, "--json", stdin="a value\n")
            assert (words, done.code, set(done.json)) == (words, 0, PROMISED[words]), done
            made[words] = done.json
        for words, (maker, field) in OF_WHAT_WAS_MADE.items():
            done = auraos(*words.split(), made[maker][field]["id"], "--json")
            assert (words, done.code, set(done.json)) == (words, 0, PROMISED[words])
        done = auraos("services", "remove", "robot", "--json")
        assert (done.code, set(done.json)) == (0, PROMISED["services remove"])
        done = auraos("logout", server.url.removeprefix("http://"), "--json")
        assert (done.code, set(done.json)) == (0, PROMISED["logout"])


def test_the_page_tells_of_every_command_that_prints_its_own_fields():
    assert set(PROMISED) == {
        *CALLS,
        *SERVED,
        *ASKED,
        *OF_WHAT_WAS_MADE,
        "services remove",
        "serve",
        "restore",
        "logout",
    }


def test_a_command_that_leads_a_run_prints_what_run_prints_and_what_it_waits_for(auraos):
    auraos.write(
        "ask.yaml",
        "kind: workflow\nname: ask\nspec:\n  steps: {a: {type: human.approve, with: {title: x}}}\n",
    )
    begun = auraos("run", "ask.yaml", "--json")
    assert set(begun.json) == PROMISED["run"] | {"detached", "waits"}
    assert set(begun.json["waits"][0]) == {"run", "number", "path", "words", "until", "answers"}
    assert set(auraos("runs", "approve", "1", "--json").json) == PROMISED["run"]


KINDS = """kind: workflow
name: kinds
spec:
  steps:
    ask: {type: human.approve, with: {title: x}}
    price:
      type: noop
      with: {value: {cost: "{{ decimal('0.10') }}", due: "{{ datetime('2026-11-20T17:30:00Z') }}", "$x": 1}}
    refuse:
      type: fail
      with: {message: "No.", data: {cost: "{{ steps.price.cost }}"}}
  links: [ask.approved -> price, price -> refuse]
"""
PLAIN = {"cost": "0.10", "due": "2026-11-20T17:30:00Z", "$x": 1}
STORED = {"cost": {"$decimal": "0.10"}, "due": {"$datetime": "2026-11-20T17:30:00Z"}, "$$x": 1}


def test_outputs_go_out_in_their_plain_form_and_facts_as_they_are_stored(auraos):
    auraos.write("kinds.yaml", KINDS)
    auraos("run", "kinds.yaml")
    ended = auraos("runs", "approve", "1", "--json").json
    assert ended["error"]["data"] == {"cost": "0.10"}
    for command in ("show", "replay"):
        seen = auraos("runs", command, "1", "--json").json
        assert {step["path"]: step["output"] for step in seen["steps"]}["price"] == PLAIN
        assert seen["error"]["data"] == {"cost": "0.10"}
    facts = auraos("runs", "journal", "1", "--json").json["facts"]
    results = [result for fact in facts if fact["fact"] == "Computed" for result in fact["results"]]
    assert STORED in [result[1] for result in results]


def test_the_output_of_a_run_goes_out_in_its_plain_form(auraos):
    text = """kind: workflow
name: out
spec:
  steps: {a: {type: noop}}
  output: {cost: "{{ decimal('0.10') }}", day: "{{ date('2026-11-20') }}"}
"""
    auraos.write("out.yaml", text)
    expected = {"cost": "0.10", "day": "2026-11-20"}
    assert auraos("run", "out.yaml", "--json").json["output"] == expected
    assert auraos("runs", "show", "1", "--json").json["output"] == expected
    assert auraos("runs", "replay", "1", "--json").json["output"] == expected


def test_an_output_that_is_given_by_hand_may_name_its_kinds_but_no_file(auraos):
    text = """kind: workflow
name: sum
spec:
  steps:
    price: {type: noop, with: {value: {cost: 1}}}
    double: {type: noop, with: {value: "{{ steps.price.cost * 2 }}"}}
  links: [price -> double]
"""
    auraos.write("sum.yaml", text)
    assert auraos("run", "sum.yaml").code == 0
    forked = auraos("runs", "fork", "1", "--set", 'steps.price={"cost": {"$decimal": "0.10"}}')
    assert (forked.code, forked.out) == (0, '"0.20"\n')
    forged = auraos("runs", "fork", "1", "--set", 'steps.price={"cost": {"$file": {"hash": "0", "size": 1}}}')
    assert (forged.code, "A file cannot be given here" in forged.err) == (2, True)
    unknown = auraos("runs", "fork", "1", "--set", 'steps.price={"cost": {"$money": 1}}')
    assert (unknown.code, "$money" in unknown.err) == (2, True)
