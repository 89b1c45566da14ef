"""The choke points hold: nobody but Egress can reach the network, and nobody starts a program or trusts a certificate."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from repository import SOURCE, parsed, place, source_files

WAYS_OUT = {
    "aiohttp", "aiodns", "ftplib", "http", "httpx", "imaplib", "nntplib", "poplib", "requests", "smtplib", "socketserver",
    "ssl", "telnetlib", "urllib3", "websockets", "xmlrpc",
}  # fmt: skip
WAYS_OUT_BY_CALL = {
    "create_connection", "create_server", "getaddrinfo", "gethostbyname", "open_connection", "start_server", "urlopen",
    "urlretrieve",
}  # fmt: skip
PROGRAMS = {"subprocess", "pty", "multiprocessing", "ctypes", "cffi"}
PROGRAMS_BY_CALL = {
    "system",
    "popen",
    "fork",
    "forkpty",
    "startfile",
    "create_subprocess_exec",
    "create_subprocess_shell",
}
BLIND_TRUST = {"CERT_NONE", "_create_unverified_context", "check_hostname", "verify_mode", "unsafe_load", "full_load",
               "UnsafeLoader", "FullLoader", "mktemp", "enable_load_extension"}  # fmt: skip
LOCAL_SOCKETS = {"engine/socket.py", "engine/client.py"}
"""They talk to a process of the same user on the same machine."""
APART = "engine/places.py"
"""It starts this interpreter again, for a function that is to run in a process of its own, and nothing else."""
BELOW = "engine/descendants.py"
"""It asks the system to keep below such a process whatever that starts."""
OPERATORS = "security/secrets/programs.py"
"""It starts what the operator named for the master key or for values that are kept elsewhere, without a shell."""
GIT = "app/git/program.py"
"""It starts git, without a shell, hooks, questions or the configuration of anybody."""
FRONT = "api/protocol/server.py"
"""It listens, and calls nobody."""
CLIENT = "client/"
"""What programs ask a server by that they name; nothing that a server runs imports it."""
SERVERS = "app/remote/servers.py"
"""It makes what such a server's certificate is checked by, for the commands that ask one."""
ASKING = ("cli/", "app/remote/servers.py", "app/remote/house.py", "app/by_hand/privacy.py")
"""The commands, and what stands between them and the client."""
SOCKET_OPTIONS = "storage/postgres/address.py"
"""It sets options of a socket that the driver of the database has opened."""
DATABASE = ("storage/postgres/", "storage/migrations/on_postgres.py")
"""The store alone speaks to a database, and to the one that was named when the process was started."""


def names_in(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield every module that is imported, as `import x` and `from x`, and every attribute and name that is used."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((f"import {alias.name.split('.')[0]}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"import {(node.module or '').split('.')[0]}", node.lineno
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.Attribute):
            yield node.attr, node.lineno
        elif isinstance(node, ast.Name):
            yield node.id, node.lineno


def found_outside(tree: ast.Module, modules: set[str], used: set[str]) -> list[tuple[str, int]]:
    """Return where a module imports one of these modules or uses one of these names."""
    wanted = {f"import {name}" for name in modules} | used
    return [(name, line) for name, line in names_in(tree) if name in wanted]


def offences(files: Iterator[Path], modules: set[str], used: set[str]) -> list[str]:
    return [
        f"{place(file, line)} {name}"
        for file in files
        for name, line in found_outside(parsed(file), modules, used)
    ]


def outside_security() -> Iterator[Path]:
    return (file for file in source_files() if not file.is_relative_to(SOURCE / "security"))


def test_only_egress_can_reach_the_network() -> None:
    """S21."""
    others = (
        file
        for file in outside_security()
        if not file.relative_to(SOURCE).as_posix().startswith((FRONT, CLIENT, SERVERS))
    )
    assert offences(others, WAYS_OUT, WAYS_OUT_BY_CALL) == []
    used = found_outside(parsed(SOURCE / FRONT), WAYS_OUT, WAYS_OUT_BY_CALL)
    assert [found for found, _ in used] == ["create_server"]
    used = found_outside(parsed(SOURCE / SERVERS), WAYS_OUT, WAYS_OUT_BY_CALL)
    assert [found for found, _ in used] == ["import ssl"]


def test_only_commands_ask_other_servers() -> None:
    """S21: the client of the API goes where its user says, so nothing that a server runs may know it."""
    others = (
        file
        for file in source_files()
        if not file.relative_to(SOURCE).as_posix().startswith((CLIENT, *ASKING))
    )
    knowing = [
        place(file, node.lineno)
        for file in others
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith(
            ("auraos.client", "auraos.app.remote.servers", "auraos.app.remote.house")
        )
    ]
    assert knowing == []


def test_sockets_outside_of_security_lead_to_this_machine_only() -> None:
    opened = {
        file.relative_to(SOURCE).as_posix(): {
            node.attr
            for node in ast.walk(parsed(file))
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "socket"
        }
        for file in outside_security()
        if found_outside(parsed(file), {"socket"}, set())
    }
    assert not opened.pop(SOCKET_OPTIONS) & {"socket", "AF_INET", "AF_INET6", "create_connection"}
    assert opened.keys() == LOCAL_SOCKETS
    for used in opened.values():
        assert "AF_UNIX" in used
        assert not used & {"AF_INET", "AF_INET6", "AF_PACKET", "SOCK_RAW", "SOCK_DGRAM"}


def test_only_the_store_speaks_to_a_database() -> None:
    elsewhere = (
        file for file in source_files() if not file.relative_to(SOURCE).as_posix().startswith(DATABASE)
    )
    assert offences(elsewhere, {"asyncpg", "psycopg", "psycopg2"}, set()) == []


def test_nobody_starts_another_program() -> None:
    """S32."""
    elsewhere = (
        file for file in source_files() if not file.as_posix().endswith((APART, BELOW, GIT, OPERATORS))
    )
    assert offences(elsewhere, PROGRAMS, PROGRAMS_BY_CALL) == []


def test_what_runs_apart_is_this_interpreter_on_a_module_of_ours() -> None:
    calls = [
        node
        for node in ast.walk(parsed(SOURCE / APART))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("create_subprocess_exec")
    ]
    begun = [[ast.unparse(part) for part in call.args[:3]] for call in calls]
    assert begun == [["sys.executable", "'-m'", "'auraos.engine.apart'"]]
    assert offences(iter([SOURCE / APART]), PROGRAMS, PROGRAMS_BY_CALL - {"create_subprocess_exec"}) == []
    assert offences(iter([SOURCE / BELOW]), PROGRAMS - {"ctypes"}, PROGRAMS_BY_CALL) == []


def test_what_the_operator_named_is_started_without_a_shell() -> None:
    files = [SOURCE / OPERATORS, SOURCE / GIT]
    assert offences(iter(files), PROGRAMS, PROGRAMS_BY_CALL - {"create_subprocess_exec"}) == []


def test_nobody_trusts_what_was_not_checked() -> None:
    """S28, S62."""
    assert offences(iter(source_files()), set(), BLIND_TRUST) == []


@pytest.mark.parametrize(
    "source",
    [
        "import aiohttp",
        "from http.client import HTTPConnection",
        "import urllib.request as r\nr.urlopen('x')",
        "import asyncio\nasyncio.open_connection('x', 1)",
        "from asyncio import start_server",
    ],
)
def test_the_search_for_ways_out_finds_them(source: str) -> None:
    assert found_outside(ast.parse(source), WAYS_OUT, WAYS_OUT_BY_CALL)
