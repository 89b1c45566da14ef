"""The generated part of the client is what `make client` writes from the routes as they are, and it stands alone."""

import ast
import subprocess
import sys

from repository import ROOT, SOURCE

CLIENT = SOURCE / "client"
OF_THE_EXTRA = "openfeature.py"
"""Whoever wants it installs `auraos[openfeature]`; nothing else of the client imports it."""


def test_the_calls_are_those_that_the_routes_give(tmp_path):
    subprocess.run([sys.executable, str(ROOT / "scripts" / "client"), str(tmp_path)], check=True, timeout=60)
    written = {file.relative_to(tmp_path): file.read_text() for file in tmp_path.rglob("*.py")}
    kept = {
        file.relative_to(CLIENT): file.read_text()
        for part in ("calls", "shapes")
        for file in (CLIENT / part).glob("*.py")
    }
    assert written.keys() == kept.keys(), "`make client` writes it anew"
    assert [str(file) for file in sorted(kept) if kept[file] != written[file]] == [], (
        "`make client` writes it anew"
    )


def test_the_client_imports_nothing_but_the_library_of_the_language_msgspec_and_aiohttp():
    allowed = sys.stdlib_module_names | {"msgspec", "aiohttp", "auraos.client"}
    named = {
        name
        for file in CLIENT.rglob("*.py")
        if file.name != OF_THE_EXTRA
        for node in ast.walk(ast.parse(file.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert [
        name
        for name in named
        if name.partition(".")[0] not in allowed and not name.startswith("auraos.client")
    ] == []


def test_what_an_extra_brings_to_the_client_is_imported_by_nobody_else():
    importing = [file.name for file in CLIENT.rglob("*.py") if "openfeature" in file.read_text()]
    assert importing == [OF_THE_EXTRA]
