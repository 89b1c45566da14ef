"""What keeps definitions, on both databases."""

import asyncio

import msgspec
import pytest

from auraos.core.audit import Actor, Entry
from auraos.documents.definitions.rows import Definition, Live, Part, Published, Query, Ref, Saving, Use
from auraos.storage.tables.definitions import DefinitionTables
from stores import AnyStore

REF = Ref("default", "workflow", "greet")


@pytest.fixture
def kept(store: AnyStore) -> DefinitionTables:
    """Return what keeps definitions in the store under test."""
    return DefinitionTables(store.tables)


def a_definition(name: str = "greet", **given) -> Definition:
    values = {
        "id": abs(hash(name)) % 2**60,
        "workspace": "default",
        "kind": "workflow",
        "name": name,
        "revision": 1,
        "text": f"name: {name}",
        "changed_at": 5,
        "created_at": 5,
    }
    return Definition(**{**values, **given})


def born(definition: Definition, words: str = "") -> Saving:
    return Saving(before=None, after=definition, words=words, draft_uses=())


async def test_what_is_saved_is_found_as_it_was(kept):
    made = a_definition(labels={"team": "sales"}, title="Größe", owner="ann", meaning="abc")
    assert await kept.save([born(made)], [])
    assert await kept.find(REF) == made


async def test_a_second_one_of_a_name_is_not_saved(kept):
    assert await kept.save([born(a_definition())], [])
    assert not await kept.save([born(a_definition(id=7))], [])


async def test_names_are_apart_in_each_workspace_and_kind(kept):
    for number, (workspace, kind) in enumerate(
        [("default", "task"), ("other", "workflow"), ("default", "workflow")]
    ):
        assert await kept.save([born(a_definition(id=number, workspace=workspace, kind=kind))], [])
    page = await kept.page(Query(workspace="default"))
    assert [(row.kind, row.name) for row in page] == [("task", "greet"), ("workflow", "greet")]


async def test_a_change_holds_only_over_the_revision_that_it_was_made_from(kept):
    first = a_definition()
    await kept.save([born(first)], [])
    second = msgspec.structs.replace(first, revision=2, text="name: greet # more")
    assert await kept.save([Saving(before=first, after=second)], [])
    assert not await kept.save([Saving(before=first, after=msgspec.structs.replace(first, revision=2))], [])
    assert await kept.find(REF) == second


async def test_of_changes_that_hold_together_none_is_made_when_one_is_not(kept):
    first, other = a_definition(), a_definition("other")
    await kept.save([born(first)], [])
    changed = msgspec.structs.replace(first, revision=2, text="new")
    assert not await kept.save([Saving(before=first, after=changed), Saving(before=other, after=other)], [])
    assert (await kept.find(REF)) == first


async def test_every_revision_can_be_read_again_until_it_is_too_old(kept):
    row = a_definition()
    await kept.save([born(row)], [])
    for revision in range(2, 204):
        after = msgspec.structs.replace(row, revision=revision, text=f"text {revision}", changed_by="ann")
        assert await kept.save([Saving(before=row, after=after)], [])
        row = after
    assert await kept.revision(REF, 3) is None
    assert (await kept.revision(REF, 4)).text == "text 4"
    assert (await kept.revision(REF, 203)).author == "ann"
    edits = await kept.revisions(REF, before=7, limit=1000)
    assert [(edit.revision, edit.author) for edit in edits] == [(6, "ann"), (5, "ann"), (4, "ann")]
    assert [edit.revision for edit in await kept.revisions(REF, limit=2)] == [203, 202]


async def test_versions_come_the_newest_first_with_their_texts(kept):
    row = a_definition()
    await kept.save([born(row)], [])
    for number in (1, 2, 3):
        version = Published(
            version=number,
            hash=f"h{number}",
            text=f"t{number}",
            step_types={"log": 1},
            at=number,
            author="ann",
        )
        after = msgspec.structs.replace(row, version=number, hash=f"h{number}")
        assert await kept.save([Saving(before=row, after=after, published=version)], [])
        row = after
    assert [version.version for version in await kept.versions(REF)] == [3, 2, 1]
    assert [version.version for version in await kept.versions(REF, before=3, limit=1)] == [2]
    assert (await kept.version(REF, 2)).text == "t2"
    assert await kept.live(REF) == Live(version=3, hash="h3", is_archived=False)
    assert await kept.live(Ref("default", "workflow", "other")) is None
    assert await kept.version(REF, 4) is None


async def test_two_versions_of_the_same_content_share_its_text(kept, store):
    row = a_definition()
    await kept.save([born(row)], [])
    for number in (1, 2):
        version = Published(version=number, hash="same", text=f"t{number}", step_types={}, at=1, author="")
        after = msgspec.structs.replace(row, version=number, hash="same")
        assert await kept.save([Saving(before=row, after=after, published=version)], [])
        row = after
    assert [version.hash for version in await kept.versions(REF)] == ["same", "same"]
    assert [(await kept.version(REF, number)).text for number in (1, 2)] == ["t1", "t2"]
    assert (await store.version("same")).text == "t1"


async def test_who_names_a_definition_is_known_live_and_in_drafts(kept):
    target, caller = a_definition(), a_definition("caller")
    uses = (Use(kind="workflow", name="greet", place="spec.steps.a.with.workflow"),)
    await kept.save([born(target), Saving(before=None, after=caller, draft_uses=uses)], [])
    (found,) = await kept.used_by(REF)
    assert (found.name, found.place, found.is_live) == ("caller", "spec.steps.a.with.workflow", False)
    after = msgspec.structs.replace(caller, version=1)
    await kept.save([Saving(before=caller, after=after, draft_uses=(), live_uses=uses)], [])
    (found,) = await kept.used_by(REF)
    assert found.is_live
    caller = Ref("default", "workflow", "caller")
    assert await kept.uses(caller, is_live=True) == list(uses)
    assert await kept.uses(caller, is_live=False) == []


USES = (Use(kind="workflow", name="greet", place="spec"),)


async def test_what_is_published_holds_only_while_all_that_it_names_is_live(kept):
    target, caller = a_definition(), a_definition("caller")
    await kept.save([born(target), born(caller)], [])
    naming = Saving(before=caller, after=caller, live_uses=USES, needs=(REF,))
    assert not await kept.save([naming], [])
    live = msgspec.structs.replace(target, version=1)
    assert await kept.save([Saving(before=target, after=live), naming], [])
    gone = msgspec.structs.replace(live, archived_at=5)
    assert not await kept.save([Saving(before=live, after=gone, unused=True)], [])
    assert await kept.save([Saving(before=caller, after=caller, live_uses=())], [])
    assert await kept.save([Saving(before=live, after=gone, unused=True)], [])
    assert not await kept.save([naming], [])


async def test_of_an_archiving_and_a_publishing_that_needs_it_at_one_time_only_one_is_done(kept):
    for number in range(20):
        ref = Ref("default", "workflow", f"t{number}")
        target = a_definition(ref.name, id=1000 + number, version=1)
        caller = a_definition(f"c{number}", id=2000 + number, version=1)
        await kept.save([born(target), born(caller)], [])
        uses = (Use(kind="workflow", name=ref.name, place="spec"),)
        gone = msgspec.structs.replace(target, archived_at=5)
        done = await asyncio.gather(
            kept.save([Saving(before=target, after=gone, unused=True)], []),
            kept.save([Saving(before=caller, after=caller, live_uses=uses, needs=(ref,))], []),
        )
        assert sum(done) == 1


async def test_whole_definitions_come_in_pages(kept):
    rows = [a_definition("a"), a_definition("b"), a_definition("c", archived_at=3)]
    await kept.save([born(row) for row in rows], [])
    assert await kept.whole(Query(workspace="default", limit=1)) == rows[:1]
    assert await kept.whole(Query(workspace="default", after=("workflow", "a"))) == rows[1:2]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("invoice",), ["bill"]),
        (("invo",), ["bill"]),
        (("INVOICE",), ["bill"]),
        (("grosse",), ["bill", "greet"]),
        (("große",), ["bill", "greet"]),
        (("groß", "invoice"), ["bill"]),
        (("stock",), ["greet"]),
        (("example",), ["greet"]),
        (("step_one",), ["greet"]),
        (("one",), ["greet"]),
        (("x" * 500,), ["greet"]),
        (("\ue00064656661756c74",), []),
        (("cafe",), ["greet"]),
        (("café",), ["greet"]),
        (("nothing",), []),
        (('"; drop table',), []),
        (("'",), []),
        (("a & b | !c:*",), []),
        (("",), []),
    ],
)
async def test_words_find_whatever_has_words_that_begin_so(kept, words, found):
    await kept.save(
        [
            born(a_definition("bill"), "an invoice, große Zahlen"),
            born(
                a_definition("greet"),
                f"das Café ist große Klasse https://stock.example/{'x' * 100} step_one",
            ),
            born(a_definition("greet", id=3, workspace="other"), "invoice nothing große café"),
        ],
        [],
    )
    page = await kept.page(Query(workspace="default", words=words))
    assert [row.name for row in page] == found


async def test_however_many_different_words_a_text_has_it_is_kept_and_found_by_the_first(kept):
    words = " ".join(f"größe{number:x}" for number in range(250_000))
    assert await kept.save([born(a_definition(), words), born(a_definition("long"), "ﷺ" * 100_000)], [])
    assert len(await kept.page(Query(workspace="default", words=("größe1", "grosse7f")))) == 1


async def test_a_definition_is_found_by_its_words_of_now_only(kept):
    row = a_definition()
    await kept.save([born(row, "before")], [])
    after = msgspec.structs.replace(row, revision=2, text="other")
    await kept.save([Saving(before=row, after=after, words="after")], [])
    assert not await kept.page(Query(workspace="default", words=("before",)))
    assert await kept.page(Query(workspace="default", words=("after",)))


async def test_lists_are_cut_by_kind_labels_owner_and_state(kept):
    rows = [
        a_definition("a", labels={"team": "sales", "x": "1"}, owner="ann"),
        a_definition("b", labels={"team": "it"}, version=1, hash="h", meaning="h"),
        a_definition("c", version=1, hash="h", meaning="other"),
        a_definition("d", archived_at=9),
        a_definition("e", kind="task"),
    ]
    await kept.save([born(row) for row in rows], [])

    async def names(**query) -> list[str]:
        return [row.name for row in await kept.page(Query(workspace="default", **query))]

    assert await names() == ["e", "a", "b", "c"]
    assert await names(kind="workflow") == ["a", "b", "c"]
    assert await names(labels=(("team", ""),)) == ["a", "b"]
    assert await names(labels=(("team", "sales"), ("x", "1"))) == ["a"]
    assert await names(labels=(("team", "nobody"),)) == []
    assert await names(owner="ann") == ["a"]
    assert await names(states=("live",)) == ["b"]
    assert await names(states=("changed", "archived")) == ["c", "d"]
    parts = (Part(kind="task"), Part(labels=(("team", "sales"), ("x", "1"))), Part(name="c"))
    assert await names(within=parts) == ["e", "a", "c"]
    assert await names(within=(Part(kind="workflow", name="e"),)) == []
    assert await names(within=()) == []
    assert await names(limit=2) == ["e", "a"]
    assert await names(after=("workflow", "a")) == ["b", "c"]


async def test_labels_of_before_find_nothing_any_more(kept):
    row = a_definition(labels={"team": "sales"})
    await kept.save([born(row)], [])
    after = msgspec.structs.replace(row, labels={"team": "it"}, revision=2)
    await kept.save([Saving(before=row, after=after)], [])
    assert not await kept.page(Query(workspace="default", labels=(("team", "sales"),)))


async def test_an_entry_of_the_audit_trail_rides_with_the_change_or_falls_with_it(kept, store):
    entry = Entry(
        at=1, workspace="default", actor=Actor(kind="person", id="ann"), action="definitions.create"
    )
    row = a_definition()
    assert await kept.save([born(row)], [entry])
    assert not await kept.save([born(a_definition(id=8))], [entry])
    assert await store.tables.all("select seq, actor from audit order by seq", (), tuple) == [(1, "ann")]
