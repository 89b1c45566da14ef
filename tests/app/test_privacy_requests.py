"""A person's data is found, handed out and erased: nothing of it is left in any file, and the runs still tell their course."""

from datetime import timedelta
from types import MappingProxyType

import msgspec
import pytest

from auraos.app.privacy.holding import holding
from auraos.app.privacy.privacy import Privacy, RunsOpenError
from auraos.core.audit import Actor
from auraos.core.run import fold
from auraos.core.run.facts import RunFinished
from auraos.core.values import Hidden
from auraos.engine.clock import SystemClock
from auraos.engine.stream import facts_of
from auraos.security.privacy.holds import HeldByLawError, NoSubjectError
from auraos.security.privacy.rows import PrivacyRequest
from auraos.security.privacy.seals import DataErasedError
from auraos.storage.folder import DataFolder
from auraos.storage.sqlite import SqliteStore
from auraos.storage.tables.privacy import PrivacyTables
from private_runs import CANARY, PrivateHouse, found_in, plain, private_house, tagged

OFFICER = Actor(kind="person", id="officer-1", name="officer")
OTHER = "bob.5520@example.test"
WAITS = """\
  steps:
    w: {type: wait.signal, with: {name: go}}
  output: "{{ input.email }}"
"""
FAMILY = """\
  steps:
    c: {type: call, with: {workflow: other, input: {mail: "{{ input.email }}"}}}
"""
CALLED = """\
  steps:
    a: {type: transform, with: {set: {said: "{{ input.mail }} again"}}}
"""


@pytest.fixture
async def house(tmp_path):
    folder = DataFolder.claim(tmp_path / "data")
    store = SqliteStore.open(folder)
    async with private_house(store, tmp_path / "data") as made:
        yield made
    await store.close()
    folder.release()


@pytest.fixture
def privacy(house: PrivateHouse) -> Privacy:
    return privacy_of(house)


def privacy_of(house: PrivateHouse) -> Privacy:
    clock = SystemClock()
    return Privacy(
        PrivacyTables(house.store.tables), house.sealing, house.store, house.blobs, None, engine=house.engine,
        where="the log of the database", now=clock.now, new_id=clock.new_id,
    )  # fmt: skip


async def test_all_runs_with_a_persons_data_are_found_however_the_name_is_written(house, privacy):
    first = await house.run(tagged(), {"email": CANARY})
    await house.run(tagged(), {"email": OTHER})
    second = await house.run(tagged(FAMILY), {"email": CANARY}, called=(plain(CALLED, name="other"),))
    found = await privacy.find(OFFICER, "default", f"  {CANARY.upper()} ")
    assert {first.run, second.run} < {one.run for one in found.runs}
    assert len(found.runs) == 3
    assert {one.workflow for one in found.runs} == {"greet", "other"}
    assert not any(one.is_erased for one in found.runs)
    assert (await privacy.find(OFFICER, "default", "nobody@example.test")).runs == ()
    assert (await privacy.find(OFFICER, "elsewhere", CANARY)).runs == ()


async def test_what_is_handed_out_holds_all_that_the_runs_tell(house, privacy):
    ended = await house.run(tagged(), {"email": CANARY, "note": 17})
    bundle = await privacy.export(OFFICER, "default", CANARY)
    told = msgspec.json.decode(msgspec.json.encode(bundle))
    assert told["format"] == "auraos/personal-data/1"
    (run,) = told["runs"]
    assert run["run"]["run"] == ended.run
    assert run["facts"][0]["input"] == {"email": CANARY, "note": 17}
    assert run["logs"][0]["message"] == f"mail for {CANARY}"


async def test_what_is_erased_is_in_no_file_any_more_and_the_run_still_tells_its_course(
    house, privacy, tmp_path
):
    ended = await house.run(tagged(), {"email": CANARY, "note": CANARY})
    kept = await house.run(tagged(), {"email": OTHER})
    seal = (await house.sealing.made.seals.load([ended.run]))[ended.run]
    erased = await privacy.erase(OFFICER, "default", CANARY, "asked by letter")
    assert erased.runs == (ended.run,)
    assert found_in(tmp_path / "data", CANARY) == []
    assert found_in(tmp_path / "data", OTHER) == []
    assert (await house.sealing.made.seals.load([ended.run]))[ended.run] is None

    facts = await house.facts(ended.run)
    assert facts[0].input == Hidden(why="erased")
    assert isinstance(facts[-1], RunFinished)
    version = await house.store.version((await house.store.find(ended.run)).version)
    assert fold(house.definitions.compile(version), facts).status == "succeeded"
    assert [line.message for line in await house.store.logs(ended.run)] == ["What was said here was erased."]
    shown = facts_of(await house.shown.journal(ended.run), lambda _: b"null")
    assert shown[0].input == Hidden(why="erased")

    assert (await house.facts(kept.run))[0].input["email"] == OTHER
    raw = (tmp_path / "data" / "auraos.db").read_bytes()
    assert seal.key not in raw


async def test_the_wrapped_keys_are_in_no_file_any_more(house, privacy, tmp_path):
    ended = await house.run(tagged(), {"email": CANARY})
    rows = await house.store.tables.all("select wrapped from subjects", (), lambda row: bytes(row[0]))
    rows += await house.store.tables.all("select wrapped from run_keys", (), lambda row: bytes(row[0]))
    assert len(rows) == 2
    await privacy.erase(OFFICER, "default", CANARY, "")
    for path in (tmp_path / "data").glob("auraos.db*"):
        content = path.read_bytes()
        assert not any(row in content for row in rows), path.name
    assert ended.run.encode() in (tmp_path / "data" / "auraos.db").read_bytes()


async def test_all_runs_that_got_the_data_are_erased_together(house, privacy):
    ended = await house.run(tagged(FAMILY), {"email": CANARY}, called=(plain(CALLED, name="other"),))
    await privacy.erase(OFFICER, "default", CANARY, "")
    found = await privacy.find(OFFICER, "default", CANARY)
    assert len(found.runs) == 2
    assert all(one.is_erased for one in found.runs)
    with pytest.raises(DataErasedError):
        await house.engine.retry(ended.run)


async def test_the_files_of_an_erased_run_are_gone(house, privacy):
    large = tagged("""\
  steps:
    a: {type: transform, with: {set: {many: "{{ [input.email for n in range(5000)] }}"}}}
""")
    ended = await house.run(large, {"email": CANARY})
    folder = house.folder / "blobs" / "default" / ended.run
    assert list(folder.iterdir())
    await privacy.erase(OFFICER, "default", CANARY, "")
    assert not folder.exists()


async def test_a_new_run_of_an_erased_person_begins_under_a_new_key(house, privacy):
    before = await house.run(tagged(), {"email": CANARY})
    await privacy.erase(OFFICER, "default", CANARY, "")
    after = await house.run(tagged(), {"email": CANARY})
    found = await privacy.find(OFFICER, "default", CANARY)
    assert {one.run: one.is_erased for one in found.runs} == {before.run: True, after.run: False}


async def test_runs_under_way_stand_in_the_way_unless_they_are_to_be_cancelled(house, privacy):
    run = await house.engine.start(house.definitions.add(tagged(WAITS)), input={"email": CANARY})
    await house.engine.drive_until_idle()
    with pytest.raises(RunsOpenError, match=run):
        await privacy.erase(OFFICER, "default", CANARY, "")
    assert (await house.facts(run))[0].input == {"email": CANARY}
    await privacy.erase(OFFICER, "default", CANARY, "", cancel=True)
    assert (await house.store.find(run)).state == "cancelled"
    assert (await house.facts(run))[0].input == Hidden(why="erased")


@pytest.mark.parametrize("kind", ["subject", "run", "workflow", "workspace"])
async def test_what_is_held_is_not_erased_and_the_refusal_is_written_down(house, privacy, kind):
    ended = await house.run(tagged(), {"email": CANARY})
    thing = {"subject": CANARY, "run": ended.run, "workflow": "greet", "workspace": ""}[kind]
    held = await privacy.holds.hold(OFFICER, "default", kind, thing, "case 17")
    with pytest.raises(HeldByLawError, match="case 17"):
        await privacy.erase(OFFICER, "default", CANARY, "")
    assert (await house.facts(ended.run))[0].input == {"email": CANARY}
    outcomes = await house.store.tables.all(
        "select action, outcome from audit order by seq", (), lambda row: (row[0], row[1])
    )
    assert outcomes == [("privacy.hold", "done"), ("privacy.erase", "refused")]
    await privacy.holds.lift(OFFICER, "default", held.id, "the case is closed")
    assert (await privacy.erase(OFFICER, "default", CANARY, "")).runs == (ended.run,)


async def test_each_request_is_kept_without_the_person(house, privacy):
    await house.run(tagged(), {"email": CANARY})
    await privacy.find(OFFICER, "default", CANARY, "asked by letter")
    await privacy.export(OFFICER, "default", CANARY, "asked by letter")
    await privacy.erase(OFFICER, "default", CANARY, "asked by letter")
    kept = await privacy.requests("default")
    assert [one.kind for one in kept] == ["find", "export", "erase"]
    assert len({one.token for one in kept}) == 1
    assert all(isinstance(one, PrivacyRequest) and one.author == "officer-1" for one in kept)
    assert CANARY not in repr(kept)


@pytest.mark.parametrize("name", ["", "   ", "\t"])
async def test_a_name_that_names_nobody_is_refused(privacy, name):
    with pytest.raises(NoSubjectError):
        await privacy.find(OFFICER, "default", name)


@pytest.mark.parametrize("kind", ["subject", "run", "workflow", "workspace"])
async def test_what_is_held_is_not_pruned_nor_what_belongs_to_it(house, privacy, kind):
    ended = await house.run(tagged(FAMILY), {"email": CANARY}, called=(plain(CALLED, name="other"),))
    await house.run(plain(name="another"), {"email": "x"}, workspace="elsewhere")
    thing = {"subject": CANARY, "run": ended.run, "workflow": "greet", "workspace": ""}[kind]
    held = await privacy.holds.hold(OFFICER, "default", kind, thing, "case 17")
    retention = house.engine.retention
    retention.held = holding(house.store.tables)
    pruned = await retention.prune(timedelta(0))
    assert (pruned.runs, pruned.held) == (1, 2)
    assert (await house.facts(ended.run))[0].input == {"email": CANARY}
    await privacy.holds.lift(OFFICER, "default", held.id, "")
    assert (await retention.prune(timedelta(0))).runs == 2


async def test_a_workspace_keeps_its_runs_for_as_long_as_it_says_itself(house):
    class Kept:
        by_workspace = MappingProxyType(
            {"default": timedelta(0), "quarter": timedelta(days=90), "ever": None}
        )

        def of(self, workspace: str) -> timedelta | None:
            return self.by_workspace[workspace]

        def shortest(self) -> timedelta | None:
            return timedelta(0)

    for workspace in Kept.by_workspace:
        await house.run(plain(), {"email": "x"}, workspace=workspace)
    house.engine.retention.defaults = Kept()
    assert (await house.engine.retention.prune()).runs == 1
    left = [row.workspace for row in await house.store.every_run()]
    assert sorted(left) == ["ever", "quarter"]
    assert (await house.engine.retention.prune(timedelta(0))).runs == 2
