"""The keys of workspaces: made once, changed while they are used, and never mixed up (S54, L06)."""

import asyncio

import msgspec
import pytest
from vaults import ANN, a_vault

from auraos.security.row_store import Replace
from auraos.security.secrets.errors import MasterKeyError, SealBrokenError
from auraos.security.secrets.rows import DataKey

PLACE = ("secret", "1")


async def test_what_a_workspace_sealed_it_opens(vault):
    keys = vault.keys
    sealed = await keys.seal("a", PLACE, b"content")
    assert await keys.unseal("a", PLACE, sealed) == b"content"


async def test_another_workspace_does_not_open_it(vault):
    keys = vault.keys
    sealed = await keys.seal("a", PLACE, b"content")
    await keys.seal("b", PLACE, b"other")
    with pytest.raises(SealBrokenError):
        await keys.unseal("b", PLACE, sealed)


async def test_of_many_who_seal_first_one_makes_the_key(vault):
    keys = vault.keys
    sealed = await asyncio.gather(*(keys.seal("a", PLACE, b"%d" % each) for each in range(20)))
    assert len(await keys.list("a")) == 1
    assert [await keys.unseal("a", PLACE, each) for each in sealed] == [b"%d" % each for each in range(20)]


async def test_another_process_with_the_same_master_key_opens_it(tmp_path):
    async with a_vault(tmp_path) as one:
        sealed = await one.keys.seal("a", PLACE, b"content")
    async with a_vault(tmp_path) as other:
        assert await other.keys.unseal("a", PLACE, sealed) == b"content"


async def test_another_installation_does_not_open_it(tmp_path):
    async with a_vault(tmp_path) as one:
        sealed = await one.keys.seal("a", PLACE, b"content")
    async with a_vault(tmp_path, installation="elsewhere") as other:
        with pytest.raises(SealBrokenError):
            await other.keys.unseal("a", PLACE, sealed)


async def test_without_its_master_key_a_store_opens_nothing_and_makes_no_new_one(tmp_path):
    async with a_vault(tmp_path) as one:
        sealed = await one.keys.seal("a", PLACE, b"content")
    (tmp_path / "keys" / "master.key").unlink()
    async with a_vault(tmp_path) as other:
        with pytest.raises(MasterKeyError, match="is gone"):
            await other.keys.unseal("a", PLACE, sealed)
        with pytest.raises(MasterKeyError, match="is gone"):
            await other.keys.seal("b", PLACE, b"content")
    assert not (tmp_path / "keys" / "master.key").exists()


async def test_another_master_key_is_told_from_the_right_one(tmp_path):
    async with a_vault(tmp_path) as one:
        sealed = await one.keys.seal("a", PLACE, b"content")
    other_key = {"AURAOS_MASTER_KEY": "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA="}
    async with a_vault(tmp_path, other_key) as other:
        with pytest.raises(MasterKeyError, match="is not known here"):
            await other.keys.unseal("a", PLACE, sealed)


async def test_a_new_key_seals_and_the_former_still_opens(vault):
    keys = vault.keys
    before = await keys.seal("a", PLACE, b"before")
    await keys.rotate(ANN, "a")
    after = await keys.seal("a", PLACE, b"after")
    assert [await keys.unseal("a", PLACE, each) for each in (before, after)] == [b"before", b"after"]
    assert [(key.version, key.state) for key in await keys.list("a")] == [(2, "live"), (1, "retired")]
    assert [entry.action for entry in await vault.entries()] == ["secrets.rotate"]


async def test_rotations_at_once_follow_one_another(vault):
    keys = vault.keys
    await keys.seal("a", PLACE, b"x")
    await asyncio.gather(*(keys.rotate(ANN, "a") for _ in range(5)))
    states = [(key.version, key.state) for key in await keys.list("a")]
    assert states == [(6, "live"), *((version, "retired") for version in (5, 4, 3, 2, 1))]


async def test_a_new_master_key_seals_all_keys_and_the_old_one_opens_none(tmp_path):
    file = tmp_path / "keys" / "master.key"
    async with a_vault(tmp_path) as vault:
        keys = vault.keys
        sealed = {each: await keys.seal(each, PLACE, each.encode()) for each in ("", "a", "b")}
        old = file.read_bytes()
        rotation = await keys.rotate_master(ANN)
        assert rotation.sealed_anew == 3
        assert {key.master for each in sealed for key in await keys.list(each)} == {rotation.master}
    async with a_vault(tmp_path) as vault:
        assert [await vault.keys.unseal(each, PLACE, sealed[each]) for each in sealed] == [
            b"",
            b"a",
            b"b",
        ]
    file.write_bytes(old)
    async with a_vault(tmp_path) as vault:
        with pytest.raises(MasterKeyError):
            await vault.keys.unseal("a", PLACE, sealed["a"])


async def test_a_process_that_knows_only_the_old_master_key_learns_of_the_new_one(tmp_path):
    async with a_vault(tmp_path) as vault:
        other = type(vault)(vault.tables, tmp_path, {}, (), "here")
        await other.keys.seal("a", PLACE, b"x")
        await vault.keys.rotate_master(ANN)
        sealed = await other.keys.seal("b", PLACE, b"y")
        assert await vault.keys.unseal("b", PLACE, sealed) == b"y"
        await other.close()


async def test_a_rotation_of_the_master_key_that_broke_off_goes_on(tmp_path):
    async with a_vault(tmp_path) as vault:
        keys = vault.keys
        sealed = [await keys.seal(each, PLACE, b"x") for each in ("a", "b", "c")]
        masters = await keys._source.begin_rotation()
        first = (await vault.rows.all(DataKey))[0]
        assert await keys._seal_anew(first, masters)
    async with a_vault(tmp_path) as vault:
        keys = vault.keys
        assert [await keys.unseal(ws, PLACE, each) for ws, each in zip("abc", sealed, strict=True)] == [
            b"x"
        ] * 3
        assert (await keys.rotate_master(ANN)).sealed_anew == 2
        assert len((tmp_path / "keys" / "master.key").read_text().split()) == 1


async def test_a_key_that_was_moved_to_another_workspace_opens_nothing(vault):
    keys = vault.keys
    await keys.seal("a", PLACE, b"x")
    sealed = await keys.seal("b", PLACE, b"y")
    (row,) = await vault.rows.all(DataKey, workspace="b")
    moved = msgspec.structs.replace(row, workspace="a", version=7)
    assert await vault.rows.save([Replace(row, moved)]) is None
    keys._opened.clear()
    with pytest.raises(SealBrokenError):
        await keys.unseal("a", PLACE, sealed)


async def test_what_holds_keys_does_not_show_them(vault):
    keys = vault.keys
    await keys.seal("a", PLACE, b"x")
    raw = next(iter(keys._opened.values()))
    shown = repr(keys) + repr(keys._masters) + repr(await keys.list("a"))
    assert raw.hex() not in shown
    assert repr(raw)[2:-1] not in shown
