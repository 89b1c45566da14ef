"""Functions and step types that tests let run in threads and processes of their own."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from auraos.core.failures import StepFailed
from auraos.sdk import BlockingContext, Effect, step_type


def double(value: Any) -> Any:
    return value["n"] * 2


def name_of_process(_: Any) -> int:
    return os.getpid()


def secrets_seen(_: Any) -> list[str]:
    return sorted(name for name in os.environ if name.startswith("AURAOS_SECRET"))


def fail(_: Any) -> Any:
    raise StepFailed("There is no such article.", error_class="data", code="no-article", hint="Look it up.")


def crash(_: Any) -> Any:
    raise KeyError("sku")


def leave(_: Any) -> Any:
    sys.exit(3)


def fill_memory(_: Any) -> Any:
    return len(bytearray(8 * 1024**3))


def die(_: Any) -> Any:
    os.kill(os.getpid(), 9)


def print_much(_: Any) -> str:
    for _number in range(10_000):
        print("x" * 100)
    return "done"


def hang_with_a_child(value: Any) -> Any:
    """Start a child that holds every pipe open, write down its number, and never return."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(value).write_text(f"{os.getpid()} {child.pid}")
    time.sleep(600)


class Sleep(msgspec.Struct):
    """How long to wait."""

    seconds: float = 0.0


class Awaited(msgspec.Struct):
    """What to wait for."""

    file: str


@step_type("test.waits", title="Waits", effect=Effect.READ, place="thread")
def waits(settings: Awaited, context: BlockingContext) -> bool:
    """Wait in a thread until there is a file, half a minute at most."""
    context.log("It waits.", path=context.path)
    last = time.monotonic() + 30
    while not (is_there := Path(settings.file).exists()) and time.monotonic() < last:
        time.sleep(0.005)
    return is_there


@step_type("test.reckons", title="Reckons", effect=Effect.READ, place="process")
def reckons(settings: Sleep) -> int:
    """Reckon in a process."""
    time.sleep(settings.seconds)
    return os.getpid()
