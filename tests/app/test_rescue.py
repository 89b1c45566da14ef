"""A new owner from the console, for a folder that no server holds."""

import pytest

from auraos.app.by_hand.rescue import NameRefusedError, rescue_owner
from auraos.storage.folder import DataFolder, FolderInUseError
from auraos.storage.sqlite import SqliteStore
from houses import NOBODY, Clock, House


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("AURAOS_STATE_HOME", str(tmp_path / "state"))


async def test_the_token_from_the_console_makes_an_owner(tmp_path):
    data = tmp_path / "data"
    token = await rescue_owner(data, "", "ann")
    assert (data / "auraos.owned").exists()
    folder = DataFolder.claim(data)
    store = SqliteStore.open(folder)
    clock = Clock()
    clock.time = 0
    house = House(store.tables, data, clock)
    person = await house.identity.people.accept(NOBODY, token, "a long way home")
    known = await house.known(await house.session(person))
    assert [grant.role for grant in known.grants] == ["owner"]
    await house.close()
    await store.close()
    folder.release()


async def test_a_folder_that_a_server_holds_is_left_alone(tmp_path):
    folder = DataFolder.claim(tmp_path / "data")
    with pytest.raises(FolderInUseError):
        await rescue_owner(tmp_path / "data", "", "ann")
    folder.release()


@pytest.mark.parametrize("name", ["", "Ann", "a b", "ann\n", "../x"])
async def test_a_name_by_which_nobody_signs_in_is_refused(tmp_path, name):
    with pytest.raises(NameRefusedError):
        await rescue_owner(tmp_path / "data", "", name)
    assert not (tmp_path / "data").exists()
