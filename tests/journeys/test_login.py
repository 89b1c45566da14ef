"""A server and the command line of somebody who comes to it: signing in, choosing among servers, and being let go."""

import json
import stat
from datetime import UTC, datetime

import pyotp
import pytest

from command_line import CommandLine
from owned_server import PASSWORD, OwnedServer, owned_server
from typing_person import typed


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> OwnedServer:
    with owned_server(CommandLine(tmp_path_factory.mktemp("served"))) as opened:
        yield opened


def test_a_key_is_kept_where_only_its_owner_reads_it_and_is_printed_nowhere(auraos, server):
    done = auraos("login", server.url, "--profile", "shop", stdin=f"{server.key}\n")
    assert (done.code, done.err) == (0, "")
    assert f"{server.url} knows you as ada; it is kept as the profile shop.\n" in done.out
    kept = auraos.state / "profiles.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert json.loads(kept.read_text())["profiles"]["shop"]["key"] == server.key
    shown = [auraos("profiles", "list", *more) for more in ((), ("--json",))]
    assert "* shop" in shown[0].out
    assert shown[1].json["current"] == "shop"
    assert not any(server.key in text for one in (done, *shown) for text in (one.out, one.err))


def test_a_session_of_a_password_ends_at_the_server_with_logout(auraos, server):
    assert auraos("login", server.url, "--name", "ada", "--profile", "mine", stdin=f"{PASSWORD}\n").code == 0
    token = json.loads((auraos.state / "profiles.json").read_text())["profiles"]["mine"]["key"]
    assert server.ask("GET", "/me", token=token)["name"] == "ada"
    done = auraos("logout", "--json")
    assert done.json == {"ok": True, "profile": "mine", "session_ended": True}
    assert token not in (auraos.state / "profiles.json").read_text()
    with pytest.raises(AssertionError, match="not-signed-in"):
        server.ask("GET", "/me", token=token)
    assert "* local" in auraos("profiles", "list").out


def test_a_second_factor_is_asked_for_where_the_account_wants_one(auraos, server):
    invited = server.ask("POST", "/people", {"name": "bob"})
    server.ask("POST", "/invitations/accept", {"token": invited["token"], "password": PASSWORD}, token="")
    credentials = {"name": "bob", "password": PASSWORD, "carry": "token"}
    session = server.ask("POST", "/sign-in", credentials, token="")["token"]
    setup = server.ask("POST", "/me/totp", token=session)
    app = pyotp.TOTP(setup["secret"])
    code = app.at(datetime.now(UTC))
    server.ask("PUT", "/me/totp", {"setup": setup["setup"], "code": code}, token=session)
    asked = auraos("login", server.url, "--name", "bob", stdin=f"{PASSWORD}\n")
    assert (asked.code, "error[wrong-input]: Nothing was given" in asked.err) == (2, True)
    later = app.at(datetime.now(UTC), counter_offset=1)
    done = auraos("login", server.url, "--name", "bob", "--json", stdin=f"{PASSWORD}\n{later}\n")
    assert (done.code, done.json["who"]) == (0, "bob")


@pytest.mark.parametrize(
    ("words", "stdin", "code", "told"),
    [
        ((), "auraos_wrong\n", 2, "error[not-signed-in]"),
        (("--name", "ada"), "wrong\n", 2, "error[sign-in-refused]"),
        ((), "", 2, "Nothing was given to be known by."),
        (("--profile", "local"), "x\n", 2, "cannot be the name of a profile"),
        (("--authority", "absent.pem"), "x\n", 2, "absent.pem is no file of a certificate authority"),
    ],
)
def test_nothing_is_kept_of_who_is_not_known(auraos, server, words, stdin, code, told):
    done = auraos("login", server.url, *words, stdin=stdin)
    assert done.code == code
    assert told in done.err
    assert not (auraos.state / "profiles.json").exists()


@pytest.mark.parametrize(
    ("url", "code", "told"),
    [
        ("http://127.0.0.1:9", 4, "error[server-unreachable]: Nobody answers at http://127.0.0.1:9"),
        ("http://auraos.example.com", 2, "is not encrypted: whoever is between could read the key"),
        ("ftp://auraos.example.com", 2, "is not the address of a server"),
        ("https://nothing.invalid", 4, "the name is not known"),
    ],
)
def test_a_wrong_address_is_told_before_any_key_is_asked_for(auraos, url, code, told):
    done = auraos("login", url, stdin="never read\n")
    assert done.code == code
    assert told in done.err


def test_a_profile_that_is_not_there_is_told_with_what_to_do(auraos):
    done = auraos("profiles", "use", "absent")
    assert (done.code, "error[no-profile]: There is no profile 'absent'." in done.err) == (2, True)
    assert auraos("logout").code == 2


def test_what_is_typed_on_a_terminal_is_not_shown_there(auraos, server):
    typing = [("Password of ada: ", PASSWORD)]
    code, shown, printed = typed(auraos, "login", server.url, "--name", "ada", answers=typing)
    assert (code, "knows you as ada" in printed) == (0, True)
    assert PASSWORD not in shown + printed
    code, shown, printed = typed(
        auraos, "login", server.url, "--profile", "k", answers=[("API key", server.key)]
    )
    assert (code, server.key in shown + printed) == (0, False)
