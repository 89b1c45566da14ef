"""L06: keys are made, shown without being shown, changed; and values are sealed that no server can read."""

import base64
import json
import stat

import pytest

from served_house import ServedHouse

ECHO = """kind: workflow
name: echo
spec:
  input: {type: string}
  steps: {a: {type: noop, with: {value: "{{ input }}"}}}
  output: "{{ steps.a }}"
"""
CANARY = "canary-7f20: äöü"


@pytest.fixture
def key(auraos):
    assert auraos("encryption", "generate", "--out", "mine.key").code == 0
    return "mine.key"


def test_a_key_is_made_for_its_owner_only_and_never_written_over(auraos, key):
    path = auraos.folder / key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(base64.b64decode(path.read_text())) == 32
    again = auraos("encryption", "generate", "--out", key)
    assert (again.code, "no key is written over" in again.err) == (2, True)
    printed = [auraos("encryption", "generate").out for _ in range(2)]
    assert len({*printed, path.read_text()}) == 3


def test_a_value_that_was_sealed_goes_through_a_server_that_cannot_read_it(auraos, key):
    sealed = auraos("encryption", "encrypt", "--key-file", key, stdin=CANARY).out.strip()
    assert sealed.startswith("auraos-sealed:1:")
    server = ServedHouse(auraos)
    server.publish(ECHO)
    row = server.start("echo", sealed, wait=20)
    server.server.stop()
    assert row["output"] == sealed
    opened = auraos("encryption", "decrypt", "--key-file", key, stdin=row["output"])
    assert opened.out == CANARY
    kept = [path.read_bytes() for path in (auraos.folder / ".auraos").rglob("*") if path.is_file()]
    assert [content for content in kept if b"canary-7f20" in content] == []


@pytest.mark.parametrize("harm", ["", "auraos-sealed:1:", "auraos-sealed:1:AAAA", "hello", "changed", "cut"])
def test_what_was_changed_does_not_open(auraos, key, harm):
    sealed = auraos("encryption", "encrypt", "--key-file", key, stdin=CANARY).out.strip()
    harmed = {"changed": sealed[:-6] + "AAAA" + sealed[-2:], "cut": sealed[:-12]}.get(harm, harm)
    refused = auraos("encryption", "decrypt", "--key-file", key, stdin=harmed)
    assert (refused.code, refused.out, "Traceback" in refused.err) == (2, "", False)


def test_another_key_is_told_from_the_right_one_and_one_that_others_may_read_is_refused(auraos, key):
    sealed = auraos("encryption", "encrypt", "--key-file", key, stdin=CANARY).out
    auraos("encryption", "generate", "--out", "other.key")
    refused = auraos("encryption", "decrypt", "--key-file", "other.key", stdin=sealed)
    assert (refused.code, "It was sealed by the key" in refused.err) == (2, True)
    (auraos.folder / key).chmod(0o644)
    assert "Others may read the key" in auraos("encryption", "encrypt", "--key-file", key, stdin="x").err


def test_keys_of_a_server_are_shown_and_changed_without_being_shown(auraos):
    server = ServedHouse(auraos)
    made = server.ask("POST", "/api/v1/me/keys", {"title": "for tests"}, status=(200, 201))
    auraos.environment |= {"AURAOS_SERVER": server.server.url, "AURAOS_KEY": made["token"]}
    value = {"credential": {"kind": "bearer", "token": CANARY}, "hosts": ["stock.example"]}
    server.ask(
        "POST",
        "/api/v1/secrets",
        {"name": "stock", "value": {**value, "credential": {"kind": "text", "value": CANARY}}},
        status=201,
    )
    assert auraos("encryption", "rotate").out == "Version 2 of the key seals 1 values anew.\n"
    shown = auraos("encryption", "keys", "--json")
    keys = json.loads(shown.out)["keys"]
    assert [(one["version"], one["state"]) for one in keys] == [(2, "live"), (1, "retired")]
    assert set(keys[0]) <= {"id", "version", "state", "master", "created_at", "retired_at"}
    refused = auraos("encryption", "rotate", "--master")  # a key of a program proves nobody
    assert (refused.code, "signed in" in refused.err) == (2, True)
    server.end()
