"""Feature flags of a real server, asked for by programs: by the provider that comes along, and by that of the protocol."""

import time

import pytest
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import ErrorCode, Reason

from auraos.client.openfeature import AuraOSProvider
from command_line import CommandLine
from flagged_runs import FAILS, RELEASE
from owned_server import OwnedServer, owned_server
from server_process import until

BOOLEAN = "kind: flag\nname: fast\nspec:\n  type: boolean\n  default: {on: 30, off: 70}\n"
STRING = (
    "kind: flag\nname: colour\nspec:\n  type: string\n  variants: {warm: red, cold: blue}\n  default: cold\n"
    "  off: cold\n  rules: [{when: \"context.country == 'ES'\", variant: warm}]\n"
)
NUMBER = "kind: flag\nname: limit\nspec:\n  type: number\n  variants: {a: 7}\n  default: a\n  off: a\n"
OBJECT = "kind: flag\nname: look\nspec:\n  type: object\n  variants: {a: {size: 2}}\n  default: a\n  off: a\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> OwnedServer:
    with owned_server(CommandLine(tmp_path_factory.mktemp("served"))) as opened:
        for text in (BOOLEAN, STRING, NUMBER, OBJECT):
            made = opened.ask("POST", "/definitions", {"text": text})
            publish(opened, made["name"], made["revision"])
        yield opened


def publish(server: OwnedServer, name: str, revision: int) -> None:
    server.ask("POST", f"/definitions/flag/{name}/publish", {}, if_match=f'"{revision}"')


@pytest.fixture(params=["ours", "protocol"])
def client(request, server):
    """Return a client of OpenFeature with each provider."""
    provider = (
        AuraOSProvider(server.url, server.key)
        if request.param == "ours"
        else OFREPProvider(server.url, headers_factory=lambda: {"Authorization": f"Bearer {server.key}"})
    )
    api.set_provider(provider)
    yield api.get_client()
    api.shutdown()


def test_flags_of_each_type_are_given_with_their_reason(client):
    spain = EvaluationContext("user-7", {"country": "ES"})
    found = client.get_string_details("colour", "none", spain)
    assert (found.value, found.variant, found.reason) == ("red", "warm", Reason.TARGETING_MATCH)
    assert client.get_string_value("colour", "none", EvaluationContext("user-7")) == "blue"
    assert client.get_integer_value("limit", 0) == 7
    assert client.get_object_value("look", {}) == {"size": 2}
    assert client.get_integer_details("limit", 0).reason == Reason.STATIC


def test_a_split_gives_each_the_same_every_time_and_about_the_share_that_it_says(client):
    def given(number: int) -> bool:
        return client.get_boolean_value("fast", False, EvaluationContext(f"user-{number}"))

    first = [given(number) for number in range(60)]
    assert first == [given(number) for number in range(60)]
    assert 8 <= sum(first) <= 28
    assert client.get_boolean_details("fast", False, EvaluationContext("user-1")).reason == Reason.SPLIT


def test_what_goes_wrong_leaves_the_default_and_says_why(client):
    missing = client.get_boolean_details("no-such-flag", True)
    assert (missing.value, missing.error_code) == (True, ErrorCode.FLAG_NOT_FOUND)
    keyless = client.get_boolean_details("fast", True)
    assert (keyless.value, keyless.error_code) == (True, ErrorCode.TARGETING_KEY_MISSING)
    wrong = client.get_boolean_details("colour", True, EvaluationContext("user-1"))
    assert (wrong.value, wrong.error_code) == (True, ErrorCode.TYPE_MISMATCH)


def test_a_flag_that_is_switched_off_is_off_for_everybody_at_once(client, server):
    server.ask("POST", "/flags/colour/off", {"why": "it burns"})
    found = client.get_string_details("colour", "none", EvaluationContext("user-7", {"country": "ES"}))
    assert (found.value, found.reason) == ("blue", Reason.DISABLED)
    server.ask("POST", "/flags/colour/on", {})
    assert client.get_string_value("colour", "none", EvaluationContext("user-7", {"country": "ES"})) == "red"


def test_a_server_that_is_away_leaves_the_default():
    provider = AuraOSProvider("http://127.0.0.1:9", "auk_nothing", patience=2.0)
    api.set_provider(provider)
    began = time.monotonic()
    found = api.get_client().get_boolean_details("fast", True)
    assert (found.value, found.error_code) == (True, ErrorCode.GENERAL)
    assert time.monotonic() - began < 4
    api.shutdown()


def test_a_flag_keeps_runs_from_beginning_until_it_is_switched_back(server):
    text = "kind: workflow\nname: greet\nspec:\n  steps:\n    a: {type: noop}\n"
    made = server.ask("POST", "/definitions", {"text": text})
    server.ask("POST", "/definitions/workflow/greet/publish", {}, if_match=f'"{made["revision"]}"')
    assert server.ask("POST", "/workflows/greet/runs?wait=5", {})["state"] == "succeeded"
    guide = "kind: flag\nname: auraos-start-runs\nspec: {type: boolean, default: on}\n"
    publish(server, "auraos-start-runs", server.ask("POST", "/definitions", {"text": guide})["revision"])

    def is_known() -> bool:
        return "auraos-start-runs" in [each["name"] for each in server.ask("GET", "/flags")["items"]]

    until(is_known)
    server.ask("POST", "/flags/auraos-start-runs/off", {"why": "maintenance"})
    with pytest.raises(AssertionError, match="starts-off"):
        server.ask("POST", "/workflows/greet/runs", {})
    server.ask("POST", "/flags/auraos-start-runs/on", {})
    assert server.ask("POST", "/workflows/greet/runs?wait=5", {})["state"] == "succeeded"


def test_a_new_version_that_fails_is_taken_back_by_itself_and_the_command_line_says_why(server):
    for number in (1, 2):
        publish_text(server, "workflow", "greet-all", FAILS.format(name="greet-all", said=number))
    guard = "  guard: {runs: 3, failures: 20}\n  rules: [{when: context.bad, variant: new}]\n"
    text = RELEASE.replace("greet", "greet-all").format(new=2, old=1, default="old", more=guard)
    publish_text(server, "flag", "auraos-version-of-greet-all", text)

    def start(**given: object) -> dict:
        return server.ask("POST", "/workflows/greet-all/runs?wait=10", {"input": given})

    def facts() -> dict:
        found = server.ask("GET", "/flags")["items"]
        return next((one for one in found if one["name"] == "auraos-version-of-greet-all"), {})

    until(facts)
    assert (start()["state"], start()["output"]) == ("succeeded", {"said": 1})
    for _ in range(3):
        assert start(bad=True)["state"] == "failed"
    until(lambda: facts()["is_off"])
    assert facts()["why"].startswith("3 of the last 3 runs (100.0 %) of greet-all version 2 failed")
    listed = CommandLine(server.folder)
    listed.environment |= {"AURAOS_SERVER": server.url, "AURAOS_KEY": server.session}
    shown = listed("flags", "list").out
    assert "auraos-version-of-greet-all: off since" in shown
    assert "by the guard of auraos-version-of-greet-all: 3 of the last 3 runs" in shown
    assert "the flag is switched off" in listed("flags", "explain", "auraos-version-of-greet-all").out
    assert "gives again what it says" in listed("flags", "on", "auraos-version-of-greet-all").out
    (entry,) = server.ask("GET", "/audit?action=flags.switch&who=flag-guard")["items"]
    assert (entry["actor"]["kind"], entry["object"]["name"]) == ("house", "auraos-version-of-greet-all")


ASKS = """kind: workflow
name: asks
spec:
  steps:
    fast: {type: flag, with: {flag: asked, key: user-1}}
    new_way: {type: noop, with: {value: new}}
    old_way: {type: noop, with: {value: old}}
  links: [fast.true -> new_way, fast.false -> old_way]
  output: "{{ steps.new_way or steps.old_way }}"
"""


def test_a_run_of_a_server_asks_a_flag_of_its_workspace_and_it_is_counted(server):
    publish_text(server, "flag", "asked", BOOLEAN.replace("fast", "asked").replace("{on: 30, off: 70}", "on"))
    publish_text(server, "workflow", "asks", ASKS)
    assert server.ask("POST", "/workflows/asks/runs?wait=10", {})["output"] == "new"
    server.ask("POST", "/flags/asked/off", {})
    assert server.ask("POST", "/workflows/asks/runs?wait=10", {})["output"] == "old"
    (used,) = [each for each in server.ask("GET", "/flags")["items"] if each["name"] == "asked"]
    assert used["given"] == {"off": 1, "on": 1}


def publish_text(server: OwnedServer, kind: str, name: str, text: str) -> None:
    """Publish a definition, or another version of it."""
    known = [each["name"] for each in server.ask("GET", f"/definitions?kind={kind}")["items"]]
    if name in known:
        revision = server.ask("GET", f"/definitions/{kind}/{name}")["revision"]
        saved = server.ask(
            "PUT", f"/definitions/{kind}/{name}/draft", {"text": text}, if_match=f'"{revision}"'
        )
    else:
        saved = server.ask("POST", "/definitions", {"text": text})
    server.ask("POST", f"/definitions/{kind}/{name}/publish", {}, if_match=f'"{saved["revision"]}"')
