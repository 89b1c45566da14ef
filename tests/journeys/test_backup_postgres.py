"""A backup of a database while processes work on it, and an empty database filled from it."""

import asyncio

import pytest

from server_process import WAITING, Server, until

SAY = """kind: workflow
name: say
spec:
  steps: {a: {type: log, with: {message: "It is {{ input.n }}."}}}
  output: "{{ input.n }}"
"""


@pytest.fixture
def empty_url(postgres, postgres_template):
    """The address of a second database, which is empty."""
    url = asyncio.run(postgres.create(postgres_template))
    yield url
    asyncio.run(postgres.drop(url))


def test_a_database_is_restored_into_an_empty_one_and_nothing_moves_before_it_is_released(
    auraos, postgres_url, empty_url
):
    (auraos.folder / "key").write_text("a key that is long enough")
    auraos.write("waiting.yaml", WAITING)
    auraos.write("say.yaml", SAY)
    server = Server(auraos, "--files", ".", "--database", postgres_url)
    for number in range(3):
        assert auraos("start", "say", "--input", f"n={number}", "--wait").out == f"{number}\n"
    assert auraos("start", "waiting").code == 0
    until(lambda: auraos("runs", "list", "--state", "waiting", "--json").json["runs"])
    blob = auraos.folder / ".auraos" / "blobs" / "default" / "one" / ("0" * 64)
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"not what its name says")
    made = auraos("backup", "all.backup", "--key-file", "key", "--database", postgres_url, "--json")
    assert (made.code, made.json["runs"], made.json["blobs"]) == (0, 4, 1)
    rows = auraos("runs", "list", "--json").json["runs"]
    assert server.stop()[0] == 0

    words = ("restore", "all.backup", "--data", "back")
    refused = auraos(*words, "--database", empty_url)
    assert (refused.code, "error[backup-key]" in refused.err) == (2, True)
    refused = auraos(*words, "--key-file", "key")
    assert (refused.code, "error[wrong-store]" in refused.err) == (2, True)
    refused = auraos(*words, "--key-file", "key", "--database", postgres_url)
    assert (refused.code, "error[target-not-empty]" in refused.err) == (2, True)
    assert not (auraos.folder / "back").exists()
    back = auraos(*words, "--key-file", "key", "--database", empty_url, "--json")
    assert (back.code, back.json["runs"], back.json["unfinished"], back.json["blobs"]) == (0, 4, 1, 1)
    assert (
        auraos.folder / "back" / "blobs" / "default" / "one" / ("0" * 64)
    ).read_bytes() == blob.read_bytes()

    again = Server(auraos, "--data", "back", "--files", ".", "--database", empty_url)
    assert again.get("/health/ready")[1]["phase"] == "held"
    assert auraos("runs", "list", "--data", "back", "--json").json["runs"] == rows
    refused = auraos("start", "say", "--input", "n=9", "--data", "back")
    assert (refused.code, "error[held]" in refused.err) == (2, True)
    assert auraos("engine", "release", "--data", "back").code == 0
    until(lambda: again.get("/health/ready")[0] == 200)
    waiting = next(row["run"] for row in rows if row["state"] == "waiting")
    assert auraos("runs", "signal", waiting, "paid", "--payload", "amount=8", "--data", "back").out == "8\n"
    assert auraos("start", "say", "--input", "n=9", "--wait", "--data", "back").out == "9\n"
    assert auraos("journal", "verify", "--all", "--data", "back").code == 0
    assert again.stop()[0] == 0
