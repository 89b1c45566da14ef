"""`auraos privacy` on a data folder: found, handed out, erased and held, and no file tells of the person any more."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest

from command_line import CommandLine
from private_runs import CANARY, found_in, tagged


@pytest.fixture
def line(tmp_path):
    (tmp_path / "greet.yaml").write_text(tagged())
    line = CommandLine(tmp_path)
    done = line("run", "greet.yaml", "--input", json.dumps({"email": CANARY}), "--data", "d")
    assert done.code == 0, done.err
    assert CANARY not in done.out + done.err
    return line


@pytest.mark.parametrize("verb", [("show", "1"), ("journal", "1"), ("logs", "1"), ("why", "1"), ("list",)])
def test_whoever_looks_sees_the_course_and_no_value(line, verb):
    for how in ((), ("--json",)):
        done = line("runs", *verb, "--data", "d", *how)
        assert done.code == 0, done.err
        assert CANARY not in done.out + done.err


def test_what_is_written_out_as_a_whole_holds_no_value(line):
    done = line("journal", "export", "--all", "--data", "d")
    assert done.code == 0, done.err
    assert '"StepSucceeded"' in done.out
    assert CANARY not in done.out


def test_a_person_is_found_handed_out_and_erased_and_no_file_tells_of_them(line, tmp_path):
    found = line("privacy", "find", CANARY.upper(), "--data", "d", "--json").json
    assert [run["is_erased"] for run in found["runs"]] == [False]
    assert line("privacy", "export", CANARY, "--out", "them.json", "--data", "d").code == 0
    bundle = json.loads((tmp_path / "them.json").read_text())
    assert bundle["runs"][0]["facts"][0]["input"] == {"email": CANARY}
    (tmp_path / "them.json").unlink()
    asked = line("privacy", "erase", CANARY, "--data", "d", "--json").json
    assert asked["erased"] is False
    done = line(
        "privacy", "erase", CANARY, "--reason", "asked by letter", "--yes", "--data", "d", "--json"
    ).json
    assert done["runs"] == [run["run"] for run in found["runs"]]
    assert found_in(tmp_path / "d", CANARY) == []
    shown = line("runs", "show", "1", "--data", "d", "--json").json
    assert (shown["state"], shown["output"]) == ("succeeded", {"hidden": "erased"})
    assert line("journal", "verify", "--all", "--data", "d").code == 0
    assert line("audit", "verify", "--data", "d").code == 0
    kinds = [one["kind"] for one in line("privacy", "requests", "--data", "d", "--json").json["requests"]]
    assert kinds == ["find", "export", "find", "erase"]


def test_a_backup_that_is_made_after_holds_nothing_of_them(line, tmp_path):
    line("privacy", "erase", CANARY, "--yes", "--data", "d")
    done = line("backup", "after.backup", "--data", "d")
    assert done.code == 0, done.err
    assert found_in(tmp_path, CANARY) == []


def test_what_is_held_is_neither_erased_nor_pruned(line):
    held = line("privacy", "hold", "subject", CANARY, "--reason", "case 17", "--data", "d", "--json").json
    refused = line("privacy", "erase", CANARY, "--yes", "--data", "d")
    assert refused.code != 0
    assert "legal-hold" in refused.err
    assert "case 17" in refused.err
    assert line("runs", "prune", "--older-than", "0.001s", "--data", "d", "--json").json["held"] == 1
    assert line("privacy", "lift", held["id"], "--data", "d").code == 0
    assert line("privacy", "holds", "--data", "d", "--json").json["holds"] == []
    assert line("runs", "prune", "--older-than", "0.001s", "--data", "d", "--json").json["runs"] == 1


def test_a_name_that_names_nobody_is_refused(line):
    done = line("privacy", "find", " ", "--data", "d")
    assert done.code != 0
    assert "no-subject" in done.err


def test_what_a_restored_backup_brings_back_is_erased_again_from_the_list_that_was_kept(line, tmp_path):
    assert line("backup", "before.backup", "--data", "d").code == 0
    line("privacy", "erase", CANARY, "--yes", "--data", "d")
    (tmp_path / "ledger.json").write_text(line("privacy", "requests", "--data", "d", "--json").out)
    assert line("restore", "before.backup", "--data", "e").code == 0
    shutil.copytree(tmp_path / "d" / "keys", tmp_path / "e" / "keys")
    found = line("privacy", "find", CANARY, "--data", "e", "--json").json
    assert [run["is_erased"] for run in found["runs"]] == [False]
    assert line("privacy", "reapply", "ledger.json", "--data", "e", "--json").json["erased"] == 1
    assert line("privacy", "reapply", "ledger.json", "--data", "e", "--json").json["erased"] == 0
    found = line("privacy", "find", CANARY, "--data", "e", "--json").json
    assert [run["is_erased"] for run in found["runs"]] == [True]
    assert line("audit", "verify", "--data", "e").code == 0
    (tmp_path / "none.json").write_text("[1]")
    refused = line("privacy", "reapply", "none.json", "--data", "e")
    assert refused.code != 0
    assert "ledger-refused" in refused.err


@pytest.mark.parametrize("verb", ["show", "journal", "logs", "replay"])
def test_whoever_has_the_folder_in_hand_reveals_what_a_run_is_about_and_leaves_a_trace(line, verb):
    done = line("runs", verb, "1", "--reveal", "--data", "d")
    assert done.code == 0, done.err
    assert CANARY in done.out
    assert CANARY in line("runs", verb, "1", "--reveal", "--data", "d", "--json").out
    line("privacy", "erase", CANARY, "--yes", "--data", "d")
    assert CANARY not in line("runs", verb, "1", "--reveal", "--data", "d").out
    with closing(sqlite3.connect(line.folder / "d" / "auraos.db")) as connection:
        told = connection.execute("select actor from audit where action='privacy.reveal'").fetchall()
    assert len(told) == 3
    assert all(actor == "console" for (actor,) in told)
