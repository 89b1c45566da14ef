"""`auraos git` on a data folder and on a server: a workspace and a repository in which somebody else works (X15)."""

import json

import pytest

from git_people import Person, bare
from kept_definitions import workflow
from served_house import ServedHouse
from server_process import until

FILE = "workflow/greet.yaml"


@pytest.fixture
def pat(tmp_path):
    return Person(bare(tmp_path / "repositories" / "flows.git"), tmp_path / "clone")


@pytest.fixture
def served(auraos, tmp_path):
    """A server in another folder; the command line asks it."""
    opened = ServedHouse(auraos, environment={"AURAOS_GIT_FOLDERS": str(tmp_path / "repositories")})
    made = opened.ask("POST", "/api/v1/me/keys", {"title": "for tests"}, status=(200, 201))
    auraos.environment |= {"AURAOS_SERVER": opened.server.url, "AURAOS_KEY": made["token"]}
    yield opened
    opened.end()


def test_a_folder_takes_what_a_repository_has_and_runs_it_when_it_is_served(auraos, pat):
    pat.push("main", {FILE: workflow(value=7, title="Greets")})
    auraos.write("hello.yaml", "kind: workflow\nname: hello\nspec: {steps: {a: {type: noop}}}\n")
    assert auraos("run", "hello.yaml").code == 0  # it makes the folder
    assert "Linked with" in auraos("git", "connect", str(pat.remote)).out
    status = auraos("git", "status")
    assert "Never synchronised." in status.out
    assert "← workflow/greet  comes from the repository" in status.out
    assert auraos("git", "pull").code == 0
    assert "Both sides are the same." in auraos("git", "status").out
    assert auraos("git", "disconnect").code == 0
    assert "no-git-link" in auraos("git", "status").err
    server = ServedHouse(auraos)
    assert server.start("greet", wait=20)["state"] == "succeeded"
    server.end()


def test_a_conflict_is_shown_and_settled_from_the_command_line(auraos, served, pat):
    served.publish(workflow())
    assert auraos("git", "connect", str(pat.remote)).code == 0, auraos("git", "connect", str(pat.remote)).err
    assert auraos("git", "sync").code == 0
    assert pat.shown(FILE) == workflow()
    served.publish(workflow(value=3))
    pat.pull()
    pat.push("main", {FILE: workflow(value=2)})
    left = auraos("git", "sync")
    assert left.code == 1
    assert "somebody must decide" in left.out
    assert "mine says 3, theirs 2" in left.out
    assert auraos("git", "settle", "workflow/other", "--take", "ours").code == 2
    assert auraos("git", "settle", "workflow/greet", "--take", "theirs").code == 0
    row = served.ask("GET", "/api/v1/definitions/workflow/greet")
    assert (row["text"], row["version"]) == (workflow(value=2), 3)
    auraos.write("decided.yaml", workflow(value=9))
    served.publish(workflow(value=4))
    pat.pull()
    pat.push("main", {FILE: workflow(value=5)})
    assert auraos("git", "pull", "--json").code == 1
    settled = auraos("git", "settle", "workflow/greet", "decided.yaml", "--json")
    assert json.loads(settled.out)["items"][0]["what"] == "merged"
    assert pat.shown(FILE) == workflow(value=9)


def test_a_synchronisation_that_is_killed_is_done_again_without_harm(auraos, served, pat):
    for number in range(30):
        served.publish(workflow(f"greet-{number}"))
    assert auraos("git", "connect", str(pat.remote)).code == 0
    process = auraos.begin("git", "sync")
    until(lambda: pat.branches() or process.poll() is not None)
    served.kill_and_start()
    process.communicate(timeout=30)
    auraos.environment |= {"AURAOS_SERVER": served.server.url}
    until(lambda: auraos("git", "sync").code == 0)  # it is free again as soon as nobody holds it on
    assert "Both sides are the same." in auraos("git", "status").out
    assert sorted(pat.git("ls-tree", "-r", "--name-only", "main", within=pat.remote).split()) == sorted(
        f"workflow/greet-{number}.yaml" for number in range(30)
    )
