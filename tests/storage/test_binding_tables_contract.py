"""What keeps bindings, on both databases."""

import msgspec

from auraos.core.audit import Actor, Entry
from auraos.documents.definitions.rows import Binding
from auraos.storage.tables.bindings import BindingTables

ENTRY = Entry(at=1, workspace="prod", actor=Actor(kind="house"), action="definitions.bind")
BOUND = Binding(workspace="prod", what="variable", given="currency", value='"EUR"', at=1, author="ann")


async def test_a_binding_takes_the_place_of_the_one_of_before(store):
    kept = BindingTables(store.tables)
    other = msgspec.structs.replace(BOUND, value='"USD"', author="ben")
    own = msgspec.structs.replace(BOUND, kind="workflow", name="greet")
    for binding in (BOUND, own, other):
        await kept.bind(binding, ENTRY)
    assert await kept.bindings("prod") == [other, own]
    assert await kept.bindings("test") == []


async def test_a_binding_is_forgotten_once(store):
    kept = BindingTables(store.tables)
    await kept.bind(BOUND, ENTRY)
    assert await kept.unbind(BOUND, ENTRY)
    assert not await kept.unbind(BOUND, ENTRY)
    assert await kept.bindings("prod") == []
    assert len(await store.tables.all("select seq from audit", (), tuple)) == 2
