"""A git repository, and somebody who works in a clone of it: for tests of both sides."""

import os
import subprocess
from pathlib import Path

PLAIN = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}


def bare(folder: Path) -> Path:
    """Return a new repository without a working copy."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "init", "--bare", "--quiet", "-b", "main", folder], check=True, env=PLAIN)
    return folder


class Person:
    """Somebody with a clone."""

    def __init__(self, remote: Path, folder: Path) -> None:
        self.remote, self.folder = remote, folder
        self.git("init", "--quiet", "-b", "main", str(folder), within=folder.parent)
        self.git("remote", "add", "origin", str(remote))

    def git(self, *words: str, within: Path | None = None, given: bytes = b"") -> str:
        """Return what git prints."""
        who = ("-c", "user.name=Pat", "-c", "user.email=pat@example.com")
        done = subprocess.run(
            ["git", *who, *words], check=False, cwd=within or self.folder, env=PLAIN, capture_output=True, input=given
        )  # fmt: skip
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout.decode()

    def pull(self, branch: str = "main") -> None:
        """Have what a branch of the repository has."""
        self.git("fetch", "--quiet", "--prune", "origin")
        self.git("checkout", "--quiet", "-B", branch, f"origin/{branch}")

    def push(self, branch: str, files: dict[str, str | None], message: str = "Change") -> None:
        """Commit these files and push them; None removes one."""
        for path, text in files.items():
            at = self.folder / path
            at.parent.mkdir(parents=True, exist_ok=True)
            at.unlink(missing_ok=True)
            if text is not None:
                at.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)
        self.git("push", "--quiet", "origin", f"HEAD:{branch}")

    def shown(self, path: str, branch: str = "main") -> str:
        """Return a text of the repository."""
        return self.git("show", f"{branch}:{path}", within=self.remote)

    def branches(self) -> list[str]:
        """Return the names of the branches of the repository."""
        return self.git("for-each-ref", "--format=%(refname:short)", "refs/heads", within=self.remote).split()
