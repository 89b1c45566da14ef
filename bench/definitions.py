"""How fast lists and searches of 10,000 definitions answer, in a workspace beside another of 10,000.

Times are in milliseconds, the slowest of twenty (p95) of the calls of one kind, one after another, first pages and pages in the
midst. There is no yardstick: the bound is what a person still feels as at once.

python -m bench.definitions                     SQLite
python -m bench.definitions postgresql://…      a database whose tables are there
"""

import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from auraos.documents.definitions.rows import Definition, Query, Saving
from auraos.storage.folder import DataFolder
from auraos.storage.postgres import PostgresStore
from auraos.storage.sqlite import SqliteStore
from auraos.storage.tables.definitions import DefinitionTables

COUNT = 10_000
ROUNDS = 60
MUST, AIM = 50, 20
WORDS = [
    "invoice",
    "customer",
    "order",
    "stock",
    "price",
    "report",
    "warehouse",
    "delivery",
    "payment",
    "reminder",
    "approve",
    "archive",
    "ticket",
    "mail",
    "upload",
    "Rechnung",
    "Kunde",
    "Lieferung",
    "Größe",
    "café",
    "vérifier",
    "résumé",
    "sync",
    "nightly",
    "export",
    "import",
    "quarter",
    "region",
    "team",
    "lead",
    "quota",
]


def rows() -> list[dict[str, Any]]:
    """Measure on both databases, and return one row for each kind of question."""
    from tests.postgres_server import PostgresServer, migrated, postgres_programs

    found = [_row("SQLite", what, took) for what, took in asyncio.run(measure()).items()]
    programs = postgres_programs()
    if programs is None:
        return found
    server = PostgresServer(programs, fsync="on", shared_buffers="128MB")
    try:
        url = asyncio.run(server.create(migrated(server)))
        found += [_row("PostgreSQL", what, took) for what, took in asyncio.run(measure(url)).items()]
    finally:
        server.remove()
    return found


def _row(where: str, what: str, took: float) -> dict[str, Any]:
    name = f"{what} of 10,000 definitions on {where}, p95 (ms)"
    return {"name": name, "ours": took, "must": MUST, "aim": AIM, "met": took <= MUST}


async def measure(where: str = "") -> dict[str, float]:
    """Return how long each kind of question takes."""
    with tempfile.TemporaryDirectory() as empty:
        async with tables_at(where, Path(empty) / "data") as tables:
            for workspace in ("default", "other"):
                await fill(tables, workspace)
            return {what: await _p95(tables, list(queries)) for what, queries in questions().items()}


def questions() -> dict[str, Iterator[Query]]:
    """Return what is asked, by name."""
    chance = random.Random(7)

    def query(**given: Any) -> Query:
        return Query(workspace="default", limit=51, **given)

    def midst() -> tuple[str, str]:
        return "workflow", name_of(chance.randrange(COUNT))

    return {
        "a list": (query(after=midst() if n % 2 else ("", "")) for n in range(ROUNDS)),
        "a list of all that are live": (query(states=("live",), after=midst()) for _ in range(ROUNDS)),
        "a list by an owner": (query(owner=f"owner-{n % 7}", after=midst()) for n in range(ROUNDS)),
        "a list of the archived": (query(states=("archived",)) for _ in range(ROUNDS)),
        "a list by an owner of nothing": (query(owner=f"nobody-{n}") for n in range(ROUNDS)),
        "a list by a label": (query(labels=(("team", f"t{n % 20}"),), after=midst()) for n in range(ROUNDS)),
        "a search for a word of all": (query(words=("workflow",), after=midst()) for _ in range(ROUNDS)),
        "a search for a word of many": (query(words=(WORDS[n % len(WORDS)],)) for n in range(ROUNDS)),
        "a search for two beginnings": (
            query(words=(WORDS[n % len(WORDS)][:3], WORDS[n % 7][:2])) for n in range(ROUNDS)
        ),
        "a search for a word of one": (query(words=(f"unique{n * 17}x",)) for n in range(ROUNDS)),
        "a search for a word of none": (query(words=(f"nothing{n}",)) for n in range(ROUNDS)),
    }


async def fill(tables: DefinitionTables, workspace: str) -> None:
    """Keep 10,000 definitions, a third of them never published, of about 2,000 characters each."""
    chance = random.Random(workspace)
    for begin in range(0, COUNT, 500):
        batch = [_saving(chance, workspace, number) for number in range(begin, begin + 500)]
        assert await tables.save(batch, [])


def _saving(chance: random.Random, workspace: str, number: int) -> Saving:
    words = " ".join(chance.choice(WORDS) for _ in range(8))
    steps = "\n".join(
        f"    step_{n}: {{type: transform, with: {{set: {{{chance.choice(WORDS[:20])}: '{{{{ input.n }}}}'}}}}}}"
        for n in range(20)
    )
    name = name_of(number)
    text = f"kind: workflow\nname: {name}\ndescription: {words} unique{number}x\nspec:\n  steps:\n{steps}\n"
    is_live = number % 3 > 0
    row = Definition(
        id=number + (COUNT if workspace == "other" else 0),
        workspace=workspace,
        kind="workflow",
        name=name,
        title=words[:40],
        labels={"team": f"t{number % 20}", "tier": f"{number % 3}"},
        owner=f"owner-{number % 7}",
        revision=1,
        text=text,
        meaning="m",
        changed_at=number,
        created_at=number,
        version=int(is_live),
        hash="m" if is_live else "",
    )
    return Saving(before=None, after=row, words=f"{name} {words} {text}", draft_uses=())


def name_of(number: int) -> str:
    """Return the name of one of them."""
    return f"{WORDS[number % 15]}-{number:05}"


async def _p95(tables: DefinitionTables, queries: list[Query]) -> float:
    took: list[float] = []
    for query in queries:
        begun = time.perf_counter()
        await tables.page(query)
        took.append((time.perf_counter() - begun) * 1000)
    return round(statistics.quantiles(took, n=20)[-1], 2)


@asynccontextmanager
async def tables_at(database: str, data: Path) -> AsyncIterator[DefinitionTables]:
    """Give the tables of a database, or of a data folder where none is named."""
    if database:
        shared = await PostgresStore.open(database)
        yield DefinitionTables(shared.tables)
        await shared.close()
        return
    folder = DataFolder.claim(data)
    store = SqliteStore.open(folder)
    yield DefinitionTables(store.tables)
    await store.close()
    folder.release()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(*sys.argv[1:]))))
