"""Settings: what holds where, where it comes from, and who hears of it."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import pytest

from auraos.app.settings.keys import (
    FRESH_PROOF,
    IDLE_SESSION,
    KEYS,
    LARGEST_BODY,
    LOG_LEVEL,
    LONGEST_WAIT,
    STRANGERS,
)
from auraos.core.audit import Actor
from auraos.settings.errors import (
    NoSettingError,
    SettingChangedError,
    SettingPinnedError,
    SettingRefusedError,
)
from auraos.settings.outside import Outside, variable
from auraos.settings.rows import EVERYWHERE, Place
from auraos.settings.service import Settings
from auraos.storage.tables.settings import SettingTables

ANN = Actor(kind="person", id="1", name="ann")
SALES, PEOPLE = Place(workspace="sales"), Place(person="p-1")


@pytest.fixture
def settings(house):
    """Return settings with nothing outside of the store."""
    return make(house)


def make(house, **outside) -> Settings:
    outside = {"environment": {}, **outside}
    return Settings(SettingTables(house.tables), KEYS, Outside(KEYS, **outside), now=house.clock.now)


async def test_what_nobody_set_is_its_default_and_says_so(settings):
    facts = settings.facts("requests.strangers-per-second", EVERYWHERE)
    assert (facts.value, facts.source, facts.where, facts.revision) == (20, "default", "", 1)
    assert settings.value(STRANGERS) == 20


async def test_what_is_stored_holds_at_once_and_says_by_whom_it_is_set(settings):
    facts = await settings.put(ANN, "sessions.fresh", EVERYWHERE, "5m", 1, why="audit asked")
    assert (facts.value, facts.source, facts.where, facts.revision) == ("5m", "stored", "the installation", 2)
    assert settings.value(FRESH_PROOF) == timedelta(minutes=5)
    (change,) = await settings.history("sessions.fresh", EVERYWHERE)
    assert (change.author, change.before, change.after, change.why) == ("ann", None, "5m", "audit asked")


async def test_what_is_set_no_more_falls_back_and_its_history_stays(settings):
    await settings.put(ANN, "log.level", EVERYWHERE, "debug", 1)
    facts = await settings.clear(ANN, "log.level", EVERYWHERE, 2)
    assert (facts.value, facts.source, facts.revision) == ("info", "default", 3)
    again = await settings.put(ANN, "log.level", EVERYWHERE, "error", 3)
    assert again.value == "error"
    history = await settings.history("log.level", EVERYWHERE)
    assert [(each.before, each.after) for each in history] == [
        (None, "error"),
        ("debug", None),
        (None, "debug"),
    ]
    assert [each.after for each in await settings.history("log.level", EVERYWHERE, limit=1)] == ["error"]
    assert len(await settings.history("log.level", EVERYWHERE, before=history[0].number)) == 2


async def test_where_it_narrows_the_lowest_holds_and_never_more_than_for_all(settings):
    await settings.put(ANN, "requests.largest-body", SALES, 5000, 1)
    assert settings.value(LARGEST_BODY, workspace="sales") == 5000
    assert settings.value(LARGEST_BODY, workspace="other") == 8 * 1024 * 1024
    await settings.put(ANN, "requests.largest-body", EVERYWHERE, 2000, 1)
    facts = settings.facts("requests.largest-body", SALES)
    assert (facts.value, facts.source, facts.where, facts.stored) == (
        2000,
        "stored",
        "the installation",
        5000,
    )
    await settings.put(ANN, "sessions.idle", PEOPLE, "20h", 1)
    assert settings.value(IDLE_SESSION, person="p-1") == timedelta(hours=12)
    await settings.put(ANN, "sessions.idle", PEOPLE, "1h", 2)
    assert settings.value(IDLE_SESSION, person="p-1") == timedelta(hours=1)
    assert settings.value(IDLE_SESSION, person="p-2") == timedelta(hours=12)


async def test_what_comes_from_outside_goes_before_what_is_stored_for_all(house, tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("log.level: warning\nruns.longest-wait: 10s\n")
    settings = make(
        house,
        file=file,
        environment={"AURAOS_SETTING_LOG_LEVEL": "error", "HOME": "/"},
        command={"sessions.fresh": "1m"},
    )
    told = {facts.name: (facts.value, facts.source, facts.where) for facts in settings.all_facts(EVERYWHERE)}
    assert told["log.level"] == ("error", "environment", "AURAOS_SETTING_LOG_LEVEL")
    assert told["runs.longest-wait"] == ("10s", "file", str(file))
    assert told["sessions.fresh"] == ("1m", "command", "the command line")
    with pytest.raises(SettingPinnedError) as refused:
        await settings.put(ANN, "log.level", EVERYWHERE, "debug", 1)
    assert "AURAOS_SETTING_LOG_LEVEL" in refused.value.message
    await settings.put(ANN, "runs.longest-wait", SALES, "5s", 1)
    assert settings.value(LONGEST_WAIT, workspace="sales") == timedelta(seconds=5)


async def test_a_file_that_changes_holds_without_a_restart_and_a_wrong_one_changes_nothing(house, tmp_path):
    file, heard = tmp_path / "settings.yaml", []
    settings = make(house, file=file)
    settings.when_changed(LOG_LEVEL, heard.append)
    file.write_text("log.level: debug\n")
    await settings.look()
    file.write_text("log.level: loud and more\n")
    await settings.look()
    assert (heard, settings.value(LOG_LEVEL)) == (["info", "debug"], "debug")
    assert "log.level cannot be 'loud and more'" in settings.trouble
    file.unlink()
    await settings.look()
    assert (heard, settings.trouble) == (["info", "debug", "info"], "")


async def test_another_process_believes_it_when_it_looks(house, settings):
    other, heard = make(house), []
    other.when_changed(LOG_LEVEL, heard.append)
    await settings.put(ANN, "log.level", EVERYWHERE, "debug", 1)
    await other.look()
    assert heard == ["info", "debug"]


async def test_of_two_who_change_the_same_one_is_told(house, settings):
    other = make(house)
    done = await asyncio.gather(
        settings.put(ANN, "log.level", EVERYWHERE, "debug", 1),
        other.put(ANN, "log.level", EVERYWHERE, "error", 1),
        return_exceptions=True,
    )
    failed = [each for each in done if isinstance(each, SettingChangedError)]
    assert len(failed) == 1
    with pytest.raises(SettingChangedError):
        await settings.put(ANN, "log.level", EVERYWHERE, "error", 1)
    assert len(await settings.history("log.level", EVERYWHERE)) == 1


async def test_each_change_stands_in_the_audit_trail_with_before_and_after(house, settings):
    await settings.put(ANN, "requests.largest-body", SALES, 5000, 1, why="abuse")
    (entry,) = await house.entries("settings.change")
    assert (entry.workspace, entry.actor.id, entry.object.name) == ("sales", "1", "requests.largest-body")
    assert (entry.before, entry.after, entry.why) == ({"value": None}, {"value": 5000}, "abuse")


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("log.level", EVERYWHERE, "loud"),
        ("requests.strangers-per-second", EVERYWHERE, 0),
        ("requests.strangers-per-second", EVERYWHERE, True),
        ("requests.strangers-per-second", EVERYWHERE, 1.5),
        ("requests.strangers-per-second", EVERYWHERE, "٣"),
        ("sessions.fresh", EVERYWHERE, 600),
        ("sessions.fresh", EVERYWHERE, "2h"),
        ("sessions.fresh", EVERYWHERE, ["5m"]),
        ("log.level", EVERYWHERE, ["debug"]),
    ],
)
async def test_a_value_of_another_kind_or_beyond_its_bounds_is_refused(settings, name, place, value):
    with pytest.raises(SettingRefusedError):
        await settings.put(ANN, name, place, value, 1)
    assert settings.facts(name, place).source == "default"


async def test_what_is_no_setting_of_a_place_is_not_there(settings):
    for name, place in (("log.levle", EVERYWHERE), ("log.level", SALES), ("runs.retention", PEOPLE)):
        with pytest.raises(NoSettingError):
            settings.facts(name, place)
    with pytest.raises(NoSettingError) as missing:
        settings.facts("log.levle", EVERYWHERE)
    assert "log.level" in missing.value.hint


def test_a_variable_or_a_line_that_names_no_setting_is_refused_at_the_start(tmp_path):
    with pytest.raises(SettingRefusedError):
        Outside(KEYS, environment={"AURAOS_SETTING_LOG_LEVLE": "debug"})
    file = tmp_path / "settings.yaml"
    for text in (
        "log.levle: debug\n",
        "- log.level\n",
        "log.level: [\n",
        "log.level: debug\nlog.level: info\n",
    ):
        file.write_text(text)
        with pytest.raises(SettingRefusedError):
            Outside(KEYS, file=file, environment={})


def test_every_key_stands_in_the_page_on_settings_with_its_default():
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "settings.md").read_text()
    for key in KEYS.values():
        assert f"| `{key.name}` | {key.told(key.default)} | {', '.join(key.scopes)} | {key.words} |" in page


def test_every_key_says_what_it_is_and_reads_its_own_default():
    for key in KEYS.values():
        assert re.fullmatch(r"[a-z]+(\.[a-z]+(-[a-z]+)*)+", key.name)
        assert key.read(key.told(key.default)) == key.default
        assert key.read(str(key.told(key.default))) == key.default
        assert key.words.endswith(".")
        assert key.schema()
    assert len({variable(name) for name in KEYS}) == len(KEYS)
