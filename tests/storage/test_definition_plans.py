"""Which way both databases go to definitions: a page reads about as much as it shows, however many there are."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg
import pytest

from auraos.documents.definitions.rows import Definition, Part, Query, Ref, Saving, Use
from auraos.storage.tables.definitions import DefinitionTables
from stores import AnyStore

COUNT = 2_000
REF = Ref("default", "workflow", "w-00007")


class Explained:
    """The tables of a store, which tell how each query would be answered, too."""

    def __init__(self, store: AnyStore) -> None:
        self._tables = store.tables
        self.dialect = store.tables.dialect
        self.plans: list[str] = []

    async def all(
        self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], Any], *, page: int = 0
    ) -> list[Any]:
        explain = "explain query plan " if self.dialect == "sqlite" else "explain "
        told = await self._tables.all(explain + sql, parameters, lambda row: str(row[-1]))
        self.plans.append("\n".join(told))
        return await self._tables.all(sql, parameters, make, page=page)

    async def one(self, sql: str, parameters: tuple[Any, ...], make: Callable[[Sequence[Any]], Any]) -> Any:
        found = await self.all(sql, parameters, make)
        return found[0] if found else None

    glance = one

    async def change(self, statements: Any, entries: Any = ()) -> None:
        await self._tables.change(statements, entries)


@pytest.fixture
async def explained(store: AnyStore, kind: str, place: str) -> Explained:
    """Return tables with 2,000 definitions in each of two workspaces, of which the database knows how many they are."""
    tables = Explained(store)
    kept = DefinitionTables(tables)
    for begin, workspace in ((0, "default"), (COUNT, "other")):
        await kept.save([saving(workspace, begin, number) for number in range(COUNT)], [])
    if kind == "postgres":
        connection = await asyncpg.connect(place)
        await connection.execute("analyze")
        await connection.close()
    return tables


def saving(workspace: str, first: int, number: int) -> Saving:
    row = Definition(
        id=first + number,
        workspace=workspace,
        kind="workflow",
        name=f"w-{number:05}",
        labels={"team": f"t{number % 200}"},
        owner=f"o{number % 10}",
        revision=1,
        text="x" * 200,
        changed_at=1,
        created_at=1,
    )
    uses = (Use(kind="workflow", name=f"w-{number // 10:05}", place="spec"),)
    return Saving(before=None, after=row, words=f"common unique{number}x", draft_uses=uses)


QUERIES = {
    "a first page": Query(workspace="default"),
    "a page in the midst": Query(workspace="default", after=("workflow", "w-01000")),
    "drafts": Query(workspace="default", states=("draft",), after=("workflow", "w-01000")),
    "changed": Query(workspace="default", states=("changed",)),
    "archived": Query(workspace="default", states=("archived",)),
    "an owner": Query(workspace="default", owner="o3", after=("workflow", "w-01000")),
    "an owner of nothing": Query(workspace="default", owner="nobody"),
    "a label": Query(workspace="default", labels=(("team", "t3"),)),
    "a rare word": Query(workspace="default", words=("unique700x",)),
    "a part": Query(workspace="default", within=(Part(kind="workflow", name="w-00007"),)),
}


@pytest.mark.parametrize("what", QUERIES)
async def test_no_list_of_definitions_reads_a_whole_table(explained, what):
    found = await DefinitionTables(explained).page(QUERIES[what])
    (plan,) = explained.plans
    scanned = re.search(r"(SCAN|Seq Scan on) (definitions|definition_labels)\b", plan)
    assert scanned is None, plan
    few = {
        "an owner of nothing": 0,
        "a label": 10,
        "a rare word": 1,
        "a part": 1,
        "changed": 0,
        "archived": 0,
    }
    assert len(found) == few.get(what, 50)


@pytest.mark.parametrize("what", ["a first page", "a page in the midst", "drafts", "an owner"])
async def test_pages_come_in_the_order_of_an_index_without_sorting(explained, what):
    await DefinitionTables(explained).page(QUERIES[what])
    (plan,) = explained.plans
    assert not re.search("(?i)b-tree|sort", plan), plan


async def test_what_belongs_to_one_definition_is_found_by_keys(explained):
    kept = DefinitionTables(explained)
    assert await kept.find(REF) is not None
    assert await kept.live(REF) is not None
    assert len(await kept.used_by(REF)) == 10
    assert len(await kept.uses(REF, is_live=False)) == 1
    assert len(await kept.revisions(REF)) == 1
    assert await kept.revision(REF, 1) is not None
    await kept.versions(REF)
    await kept.version(REF, 1)
    big = "definitions|definition_revisions|uses"
    assert [plan for plan in explained.plans if re.search(rf"(SCAN|Seq Scan on) ({big})\b", plan)] == []
