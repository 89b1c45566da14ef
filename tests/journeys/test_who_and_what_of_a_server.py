"""Secrets, keys, people, roles and workspaces of a server from the command line."""

import json

import pytest

from command_line import CommandLine
from owned_server import owned_server
from typing_person import typed


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with owned_server(CommandLine(tmp_path_factory.mktemp("served"))) as opened:
        yield opened


@pytest.fixture
def there(auraos, server):
    """The command line of the owner, signed in as a person just now."""
    auraos.environment |= {"AURAOS_SERVER": server.url, "AURAOS_KEY": server.session}
    return auraos


def test_a_secret_is_kept_replaced_shown_and_destroyed_and_its_value_is_printed_nowhere(there):
    kept = there("secrets", "set", "shop", "--host", "api.example.com", stdin="v4lue-one\n")
    assert (kept.code, kept.out) == (0, "shop is kept; it goes to api.example.com only.\n")
    again = there("secrets", "set", "shop", "--json", stdin="v4lue-two\n")
    assert (again.json["is_new"], again.json["secret"]["version"]) == (False, 2)
    basic = json.dumps({"user": "ada", "password": "v4lue-three"})
    assert (
        there("secrets", "set", "crm", "--kind", "basic", "--host", "crm.example.com", stdin=basic).code == 0
    )
    listed, shown = there("secrets", "list"), there("secrets", "uses", "shop")
    assert "basic" in listed.out
    assert "version 2" in shown.out
    rotated = there("secrets", "rotate", "--json").json
    assert rotated["sealed_anew"] == 3
    assert there("secrets", "revoke", "shop", "1", "--why", "It leaked.").code == 0
    assert there("secrets", "delete", "shop").out == "shop is deleted.\n"
    assert not any("v4lue" in text for one in (kept, again, listed, shown) for text in (one.out, one.err))
    assert "oauth2-refresh" in there("secrets", "kinds").out


def test_what_has_one_part_is_read_as_it_is(there):
    kept = there(
        "secrets",
        "set",
        "bot",
        "--kind",
        "bearer",
        "--host",
        "api.example.com",
        "--json",
        stdin="v4lue-six\n",
    )
    assert (kept.code, kept.json["secret"]["kind"]) == (0, "bearer")
    as_json = '{"token": "v4lue-seven"}'
    assert (
        there("secrets", "set", "bot", "--kind", "bearer", "--json", stdin=as_json).json["secret"]["version"]
        == 2
    )


def test_who_types_is_asked_for_each_part_and_sees_nothing_of_what_is_secret(there, tmp_path):
    (tmp_path / "password").write_text("v4lue-four\n")
    parts = [
        ("host", "mail.example.com"),
        ("port", "587"),
        ("encryption", ""),
        ("user", "ada"),
        ("password", "v4lue-five"),
    ]
    code, shown, printed = typed(
        there, "secrets", "set", "post", "--kind", "smtp", "--host", "mail.example.com", answers=parts
    )
    assert (code, printed) == (0, "post is kept; it goes to mail.example.com only.\n")
    assert ("v4lue" in shown, "ada" in shown, "Enter leaves it out" in shown) == (False, True, True)
    for answer, code in ((f"@{tmp_path}/password", 0), ("@@begins", 0), ("@absent", 2)):
        words = ("secrets", "set", "word", "--host", "a.example.com")
        assert typed(there, *words, answers=[("value", answer)])[0] == code
    wrong = [("host", "mail.example.com"), ("port", "many")]
    code, shown, _ = typed(there, "secrets", "set", "post", "--kind", "smtp", answers=wrong)
    assert (code, "port is a whole number" in shown) == (2, True)


@pytest.mark.parametrize(
    ("words", "stdin", "told"),
    [
        (("set", "x", "--host", "a.example.com"), "", "No value was given"),
        (("set", "x"), "hidden-value", "is bound to the hosts"),
        (
            ("set", "x", "--kind", "basic", "--host", "a.example.com"),
            '{"user": "hidden-value"}',
            "`password`",
        ),
        (("set", "x", "--kind", "basic", "--host", "a.example.com"), "hidden-value", "is no JSON"),
        (
            ("set", "x", "--kind", "colour", "--host", "a.example.com"),
            "hidden-value",
            "There are text, header",
        ),
        (("uses", "absent"), "", "error[no-secret]"),
    ],
)
def test_what_is_no_secret_is_refused_without_what_was_typed(there, words, stdin, told):
    done = there("secrets", *words, stdin=stdin)
    assert done.code == 2
    assert told in done.err
    assert "hidden-value" not in done.out + done.err


def test_a_service_account_gets_a_role_and_a_key_and_what_it_may_is_explained(there):
    assert there("services", "add", "robot").code == 0
    assert there("access", "explain", "robot", "runs.start", "workflow/greet").code == 1
    granted = there("access", "grant", "robot", "operator", "--to", "service", "--json").json["grant"]
    yes = there("access", "explain", "robot", "runs.start", "workflow/greet")
    assert (yes.code, yes.out.startswith("yes  ")) == (0, True)
    made = there("keys", "add", "for the robot", "--service", "robot", "--scope", "runs.*", "--json").json
    there.environment["AURAOS_KEY"], mine = made["token"], there.environment["AURAOS_KEY"]
    assert there("runs", "list").code == 0
    refused = there("secrets", "list")
    assert (refused.code, "error[not-allowed]" in refused.err) == (2, True)
    there.environment["AURAOS_KEY"] = mine
    assert made["token"] not in there("keys", "list", "--service", "robot").out
    assert there("keys", "revoke", made["key"]["id"], "--service", "robot").code == 0
    assert there("access", "revoke", granted["id"]).code == 0
    assert there("services", "remove", "robot").code == 0
    assert "robot" not in there("services", "list").out


def test_a_person_is_invited_let_out_and_let_in_again(there, server):
    invited = there("people", "add", "carl", "--title", "Carl", "--json").json
    server.ask(
        "POST", "/invitations/accept", {"token": invited["token"], "password": "a long way home"}, token=""
    )
    assert "carl" in there("people", "list").out
    assert there("people", "disable", "carl").out == "carl is disabled.\n"
    assert there("login", server.url, "--name", "carl", stdin="a long way home\n").code == 2
    assert there("people", "enable", "carl").out == "carl is active.\n"
    assert there("people", "reset", "carl", "--json").json["token"]


def test_keys_of_ones_own_are_made_and_revoked(there):
    made = there("keys", "add", "mine", "--workspace", "default")
    assert (made.code, "it is shown this once" in made.err) == (0, True)
    listed = {one["title"]: one for one in there("keys", "list", "--json").json["keys"]}
    assert listed["mine"]["workspace"] == "default"
    assert there("keys", "revoke", listed["mine"]["id"]).code == 0
    there.environment["AURAOS_KEY"] = made.out.strip()
    assert there("runs", "list").code == 2


def test_workspaces_are_made_and_listed(there):
    assert there("workspaces", "add", "second", "--title", "The second").code == 0
    assert [one["name"] for one in there("workspaces", "list", "--json").json["workspaces"]] == [
        "default",
        "second",
    ]
    again = there("workspaces", "add", "second")
    assert (again.code, "error[workspace-exists]" in again.err) == (2, True)
    assert "owner" in there("access", "grants").out
    assert "viewer" in there("access", "roles").out


def test_without_a_server_it_is_told_how_to_choose_one(auraos):
    done = auraos("secrets", "list")
    assert (done.code, "error[no-server-chosen]" in done.err, "auraos login https://" in done.err) == (
        2,
        True,
        True,
    )
