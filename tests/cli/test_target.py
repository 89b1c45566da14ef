"""Whom a command asks: what the command line says, then the environment, then the profile that is in use."""

import pytest

from auraos.app.remote.profiles import LOCAL, NoProfileError, Profile, Profiles
from auraos.cli import target
from auraos.cli.failures import WrongInputError
from auraos.cli.target import NoServerChosenError, Wish, chosen, is_exposed, take_options

SHOP, LAB = "https://shop.example.com", "https://lab.example.com"


@pytest.fixture
def user(tmp_path):
    """The environment of a user with two profiles, of which `shop` is in use."""
    environment = {"AURAOS_STATE_HOME": str(tmp_path)}
    profiles = Profiles.of(environment)
    profiles.keep("shop", Profile(url=SHOP, key="key-of-shop", workspace="sales"), use=True)
    profiles.keep("lab", Profile(url=LAB, key="key-of-lab"), use=False)
    return environment


def seen(user, wish=None, **environment):
    token = target._wish.set(wish or Wish())
    try:
        found = chosen({**user, **environment})
    finally:
        target._wish.reset(token)
    return None if found is None else (found.at.url, found.at.key, found.at.workspace)


@pytest.mark.parametrize(
    ("wish", "environment", "expected"),
    [
        (Wish(), {}, (SHOP, "key-of-shop", "sales")),
        (Wish(profile="lab"), {}, (LAB, "key-of-lab", "")),
        (Wish(profile=LOCAL), {"AURAOS_SERVER": LAB}, None),
        (Wish(is_local=True), {"AURAOS_SERVER": LAB}, None),
        (Wish(server=LAB + "/"), {}, (LAB, "key-of-lab", "")),
        (Wish(server=LAB), {"AURAOS_KEY": "given"}, (LAB, "given", "")),
        (Wish(), {"AURAOS_SERVER": LAB, "AURAOS_KEY": "given"}, (LAB, "given", "")),
        (Wish(), {"AURAOS_SERVER": LAB}, (LAB, "key-of-lab", "")),
        (Wish(), {"AURAOS_PROFILE": "lab"}, (LAB, "key-of-lab", "")),
        (Wish(profile="shop"), {"AURAOS_PROFILE": "lab"}, (SHOP, "key-of-shop", "sales")),
        (Wish(workspace="legal"), {"AURAOS_WORKSPACE": "hr"}, (SHOP, "key-of-shop", "legal")),
        (Wish(), {"AURAOS_WORKSPACE": "hr"}, (SHOP, "key-of-shop", "hr")),
    ],
)
def test_the_nearest_word_wins(user, wish, environment, expected):
    assert seen(user, wish, **environment) == expected


def test_no_key_goes_to_another_address_than_the_one_that_it_was_given_for(user):
    with pytest.raises(NoServerChosenError, match=r"There is no key for https://evil\.example\.com"):
        seen(user, Wish(server="https://evil.example.com"))
    with pytest.raises(NoServerChosenError):
        seen(user, Wish(server="https://evil.example.com"), AURAOS_SERVER=SHOP, AURAOS_KEY="given")
    with pytest.raises(NoServerChosenError):
        seen(user, Wish(server="http://shop.example.com"))


def test_a_profile_that_is_not_there_is_not_passed_over_in_silence(user):
    with pytest.raises(NoProfileError):
        seen(user, Wish(profile="absent"))


def test_a_user_without_profiles_asks_no_server(tmp_path):
    assert seen({"AURAOS_STATE_HOME": str(tmp_path)}) is None


def test_options_that_say_whom_to_ask_stand_anywhere_in_the_line():
    rest, wish = take_options(["runs", "--server=https://a.example", "list", "--workspace", "hr", "--json"])
    assert (rest, wish) == (["runs", "list", "--json"], Wish(server="https://a.example", workspace="hr"))
    assert take_options(["runs", "list", "--data", "x"])[1] == Wish(is_local=True)


@pytest.mark.parametrize(
    "words",
    [
        ["--server"],
        ["--server", "--json"],
        ["--profile="],
        ["--server", SHOP, "--profile", "shop"],
        ["--server", SHOP, "--data", "x"],
    ],
)
def test_what_does_not_say_clearly_whom_to_ask_is_refused(words):
    with pytest.raises(WrongInputError):
        take_options(["runs", "list", *words])


@pytest.mark.parametrize(
    ("url", "exposed"),
    [(SHOP, False), ("http://127.0.0.1:8321", False), ("http://localhost", False), ("http://10.0.0.7", True)],
)
def test_what_others_could_read_on_the_way_is_known(url, exposed):
    assert is_exposed(url) is exposed
