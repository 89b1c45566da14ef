"""Settings from the command line: of a folder that nobody serves, and of a server, which follows them without a restart."""

import signal

import pytest

from command_line import CommandLine
from owned_server import OwnedServer, owned_server
from server_process import Server, until


@pytest.fixture
def server(tmp_path_factory) -> OwnedServer:
    served = CommandLine(tmp_path_factory.mktemp("served"))
    with owned_server(served, "--log-format", "json") as opened:
        yield opened


def test_what_is_set_in_a_folder_is_listed_with_its_source_and_its_history(auraos):
    assert auraos("settings", "set", "runs.retention", "90d", "--why", "the law").code == 0
    listed = auraos("settings", "list", "--json").json["settings"]
    told = {facts["name"]: (facts["value"], facts["source"]) for facts in listed}
    assert told["runs.retention"] == ("90d", "stored")
    assert told["log.level"] == ("info", "default")
    assert "runs.retention" in auraos("settings", "list").out
    (change,) = auraos("settings", "history", "runs.retention", "--json").json["changes"]
    assert (change["author"], change["before"], change["after"], change["why"]) == (
        "the console",
        None,
        "90d",
        "the law",
    )
    cleared = auraos("settings", "clear", "runs.retention", "--json").json["setting"]
    assert (cleared["value"], cleared["source"], cleared["revision"]) == ("30d", "default", 3)
    assert "90d → -" in auraos("settings", "history", "runs.retention").out


def test_what_the_environment_says_holds_and_is_not_set_over(auraos):
    auraos.environment["AURAOS_SETTING_LOG_LEVEL"] = "error"
    shown = auraos("settings", "get", "log.level")
    assert "source: environment, AURAOS_SETTING_LOG_LEVEL; default: info" in shown.out
    refused = auraos("settings", "set", "log.level", "debug")
    assert (refused.code, "error[setting-pinned]" in refused.err) == (2, True)
    auraos.environment["AURAOS_SETTING_LOG_LEVLE"] = "error"
    wrong = auraos("settings", "list")
    assert (wrong.code, "AURAOS_SETTING_LOG_LEVLE names no setting" in wrong.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("set", "log.level", "loud"), "setting-refused"),
        (("get", "log.levle"), "no-setting"),
        (("get", "log.level", "--for", "everybody"), "wrong-input"),
        (("get", "log.level", "--for", "workspace"), "no-setting"),
    ],
)
def test_what_cannot_be_is_said_with_what_can(auraos, words, code):
    done = auraos("settings", *words)
    assert (done.code, f"error[{code}]" in done.err, "Traceback" in done.err) == (2, True, False)


def test_a_server_follows_what_is_set_at_once(auraos, server):
    auraos.environment |= {"AURAOS_SERVER": server.url, "AURAOS_KEY": server.key}
    server.ask("GET", "/me")
    done = auraos("settings", "set", "log.level", "debug", "--json")
    assert (done.code, done.json["setting"]["value"]) == (0, "debug")
    server.ask("GET", "/me")
    limit = ("requests.largest-body", "3000", "--for", "workspace:default")
    assert auraos("settings", "set", *limit, "--json").json["setting"]["where"] == "workspace default"
    with pytest.raises(AssertionError, match="body-too-large"):
        server.ask("POST", "/definitions", {"text": "x" * 5000})
    shown = auraos("settings", "history", "requests.largest-body", "--for", "workspace", "--json")
    assert [change["after"] for change in shown.json["changes"]] == [3000]
    _, log = server.stop(signal.SIGTERM)
    assert log.count('"route":"/api/v1/me"') == 1


def test_a_file_beside_the_data_is_followed_while_the_server_serves(server, auraos):
    auraos.environment |= {"AURAOS_SERVER": server.url, "AURAOS_KEY": server.key}
    folder = next(path for path in server.folder.rglob("auraos.db")).parent
    (folder / "settings.yaml").write_text("requests.longest-body: 5s\n")

    def followed() -> bool:
        facts = auraos("settings", "get", "requests.longest-body", "--json").json["setting"]
        return (facts["value"], facts["source"]) == ("5s", "file")

    assert until(followed)


def test_a_value_of_a_wrong_file_keeps_a_server_from_starting_and_says_where(auraos):
    folder = auraos.folder / ".auraos"
    folder.mkdir()
    (folder / "settings.yaml").write_text("# mine\nlog.level: loud\n")
    done = auraos("serve", "--port", "0")
    assert (done.code, "Traceback" in done.err) == (2, False)
    assert "log.level cannot be 'loud'" in done.err


def test_another_process_of_the_same_store_follows_settings_and_switches_within_seconds(auraos, postgres_url):
    auraos.environment["AURAOS_DATABASE"] = postgres_url
    one = OwnedServer(auraos)
    other = Server(auraos)
    flag = "kind: flag\nname: fast\nspec: {type: boolean, default: on}\n"
    one.publish("flag", "fast", one.ask("POST", "/definitions", {"text": flag})["revision"])

    def ask_other(method: str, path: str, body: object) -> object:
        here, one.url = one.url, other.url
        try:
            return one.ask(method, path, body)
        finally:
            one.url = here

    def is_refused() -> bool:
        with pytest.raises(AssertionError) as refused:
            ask_other("POST", "/definitions", {"text": "x" * 5000})
        return "body-too-large" in str(refused.value)

    def reason() -> str:
        return str(ask_other("POST", "/flags/fast/explain", {})["reason"])

    assert (is_refused(), until(reason)) == (False, "STATIC")
    path = "/settings/requests.largest-body"
    assert one.ask("PUT", path, {"value": 3000}, If_Match='"1"')["value"] == 3000
    one.ask("POST", "/flags/fast/off", {"why": "test"})
    assert until(is_refused, 20)
    assert until(lambda: reason() == "DISABLED", 20)
    other.kill()
    one.kill()
