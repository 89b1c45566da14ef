"""`auraos serve`: the engine as a process of its own."""

# ruff: noqa: PLR0913 (a command has as many parameters as it has options)

import asyncio
import errno
import faulthandler
import logging
import os
import signal
import sys
import threading
import time
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from cyclopts import Parameter

from auraos.api.front import Front
from auraos.api.people import welcome
from auraos.app.outside.world import World
from auraos.app.serving import serving
from auraos.app.serving.serving import DEFAULT_HOST, DEFAULT_PORT, GRACE, Ready, Wishes
from auraos.app.settings.keys import LOG_LEVEL, RETENTION
from auraos.cli.exits import Exit
from auraos.cli.failures import WrongInputError
from auraos.cli.options import (
    DEFAULT_DATA,
    AllowNet,
    Data,
    Database,
    Json,
    Pools,
    read_number,
    read_pools,
    read_size,
)
from auraos.cli.runs.prune import read_age
from auraos.cli.screen import print_json, to_people
from auraos.cli.serving_logs import LogFormat, LogLevel, Logs
from auraos.core.run import LARGEST
from auraos.engine.engine import DEFAULT_PARALLEL
from auraos.engine.process import begun_threads

log = logging.getLogger("auraos.serve")
LEAVE_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
MOST_VALUE = 1_000_000_000
MOST_PARALLEL = 100_000
LONGEST_GRACE = 86_400
THREADS = min(32, (os.cpu_count() or 1) + 4)
"""So many threads work beside the loop."""
_AFTER_GRACE = 10.0
"""So many seconds after the grace the process is gone, whatever hangs in it."""


def serve(
    *,
    port: Annotated[
        int, Parameter(help="The port that programs and browsers come to; 0 takes a free one.")
    ] = DEFAULT_PORT,
    host: Annotated[
        str,
        Parameter(help="The address to listen at. One that others reach is refused until there is an owner."),
    ] = DEFAULT_HOST,
    url: Annotated[
        str, Parameter(help="The address that browsers know it by, as in https://auraos.example.com.")
    ] = "",
    proxy: Annotated[
        tuple[str, ...],
        Parameter(
            help="The address or network of a proxy in front of it, whose X-Forwarded-For is believed. May be given again and"
            " again.",
            negative="",
        ),
    ] = (),
    database: Database = "",
    files: Annotated[
        Path | None, Parameter(help="A folder of workflows, which can be started and called by their names.")
    ] = None,
    parallel: Annotated[
        int, Parameter(help="How many steps run at the same time, at least 1.")
    ] = DEFAULT_PARALLEL,
    pool: Pools = (),
    grace: Annotated[
        float, Parameter(help="For how many seconds steps that write are waited for when it is to end.")
    ] = GRACE,
    retention: Annotated[
        str,
        Parameter(
            help="For how long finished runs are kept whose workflow says nothing; 0 keeps them for ever. Without it, the"
            " setting runs.retention says so."
        ),
    ] = "",
    largest_value: Annotated[
        str, Parameter(help="How large one value may be: an input, a variable, an output. It lies in memory.")
    ] = f"{LARGEST // 1_000_000}MB",
    allow_net: AllowNet = (),
    log_format: Annotated[
        LogFormat, Parameter(help="How log lines look: text for people, json for a collector.")
    ] = "text",
    log_level: Annotated[
        LogLevel | None,
        Parameter(
            help="How much is said: debug tells of every request too, error of little. Without it, the setting log.level."
        ),
    ] = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> int:
    """Drive the runs of a data folder, or of a database, until it is told to end.

    Other commands reach it through the folder: `auraos start` starts runs, `auraos runs` answers them, `auraos engine` looks
    after it. The API answers on the port under /api/v1, /health/live and /health/ready beside it. While nobody owns the
    installation it prints a link that makes the first owner. The first Ctrl-C or SIGTERM lets it finish what it began; the
    second ends it at once, and nothing is lost either way. With --json it prints where it listens once it is ready.
    """
    wishes = Wishes(
        data=data, database=database, files=_folder(files), host=host,
        url=_url(url), proxies=tuple(_network(each) for each in proxy),
        port=read_number(port, "--port", 0, 65_535), allow_net=allow_net,
        parallel=read_number(parallel, "--parallel", 1, MOST_PARALLEL), pools=read_pools(pool),
        grace=read_number(grace, "--grace", 0, LONGEST_GRACE), settings=_settings(retention, log_level),
        largest_value=read_size(largest_value, most=MOST_VALUE),
    )  # fmt: skip
    world = World(allow_net)
    logs = Logs(log_format, world.redact, level=log_level or "info")

    def ready(where: Ready) -> None:
        if json:
            told = {
                "url": where.url,
                "socket": str(where.socket),
                "keeps": where.keeps,
                "process": os.getpid(),
                "first_owner": where.first_owner,
            }
            print_json({"ok": True, **told})
            sys.stdout.flush()
        elif where.first_owner:
            _tell_first_owner(where)

    logs.open()
    left: list[bool] = []
    try:
        asyncio.run(_until_told(wishes, world, ready, left))
    except RuntimeError:
        if not left:  # else it was the loop, which begins one more thread at its end and did not get it
            raise
    finally:
        logs.close()
    return Exit.DONE


async def _until_told(wishes: Wishes, world: World, ready: Any, left: list[bool]) -> None:
    """Serve, and note when all was left in good order."""
    leave = asyncio.Event()
    _listen_to_signals(leave, wishes.grace)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(begun_threads(THREADS, "beside"))
    loop.set_exception_handler(_note_trouble)
    await serving.serve(wishes, world, front=Front, leave=leave, ready=ready)
    left.append(True)


def _listen_to_signals(leave: asyncio.Event, grace: float) -> None:
    """The first signal lets the process leave in good order. From then on each ends it at once, by the system itself, so
    that it does so however busy the process is.

    A signal may come in the midst of anything this thread does, so it takes no lock and starts no thread. What hangs until
    the last is shown, for that is our mistake.
    """
    loop = asyncio.get_running_loop()
    told = threading.Event()

    def end_at_last() -> None:
        told.wait()
        time.sleep(grace + _AFTER_GRACE)
        telling = threading.Thread(target=faulthandler.dump_traceback, daemon=True)
        telling.start()
        telling.join(1.0)  # nobody may be reading what is told
        os._exit(Exit.WORLD_FAILED)

    def say(number: int) -> None:
        log.info("serve.told_to_leave", extra={"signal": signal.Signals(number).name})
        leave.set()

    def begin_to_leave(number: int, _: Any) -> None:
        for each in LEAVE_SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        told.set()
        loop.call_soon_threadsafe(say, number)

    threading.Thread(target=end_at_last, name="last-resort", daemon=True).start()
    for each in LEAVE_SIGNALS:
        signal.signal(each, begin_to_leave)


def _note_trouble(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say in one line what went wrong below everything else, as when no file can be opened any more."""
    error = context.get("exception")
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        log.warning("serve.too_many_files", extra={"hint": "Raise the limit, as with `ulimit -n 4096`."})
        return
    log.error("serve.trouble", extra={"what": context.get("message", "")}, exc_info=error)


def _tell_first_owner(where: Ready) -> None:
    screen = to_people()
    screen.line("Nobody owns this installation yet. Whoever opens this link becomes its owner, once:")
    screen.line(f"    {where.url}{welcome.PATH}#{where.first_owner}")
    screen.line(
        "Where there is no browser: POST /api/v1/owner with the token behind the #, a name and a password."
    )


def _url(text: str) -> str:
    """Return the address of the site, without a slash at its end."""
    try:
        parts = urlsplit(text)
        is_right = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_right = False
    if text and (not is_right or parts.path.strip("/") or parts.query or parts.fragment or parts.username):
        raise WrongInputError(
            f"{text!r} is not the address of a site.", hint="--url is as in https://auraos.example.com."
        )
    return text.rstrip("/")


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise WrongInputError(
            f"{text!r} is neither an address nor a network.", hint="--proxy is as in 10.0.0.7 or 10.0.0.0/8."
        ) from error


def _settings(retention: str, log_level: LogLevel | None) -> dict[str, str]:
    """Return what the command line sets."""
    age = read_age(retention) if retention else None
    kept = {RETENTION.name: RETENTION.told(age or timedelta())} if retention else {}
    return kept | ({LOG_LEVEL.name: log_level} if log_level else {})


def _folder(files: Path | None) -> Path | None:
    if files is not None and not files.is_dir():
        raise WrongInputError(
            f"There is no folder {str(files)!r}.", hint="--files names a folder of workflows."
        )
    return files
