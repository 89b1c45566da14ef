"""S32 and S08: a repository made to do harm is refused, or what is harmful in it is passed over; nothing of it ever runs.

Its objects are written by hand, for git itself would not make most of them.
"""

import hashlib
import subprocess
import zlib
from pathlib import Path

import pytest

from auraos.app.git import program
from auraos.app.git.program import Git, GitFailedError
from auraos.app.git.trees import commit_of, read_texts, write_commit
from git_people import PLAIN, bare

PLAIN_FILE, LINK, TREE, SUBMODULE = "100644", "120000", "40000", "160000"


def put(remote: Path, kind: str, content: bytes) -> str:
    """Write an object as it is; return its name."""
    whole = f"{kind} {len(content)}".encode() + b"\0" + content
    name = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
    at = remote / "objects" / name[:2] / name[2:]
    at.parent.mkdir(exist_ok=True)
    if not at.exists():
        at.write_bytes(zlib.compress(whole))
    return name


def put_tree(remote: Path, *entries: tuple[str, str, str]) -> str:
    """Write a tree of (mode, name, object), in the order given."""
    raw = b"".join(f"{mode} {name}".encode() + b"\0" + bytes.fromhex(one) for mode, name, one in entries)
    return put(remote, "tree", raw)


def commit(remote: Path, tree: str, branch: str = "main") -> str:
    """Let a branch stand at a new commit of a tree."""
    who = "Pat <pat@example.com> 1700000000 +0000"
    made = put(remote, "commit", f"tree {tree}\nauthor {who}\ncommitter {who}\n\nHarm\n".encode())
    at = remote / "refs" / "heads" / branch
    at.parent.mkdir(parents=True, exist_ok=True)
    at.write_text(made + "\n")
    return made


def listed(remote: Path) -> list[str]:
    """Return what the branch has, each with its kind."""
    printed = subprocess.run(
        ["git", "ls-tree", "-r", "main"], cwd=remote, env=PLAIN, check=True, capture_output=True, text=True
    ).stdout
    return [f"{line.split()[0]} {line.split(maxsplit=3)[3]}" for line in printed.splitlines()]


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return bare(tmp_path / "remote.git")


@pytest.fixture
async def git(remote: Path, tmp_path: Path) -> Git:
    opened = Git(tmp_path / "ours" / "of.git", str(remote))
    await opened.open()
    return opened


@pytest.mark.parametrize("name", [".git", ".GIT", ".Git", "git~1", ".g\u200cit", "..", "."])
async def test_a_repository_with_a_path_that_leads_into_git_is_refused(git, remote, name):
    blob = put(remote, "blob", b"[core]\n\tfsmonitor = touch /x\n")
    inner = put_tree(remote, (PLAIN_FILE, "config", blob))
    commit(remote, put_tree(remote, (TREE, name, inner)))
    with pytest.raises(GitFailedError, match="git fetch"):
        await git.fetch()
    assert await commit_of(git, "refs/remote/main") == ""


async def test_a_file_with_a_slash_in_its_name_is_refused(git, remote):
    blob = put(remote, "blob", b"x: 1\n")
    commit(remote, put_tree(remote, (PLAIN_FILE, "../../outside.yaml", blob)))
    with pytest.raises(GitFailedError):
        await git.fetch()


async def test_submodules_with_an_address_that_runs_something_are_refused(git, remote):
    text = '[submodule "x"]\n\tpath = x\n\turl = -u./run\n\tupdate = !touch /x\n'
    modules = put(remote, "blob", text.encode())
    commit(remote, put_tree(remote, (PLAIN_FILE, ".gitmodules", modules)))
    with pytest.raises(GitFailedError):
        await git.fetch()


async def test_links_and_submodules_among_the_files_are_passed_over_and_stay(git, remote):
    plain = put(remote, "blob", b"a: 1\n")
    link = put(remote, "blob", b"/etc/passwd")
    tree = put_tree(
        remote,
        (PLAIN_FILE, "a.yaml", plain),
        (LINK, "b.yaml", link),
        (SUBMODULE, "c.yaml", "1" * 40),
        (LINK, "flows", put(remote, "blob", b"/")),
    )
    before = commit(remote, tree)
    await git.fetch()
    assert await read_texts(git, before, "") == {"a.yaml": "a: 1\n"}
    assert await read_texts(git, before, "flows/") == {}
    made = await write_commit(git, before, {"a.yaml": "a: 2\n"}, message="Two", author="ann")
    await git.push({"main": (before, made)})
    assert listed(remote) == ["100644 a.yaml", "120000 b.yaml", "160000 c.yaml", "120000 flows"]


async def test_what_names_a_path_through_a_link_replaces_the_link_and_writes_nowhere_else(
    git, remote, tmp_path
):
    outside = tmp_path / "outside"
    outside.mkdir()
    before = commit(remote, put_tree(remote, (LINK, "flows", put(remote, "blob", str(outside).encode()))))
    await git.fetch()
    made = await write_commit(git, before, {"flows/a.yaml": "a: 1\n"}, message="One", author="ann")
    await git.push({"main": (before, made)})
    assert listed(remote) == ["100644 flows/a.yaml"]
    assert list(outside.iterdir()) == []


async def test_a_repository_that_is_too_large_is_given_up(git, remote, monkeypatch):
    monkeypatch.setattr(program, "LARGEST_REPOSITORY", 2_000_000)
    noise = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(200_000))
    commit(remote, put_tree(remote, (PLAIN_FILE, "noise.bin", put(remote, "blob", noise))))
    with pytest.raises(GitFailedError, match="larger than"):
        await git.fetch()


async def test_texts_that_grow_beyond_all_bounds_when_unpacked_are_given_up(git, remote, monkeypatch):
    monkeypatch.setattr(program, "LARGEST", 3_000_000)
    entries = [
        (PLAIN_FILE, f"{number:03}.yaml", put(remote, "blob", f"# {number}\n".encode() + b" " * 100_000))
        for number in range(50)
    ]
    before = commit(remote, put_tree(remote, *entries))
    await git.fetch()
    with pytest.raises(GitFailedError, match="printed more than"):
        await read_texts(git, before, "")


async def test_a_repository_that_never_answers_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(program, "LONGEST", 0.5)
    git = Git(tmp_path / "ours.git", str(bare(tmp_path / "remote.git")))
    await git.open()
    with pytest.raises(GitFailedError, match="took more than"):
        await git.run("-c", "alias.hang=!sleep 30", "hang")
