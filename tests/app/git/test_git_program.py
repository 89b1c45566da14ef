"""S32: git does what it is asked and nothing that a repository, an address or a name talks it into."""

import os
import subprocess
from pathlib import Path

import pytest

from auraos.app.git.program import Git, GitFailedError, GitRefusedError, branch_of, folder_of, remote_of
from auraos.app.git.trees import read_texts, write_commit

PLAIN = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
HOOKS = (
    "pre-receive",
    "update",
    "post-receive",
    "post-update",
    "reference-transaction",
    "pre-push",
    "proc-receive",
)


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    folder = tmp_path / "remote.git"
    subprocess.run(["git", "init", "--bare", "--quiet", "-b", "main", folder], check=True, env=PLAIN)
    return folder


@pytest.fixture
async def git(remote: Path, tmp_path: Path) -> Git:
    opened = Git(tmp_path / "ours.git", str(remote))
    await opened.open()
    return opened


def lay_traps(repository: Path, sprung: Path) -> None:
    """Let every hook and program that a repository can name leave a trace."""
    trap = f"#!/bin/sh\necho $0 >> {sprung}\n"
    (repository / "hooks").mkdir(exist_ok=True)
    for name in HOOKS:
        (repository / "hooks" / name).write_text(trap)
        (repository / "hooks" / name).chmod(0o755)
    script = repository / "trap.sh"
    script.write_text(trap)
    script.chmod(0o755)
    with (repository / "config").open("a") as config:
        config.write(
            f"[core]\n\thooksPath = {repository}/hooks\n\tfsmonitor = {script}\n\tpager = {script}\n\tsshCommand = {script}\n"
            f'\teditor = {script}\n\tgitProxy = {script}\n[filter "x"]\n\tclean = {script}\n\tsmudge = {script}\n'
            f"[uploadpack]\n\tpackObjectsHook = {script}\n[credential]\n\thelper = !{script}\n[gpg]\n\tprogram = {script}\n"
        )


async def test_no_hook_filter_or_helper_of_either_repository_runs(git, remote, tmp_path):
    sprung = tmp_path / "sprung"
    lay_traps(remote, sprung)
    lay_traps(git.folder, sprung)
    files = {"a.yaml": "a: 1\n", ".gitattributes": "*.yaml filter=x\n"}
    commit = await write_commit(git, "", files, message="One", author="ann")
    await git.push({"main": ("", commit)})
    await git.fetch()
    assert await read_texts(git, commit, "") == {"a.yaml": "a: 1\n"}
    second = await write_commit(git, commit, {"a.yaml": None}, message="Two", author="ann")
    await git.push({"main": (commit, second)})
    assert not sprung.exists(), sprung.read_text()


@pytest.mark.parametrize(
    "address",
    [
        "ext::sh -c 'touch /tmp/x'",
        "ext::sh",
        "--upload-pack=touch",
        "-oProxyCommand=touch",
        "ssh://-oProxyCommand=touch/x",
        "https://example.com/x.git",
        "git@example.com:x.git",
        "file://other/share",
        "file://-x",
        "relative/path",
        "../up",
        "",
        "/tmp/a b",
        "/tmp/a\nb",
        "/tmp/a\0b",
    ],
)
def test_an_address_that_is_not_allowed_is_refused(address):
    with pytest.raises(GitRefusedError):
        remote_of(address, ("file",))


def test_addresses_of_protocols_that_are_allowed_pass():
    assert remote_of("/srv/flows.git", ("file",)) == "file:///srv/flows.git"
    assert remote_of("https://example.com/x.git", ("file", "https")) == "https://example.com/x.git"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "-x",
        "a..b",
        "a//b",
        "a/",
        "/a",
        "a.lock",
        "a.lock/b",
        "a b",
        "a:b",
        "a~1",
        "a^",
        "a\n",
        ".a",
        "a/.b",
    ],
)
def test_a_name_that_is_no_branch_is_refused(name):
    with pytest.raises(GitRefusedError):
        branch_of(name)


@pytest.mark.parametrize("path", ["../x", "a/../b", ".git", "-x", "a b", ":(top)x", "a\n"])
def test_a_folder_that_leads_elsewhere_is_refused(path):
    with pytest.raises(GitRefusedError):
        folder_of(path)


def test_names_of_branches_and_folders_pass():
    assert branch_of("release/2026.1") == "release/2026.1"
    assert (folder_of("/a/b/"), folder_of("")) == ("a/b/", "")


def push_oddities(remote: Path, clone: Path) -> None:
    """Push a link, a text that is none, one that is too large, and two that are plain."""
    subprocess.run(["git", "clone", "--quiet", remote, clone], check=True, env=PLAIN, capture_output=True)
    (clone / "link.yaml").symlink_to("/etc/passwd")
    (clone / "plain.yaml").write_text("a: 1\n")
    (clone / "broken.yaml").write_bytes(b"\xff")
    (clone / "ü b.yaml").write_text("b: 1\n")
    (clone / "large.yaml").write_text("x" * 8_000_001)
    (clone / "script.py").write_text("x")
    who = ("-c", "user.name=Pat", "-c", "user.email=pat@example.com")
    for words in (
        ("add", "--all"),
        ("commit", "--quiet", "-m", "One"),
        ("push", "--quiet", "origin", "HEAD:main"),
    ):
        subprocess.run(["git", *who, *words], cwd=clone, check=True, env=PLAIN)


async def test_links_and_other_files_of_a_repository_are_passed_over(git, remote, tmp_path):
    push_oddities(remote, tmp_path / "clone")
    await git.fetch()
    commit = await git.asks("rev-parse", "refs/remote/main")
    assert await read_texts(git, commit, "") == {
        "plain.yaml": "a: 1\n",
        "ü b.yaml": "b: 1\n",
        "broken.yaml": "\0",
    }


async def test_who_commits_is_named_whatever_the_name_holds(git):
    commit = await write_commit(git, "", {"a.yaml": "x"}, message="--amend\n", author="Ann <root>\n\0evil")
    printed = await git.run("log", "-1", "--format=%an|%ae|%s", commit)
    assert printed.decode().strip() == "Ann  root   evil|auraos@localhost|--amend"


async def test_a_repository_that_is_not_there_is_told(tmp_path):
    git = Git(tmp_path / "ours.git", "/nowhere/at/all.git")
    await git.open()
    with pytest.raises(GitFailedError, match="`git fetch` failed"):
        await git.fetch()
