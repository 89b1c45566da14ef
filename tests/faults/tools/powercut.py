"""A power cut without special file systems: record what a program writes and syncs, then build the disk of any moment.

What was synced is there. What was written and not synced may be there, in part (torn at 512-byte sectors), or not.
"""

import random
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

SECTOR = 512
_CALL = re.compile(r"(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


class Event(msgspec.Struct, frozen=True):
    """Something that happened to a file, or an acknowledgement that the program gave."""

    kind: Literal["make", "write", "sync", "cut", "remove", "say"]
    file: str = ""
    at: int = 0
    data: bytes = b""


def record(program: Path, arguments: list[str], folder: Path) -> list[Event]:
    """Run a Python program and return what it did to the files of a folder, and what it said, in order."""
    log = folder.parent / "calls.log"
    watched = "openat,close,pwrite64,write,fdatasync,fsync,ftruncate,unlink"
    subprocess.run(
        ["strace", "-f", "-qq", "-xx", "-s", "1000000", "-o", str(log), "-e", f"trace={watched}",
         sys.executable, str(program), *arguments],
        capture_output=True, timeout=120, check=True,
    )
    return events_of(log, folder)


def events_of(log: Path, folder: Path) -> list[Event]:
    """Return what a program did to the files of a folder, and what it said, from the log of strace."""
    return list(_events(_whole_calls(log.read_text().splitlines()), str(folder)))


def image(events: list[Event], keep: Literal["none", "some", "garbled"], chance: random.Random) -> dict[str, bytes]:
    """Return the files as a power cut after these events would leave them; `garbled` keeps noise of what was not synced."""
    disk: dict[str, bytearray] = {}
    waiting: dict[str, list[Event]] = {}
    for event in events:
        match event.kind:
            case "make":
                disk.setdefault(event.file, bytearray())
            case "write" | "cut":
                waiting.setdefault(event.file, []).append(event)
            case "sync":
                for late in waiting.pop(event.file, []):
                    _apply(disk.setdefault(event.file, bytearray()), late, late.data)
            case "remove":
                disk.pop(event.file, None)
                waiting.pop(event.file, None)
            case "say":
                pass
    if keep == "garbled":
        for file, late_ones in waiting.items():
            for late in late_ones:
                flipped = bytearray(late.data)
                for _ in range(min(3, len(flipped))):
                    flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
                if chance.random() < 0.7:
                    _apply(disk.setdefault(file, bytearray()), late, bytes(flipped))
    if keep == "some":
        for file, late_ones in waiting.items():
            for late in late_ones:
                if chance.random() < 0.5:
                    torn = late.data
                    if chance.random() < 0.5:
                        torn = torn[: chance.randrange(len(torn) + 1) // SECTOR * SECTOR]
                    _apply(disk.setdefault(file, bytearray()), late, torn)
    return {file: bytes(content) for file, content in disk.items()}


def said(events: list[Event]) -> str:
    """Return what the program had said by then."""
    return b"".join(event.data for event in events if event.kind == "say").decode()


def _apply(content: bytearray, event: Event, data: bytes) -> None:
    if event.kind == "cut":
        del content[event.at :]
        content.extend(bytes(event.at - len(content)))
        return
    content.extend(bytes(max(0, event.at - len(content))))
    content[event.at : event.at + len(data)] = data


def _whole_calls(lines: list[str]) -> list[str]:
    """Join the calls that strace split because another thread came between."""
    begun: dict[str, str] = {}
    whole = []
    for line in lines:
        thread, _, call = line.partition(" ")
        call = call.strip()
        if call.endswith("<unfinished ...>"):
            begun[thread] = call.removesuffix("<unfinished ...>").rstrip()
        elif call.startswith("<..."):
            whole.append(f"{thread} {begun.pop(thread, '')}{call.partition('resumed>')[2]}")
        else:
            whole.append(line)
    return whole


def _events(lines: list[str], folder: str) -> Iterator[Event]:
    files: dict[int, str] = {}
    for line in lines:
        found = _CALL.match(line)
        if found is None or int(found[3]) < 0:
            continue
        call, given, result = found[1], found[2], int(found[3])
        texts = [bytes.fromhex(text.replace("\\x", "")) for text in _TEXT.findall(given)]
        number = int(given.split(",")[0]) if given[:1].isdigit() else -1
        match call:
            case "openat":
                path = texts[0].decode(errors="replace")
                files.pop(result, None)
                if path.startswith(folder):
                    files[result] = path
                    if "O_CREAT" in given:
                        yield Event("make", path)
            case "close":
                files.pop(number, None)
            case "pwrite64" if number in files:
                yield Event("write", files[number], int(given.rsplit(",", 1)[1]), texts[0])
            case "write" if number == 1:
                yield Event("say", data=texts[0])
            case "sendto" if texts:
                yield Event("say", data=texts[0])
            case "fdatasync" | "fsync" if number in files:
                yield Event("sync", files[number])
            case "ftruncate" if number in files:
                yield Event("cut", files[number], int(given.split(",")[1]))
            case "unlink" if texts[0].decode(errors="replace").startswith(folder):
                yield Event("remove", texts[0].decode())


def events_before(files: dict[str, bytes]) -> list[Event]:
    """Return what led to these files: they were made, written and synced."""
    events = [Event("make", file) for file in files]
    events += [Event("write", file, 0, content) for file, content in files.items()]
    return events + [Event("sync", file) for file in files]


def look_at_disk(files: dict[str, bytes], place: Path) -> tuple[str, set[str]]:
    """Return what the check of the database in these files says, and the runs that it holds."""
    place.mkdir()
    for name, content in files.items():
        if Path(name).name in ("auraos.db", "auraos.db-wal"):
            (place / Path(name).name).write_bytes(content)
    connection = sqlite3.connect(place / "auraos.db")
    try:
        (verdict,) = connection.execute("pragma integrity_check").fetchone()
        runs = {run for (run,) in connection.execute("select id from runs")}
    except sqlite3.DatabaseError as error:
        return str(error), set()
    finally:
        connection.close()
    return verdict, runs
