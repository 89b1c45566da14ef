"""The git of this machine, started for one thing at a time, and for nothing that a repository or a person could talk it into.

No shell, no configuration of the machine or of a user, no hooks, no questions at a terminal; the protocols are those that are
allowed, and whatever could be taken for an option stands behind `--` or is refused before. There is no working copy, so no
filter, attribute or symbolic link of a repository ever does anything.
"""

import asyncio
import contextlib
import os
import re
import resource
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from auraos.core.errors import OperationalError, UserError

LONGEST = 60.0
LARGEST = 64 * 1024 * 1024
"""So many bytes git may print."""
LARGEST_REPOSITORY = 512 * 1024 * 1024
"""So many bytes a file may have that git writes, as the pack of all that it fetches."""
_TOLD = 1024 * 1024
_SETTINGS = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("protocol.ext.allow", "never"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("fetch.fsckObjects", "true"),
    ("http.followRedirects", "false"),
    ("http.proxy", ""),
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "20"),
    ("credential.helper", ""),
)
_BRANCH = re.compile(
    r"(?!.*(?:\.\.|//|/\.|\.lock(?:/|$)))[A-Za-z0-9_][A-Za-z0-9._/-]{0,150}(?<![./])", re.ASCII
)
_QUIET_RECEIVER = "git -c core.hooksPath=/dev/null -c core.fsmonitor=false receive-pack"
"""What takes a push into a repository on this machine: its hooks would run as this process."""


class GitRefusedError(UserError):
    """An address, branch or folder is not one that git is given."""

    code = "git-refused"


class GitFailedError(OperationalError):
    """Git could not do what it was asked."""

    code = "git-failed"


class MovedError(OperationalError):
    """Somebody else pushed meanwhile."""

    code = "git-moved"


class Git:
    """Git in one bare repository of our own, beside one repository elsewhere."""

    def __init__(
        self,
        folder: Path,
        remote: str,
        *,
        protocols: Sequence[str] = ("file",),
        settings: Sequence[tuple[str, str]] = (),
        variables: Mapping[str, str] | None = None,
        redact: Callable[[str], str] = str,
    ) -> None:
        self.folder = folder
        self.remote = remote_of(remote, protocols)
        self._protocols = tuple(protocols)
        self._settings = (*_SETTINGS, *settings)
        self._variables = dict(variables or {})
        self._redact = redact

    async def open(self) -> None:
        """Make our repository, unless it is there."""
        if not (self.folder / "HEAD").is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            await self.run("init", "--bare", "--quiet", "--template=", "--", str(self.folder))

    async def fetch(self) -> None:
        """Bring over all branches, and forget those that are gone."""
        await self.run(
            "fetch", "--quiet", "--prune", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--",
            self.remote, "+refs/heads/*:refs/remote/*",
        )  # fmt: skip

    async def look(self) -> None:
        """Fail unless the repository can be reached and read."""
        await self.open()
        await self.run("ls-remote", "--quiet", "--heads", "--", self.remote)

    async def push(self, changes: Mapping[str, tuple[str, str]]) -> None:
        """Move branches from one commit to another, all or none: name → (before, after), empty for none. Raise `MovedError`
        when one of them is not where it was.
        """
        leases = [f"--force-with-lease=refs/heads/{name}:{before}" for name, (before, _) in changes.items()]
        specs = [f"{after}:refs/heads/{name}" for name, (_, after) in changes.items()]
        receiver = [f"--receive-pack={_QUIET_RECEIVER}"] if self.remote.startswith("file:") else []
        code, _, told = await self._run(
            "push", "--quiet", "--no-verify", "--atomic", *receiver, *leases, "--", self.remote, *specs
        )
        if code and any(
            word in told for word in ("stale info", "rejected", "cannot lock ref", "fetch first")
        ):
            raise MovedError("The repository was changed meanwhile.", hint="Try again.")
        if code:
            raise _failed("push", told)
        for name, (_, after) in changes.items():
            ref = f"refs/remote/{name}"
            await self.run("update-ref", *(["-d", ref] if not after else [ref, after]))

    async def run(self, *words: str, given: bytes = b"", variables: Mapping[str, str] | None = None) -> bytes:
        """Return what git prints; raise `GitFailedError` when it fails."""
        code, printed, told = await self._run(*words, given=given, variables=variables)
        if code:
            raise _failed(words[0], told)
        return printed

    async def asks(self, *words: str) -> str:
        """Return what git prints, nothing when it fails."""
        code, printed, _ = await self._run(*words)
        return "" if code else printed.decode("utf-8", "replace").strip()

    async def _run(
        self, *words: str, given: bytes = b"", variables: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, str]:
        try:
            process = await asyncio.create_subprocess_exec(
                "git", *words, cwd=self.folder, env={**self._environment(), **(variables or {})},
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise GitFailedError(f"Git cannot be started: {error}.", hint="Install git.") from error
        parts = [
            asyncio.ensure_future(_read(process.stdout, LARGEST, words[0])),
            asyncio.ensure_future(_read(process.stderr, _TOLD, words[0])),
            asyncio.ensure_future(_give(process.stdin, given)),
        ]
        try:
            _bound(process.pid)
            async with asyncio.timeout(LONGEST):
                printed, told, _ = await asyncio.gather(*parts)
                await process.wait()
        except TimeoutError as error:
            raise GitFailedError(f"`git {words[0]}` took more than {LONGEST:g} s.") from error
        finally:
            if process.returncode is None:
                await _end(process, parts)
        return process.returncode or 0, printed, self._redact(told.decode("utf-8", "replace"))

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "GIT_DIR": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": ":".join(self._protocols),
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_CONFIG_COUNT": str(len(self._settings)),
            **{f"GIT_CONFIG_KEY_{number}": name for number, (name, _) in enumerate(self._settings)},
            **{f"GIT_CONFIG_VALUE_{number}": value for number, (_, value) in enumerate(self._settings)},
            **self._variables,
        }


async def _read(stream: asyncio.StreamReader | None, most: int, what: str) -> bytes:
    assert stream is not None
    parts: list[bytes] = []
    left = most
    while part := await stream.read(64 * 1024):
        left -= len(part)
        if left < 0:
            raise GitFailedError(f"`git {what}` printed more than {most:,} bytes.")
        parts.append(part)
    return b"".join(parts)


async def _end(process: asyncio.subprocess.Process, parts: "Sequence[asyncio.Future[bytes]]") -> None:
    """End a program with all that it began, and read what is left in its pipes: else nobody hears that it has ended."""
    for part in parts:
        part.cancel()
    await asyncio.gather(*parts, return_exceptions=True)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdout, process.stderr):
        while stream is not None and await stream.read(64 * 1024):
            continue
    await process.wait()


async def _give(stream: asyncio.StreamWriter | None, given: bytes) -> bytes:
    assert stream is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stream.write(given)
        await stream.drain()
    stream.close()
    return b""


def _bound(process: int) -> None:
    """Let a program, and all that it starts from now on, write no file that is too large."""
    if hasattr(resource, "prlimit"):
        most = (LARGEST_REPOSITORY, LARGEST_REPOSITORY)
        with contextlib.suppress(ProcessLookupError, PermissionError, ValueError):
            resource.prlimit(process, resource.RLIMIT_FSIZE, most)


def remote_of(address: str, protocols: Sequence[str]) -> str:
    """Return the address of a repository as git is given it; raise `GitRefusedError` for one that is not allowed."""
    url = f"file://{address}" if address.startswith("/") else address
    found = re.fullmatch(r"([a-z]+)://([^\x00-\x20]+)", url)
    if found is None or found[1] not in protocols or found[2].startswith("-"):
        allowed = " or ".join(f"{protocol}://…" for protocol in protocols)
        raise GitRefusedError(
            f"{address[:100]!r} is not the address of a repository that may be used.",
            hint=f"Give a folder of this machine, from / on, or {allowed}.",
        )
    if found[1] == "file" and not found[2].startswith("/"):
        raise GitRefusedError("A file:// address leads to another machine.", hint="Write file:///…")
    return url


def branch_of(name: str) -> str:
    """Return the name of a branch; raise `GitRefusedError` for what is none, or could be taken for something else."""
    if not _BRANCH.fullmatch(name):
        raise GitRefusedError(f"{name[:100]!r} is no name of a branch.")
    return name


def folder_of(path: str) -> str:
    """Return a folder of a repository, empty for all of it, else with / at its end; raise `GitRefusedError` for none."""
    parts = [part for part in path.split("/") if part]
    if any(not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", part, re.ASCII) for part in parts):
        raise GitRefusedError(f"{path[:100]!r} is no folder of a repository.")
    return "".join(f"{part}/" for part in parts)


def _failed(what: str, told: str) -> GitFailedError:
    lines = [line for line in told.splitlines() if line.strip()]
    if "signal 25" in told or "File too large" in told:
        return GitFailedError(
            f"The repository is larger than the {LARGEST_REPOSITORY:,} bytes that are fetched of one."
        )
    return GitFailedError(f"`git {what}` failed: {lines[-1][:300] if lines else 'it did not say why'}")
