"""The parts of a serving process that are looked at to see how it does."""

import asyncio
import math
import shutil
import time
from pathlib import Path

from auraos.app.health import Finding, Health, Look, Standing
from auraos.app.keeping import Keeping
from auraos.engine.engine import Engine
from auraos.engine.ports import Write
from auraos.security.secrets.keys import Keys
from auraos.storage.tables.chaining import HEAD, head_of
from auraos.storage.tables.statement import Tables

SLOW_WRITE = 0.5
SLOW_LOOP = 0.25
WRONG_CLOCK = 2.0
"""So many seconds the clocks of this machine and of the database may differ."""
SHORT_LEASE = 2.0
GIGABYTE = 1_000_000_000
_LAST = "select seq, hash from audit order by seq desc limit 1"
_DATABASE_CLOCK = "select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)"


def watch_parts(health: Health, engine: Engine, keeping: Keeping, keys: Keys, data: Path) -> None:
    """Have these parts looked at from now on."""
    parts: dict[str, Look] = {
        "database": _database(keeping),
        "engine": _engine(health, engine),
        "disk": _disk(engine, data),
        "clock": _clock(keeping),
        "audit": _audit(keeping.tables),
        "secrets": _secrets(keys),
    }
    if keeping.shared is not None:
        parts["leases"] = _leases(engine)
    health.parts |= parts


def _database(keeping: Keeping) -> Look:
    async def look() -> Finding:
        began = time.monotonic()
        await keeping.store.commit(Write(workspace="default", run="", seq=0))
        took = time.monotonic() - began
        told = f"A write took {took * 1000:.1f} ms; {keeping.words}."
        if took > SLOW_WRITE:
            return Finding(
                standing="poor", message=told, hint="The disk or the database is slow: see `auraos doctor`."
            )
        return Finding(message=told)

    return look


def _engine(health: Health, engine: Engine) -> Look:
    async def look() -> Finding:
        began = time.monotonic()
        await asyncio.sleep(0)
        late = time.monotonic() - began
        load = engine.load()
        told = (
            f"It is {health.phase}: {load.runs} runs in memory, {load.attempts} steps under way, {load.unwritten} writes"
            f" wait for the store."
        )
        if health.phase in ("held", "starting"):
            return Finding(standing="poor", message=told, hint="Nothing moves until it serves.")
        if late > SLOW_LOOP:
            return Finding(
                standing="poor",
                message=f"{told} Everything waited for {late:.1f} s just now.",
                hint="The processor is not enough for what there is to do.",
            )
        return Finding(message=told)

    return look


def _disk(engine: Engine, data: Path) -> Look:
    async def look() -> Finding:
        usage = shutil.disk_usage(data)
        told = f"{usage.free / GIGABYTE:.1f} of {usage.total / GIGABYTE:.1f} GB are free under {data}."
        guard = engine.disk
        if guard is not None and guard.is_warning:
            standing: Standing = "bad" if guard.is_refusing else "poor"
            return Finding(standing=standing, message=guard.words, hint="Make room: `auraos runs prune`.")
        return Finding(message=told)

    return look


def _clock(keeping: Keeping) -> Look:
    offset = time.time() - time.monotonic()

    async def look() -> Finding:
        nonlocal offset
        moved = time.time() - time.monotonic() - offset
        if abs(moved) > WRONG_CLOCK:
            offset += moved
            return Finding(
                standing="poor",
                message=f"The clock of this machine was set by {moved:+.1f} s since it was last looked at.",
                hint="Let it be kept right in small steps, as by chrony.",
            )
        if keeping.shared is None:
            return Finding(message="The clock of this machine runs evenly.")
        before = time.time()
        theirs = await keeping.tables.one(_DATABASE_CLOCK, (), lambda row: int(row[0]) / 1_000_000)
        apart = (theirs or 0.0) - (before + time.time()) / 2
        told = f"The clock of the database is {apart:+.3f} s from that of this machine."
        if abs(apart) > WRONG_CLOCK:
            return Finding(
                standing="poor", message=told, hint="Keep the clocks of all machines right by NTP."
            )
        return Finding(message=told)

    return look


def _audit(tables: Tables) -> Look:
    async def look() -> Finding:
        head = await tables.one(HEAD, (), head_of)
        last = await tables.one(_LAST, (), head_of)
        for _ in range(3):  # an entry may have come between the two looks
            if last is None or head == last:
                break
            head, last = await tables.one(HEAD, (), head_of), await tables.one(_LAST, (), head_of)
        if head is None or (last is not None and head != last) or (last is None and head[0]):
            return Finding(
                standing="bad",
                message="The end of the audit trail is not what its head says: entries are missing or were changed.",
                hint="See which: auraos audit verify",
            )
        return Finding(message=f"The trail has {head[0]} entries, and its end is what its head says.")

    return look


def _secrets(keys: Keys) -> Look:
    async def look() -> Finding:
        count = await keys.look()
        if not count:
            return Finding(message="Nothing is sealed yet.")
        return Finding(message=f"The master key opens what it sealed: {count} keys of workspaces.")

    return look


def _leases(engine: Engine) -> Look:
    async def look() -> Finding:
        own, left = engine.load().shards, engine.sure_for
        told = f"This process leads {own} of 256 shards of the runs."
        if own and math.isfinite(left) and left < SHORT_LEASE:
            return Finding(
                standing="poor" if left > 0 else "bad",
                message=f"{told} Its lease is over in {max(0.0, left):.1f} s unless it is renewed.",
                hint="The database does not answer it, or it stood still.",
            )
        return Finding(message=told)

    return look
