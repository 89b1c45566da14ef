"""`auraos doctor` names what is wrong, says what to do, and finds nothing where nothing is wrong."""

import signal
import sqlite3
import subprocess

import pytest

from server_process import WAITING, Server


@pytest.fixture
def filled(auraos):
    auraos.write("waiting.yaml", WAITING)
    assert auraos("run", "waiting.yaml").code == 3
    return auraos


def change(auraos, *statements):
    with sqlite3.connect(auraos.folder / ".auraos" / "auraos.db") as database:
        for statement in statements:
            database.execute(statement)


def found(done, level):
    return {check["name"] for check in done.json["checks"] if check["level"] == level}


def test_a_healthy_folder_has_no_problem_with_a_server_and_without(filled):
    done = filled("doctor", "--json")
    assert (done.code, done.json["ok"], found(done, "problem")) == (0, True, set())
    server = Server(filled)
    done = filled("doctor", "--json")
    server.kill()
    assert (done.code, found(done, "problem")) == (0, set())
    told = next(check["message"] for check in done.json["checks"] if check["name"] == "process")
    assert told.startswith(f"Process {server.process.pid} serves, serving; a write takes")


def test_without_a_folder_it_looks_at_the_machine_and_makes_none(auraos):
    done = auraos("doctor")
    assert done.code == 0
    assert "There is no data folder at .auraos." in done.out
    assert not (auraos.folder / ".auraos").exists()


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("update runs set state = 'quarantined'", "runs"),
        ("update runs set why = 'It cannot go on: the fact is unknown.'", "runs"),
        ("update runs set changed_at = changed_at + 3600000000", "clock"),
        ("pragma user_version = 999", "store"),
        ("delete from meta where name = 'key'", "store"),
    ],
)
def test_what_is_wrong_in_the_store_is_a_problem(filled, statement, name):
    change(filled, statement)
    done = filled("doctor", "--json")
    assert (done.code, found(done, "problem")) == (1, {name})
    hints = [check["hint"] for check in done.json["checks"] if check["level"] == "problem"]
    assert all(hints)


def test_what_is_open_to_others_or_half_set_is_a_warning(filled):
    (filled.folder / ".auraos").chmod(0o755)
    (filled.folder / ".auraos" / "backup-x.db").write_bytes(b"")
    filled.environment |= {"AURAOS_SECRET_UNBOUND": "long enough", "AURAOS_SECRET_EMPTY": ""}
    done = filled("doctor", "--json")
    assert (done.code, found(done, "warning")) == (0, {"folder", "secrets"})
    assert "long enough" not in done.out


def test_a_secret_that_cannot_be_masked_is_a_problem(filled):
    filled.environment |= {"AURAOS_SECRET_TINY": "abc", "AURAOS_HOSTS_TINY": "a.example"}
    assert found(filled("doctor", "--json"), "problem") == {"secrets"}


def test_few_open_files_are_a_problem(filled):
    limited = ["prlimit", "--nofile=64", filled.binary, "doctor"]
    done = subprocess.run(
        limited, cwd=filled.folder, env=filled.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "This process may open 64 files at once" in done.stdout


def test_a_process_that_stands_still_is_a_problem(filled):
    server = Server(filled)
    server.process.send_signal(signal.SIGSTOP)
    done = filled("doctor", "--json")
    server.process.send_signal(signal.SIGCONT)
    server.kill()
    assert (done.code, found(done, "problem")) == (1, {"process"})


def test_files_of_runs_that_are_gone_are_told_of(filled):
    (filled.folder / ".auraos" / "blobs" / "default" / "no-such-run").mkdir(parents=True)
    assert "files" in found(filled("doctor", "--json"), "note")


def test_a_restored_folder_is_told_of(filled):
    filled("backup", "all.backup")
    filled("restore", "all.backup", "--data", "back")
    assert "hold" in found(filled("doctor", "--data", "back", "--json"), "warning")


def test_nothing_is_left_behind(filled):
    before = sorted((filled.folder / ".auraos").iterdir())
    filled("doctor")
    assert sorted((filled.folder / ".auraos").iterdir()) == before
