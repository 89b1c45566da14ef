"""The command line of somebody who stays signed in for long: what wants a fresh proof, and a session that is over."""

import asyncio
import json

import pytest

from command_line import CommandLine
from houses import PASSWORD
from typing_person import typed

HOUR = 3600.0


@pytest.fixture
async def ada(room, address, tmp_path):
    """The command line of an administrator who signed in by a password, on the clock of the house."""
    person = await room.house.person("admin")
    line = CommandLine(tmp_path)
    done = await asyncio.to_thread(
        line, "login", address, "--name", person.name, "--profile", "house", stdin=f"{PASSWORD}\n"
    )
    assert done.code == 0, done
    line.name = person.name
    return line


def key_of(line):
    return json.loads((line.state / "profiles.json").read_text())["profiles"]["house"]["key"]


async def test_what_wants_a_fresh_proof_asks_a_person_for_it_and_goes_on(room, ada):
    room.house.clock.sleep(HOUR)
    before = key_of(ada)
    refused = await asyncio.to_thread(ada, "keys", "add", "for a build")
    assert (refused.code, "error[step-up-needed]" in refused.err) == (2, True)
    answers = [(f"Password of {ada.name}: ", PASSWORD)]
    code, shown, printed = await asyncio.to_thread(typed, ada, "keys", "add", "for a build", answers=answers)
    assert (code, len(printed.split()), PASSWORD in shown + printed) == (0, 1, False), shown
    assert key_of(ada) != before
    listed = await asyncio.to_thread(ada, "keys", "list", "--json")
    assert [one["title"] for one in listed.json["keys"]] == ["for a build"]


async def test_a_session_that_is_over_is_told_with_the_way_back(room, ada, address):
    room.house.clock.sleep(100 * 24 * HOUR)
    done = await asyncio.to_thread(ada, "definitions", "list")
    assert (done.code, f"{address} does not know you" in done.err) == (2, True)
    assert f"auraos login {address}" in done.err
    left = await asyncio.to_thread(ada, "logout", "--json")
    assert left.json == {"ok": True, "profile": "house", "session_ended": True}
