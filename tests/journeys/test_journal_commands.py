"""`auraos journal`: what holds is said to hold, and whatever was changed behind the engine's back is found."""

import json
import sqlite3

import pytest

from server_process import WAITING, HeldAnswers, Server, until

LOOP = """kind: workflow
name: loop
spec:
  steps:
    each:
      type: foreach
      with: {items: "{{ range(1200) }}"}
      steps: {double: {type: noop, with: {value: "{{ item * 2 }}"}}}
  output: "{{ steps.each[-1] }}"
"""
FAILING = "kind: workflow\nname: failing\nspec:\n  steps: {no: {type: fail, with: {message: It broke.}}}\n"
CODES = {
    "update journal set seq = seq + 1 where seq > 1 and run = (select id from runs where number = 1)": (
        "numbering",
    ),
    "delete from journal where seq > 1 and run = (select id from runs where number = 1)": ("ending",),
    "update journal set facts = cast(facts as text) where seq = 1": ("unreadable",),
    "update journal set count = count + 1 where seq = 1": ("numbering",),
    "update journal set facts = cast('{}' as blob) where seq = 1": ("unreadable",),
    "update runs set state = 'failed' where number = 1": ("projection",),
    "update runs set number = 77 where number = 1": ("beginning",),
    "update runs set finished_at = null where number = 1": ("ending",),
    "delete from results": ("results",),
    "insert into results select id, 'elsewhere', 0, workspace from runs where number = 1": ("results",),
    "delete from definition_versions": ("program",),
}


@pytest.fixture
def filled(auraos):
    """A folder with runs of many kinds, one of which wrote to the world."""
    outside = HeldAnswers()
    outside.answer.set()
    auraos.write("write.yaml", outside.workflow)
    for name, text in (("waiting", WAITING), ("loop", LOOP), ("failing", FAILING)):
        auraos.write(f"{name}.yaml", text)
    assert auraos("run", "write.yaml", "--allow-net", outside.address).code == 0
    assert auraos("run", "loop.yaml").code == 0
    assert auraos("run", "failing.yaml").code == 1
    assert auraos("run", "waiting.yaml").code == 3
    yield auraos
    outside.close()


def test_the_journals_of_runs_of_every_kind_hold(filled):
    done = filled("journal", "verify", "--all", "--json")
    assert (done.code, done.json["findings"]) == (0, [])
    assert done.json["runs"] > 4  # the pages of the loop, too
    one = filled("journal", "verify", "1")
    assert (one.code, one.out) == (0, "1 journals, 0 findings.\n")


@pytest.mark.parametrize(("change", "codes"), CODES.items())
def test_what_was_changed_behind_the_engines_back_is_found(filled, change, codes):
    with sqlite3.connect(filled.folder / ".auraos" / "auraos.db") as database:
        database.execute(change)
    done = filled("journal", "verify", "--all", "--json")
    found = {finding["code"] for finding in done.json["findings"]}
    assert set(codes) <= found
    assert done.code == 1


def test_journals_are_checked_while_a_server_works(filled):
    server = Server(filled, "--files", ".")
    filled("start", "waiting")
    done = filled("journal", "verify", "--all")
    server.kill()
    assert (done.code, done.err) == (0, "")


def test_an_export_has_every_version_run_and_fact_in_order(filled):
    exported = filled("journal", "export", "--all")
    lines = [json.loads(line) for line in exported.out.splitlines()]
    assert lines[0]["line"] == "header"
    assert lines[0]["format"] == 1
    known, seqs = set(), {}
    for line in lines[1:]:
        match line["line"]:
            case "version":
                known.add(line["hash"])
            case "run":
                assert line["version"] in known
                seqs[line["run"]] = 0
            case "fact":
                assert line["seq"] == seqs[line["run"]] + 1
                seqs[line["run"]] += 1
    assert len(seqs) == filled("journal", "verify", "--all", "--json").json["runs"]
    assert min(seqs.values()) > 0
    told = filled("journal", "export", "1", "--output", "one.jsonl", "--json").json
    assert (told["runs"], told["versions"]) == (1, 1)
    assert len((filled.folder / "one.jsonl").read_text().splitlines()) == 3 + told["facts"]


def test_it_must_be_said_which_runs_are_meant(filled):
    for words in (("verify",), ("export",), ("verify", "1", "--all")):
        assert filled("journal", *words).code == 2
    assert until(lambda: filled("journal", "verify", "no-such-run").code) == 2
