"""The floors hold: import-linter checks the imports (`make check`), and nothing slips past it."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

from repository import ROOT, SOURCE, parsed, place, source_files

CORE = SOURCE / "core"
IMPURE_MODULES = {
    "asyncio", "concurrent", "threading", "multiprocessing", "subprocess", "signal", "select", "selectors",
    "time", "random", "secrets", "os", "io", "pathlib", "shutil", "tempfile", "glob",
    "logging", "socket", "ssl", "http", "urllib", "sqlite3", "aiohttp", "ctypes", "importlib",
}  # fmt: skip
# `sys` is asked for the version of the language; of the process it may not know a thing.
IMPURE_OF_SYS = {
    "argv",
    "stdin",
    "stdout",
    "stderr",
    "exit",
    "modules",
    "path",
    "settrace",
    "setrecursionlimit",
}
IMPURE_CALLS = {"now", "today", "utcnow", "open", "print", "input", "getenv", "urandom", "uuid4", "uuid1"}
HOST_EVALUATION = {"eval", "exec", "compile", "__import__"}
UNSAFE_FORMATS = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle"}


def layers() -> list[str]:
    """Return the names in the layers contract, optional ones without their brackets."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layered,) = [contract for contract in contracts if contract["type"] == "layers"]
    return [name.strip(" ()") for layer in layered["layers"] for name in layer.split("|")]


def imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the full name of each imported module with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or ""), node.lineno


def called_name(node: ast.AST) -> str:
    """Return the last part of what a call calls, or nothing."""
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Name):
        return node.func.id
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def bare_calls(file: Path, names: set[str]) -> list[str]:
    """Return the places that call one of these names as a bare function."""
    return [
        place(file, node.lineno)
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
    ]


def test_every_package_of_the_source_tree_stands_on_a_floor():
    packages = {entry.parent.name for entry in SOURCE.glob("*/__init__.py")}
    assert packages <= set(layers())
    assert "core" in packages


def test_the_layers_contract_refuses_packages_that_it_does_not_list():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layered,) = [contract for contract in contracts if contract["type"] == "layers"]
    assert layered["exhaustive"] is True
    assert layered["exhaustive_ignores"] == ["__main__"]


def test_no_module_stands_beside_the_floors():
    beside = {file.name for file in SOURCE.glob("*.py")}
    assert beside <= {"__init__.py", "__main__.py"}


def test_the_core_imports_nothing_that_has_a_clock_chance_or_an_outside():
    found = [
        f"{place(file, line)} imports {name}"
        for file in source_files()
        if file.is_relative_to(CORE)
        for name, line in imports(parsed(file))
        if name.split(".")[0] in IMPURE_MODULES
    ]
    assert found == []


def test_the_core_asks_no_clock_and_opens_no_file():
    found = [
        f"{place(file, node.lineno)} calls {called_name(node)}"
        for file in source_files()
        if file.is_relative_to(CORE)
        for node in ast.walk(parsed(file))
        if called_name(node) in IMPURE_CALLS
    ]
    assert found == []


def test_the_core_asks_nothing_of_the_process_it_runs_in():
    found = [
        f"{place(file, node.lineno)} reads sys.{node.attr}"
        for file in source_files()
        if file.is_relative_to(CORE)
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "sys"
        and node.attr in IMPURE_OF_SYS
    ]
    assert found == []


def test_the_core_has_no_coroutines():
    found = [
        place(file, node.lineno)
        for file in source_files()
        if file.is_relative_to(CORE)
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith)
    ]
    assert found == []


def test_no_text_ever_reaches_the_evaluator_of_the_host():
    assert [found for file in source_files() for found in bare_calls(file, HOST_EVALUATION)] == []


def test_nothing_is_kept_or_sent_in_a_format_that_can_run_code():
    found = [
        f"{place(file, line)} imports {name}"
        for file in source_files()
        for name, line in imports(parsed(file))
        if name.split(".")[0] in UNSAFE_FORMATS
    ]
    assert found == []


def test_imports_are_absolute():
    found = [
        place(file, line)
        for file in source_files()
        for name, line in imports(parsed(file))
        if name.startswith(".")
    ]
    assert found == []


def test_the_purity_test_sees_what_it_is_meant_to_see():
    tree = ast.parse(
        "import time\nfrom os import path\nfrom datetime import datetime\ndatetime.now()\neval('1')\n"
    )
    assert [name for name, _ in imports(tree)] == ["time", "os", "datetime"]
    assert [called_name(node) for node in ast.walk(tree) if called_name(node)] == ["now", "eval"]
