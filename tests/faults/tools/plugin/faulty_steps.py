"""Step types that behave badly, as a plugin: one leaves processes behind, one hangs in a thread."""

import os
import time
from pathlib import Path

import msgspec

from auraos.sdk import BlockingContext, Effect, step_type


class Detach(msgspec.Struct):
    """What is left behind."""

    note: str
    """A file that gets the numbers of all processes."""
    hangs: bool = False


@step_type("faulty.detach", title="Detaches", effect=Effect.READ, place="process")
def detach(settings: Detach) -> int:
    """Fork twice, so that a process is left that belongs to no group of ours and holds every pipe open."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setpgid(0, 0)
            os.write(writer, str(os.getpid()).encode())
            time.sleep(600)
        os._exit(0)
    os.wait()
    left = int(os.read(reader, 20))
    with Path(settings.note).open("a") as note:
        note.write(f"{os.getpid()} {left}\n")
    if settings.hangs:
        time.sleep(600)
    return left


class Hang(msgspec.Struct):
    """What is waited for."""

    until: str
    """A file that ends the waiting."""


@step_type("faulty.hang", title="Hangs", effect=Effect.READ, place="thread")
def hang(settings: Hang, context: BlockingContext) -> str:
    """Wait for a file, for ever if need be."""
    context.log("It hangs.")
    while not Path(settings.until).exists():
        time.sleep(0.02)
    return "done"
