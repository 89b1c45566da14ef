"""R32: the engine starts what is published, and goes on with what it began whatever becomes of the definition since."""

from pathlib import Path
from typing import Any

import pytest

from auraos.app.definitions.published import PublishedDefinitions
from auraos.app.definitions.versions import BrokenDefinitionError, FolderDefinitions
from auraos.app.installed import load_installed
from auraos.core.catalogue import Catalogue
from auraos.core.errors import UserError
from auraos.core.run.facts import RunStarted
from auraos.documents.definitions.errors import ArchivedError, NoVersionError
from auraos.documents.definitions.rows import Ref
from auraos.documents.definitions.service import Definitions
from auraos.engine.context import Doors
from auraos.engine.engine import Engine
from auraos.engine.ports import NotFoundError, RunQuery
from auraos.storage.blobs import LocalBlobs
from auraos.storage.folder import DataFolder
from auraos.storage.sqlite import SqliteStore
from auraos.storage.tables.definitions import DefinitionTables
from kept_definitions import ANN, GREET, changed, definitions_over, published

WAITING = """kind: workflow
name: {name}
spec:
  steps:
    paid: {{type: wait.signal, with: {{name: paid}}}}
    say: {{type: transform, with: {{set: {{said: "{said}"}}}}}}
  links: [paid -> say]
"""
SAYING = """kind: workflow
name: {name}
spec:
  steps:
    say: {{type: transform, with: {{set: {{said: "{said}"}}}}}}
"""
CALLING = """kind: workflow
name: caller
spec:
  steps:
    paid: {{type: wait.signal, with: {{name: paid}}}}
    ask: {{type: call, with: {{workflow: {called}}}}}
  links: [paid -> ask]
"""


class House:
    """A store with definitions, and an engine that takes workflows from there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def open(self, catalogue: Catalogue | None = None, beside: Any = None) -> "House":
        self.folder = DataFolder.claim(self.path)
        self.store = SqliteStore.open(self.folder)
        self.definitions: Definitions = definitions_over(self.store)
        catalogue = catalogue or load_installed().catalogue
        self.resolver = PublishedDefinitions(DefinitionTables(self.store.tables), catalogue, beside)
        nowhere: Any = None
        doors = Doors(
            http=nowhere,
            secrets=nowhere,
            sandbox=nowhere,
            blobs=LocalBlobs(self.folder.blobs),
            redact=lambda value: value,
        )
        self.engine = Engine(self.store, catalogue, self.resolver, doors)
        await self.engine.open()
        return self

    async def close(self) -> None:
        await self.engine.close()
        await self.store.close()
        self.folder.release()

    async def output(self, run: str) -> Any:
        """Let a run that waits be paid, and return what it gives."""
        await self.engine.signal(run, "paid")
        return (await self.engine.wait(run)).output


@pytest.fixture
async def house(tmp_path):
    opened = await House(tmp_path / "data").open()
    yield opened
    await opened.close()


async def test_a_start_takes_the_version_that_is_live(house):
    await published(house.definitions, SAYING.format(name="greet", said="first"))
    for said in ("second", "third"):
        await changed(house.definitions, GREET, SAYING.format(name="greet", said=said))
        run = await house.engine.start("greet")
        assert (await house.engine.wait(run)).output == {"said": said}
    pinned = await house.engine.start("greet@1")
    assert (await house.engine.wait(pinned)).output == {"said": "first"}


async def test_a_draft_changes_nothing_of_what_is_started(house):
    await published(house.definitions, SAYING.format(name="greet", said="first"))
    await changed(house.definitions, GREET, "kind: [", publish=False)
    assert (await house.engine.wait(await house.engine.start("greet"))).output == {"said": "first"}


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("nowhere", NotFoundError, "no workflow named 'nowhere'"),
        ("draft", NoVersionError, "never published"),
        ("greet@7", NoVersionError, "has no version 7"),
        ("gone", ArchivedError, "archived, and nothing starts it"),
        ("gone@1", ArchivedError, "archived"),
        ("not a name", NotFoundError, "cannot be the name"),
        ("greet@", NotFoundError, "cannot be the name"),
    ],
)
async def test_what_cannot_be_started_says_why(house, name, kind, said):
    await published(house.definitions, SAYING.format(name="greet", said="hello"))
    gone = await published(house.definitions, SAYING.format(name="gone", said="hello"))
    await house.definitions.archive(ANN, gone)
    await house.definitions.create(ANN, "default", SAYING.format(name="draft", said="hello"))
    with pytest.raises(kind, match=said):
        await house.engine.start(name)
    assert await house.store.runs(RunQuery()) == []


async def test_a_workflow_of_another_workspace_is_not_found(house):
    await published(house.definitions, SAYING.format(name="greet", said="hello"), "other")
    with pytest.raises(NotFoundError):
        await house.engine.start("greet")
    run = await house.engine.start("greet", workspace="other")
    assert (await house.engine.wait(run)).output == {"said": "hello"}


async def test_runs_in_flight_stay_on_their_version_when_it_is_changed_and_archived(house):
    """R32: a hundred of them, of which none changes over, gets lost, or keeps the definition from going."""
    await published(house.definitions, WAITING.format(name="greet", said="first"))
    runs = [await house.engine.start("greet") for _ in range(50)]
    await changed(house.definitions, GREET, WAITING.format(name="greet", said="second"))
    runs += [await house.engine.start("greet") for _ in range(50)]
    await house.definitions.archive(ANN, GREET)
    outputs = [await house.output(run) for run in runs]
    assert outputs == [{"said": "first"}] * 50 + [{"said": "second"}] * 50


async def test_runs_in_flight_stay_on_their_version_when_an_older_one_is_live_again(house):
    await published(house.definitions, WAITING.format(name="greet", said="first"))
    await changed(house.definitions, GREET, WAITING.format(name="greet", said="second"))
    run = await house.engine.start("greet")
    restored = await house.definitions.restore(ANN, GREET, version=1, revision=2)
    await house.definitions.publish(ANN, GREET, revision=restored.revision)
    later = await house.engine.start("greet")
    assert await house.output(run) == {"said": "second"}
    assert await house.output(later) == {"said": "first"}


async def test_runs_in_flight_go_on_with_their_version_after_a_restart(house):
    await published(house.definitions, WAITING.format(name="greet", said="first"))
    run = await house.engine.start("greet")
    await changed(house.definitions, GREET, WAITING.format(name="greet", said="second"))
    await house.definitions.archive(ANN, GREET)
    await house.close()
    await house.open()
    assert await house.output(run) == {"said": "first"}


async def test_a_call_takes_the_version_that_was_live_when_the_caller_started(house):
    called = await published(house.definitions, SAYING.format(name="called", said="first"))
    await published(house.definitions, CALLING.format(called="called"))
    run = await house.engine.start("caller")
    await changed(house.definitions, called, SAYING.format(name="called", said="second"))
    caller = Ref("default", "workflow", "caller")
    await house.definitions.archive(ANN, caller)
    await house.definitions.archive(ANN, called)
    assert await house.output(run) == {"said": "first"}


async def test_a_call_that_pins_a_version_takes_that_one(house):
    called = await published(house.definitions, SAYING.format(name="called", said="first"))
    await changed(house.definitions, called, SAYING.format(name="called", said="second"))
    await published(house.definitions, CALLING.format(called="called@1"))
    run = await house.engine.start("caller")
    assert await house.output(run) == {"said": "first"}
    (child,) = await house.store.runs(RunQuery(parent=run))
    assert child.version == (await house.definitions.version(called, 1)).hash
    first = (await house.engine.facts(run))[0]
    assert isinstance(first, RunStarted)
    assert first.resolved == {"called@1": child.version}


async def test_a_version_whose_step_type_has_another_version_now_says_so(house):
    await published(house.definitions, SAYING.format(name="greet", said="first"))
    version = await house.resolver.resolve("default", "greet")
    older = type(version)(
        hash="0" * 64, kind="workflow", name="greet", text=version.text, step_types={"transform": 7}
    )
    with pytest.raises(
        BrokenDefinitionError, match="published with transform@7, and transform@1 is installed"
    ):
        house.resolver.compile(older)


async def test_a_run_whose_step_type_was_removed_is_not_lost_and_goes_on_when_it_is_back(house):
    """R32: a plugin goes while a run of it is in flight."""
    await published(house.definitions, WAITING.format(name="greet", said="first"))
    run = await house.engine.start("greet")
    await house.close()
    whole = load_installed().catalogue
    await house.open(Catalogue([each for each in whole.all() if each.name != "transform"]))
    with pytest.raises(UserError, match="cannot be read by this installation"):
        await house.engine.signal(run, "paid")
    assert (await house.store.find(run)).state == "waiting"
    with pytest.raises(UserError, match="cannot be read by this installation"):
        await house.engine.start("greet")
    await house.close()
    await house.open()
    assert await house.output(run) == {"said": "first"}


async def test_what_the_store_does_not_have_is_looked_for_beside(tmp_path):
    files = tmp_path / "files"
    files.mkdir()
    (files / "greet.yaml").write_text(SAYING.format(name="greet", said="file"))
    (files / "other.yaml").write_text(SAYING.format(name="other", said="file"))
    folder = FolderDefinitions(files, load_installed().catalogue)
    house = await House(tmp_path / "data").open(beside=folder)
    await published(house.definitions, SAYING.format(name="greet", said="store"))
    ended = [await house.engine.wait(await house.engine.start(name)) for name in ("greet", "other")]
    await house.close()
    assert [one.output for one in ended] == [{"said": "store"}, {"said": "file"}]
