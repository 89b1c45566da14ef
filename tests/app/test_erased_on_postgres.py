"""What was erased on PostgreSQL: no file of the whole cluster tells of the person, nor holds their key, but for the log."""

import asyncpg
import pytest

from auraos.app.privacy.privacy import Privacy
from auraos.core.audit import Actor
from auraos.engine.clock import SystemClock
from auraos.storage.postgres import PostgresStore
from auraos.storage.tables.privacy import PrivacyTables
from private_runs import CANARY, found_in, plain, private_house, tagged
from stores import own_all

OFFICER = Actor(kind="person", id="officer-1")


@pytest.fixture
async def house(postgres_url, tmp_path):
    store = await PostgresStore.open(postgres_url)
    await own_all(store)
    async with private_house(store, tmp_path / "data") as made:
        yield made
    await store.close()


def privacy_of(house):
    clock = SystemClock()
    return Privacy(
        PrivacyTables(house.store.tables), house.sealing, house.store, house.blobs, None, engine=house.engine,
        where="the log", now=clock.now, new_id=clock.new_id,
    )  # fmt: skip


async def settled(url):
    """Let all that is in memory of the server lie in its files."""
    connection = await asyncpg.connect(url)
    await connection.execute("checkpoint")
    await connection.close()


async def test_nothing_of_a_private_run_ever_lies_readable_in_a_cluster_and_the_keys_go(
    house, postgres, postgres_url, tmp_path
):
    await house.run(tagged(), {"email": CANARY, "note": CANARY})
    rows = await house.store.tables.all("select wrapped from subjects", (), lambda row: bytes(row[0]))
    rows += await house.store.tables.all("select wrapped from run_keys", (), lambda row: bytes(row[0]))
    await settled(postgres_url)
    assert found_in(postgres.folder, CANARY) == []
    assert holding(postgres.folder / "data" / "base", rows)

    erased = await privacy_of(house).erase(OFFICER, "default", CANARY)
    await settled(postgres_url)
    assert "the log" in erased.left
    assert found_in(postgres.folder, CANARY) == []
    assert found_in(tmp_path, CANARY) == []
    assert holding(postgres.folder / "data" / "base", rows) == []


async def test_the_scan_finds_what_is_there(house, postgres, postgres_url):
    await house.run(plain(), {"email": "canary.bob.5520@example.test"})
    await settled(postgres_url)
    assert found_in(postgres.folder, "canary.bob.5520@example.test")


def holding(folder, parts):
    """Return the files that hold one of these bytes."""
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and any(part in path.read_bytes() for part in parts)
    ]
