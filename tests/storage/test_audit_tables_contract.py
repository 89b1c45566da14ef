"""The audit trail on both databases: found by filters, guarded against change, let go in whole stretches, and erased in parts."""

from pathlib import Path

import asyncpg
import pytest

from audit_trails import ANN, INSTALLATION, Trail, an_entry
from auraos.core.audit import Actor, Object
from auraos.security.audit.erasing import TrailErasing
from auraos.security.audit.signing import publics_of
from auraos.security.audit.store import Filter
from auraos.security.audit.trail import DAY, AuditTrail, KeptTooShortError
from auraos.security.audit.verify import verify
from auraos.storage.tables.statement import NotAsExpectedError, Statement
from stores import AnyStore

OWNER = Actor(kind="person", id="0ff", name="olga")


@pytest.fixture
def trail(store: AnyStore, tmp_path: Path) -> Trail:
    return Trail(store, tmp_path)


def service(trail: Trail, now: int) -> AuditTrail:
    """Return the service on a trail, at a time."""
    return AuditTrail(trail.tables, trail.checkpoints, installation=INSTALLATION, now=lambda: now)


async def seqs(trail: Trail, **wanted) -> list[int]:
    return [kept.seq for kept in await trail.tables.oldest(Filter(**wanted), after=0, limit=100)]


async def test_entries_are_found_by_who_what_where_when_and_by_words(trail, store):
    """L07."""
    told = [
        an_entry(1),
        an_entry(2, workspace="other"),
        an_entry(3, actor=Actor(kind="service", id="0cc", name="robot"), action="runs.start"),
        an_entry(4, object=Object(kind="workflow", name="100%_sure"), action="definitions.publish"),
        an_entry(5, outcome="refused", why="Größe Zürich"),
        an_entry(
            6, workspace="", object=Object(kind="person", id="0aa", name="ann"), action="people.disable"
        ),
    ]
    for entry in told:
        await store.tables.change((), [entry])
    assert await seqs(trail) == [1, 2, 3, 4, 5, 6]
    assert await seqs(trail, workspace="default") == [1, 3, 4, 5]
    assert await seqs(trail, workspace="") == [6]
    assert await seqs(trail, actor="0cc") == [3]
    assert await seqs(trail, action="definitions.publish") == [4]
    assert await seqs(trail, action="people.*") == [6]
    assert await seqs(trail, object="secret/*", workspace="other") == [2]
    assert await seqs(trail, object="person/0aa") == [6]
    assert await seqs(trail, outcome="refused") == [5]
    assert await seqs(trail, since=3, until=5) == [3, 4]
    assert await seqs(trail, text="100%_SURE") == [4]
    assert await seqs(trail, text="0%s") == []
    assert await seqs(trail, text="Größe") == [5]
    newest = await trail.tables.newest(Filter(), before=4, limit=2)
    assert [kept.seq for kept in newest] == [3, 2]


@pytest.mark.parametrize(
    "sql",
    [
        "update audit set facts = '{}' where seq = 1",
        "update audit set told = '' where seq = 1",
        "update audit set told = 'erased:1', told_salt = '', hash = 'x' where seq = 1",
        "update audit set seq = 9 where seq = 1",
        "delete from audit where seq = 1",
        "delete from audit",
        "update audit_head set seq = 0",
        "update audit_head set floor = 1",
        "delete from audit_head",
        "update audit_checkpoints set hash = ''",
        "delete from audit_checkpoints",
    ],
)
async def test_the_database_itself_refuses_to_change_or_delete(trail, store, sql):
    """S50."""
    await trail.write(3)
    await trail.checkpoints.sign()
    await trail.write(1)
    with pytest.raises(NotAsExpectedError, match="only added to"):
        await store.tables.change([Statement(sql)])
    assert (await verify(trail.tables, publics_of(trail.folder.known()))).holds


async def test_postgres_refuses_to_empty_the_tables(postgres_url):
    """S50."""
    connection = await asyncpg.connect(postgres_url)
    for table in ("audit", "audit_head", "audit_checkpoints"):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="only added to"):
            await connection.execute(f"truncate {table}")
    await connection.close()


async def test_entries_go_in_whole_stretches_and_the_rest_verifies(trail):
    """S50."""
    await trail.write(5)
    first = await trail.checkpoints.sign()
    await trail.write(5)
    old = next(trail.time)
    await trail.write(5)
    await trail.checkpoints.sign()
    now = old + 100 * DAY
    pruned = await service(trail, now).prune(OWNER, 100 * DAY)
    assert (pruned.until, pruned.entries) == (first.seq, first.seq)
    verdict = await verify(trail.tables, publics_of(trail.folder.known()), [first])
    assert verdict.holds, verdict.findings
    assert (verdict.first, verdict.entries) == (first.seq + 1, 11)
    assert (await service(trail, now).prune(OWNER, 100 * DAY)).entries == 0
    assert (await verify(trail.tables, publics_of(trail.folder.known()))).holds


async def test_what_is_young_is_never_let_go(trail):
    """S50."""
    with pytest.raises(KeptTooShortError):
        await service(trail, next(trail.time)).prune(OWNER, DAY)


async def test_without_a_signed_head_nothing_is_let_go(trail):
    """S50."""
    await trail.write(5)
    assert (await service(trail, 2 * next(trail.time)).prune(OWNER, 30 * DAY)).until == 0
    assert len(await seqs(trail)) == 5


async def test_what_tells_of_a_person_is_erased_and_the_chain_holds(trail, store):
    """S50, L12."""
    await trail.write(2)
    await trail.write(1, actor=OWNER, object=Object(kind="person", id=ANN.id, name="ann"), why="ann left")
    await trail.write(1, actor=OWNER, after={"title": 'Ann "Quote" Archer'})
    await trail.write(1, actor=OWNER)
    erasing = TrailErasing(trail.tables, now=lambda: next(trail.time))
    count = await erasing.erase(OWNER, person=ANN.id, words=['Ann "Quote" Archer'], why="asked for")
    assert count == 4
    kept = await trail.tables.oldest(Filter(), after=0, limit=20)
    raw = " ".join(f"{each.facts} {each.told} {each.origin}" for each in kept)
    assert "192.0.2.7" not in raw
    assert "Archer" not in raw
    assert "ann left" not in raw
    assert kept[4].told_salt
    verdict = await verify(trail.tables, publics_of(trail.folder.known()))
    assert (verdict.holds, verdict.erased) == (True, 4)


async def test_names_of_people_are_not_in_the_trail(trail):
    """L12: an id stands for them, and their names stand where people are kept."""
    await trail.write(1, why="ann may not do this to ben", object=Object(kind="person", id="0bb", name="ben"))
    (kept,) = await trail.tables.oldest(Filter(), after=0, limit=1)
    raw = f"{kept.facts} {kept.told} {kept.object} {kept.actor}"
    assert "ann" not in raw
    assert "ben" not in raw
    (shown,) = await service(trail, 1).page(Filter(), before=None, limit=1)
    assert shown.entry.why == "0aa may not do this to 0bb"


async def test_an_entry_is_bounded_and_one_line_whatever_people_write(trail):
    """S52."""
    hostile = "a\r\nGET / HTTP/1.1\x1b[31m${jndi:ldap://x}\x00\udfff" + "x" * 1_000_000
    await trail.write(1, why=hostile, object=Object(kind="workflow", name=hostile), after={"text": hostile})
    (kept,) = await trail.tables.oldest(Filter(), after=0, limit=1)
    assert len(kept.facts) + len(kept.told) < 10_000
    assert not any(ord(character) < 32 for character in kept.facts + kept.told)
    assert (await verify(trail.tables, {})).holds
