"""The service of definitions as a process puts it together."""

from auraos.app.definitions.kept import Numbers, definitions_on
from auraos.app.installed import load_installed
from auraos.engine.clock import SystemClock
from auraos.storage.folder import DataFolder
from auraos.storage.sqlite import SqliteStore
from kept_definitions import ANN, GREET, workflow


def test_numbers_are_given_once_and_fit_a_column():
    one, other = Numbers(SystemClock()), Numbers(SystemClock())
    given = [number() for number in (one, other) for _ in range(2_000)]
    assert len(set(given[:2_000])) == 2_000
    assert given[:2_000] == sorted(given[:2_000])
    assert 0 < max(given) < 2**62


async def test_definitions_of_one_process_are_those_of_the_next(tmp_path):
    async def process(work):
        folder = DataFolder.claim(tmp_path / "data")
        store = SqliteStore.open(folder)
        done = await work(definitions_on(store.tables, load_installed().catalogue, SystemClock()))
        await store.close()
        folder.release()
        return done

    await process(lambda definitions: definitions.create(ANN, "default", workflow()))
    saved = await process(lambda definitions: definitions.save(ANN, GREET, workflow(value=2), revision=1))
    assert (saved.revision, saved.text) == (2, workflow(value=2))
