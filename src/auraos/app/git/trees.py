"""The texts of definitions in commits: read from a tree, and written as a new one."""

import re
from collections.abc import Mapping

from auraos.app.git.program import Git, GitFailedError

LARGEST_TEXT = 8_000_000
MOST_FILES = 10_000
_ENTRY = re.compile(r"(\d{6}) (\w+) ([0-9a-f]{40,64}) +(\d+|-)\t(.*)", re.DOTALL)
_PLAIN = ("100644", "100755")


async def commit_of(git: Git, ref: str) -> str:
    """Return the commit that a ref names, empty where there is none."""
    return await git.asks("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")


async def branches(git: Git, below: str) -> dict[str, str]:
    """Return the branches of the other repository below a name, each with its commit."""
    prefix = f"refs/remote/{below}"
    printed = await git.run("for-each-ref", "--format=%(refname) %(objectname)", "--", prefix)
    found = (line.rpartition(" ") for line in printed.decode().splitlines())
    return {name.removeprefix("refs/remote/"): commit for name, _, commit in found}


async def read_texts(git: Git, commit: str, folder: str) -> dict[str, str]:
    """Return the texts of a commit by their paths: plain files of a folder that end as documents do."""
    if not commit:
        return {}
    printed = await git.run(
        "ls-tree", "-r", "-z", "-l", "--full-tree", commit, "--", *([folder] if folder else [])
    )
    wanted: list[tuple[str, str]] = []
    for entry in printed.decode("utf-8", "surrogateescape").split("\0"):
        found = _ENTRY.fullmatch(entry)
        if found is None or found[1] not in _PLAIN or not found[5].endswith((".yaml", ".yml")):
            continue
        if found[4] != "-" and int(found[4]) <= LARGEST_TEXT:
            wanted.append((found[5], found[3]))
    if len(wanted) > MOST_FILES:
        raise GitFailedError(
            f"The repository has {len(wanted):,} files of definitions; {MOST_FILES:,} may be."
        )
    return await _blobs(git, wanted)


async def write_commit(
    git: Git, parent: str, changes: Mapping[str, str | None], *, message: str, author: str
) -> str:
    """Return a new commit upon another one in which these paths have these texts, None for none at all."""
    index = {"GIT_INDEX_FILE": str(git.folder / "index.sync")}
    await git.run("read-tree", *([parent] if parent else ["--empty"]), variables=index)
    lines: list[bytes] = []
    for path, text in changes.items():
        raw = path.encode("utf-8", "surrogateescape")
        if text is None:
            lines.append(b"0 " + b"0" * 40 + b"\t" + raw + b"\0")
        else:
            blob = (await git.run("hash-object", "-w", "--stdin", given=text.encode())).strip()
            lines.append(b"100644 " + blob + b"\t" + raw + b"\0")
    await git.run("update-index", "-z", "--index-info", given=b"".join(lines), variables=index)
    tree = (await git.run("write-tree", variables=index)).decode().strip()
    named = re.sub(r"[<>\x00-\x1f]", " ", author).strip() or "AuraOS"
    who = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", named), ("EMAIL", "auraos@localhost"))
    }
    words = ["commit-tree", tree, *(["-p", parent] if parent else []), "-F", "-"]
    made = await git.run(*words, given=message.encode(), variables=who)
    return made.decode().strip()


async def _blobs(git: Git, wanted: list[tuple[str, str]]) -> dict[str, str]:
    if not wanted:
        return {}
    asked = "".join(f"{blob}\n" for _, blob in wanted).encode()
    printed = await git.run("cat-file", "--batch", given=asked)
    texts: dict[str, str] = {}
    at = 0
    for path, _ in wanted:
        end = printed.index(b"\n", at)
        size = int(printed[at:end].rsplit(b" ", 1)[-1])
        try:
            texts[path] = printed[end + 1 : end + 1 + size].decode()
        except UnicodeDecodeError:
            texts[path] = "\0"  # no text that can be kept; whoever reads it says so
        at = end + 1 + size + 1
    return texts
