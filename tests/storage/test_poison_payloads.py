"""What one database takes and another refuses is kept, made safe or refused alike by every store; nothing gets stuck."""

from typing import Any

import msgspec
import pytest

from auraos.engine.ports import (
    ALL_SHARDS,
    LogLine,
    RequestRow,
    RunQuery,
    Subscription,
    Timer,
    Version,
    Write,
    WriteRefusedError,
)
from auraos.storage.texts import LONGEST_KEY
from rows_for_tests import row, started, write
from stores import AnyStore

TEXTS = {
    "nul": ("a\0b", "a␀b"),
    "half of a pair": ("a\ud800b", "a?b"),
    "both": ("\0\udfff", "␀?"),
}
"""Texts that are made safe where people read them: the text, and what is read again."""

KEPT = {
    "emoji": "\N{PILE OF POO}\U0010ffff",
    "controls": "\x01\x1f\x7f\u2028\ufeff",
    "other directions": "\u202etxt.exe",
    "quotes": "'; drop table runs; --\\",
    "marks": "?$1%s{x}",
    "combining": "e\u0301 é",
    "empty": "",
    "long": "ä" * 200_000,
}
"""Texts that every store keeps as they are."""

BODIES = {
    "nul": b'{"a":"\\u0000"}',
    "half of a pair": b'{"a":"\\ud800"}',
    "not a number": b'{"a":NaN,"b":-Infinity}',
    "long integer": b'{"a":' + b"9" * 5000 + b"}",
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "large float": b'{"a":1e400}',
    "keys twice": b'{"a":1,"a":2}',
    "no text at all": bytes(range(256)),
}

VALUES: dict[str, Any] = {
    "not a number": float("nan"),
    "infinite": float("inf"),
    "half of a pair": "\ud800",
    "long integer": 10**5000,
    "deep": [],
    "not a value": object(),
}
for _ in range(2000):
    VALUES["deep"] = [VALUES["deep"]]


def poisoned(key: str) -> dict[str, Write]:
    """Return a write for each place that names something, with this text there."""
    version = Version(hash="h", kind="workflow", name="w", text="kind: workflow", step_types={})
    return {
        "result": write(seq=2, results=[(key, 0)]),
        "timer": write(seq=2, timers=[Timer("r1", key, "t", 5)]),
        "subscription": write(seq=2, subscriptions=[Subscription("r1", "a", key)]),
        "request": write(seq=2, requests=[RequestRow(key, "r2", "start", b"")]),
        "log": write(seq=2, logs=[LogLine(run="r1", path=key, attempt=1, at=5, level="info", message="m")]),
        "workflow": started("r2", 2, workflow=key),
        "starter": started("r2", 2, by=key),
        "version": write(seq=2, versions=[msgspec.structs.replace(version, name=key)]),
    }


PLACES = list(poisoned(""))


@pytest.mark.parametrize(("text", "read"), TEXTS.values(), ids=TEXTS)
async def test_what_people_read_is_made_safe(store: AnyStore, text: str, read: str) -> None:
    line = LogLine(run="r1", path="a", attempt=1, at=5, level="info", message=text, fields={"said": "x"})
    await store.commit(msgspec.structs.replace(started("r1", why=text), logs=[line]))
    assert await store.find("r1") == row(why=read)
    assert [found.message for found in await store.logs("r1")] == [read]
    await store.commit(write(seq=2, row=row(why=text, state="failed", finished_at=20)))
    assert await store.find("r1") == row(why=read, state="failed", finished_at=20)


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
async def test_other_texts_are_kept_as_they_are(store: AnyStore, text: str) -> None:
    line = LogLine(run="r1", path="a", attempt=1, at=5, level="info", message=text, fields={"said": text})
    version = Version(hash="h", kind="workflow", name="w", text=text, step_types={})
    await store.commit(msgspec.structs.replace(started("r1", why=text), logs=[line], versions=[version]))
    assert await store.find("r1") == row(why=text)
    assert await store.logs("r1") == [line]
    assert await store.version("h") == version


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_payloads_are_bytes_and_kept_as_they_are(store: AnyStore, body: bytes) -> None:
    asked = RequestRow("q1", "r2", "start", body)
    await store.commit(msgspec.structs.replace(started(), facts=body, requests=[asked]))
    assert [batch.facts for batch in await store.journal("r1")] == [body]
    assert await store.requests(ALL_SHARDS) == [asked]
    await store.commit(write(seq=2, refused=[("q1", body)]))
    assert await store.answer("q1") == body


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
async def test_a_log_line_with_what_cannot_be_kept_says_so(store: AnyStore, value: Any) -> None:
    line = LogLine(run="r1", path="a", attempt=1, at=5, level="info", message="m", fields={"value": value})
    await store.commit(msgspec.structs.replace(started(), logs=[line]))
    (found,) = await store.logs("r1")
    assert found.message == "m"
    assert list(found.fields) == ["refused"]


@pytest.mark.parametrize(
    "text", [*(text for text, _ in TEXTS.values()), "é" * LONGEST_KEY], ids=[*TEXTS, "too long"]
)
@pytest.mark.parametrize("where", PLACES)
async def test_a_name_that_cannot_be_looked_up_everywhere_is_refused_and_harms_no_other_write(
    store: AnyStore, where: str, text: str
) -> None:
    await store.commit(started())
    guilty, other = store.commit(poisoned(text)[where]), store.commit(started("r3", 3))
    with pytest.raises(WriteRefusedError, match="The store refused a write of run"):
        await guilty
    await other
    assert [found.run for found in await store.runs(RunQuery())] == ["r3", "r1"]


@pytest.mark.parametrize("text", ["ä" * (LONGEST_KEY // 2), "a/b[x:'y']", " "], ids=["long", "path", "blank"])
@pytest.mark.parametrize("where", PLACES)
async def test_a_name_that_can_be_looked_up_everywhere_is_taken(
    store: AnyStore, where: str, text: str
) -> None:
    await store.commit(started())
    await store.commit(poisoned(text)[where])


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
async def test_a_number_beyond_64_bits_is_refused(store: AnyStore, number: int) -> None:
    await store.commit(started())
    with pytest.raises(WriteRefusedError):
        await store.commit(write(seq=2, timers=[Timer("r1", "a", "t", number)]))
    assert await store.timers(2**62, ALL_SHARDS) == []


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "", "\U0010ffff", "%", "_", "9" * 11, "٣"])
async def test_a_name_that_nothing_bears_is_not_found(store: AnyStore, name: str) -> None:
    await store.commit(started())
    assert await store.find(name, workspace="default") is None
    assert await store.find(name) is None
    assert await store.subscribers(name, "default") == []
    assert await store.runs(RunQuery(workflow=name or "x")) == []
    assert await store.logs("r1", path=name) == []
