"""What keeps secrets and the keys that seal them, on both databases."""

import asyncio

import msgspec
import pytest

from auraos.core.audit import Actor, Entry
from auraos.security.row_store import Add, Replace
from auraos.security.secrets.rows import DataKey, Secret, SecretUse, SecretVersion
from auraos.storage.tables.secrets import SecretTables
from auraos.storage.tables.statement import Statement
from rows_for_tests import started
from stores import AnyStore

SECRET = Secret(
    id="s1", workspace="a", name="stock-api", title="Stock", kind="bearer", hosts=("stock.example", "*.x.example"),
    workflows=("orders",), labels={"team": "größe"}, ends_at=50, created_at=1, created_by="ann", changed_at=2,
    changed_by="bob",
)  # fmt: skip
VERSION = SecretVersion(
    secret="s1",
    version=1,
    workspace="a",
    key_id="k1",
    sealed=b"\0\xff\x01",
    at=1,
    author="ann",
    token=b"\xfe",
)
KEY = DataKey(id="k1", workspace="a", version=1, master="m", wrapped=b"\0\x80", created_at=1)
ENTRY = Entry(at=1, workspace="a", actor=Actor(kind="person", id="1"), action="secrets.delete")


@pytest.fixture
def kept(store: AnyStore) -> SecretTables:
    """Return what keeps secrets in the store under test."""
    return SecretTables(store.tables)


def use(**given) -> SecretUse:
    values = {"secret": "s1", "workflow": "orders", "workspace": "a", "version": "v", "run": "r1", "at": 5}
    return SecretUse(**{**values, "count": 1, **given})


@pytest.mark.parametrize("row", [SECRET, VERSION, KEY], ids=lambda row: type(row).__name__)
async def test_a_row_of_secrets_is_read_as_it_was_written(kept, row):
    assert await kept.save([Add(row)], [ENTRY]) is None
    assert list(await kept.all(type(row))) == [row]


async def test_two_secrets_of_a_workspace_do_not_bear_one_name(kept):
    other = msgspec.structs.replace(SECRET, id="s2")
    assert await kept.save([Add(SECRET)]) is None
    assert await kept.save([Add(other)]) == Add(other)
    assert await kept.save([Add(msgspec.structs.replace(other, workspace="b"))]) is None


async def test_of_two_first_keys_of_a_workspace_one_is_made(kept):
    other = msgspec.structs.replace(KEY, id="k2")
    made = await asyncio.gather(kept.save([Add(KEY)]), kept.save([Add(other)]))
    assert sorted(each is None for each in made) == [False, True]


async def test_of_two_who_change_a_version_one_does(kept):
    await kept.save([Add(VERSION)])
    claims = [
        Replace(VERSION, msgspec.structs.replace(VERSION, refreshing_until=until)) for until in (10, 20)
    ]
    made = await asyncio.gather(*(kept.save([claim]) for claim in claims))
    assert sorted(each is None for each in made) == [False, True]


async def test_uses_are_summed_and_the_latest_run_stands(kept):
    await kept.save([Add(SECRET)])
    await kept.note_uses([use(count=2), use(workflow="other")])
    await kept.note_uses([use(run="r2", at=9, count=3)])
    assert list(await kept.all(SecretUse, secret="s1")) == [
        use(run="r2", at=9, count=5),
        use(workflow="other"),
    ]


async def test_a_use_of_a_secret_that_is_gone_is_not_noted(kept):
    await kept.note_uses([use()])
    assert list(await kept.all(SecretUse)) == []


async def test_nothing_is_left_of_a_secret_that_was_deleted(kept):
    await kept.save([Add(SECRET), Add(VERSION)])
    await kept.note_uses([use()])
    assert await kept.delete_secret(SECRET, [ENTRY])
    assert not any([*await kept.all(Secret), *await kept.all(SecretVersion), *await kept.all(SecretUse)])


@pytest.mark.parametrize(("is_live", "deleted"), [(1, False), (0, True)])
async def test_a_secret_that_a_live_definition_names_is_not_deleted(kept, store, is_live, deleted):
    await kept.save([Add(SECRET), Add(VERSION)])
    names = (
        "insert into uses(workspace, kind, name, used_kind, used_name, place, is_live) values(?,?,?,?,?,?,?)"
    )
    await store.tables.change(
        [Statement(names, ("a", "workflow", "orders", "secret", "stock-api", "p", is_live))]
    )
    assert await kept.delete_secret(SECRET, [ENTRY]) is deleted
    assert bool(await kept.all(SecretVersion)) is not deleted


async def test_a_secret_that_changed_meanwhile_is_not_deleted(kept):
    await kept.save([Add(msgspec.structs.replace(SECRET, revision=2))])
    assert not await kept.delete_secret(SECRET, [ENTRY])


async def test_secrets_that_expire_are_found_by_when(kept):
    rows = [
        msgspec.structs.replace(SECRET, id=f"s{end}", name=f"s-{end}", ends_at=end) for end in (0, 30, 10, 99)
    ]
    await kept.save([Add(row) for row in rows])
    assert [row.ends_at for row in await kept.expiring(50, 10)] == [10, 30]
    assert [row.ends_at for row in await kept.expiring(50, 1)] == [10]
    assert [row.ends_at for row in await kept.expiring(50, 10, SECRET.workspace)] == [10, 30]
    assert await kept.expiring(50, 10, "another") == []


async def test_versions_in_flight_are_told_with_how_many_runs_live_by_each(store):
    for number, (workflow, ends) in enumerate((("a", None), ("a", None), ("b", None), ("b", 9)), 1):
        await store.commit(
            started(f"r{number}", number, workflow=workflow, version=f"of-{workflow}", finished_at=ends)
        )
    assert await SecretTables(store.tables).in_flight("default") == [("a", "of-a", 2), ("b", "of-b", 1)]
    assert await SecretTables(store.tables).in_flight("another") == []
