"""A backup while the engine works, a folder made from it, and that nothing in it moves until somebody says so."""

import os
import shutil
import signal
import sqlite3
import threading

import pytest

from server_process import WAITING, HeldAnswers, Server, until

FILE = """kind: workflow
name: file
spec:
  steps:
    text: {type: csv.format, with: {rows: [{a: 1}], to: file}}
  output: 1
"""
SLEEP = """kind: workflow
name: sleep
spec:
  steps:
    nap: {type: wait.for, with: {duration: 1ms}}
    said: {type: noop, with: {value: "{{ input.n }}"}}
  links: [nap -> said]
  output: "{{ steps.said }}"
"""


@pytest.fixture
def key(auraos):
    (auraos.folder / "key").write_bytes(os.urandom(32).hex().encode())
    return "key"


@pytest.fixture
def filled(auraos):
    """A folder with a run that is over and one that waits."""
    auraos.write("waiting.yaml", WAITING)
    assert auraos("run", auraos.write("sleep.yaml", SLEEP), "--input", "n=1").code == 0
    assert auraos("run", "waiting.yaml").code == 3
    return auraos


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("no/such/x.backup", "no/such' to write the backup into."),
        (".auraos", ".auraos lies in the data folder itself"),
        (".auraos/x.backup", ".auraos/x.backup lies in the data folder itself"),
        ("linked/x.backup", "linked/x.backup lies in the data folder itself"),
    ],
)
def test_a_place_where_no_backup_can_be_kept_is_refused_before_anything_is_copied(filled, target, told):
    (filled.folder / "linked").symlink_to(".auraos/blobs")
    (filled.folder / ".auraos" / "blobs").mkdir(exist_ok=True)
    before = contents(filled.folder)
    done = filled("backup", target)
    assert (done.code, "error[target-refused]" in done.err) == (2, True)
    assert told in done.err
    assert contents(filled.folder) == before


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_restored_folder_has_the_same_runs_and_nothing_moves_before_it_is_released(filled, key):
    made = filled("backup", "all.backup", "--key-file", key, "--json")
    assert (made.code, made.json["runs"], made.json["encrypted"]) == (0, 2, True)
    assert b"waiting" not in (filled.folder / "all.backup").read_bytes()
    back = filled("restore", "all.backup", "--key-file", key, "--data", "back", "--json")
    assert (back.code, back.json["runs"], back.json["unfinished"]) == (0, 2, 1)
    rows = filled("runs", "list", "--json").json["runs"]
    assert filled("runs", "list", "--data", "back", "--json").json["runs"] == rows
    assert (
        "Nothing moves here: it was restored from a backup"
        in filled("runs", "why", "2", "--data", "back").out
    )
    refused = filled("runs", "signal", "2", "paid", "--payload", "amount=1", "--data", "back")
    assert (refused.code, "error[held]" in refused.err) == (2, True)
    assert filled("runs", "show", "2", "--data", "back", "--json").json["state"] == "waiting"
    assert filled("engine", "release", "--data", "back").out == "back is released: its runs go on.\n"
    assert filled("runs", "signal", "2", "paid", "--payload", "amount=1", "--data", "back").out == "1\n"


def test_a_server_on_a_restored_folder_holds_everything_until_it_is_released(auraos):
    outside = HeldAnswers()
    outside.answer.set()
    auraos.write(
        "write.yaml",
        outside.workflow.replace("steps:", "steps:\n    nap: {type: wait.for, with: {duration: 1s}}", 1)
        + "  links: [nap -> send]\n",
    )
    assert auraos("run", "write.yaml", "--no-wait").code == 3
    assert auraos("backup", "all.backup").code == 0
    assert auraos("restore", "all.backup", "--data", "back").code == 0
    server = Server(auraos, "--data", "back", "--allow-net", outside.address)
    status, told = server.get("/health/ready")
    assert (status, told["phase"], told["reasons"][0]["code"]) == (503, "held", "held")
    assert server.get("/health/live")[0] == 200
    refused = auraos("start", "write.yaml", "--data", "back")
    assert (refused.code, "error[held]" in refused.err) == (2, True)
    assert auraos("runs", "list", "--data", "back", "--json").json["driven"] is False
    assert outside.asked == []
    assert auraos("engine", "release", "--data", "back").code == 0
    until(lambda: server.get("/health/ready")[0] == 200)
    until(lambda: outside.asked)
    until(lambda: auraos("runs", "show", "1", "--data", "back", "--json").json["state"] == "succeeded")
    assert server.stop()[0] == 0
    assert len(outside.asked) == 1
    outside.close()


def test_everything_that_was_acknowledged_before_a_backup_of_a_busy_server_is_in_it(auraos, key):
    auraos.write("sleep.yaml", SLEEP)
    server = Server(auraos, "--files", ".")
    acknowledged, stop = [], threading.Event()

    def start():
        while not stop.is_set():
            done = auraos("start", "sleep.yaml", "--input", f"n={len(acknowledged)}", "--json")
            if done.code == 0:
                acknowledged.append(done.json["run"])

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    until(lambda: len(acknowledged) > 3)
    before = list(acknowledged)
    made = auraos("backup", "all.backup", "--key-file", key)
    stop.set()
    for thread in threads:
        thread.join()
    assert made.code == 0, made
    assert server.stop()[0] == 0
    assert auraos("restore", "all.backup", "--key-file", key, "--data", "back").code == 0
    found = {
        row["run"]
        for row in auraos("runs", "list", "--data", "back", "--limit", "1000", "--json").json["runs"]
    }
    assert set(before) <= found
    assert not list((auraos.folder / ".auraos").glob("backup-*"))
    assert auraos("engine", "release", "--data", "back").code == 0
    again = Server(auraos, "--data", "back")
    until(
        lambda: all(
            row["state"] == "succeeded"
            for row in auraos("runs", "list", "--data", "back", "--limit", "1000", "--json").json["runs"]
        )
    )
    again.kill()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "is encrypted"),
        (("--key-file", "other"), "does not open with this key"),
        (("--key-file", "short"), "holds no key"),
        (("--key-file", "absent"), "There is no file 'absent'"),
    ],
)
def test_without_the_right_key_nothing_is_written(filled, key, words, told):
    (filled.folder / "other").write_text("another key, which is long enough")
    (filled.folder / "short").write_text("x")
    assert filled("backup", "all.backup", "--key-file", key).code == 0
    before = sorted(filled.folder.iterdir())
    refused = filled("restore", "all.backup", "--data", "back", *words)
    assert (refused.code, told in refused.err) == (2, True)
    assert sorted(filled.folder.iterdir()) == before


@pytest.mark.parametrize("at", [0, 40, 300, -1, "cut"])
def test_a_damaged_backup_is_found_out_and_nothing_is_restored(filled, at):
    assert filled("backup", "all.backup").code == 0
    content = bytearray((filled.folder / "all.backup").read_bytes())
    if at == "cut":
        del content[-30:]
    else:
        content[at] ^= 1
    (filled.folder / "all.backup").write_bytes(content)
    before = sorted(filled.folder.iterdir())
    refused = filled("restore", "all.backup", "--data", "back")
    assert refused.code == 4
    assert "error[backup-damaged]" in refused.err
    assert sorted(filled.folder.iterdir()) == before


def test_files_of_runs_come_back_also_those_that_two_runs_hold(filled):
    blobs = filled.folder / ".auraos" / "blobs" / "default"
    content = b"a file of a run" * 1000
    name = __import__("hashlib").sha256(content).hexdigest()
    for run in ("one", "two"):
        (blobs / run).mkdir(parents=True)
        (blobs / run / name).write_bytes(content)
    (blobs / "one" / (64 * "0")).write_bytes(b"not what its name says")
    made = filled("backup", ".", "--json")
    assert (made.json["blobs"], made.json["damaged"]) == (3, [f"default/one/{64 * '0'}"])
    assert filled("restore", made.json["file"], "--data", "back").code == 0
    assert contents(filled.folder / "back" / "blobs") == contents(filled.folder / ".auraos" / "blobs")


def test_a_folder_that_is_not_empty_is_never_restored_into(filled):
    filled("backup", "all.backup")
    before = contents(filled.folder / ".auraos")
    refused = filled("restore", "all.backup")
    assert (refused.code, "error[target-not-empty]" in refused.err) == (2, True)
    assert contents(filled.folder / ".auraos") == before
    again = filled("backup", "all.backup")
    assert (again.code, "error[backup-exists]" in again.err) == (2, True)


def test_a_restore_that_was_killed_leaves_nothing_that_can_be_mistaken(filled):
    with sqlite3.connect(filled.folder / ".auraos" / "auraos.db") as database:
        database.execute("insert into meta values('ballast', hex(randomblob(8000000)))")
    assert filled("backup", "all.backup").code == 0
    killed = filled.begin("restore", "all.backup", "--data", "back")
    until(lambda: list(filled.folder.glob(".back.restoring-*/*")))
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not (filled.folder / "back").exists()
    assert filled("restore", "all.backup", "--data", "back").code == 0
    assert not list(filled.folder.glob(".back.restoring-*"))
    shutil.rmtree(filled.folder / "back")
