"""The master key: where it comes from, who may read it, and that nothing shows it."""

import asyncio
import base64
import os
import stat

import pytest

from auraos.security.secrets.errors import MasterKeyError, SourceFailedError
from auraos.security.secrets.master import KeyFile, keys_of, master_source

ONE, TWO = base64.b64encode(b"1" * 32).decode(), base64.b64encode(b"2" * 32).decode()


async def test_a_file_is_made_on_first_use_for_its_owner_only(tmp_path):
    made = await KeyFile(tmp_path / "keys" / "master.key").read(make=True)
    file = tmp_path / "keys" / "master.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert (await KeyFile(file).read(make=True)).current == made.current


async def test_a_file_that_is_gone_is_not_made_anew(tmp_path):
    with pytest.raises(MasterKeyError, match="is gone"):
        await KeyFile(tmp_path / "master.key").read(make=False)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
async def test_a_file_that_others_may_read_is_refused(tmp_path, mode):
    file = tmp_path / "master.key"
    await KeyFile(file).read(make=True)
    file.chmod(mode)
    with pytest.raises(MasterKeyError, match="Others may read"):
        await KeyFile(file).read(make=True)


async def test_a_link_in_place_of_the_file_is_refused(tmp_path):
    await KeyFile(tmp_path / "elsewhere").read(make=True)
    (tmp_path / "master.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MasterKeyError, match="no link"):
        await KeyFile(tmp_path / "master.key").read(make=True)


async def test_of_many_who_make_it_at_once_all_have_the_same(tmp_path):
    def first() -> str:
        return asyncio.run(KeyFile(tmp_path / "master.key").read(make=True)).current

    found = await asyncio.gather(*(asyncio.to_thread(first) for _ in range(10)))
    assert len(set(found)) == 1


@pytest.mark.parametrize(
    "text", ["", "  \n", "short", base64.b64encode(b"x" * 31).decode(), f"{ONE},nonsense", "ä"]
)
def test_what_is_no_key_is_refused_without_being_shown(text):
    with pytest.raises(MasterKeyError) as refused:
        keys_of(text, "AURAOS_MASTER_KEY")
    assert text.strip() not in str(refused.value) or not text.strip()


def test_the_first_key_seals_and_the_others_open():
    keys = keys_of(f"{ONE}, {TWO}\n", "x")
    assert keys.key(keys.current) == b"1" * 32
    assert keys.all() == [b"1" * 32, b"2" * 32]


def test_a_key_may_be_written_for_addresses():
    raw = b"\xff\xfe" * 16
    assert keys_of(base64.urlsafe_b64encode(raw).decode(), "x").all() == [raw]


def test_keys_do_not_show_what_they_are():
    shown = repr(keys_of(ONE, "x"))
    assert ONE not in shown
    assert "1111" not in shown


async def test_the_environment_goes_before_the_file(tmp_path):
    keys = await master_source({"AURAOS_MASTER_KEY": ONE}, tmp_path).read(make=True)
    assert keys.all() == [b"1" * 32]
    assert not list(tmp_path.iterdir())


async def test_a_program_may_bring_it(tmp_path):
    program = tmp_path / "bring"
    program.write_text(f"#!/bin/sh\necho {TWO}\n")
    program.chmod(0o755)
    keys = await master_source({"AURAOS_MASTER_KEY_COMMAND": str(program)}, tmp_path).read(make=True)
    assert keys.all() == [b"2" * 32]


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("/nowhere/at-all", "cannot be started"),
        ("false", "failed with 1"),
        ("'", "is no command"),
        ("sh -c 'head -c 400000 /dev/zero'", "prints too much"),
    ],
)
async def test_a_program_that_fails_is_told_of(tmp_path, command, says):
    source = master_source({"AURAOS_MASTER_KEY_COMMAND": command}, tmp_path)
    with pytest.raises(SourceFailedError, match=says):
        await source.read(make=True)


def test_two_places_at_once_are_refused(tmp_path):
    with pytest.raises(MasterKeyError, match="Both"):
        master_source({"AURAOS_MASTER_KEY": ONE, "AURAOS_MASTER_KEY_COMMAND": "x"}, tmp_path)


async def test_a_rotation_that_was_broken_off_goes_on_with_the_same_new_key(tmp_path):
    file = KeyFile(tmp_path / "master.key")
    former = await file.read(make=True)
    begun = await file.begin_rotation()
    again = await KeyFile(tmp_path / "master.key").begin_rotation()
    assert begun.current == again.current != former.current
    assert former.current in again
    await file.end_rotation(again)
    assert (await file.read(make=False)).all() == [again.key(again.current)]
    assert stat.S_IMODE((tmp_path / "master.key").stat().st_mode) == 0o600


async def test_a_key_of_the_operator_is_rotated_by_the_operator(tmp_path):
    with pytest.raises(MasterKeyError, match="Put a new one before it"):
        await master_source({"AURAOS_MASTER_KEY": ONE}, tmp_path).begin_rotation()
    begun = await master_source({"AURAOS_MASTER_KEY": f"{TWO},{ONE}"}, tmp_path).begin_rotation()
    assert begun.key(begun.current) == b"2" * 32


def test_the_mask_of_the_process_does_not_open_the_file(tmp_path):
    before = os.umask(0)
    try:
        file = KeyFile(tmp_path / "keys" / "master.key")
        file._path.parent.mkdir()
        file._write([b"1" * 32])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keys" / "master.key").stat().st_mode) == 0o600
