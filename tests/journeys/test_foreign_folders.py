"""A data folder of somebody else is only looked at, until the person says that it is theirs."""

import json
import shutil

import pytest

WAITING = "kind: workflow\nname: wait\nspec:\n  steps:\n    paid: {type: wait.signal, with: {name: paid}}\n"
DONE = "kind: workflow\nname: done\nspec:\n  steps:\n    a: {type: noop}\n"


@pytest.fixture
def stranger(command_line_in):
    """Somebody else, in the same file system: what they know is not known to others."""
    return command_line_in("stranger")


@pytest.fixture
def auraos(command_line_in):
    return command_line_in("me")


@pytest.fixture
def cloned(stranger, auraos):
    """A person in a folder that brought a waiting run of somebody else."""
    assert stranger("run", stranger.write("wait.yaml", WAITING)).code == 3
    shutil.copytree(stranger.folder / ".auraos", auraos.folder / ".auraos")
    return auraos


@pytest.mark.parametrize(
    "words",
    [
        ("run", "done.yaml"),
        ("runs", "resume", "1"),
        ("runs", "signal", "1", "paid"),
        ("runs", "event", "order.paid"),
        ("runs", "cancel", "1", "--force"),
        ("runs", "retry", "1"),
    ],
    ids=" ".join,
)
def test_no_command_leads_the_runs_of_a_foreign_folder(cloned, words):
    cloned.write("done.yaml", DONE)
    done = cloned(*words)
    assert done.code == 2
    assert "error[foreign-folder]: .auraos holds runs that would go on with your secrets" in done.err
    assert "auraos data adopt .auraos" in done.err
    assert [run["state"] for run in cloned("runs", "list", "--json").json["runs"]] == ["waiting"]


def test_a_foreign_folder_can_be_looked_at(cloned):
    assert "waiting" in cloned("runs", "list").out
    assert cloned("runs", "why", "1").code == 0


def test_an_adopted_folder_is_led_as_one_s_own(cloned):
    adopted = cloned("data", "adopt", ".auraos")
    assert (adopted.code, adopted.out) == (0, ".auraos is yours: its runs go on when a command leads them.\n")
    assert cloned("runs", "signal", "1", "paid").code == 0


def test_a_moved_folder_is_still_one_s_own(auraos):
    assert auraos("run", auraos.write("wait.yaml", WAITING)).code == 3
    (auraos.folder / ".auraos").rename(auraos.folder / "elsewhere")
    assert auraos("runs", "signal", "1", "paid", "--data", "elsewhere").code == 0


def test_a_foreign_folder_in_which_nothing_would_go_on_is_taken_over(stranger, auraos):
    assert stranger("run", stranger.write("done.yaml", DONE)).code == 0
    shutil.copytree(stranger.folder / ".auraos", auraos.folder / ".auraos")
    assert auraos("run", auraos.write("wait.yaml", WAITING)).code == 3
    assert auraos("runs", "signal", "2", "paid").code == 0


def test_what_is_remembered_is_readable_by_its_owner_only(auraos):
    auraos("run", auraos.write("done.yaml", DONE))
    file = auraos.state / "folders.json"
    marker = json.loads((auraos.folder / ".auraos" / "auraos.json").read_text())
    assert json.loads(file.read_text())["folders"] == {marker["key"]: str(auraos.folder / ".auraos")}
    assert (file.stat().st_mode & 0o777, auraos.state.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_memory_that_cannot_be_read_starts_nothing(auraos):
    auraos("run", auraos.write("done.yaml", DONE))
    (auraos.state / "folders.json").write_text("{")
    done = auraos("run", "done.yaml")
    assert done.code == 4
    assert "error[state-folder]" in done.err


def test_there_is_nothing_to_adopt_where_no_data_folder_is(auraos):
    done = auraos("data", "adopt", "nowhere")
    assert (done.code, "error[no-data-folder]" in done.err) == (2, True)
