"""What is wrong with an installation, its machine and its data folder, and what to do about it."""

import asyncio
import os
import resource
import shutil
import sqlite3
import stat
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Literal, TypeAlias

import msgspec

from auraos.app.environment import known_secrets
from auraos.app.house import House, open_for_reading, release_command
from auraos.core.errors import AuraError
from auraos.engine.client import EngineClient
from auraos.engine.ports import RunQuery
from auraos.engine.stewardship import NoStewardError, Status
from auraos.security.redaction import SHORTEST
from auraos.storage.blobs.walking import are_kept, run_folders
from auraos.storage.folder import NETWORK_FILE_SYSTEMS, file_system_of, is_held, mount_table

Level: TypeAlias = Literal["ok", "note", "warning", "problem"]

LITTLE_DISK, NO_DISK = 1_000_000_000, 100_000_000
FEW_FILES, TOO_FEW_FILES = 1024, 128
OLDEST_SQLITE = (3, 35, 0)
SLOW_SYNC, UNREAL_SYNC = 0.025, 0.000_02
LARGE_LOG = 256 * 1024 * 1024
MOST_FOLDERS = 20_000
SYNCS = 15
ANSWERS_WITHIN = 8.0


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    name: str
    level: Level
    message: str
    hint: str = ""


async def examine(data: Path, database: str = "") -> AsyncIterator[Check]:
    """Look at everything, one after the other; what cannot be looked at is a finding itself."""
    for check in (_release(), _limits(), *_secrets(os.environ)):
        yield check
    if database and not data.exists():  # noqa: ASYNC240 (a command waits for nothing else)
        yield Check(
            name="folder", level="note", message=f"There is no data folder at {data}: files of runs are not looked at."
        )  # fmt: skip
    else:
        for check in (*_folder(data), *_disk(data)):
            yield check
    async for check in _database(data, database) if database else _store(data):
        yield check


# --- the machine ---


def _release() -> Check:
    found = sqlite3.sqlite_version_info
    told = f"AuraOS {version('auraos')}, SQLite {sqlite3.sqlite_version}"
    if found < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        return Check(
            name="release", level="problem", message=f"{told}.", hint=f"Use SQLite {oldest} or newer."
        )
    return Check(name="release", level="ok", message=f"{told}.")


def _limits() -> Check:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    told = f"This process may open {soft} files at once; it could be {hard}."
    hint = "Raise it where the server is started, as with `ulimit -n 4096` or LimitNOFILE=4096."
    if soft < TOO_FEW_FILES:
        return Check(name="open files", level="problem", message=told, hint=hint)
    level: Level = "warning" if soft < FEW_FILES else "ok"
    return Check(name="open files", level=level, message=told, hint=hint if level == "warning" else "")


def _secrets(environment: Mapping[str, str]) -> Iterator[Check]:
    """Look at the secrets of this environment: those that cannot be masked, and those that lead nowhere."""
    for name in known_secrets(environment):
        variable = name.upper().replace("-", "_")
        if len(environment[f"AURAOS_SECRET_{variable}"]) < SHORTEST:
            yield Check(
                name="secrets", level="problem",
                message=f"The secret {name} is so short that it cannot be masked in logs and outputs.",
                hint=f"Give AURAOS_SECRET_{variable} at least {SHORTEST} characters.",
            )  # fmt: skip
        if not environment.get(f"AURAOS_HOSTS_{variable}"):
            yield Check(
                name="secrets", level="warning",
                message=f"The secret {name} is bound to no host, so it can be sent nowhere.",
                hint=f"Say where it may go: AURAOS_HOSTS_{variable}='api.example'",
            )  # fmt: skip
    for name, value in environment.items():
        if name.startswith("AURAOS_SECRET_") and not value:
            yield Check(
                name="secrets", level="warning", message=f"{name} is empty, so there is no such secret.",
                hint="Give it a value, or leave it out.",
            )  # fmt: skip


# --- the folder and its disk ---


def _folder(data: Path) -> Iterator[Check]:
    if not data.exists():
        yield Check(
            name="folder", level="warning", message=f"There is no data folder at {data}.",
            hint="`auraos serve` or `auraos run` makes one; --data names another.",
        )  # fmt: skip
        return
    found = data.stat()
    if found.st_uid != os.geteuid():
        yield Check(
            name="folder", level="warning", message=f"{data} belongs to another user (number {found.st_uid}).",
            hint="Serve as that user, or give it to this one.",
        )  # fmt: skip
    if stat.S_IMODE(found.st_mode) & 0o077:
        yield Check(
            name="folder", level="warning", message=f"Other users of this machine may look into {data}.",
            hint=f"chmod 700 {data}",
        )  # fmt: skip
    kind = file_system_of(data, mount_table())
    if kind in NETWORK_FILE_SYSTEMS:
        yield Check(
            name="file system", level="problem", message=f"{data} lies on a network file system ({kind}).",
            hint="Locks do not hold there: use a local disk, or PostgreSQL.",
        )  # fmt: skip
    else:
        yield Check(
            name="file system", level="ok", message=f"{data} lies on {kind or 'a disk of unknown kind'}."
        )
    for rest in sorted(data.glob("backup-*.db")):
        if not are_kept(data):
            yield Check(
                name="folder", level="warning", message=f"{rest} was left by a backup that broke off.",
                hint="The next backup removes it.",
            )  # fmt: skip


def _disk(data: Path) -> Iterator[Check]:
    if not data.exists():
        return
    free = shutil.disk_usage(data).free
    told = f"{free / 1e9:.1f} GB are free."
    if free < NO_DISK:
        yield Check(
            name="disk", level="problem", message=told, hint="Make room: nothing can be written soon."
        )
    elif free < LITTLE_DISK:
        yield Check(name="disk", level="warning", message=told, hint="Make room.")
    else:
        yield Check(name="disk", level="ok", message=told)
    try:
        took = _time_a_sync(data)
    except OSError as error:
        yield Check(
            name="sync", level="problem", message=f"{data} cannot be written: {error.strerror}.",
            hint="Is the disk full, or mounted read-only? Does the folder belong to this user?",
        )  # fmt: skip
        return
    told = f"A write is on the disk after {took * 1000:.2f} ms."
    if took > SLOW_SYNC:
        hint = "Each step of a run waits for it: use a faster disk."
        yield Check(name="sync", level="warning", message=told, hint=hint)
    elif took < UNREAL_SYNC:
        hint = "No disk is that fast: if this is memory, a power cut takes everything."
        yield Check(name="sync", level="warning", message=told, hint=hint)
    else:
        yield Check(name="sync", level="ok", message=told)


def _time_a_sync(data: Path) -> float:
    """Return for how many seconds a small write waits until it is on the disk, as the median of some."""
    file = data / f"doctor-{os.getpid()}.tmp"
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        times = []
        for _ in range(SYNCS):
            began = time.perf_counter()
            os.write(descriptor, b"x" * 4096)
            os.fdatasync(descriptor)
            times.append(time.perf_counter() - began)
        return median(times)
    finally:
        os.close(descriptor)
        file.unlink()


# --- the store, through the process that holds it or by itself ---


async def _store(data: Path) -> AsyncIterator[Check]:
    if not (data / "auraos.json").exists() and not (data / "auraos.db").exists():
        yield Check(name="store", level="note", message="There is no store in the folder yet.")
        return
    log = data / "auraos.db-wal"
    if log.exists() and log.stat().st_size > LARGE_LOG:
        yield Check(
            name="store", level="warning", message=f"The log of the database has {log.stat().st_size / 1e6:.0f} MB.",
            hint="Another program may hold the database open: close it.",
        )  # fmt: skip
    try:
        async with open_for_reading(data) as house:
            process = await _process(data, house)
            yield process
            if process.level == "problem":
                return
            async for check in _opened(data, house):
                yield check
    except (AuraError, OSError) as error:
        hint = (
            error.hint if isinstance(error, AuraError) else "Look at the rights of the folder and its files."
        )
        message = error.message if isinstance(error, AuraError) else str(error)
        if is_held(data):
            message = f"{message} The process that holds the folder does not answer."
        yield Check(name="store", level="problem", message=message, hint=hint)


async def _database(data: Path, url: str) -> AsyncIterator[Check]:
    """Look at a database by its address, whoever serves it."""
    from auraos.app.by_hand.database import open_database  # noqa: PLC0415 (a folder with SQLite needs no driver)
    from auraos.storage.postgres.looking import look_at  # noqa: PLC0415

    try:
        found = await look_at(url)
        told = f"PostgreSQL {found.release}, {found.size / 1e6:.0f} MB of tables."
        yield Check(name="database", level="ok", message=told)
        if not found.syncs:
            yield Check(
                name="fsync", level="warning", message="The server does not sync what it writes (fsync is off).",
                hint="A power cut may take everything: turn fsync on.",
            )  # fmt: skip
        async with open_database(data, url) as house:
            if house.processes:
                told = f"{house.processes} processes share its runs."
                yield Check(name="process", level="ok", message=told)
            else:
                hint = "auraos serve --database with this address"
                yield Check(name="process", level="note", message="No process serves it now.", hint=hint)
            async for check in _opened(data, house):
                yield check
    except AuraError as error:
        yield Check(name="database", level="problem", message=error.message, hint=error.hint)


async def _opened(data: Path, house: House) -> AsyncIterator[Check]:
    if house.held:
        yield Check(
            name="hold", level="warning", message=house.held, hint=f"{release_command(data)} lets it go on."
        )
    yield await _clock(house)
    async for check in _runs(house):
        yield check
    yield await _orphans(data, house)


async def _process(data: Path, house: House) -> Check:
    if not isinstance(house.store, EngineClient):
        hint = f"auraos serve --data {data}"
        return Check(name="process", level="note", message="No process serves the folder now.", hint=hint)
    try:
        status: Status = await asyncio.wait_for(house.store.status(), ANSWERS_WITHIN)
    except AuraError as error:
        if error.code == NoStewardError.code:
            return Check(name="process", level="note", message=error.message)
        raise
    except TimeoutError:
        return Check(
            name="process", level="problem", message="The process that serves does not answer.",
            hint="Look at its log. `kill` ends it, and the next one goes on.",
        )  # fmt: skip
    told = f"Process {status.process} serves, {status.phase}; a write takes"
    if status.write_takes is None:
        hint = "Make room on the disk, or mend it; the process goes on by itself."
        return Check(
            name="process", level="problem", message=f"{told} for ever: the store takes none.", hint=hint
        )
    return Check(name="process", level="ok", message=f"{told} {status.write_takes * 1000:.1f} ms.")


async def _clock(house: House) -> Check:
    """Hold the clock against the latest change of a run: one from the future tells of a clock that went back."""
    now = time.time_ns() // 1000
    latest = max((row.changed_at for row in await house.store.runs(RunQuery(limit=50))), default=0)
    if latest > now + 60_000_000:
        ahead = (latest - now) / 1_000_000
        return Check(
            name="clock", level="problem", message=f"The clock is {ahead:.0f} s behind the latest change of a run.",
            hint="Set it, and let it be kept by NTP: timers and schedules follow it.",
        )  # fmt: skip
    return Check(name="clock", level="ok", message="The clock is not behind the journal.")


async def _runs(house: House) -> AsyncIterator[Check]:
    found = await house.store.unfinished()
    if found.parked:
        yield Check(
            name="runs", level="problem", message=f"{found.parked} runs are parked: the engine cannot read them.",
            hint="`auraos runs list` says why. `auraos journal verify --all` finds what is wrong.",
        )  # fmt: skip
    if found.quarantined:
        yield Check(
            name="runs", level="problem", message=f"{found.quarantined} runs are quarantined: they broke the engine.",
            hint="`auraos runs list --state quarantined` lists them; `auraos runs resume` tries one again.",
        )  # fmt: skip
    age = f", the oldest since {_age(found.oldest)}" if found.oldest is not None else ""
    told = f"{found.awake} runs are under way{age}; {found.asleep} wait for a time, a person or a signal."
    yield Check(name="runs", level="ok", message=told)


async def _orphans(data: Path, house: House) -> Check:
    """Look for files whose runs are gone."""
    orphans = looked = 0
    for folder in run_folders(data / "blobs"):
        looked += 1
        if looked > MOST_FOLDERS:
            break
        orphans += await house.store.find(folder.name) is None
    if orphans:
        message = f"{orphans} folders of files belong to runs that are gone."
        hint = "They cost room only; a serving process sweeps them in time."
        return Check(name="files", level="note", message=message, hint=hint)
    return Check(
        name="files", level="ok", message=f"Every one of {looked} folders of files belongs to a run."
    )


def _age(since: int) -> str:
    seconds = time.time() - since / 1_000_000
    for size, name in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {name}"
    return f"{seconds:.0f} seconds"
