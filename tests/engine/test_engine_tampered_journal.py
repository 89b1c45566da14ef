"""A journal that was changed from outside: its run is set apart and says why, and every other run goes on."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from engine_house import House, flow

WAITING = "s: {type: wait.signal, with: {name: go}}"


def changed(**fields: Any) -> Any:
    return lambda first: json.dumps({**json.loads(first), **fields}).encode()


CHANGES = {
    "a fact that nobody knows": lambda _: b'{"fact":"Evil","at":1}',
    "a version of the future": changed(v=99),
    "a version before the first": changed(v=-5),
    "no version": changed(v="x"),
    "no JSON": lambda _: b"\x00\xff\xfe",
    "nothing": lambda _: b"",
    "a text in place of bytes": lambda _: "text",
    "a number in place of bytes": lambda _: 5,
    "endless brackets": lambda _: b'{"fact":"RunStarted","input":' + b"[" * 100_000,
    "deep special values": lambda first: first.replace(
        b'"input":', b'"input":[{"$decimal":"1"},' + b"[" * 900 + b"]" * 900 + b'],"x":'
    ),
    "a moment that is a number": changed(input={"$datetime": 5}),
    "a zone that is none": changed(input={"$datetime": "2026-01-01T00:00:00Z[No/Such]"}),
    "a zone that is a folder": changed(input={"$datetime": "2026-01-01T00:00:00Z[Europe]"}),
    "a zone that leads elsewhere": changed(input={"$datetime": "2026-01-01T00:00:00Z[../../etc/passwd]"}),
    "a moment beyond the calendar": changed(input={"$datetime": "0001-01-01T00:00:00Z[America/New_York]"}),
    "a decimal of brackets": changed(input={"$decimal": [[1]]}),
    "a kind of value that is none": changed(input={"$evil": 1}),
    "bytes that are no text": lambda first: first.replace(b'"input":', b'"input":"\xff","x":'),
    "a time beyond all times": changed(at=2**62),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_only_the_run_whose_journal_was_changed_stands_still(tmp_path: Path, change: Any) -> None:
    house = House(tmp_path / "data")
    await house.open()
    bad = await house.start(flow(WAITING), input=1)
    good = await house.start(flow(WAITING, name="good"))
    await house.close()
    with sqlite3.connect(tmp_path / "data" / "auraos.db") as database:
        (facts,) = database.execute("select facts from journal where run=? and seq=1", (bad,)).fetchone()
        first, *rest = facts.split(b"\n")
        new = change(first)
        new = b"\n".join([new, *rest]) if isinstance(new, bytes) else new
        database.execute("update journal set facts=? where run=? and seq=1", (new, bad))
        database.execute("update runs set asleep=0")
    database.close()
    await house.open()
    row = await house.store.find(bad)
    await house.engine.signal(good, "go")
    assert (await house.engine.wait(good)).state == "succeeded"
    assert row is not None
    assert row.why.startswith("It cannot go on: ")
    await house.close()
