"""Passwords that are tried first: words, walks over the keyboard and dates, alone, doubled, turned round, with digits behind."""

import re

_WORDS = frozenset(
    [
        "password",
        "passwort",
        "passwd",
        "secret",
        "geheim",
        "welcome",
        "willkommen",
        "letmein",
        "administrator",
        "admin",
        "root",
        "master",
        "user",
        "login",
        "access",
        "changeme",
        "default",
        "guest",
        "test",
        "testing",
        "qwerty",
        "qwertz",
        "azerty",
        "asdfgh",
        "yxcvbn",
        "zxcvbn",
        "monkey",
        "dragon",
        "shadow",
        "sunshine",
        "princess",
        "football",
        "baseball",
        "basketball",
        "superman",
        "batman",
        "starwars",
        "pokemon",
        "iloveyou",
        "lovely",
        "freedom",
        "whatever",
        "trustno",
        "computer",
        "internet",
        "samsung",
        "google",
        "facebook",
        "linkedin",
        "microsoft",
        "windows",
        "android",
        "iphone",
        "apple",
        "ubuntu",
        "debian",
        "docker",
        "postgres",
        "oracle",
        "server",
        "database",
        "michael",
        "jennifer",
        "jessica",
        "charlie",
        "thomas",
        "daniel",
        "jordan",
        "hunter",
        "soccer",
        "hockey",
        "killer",
        "summer",
        "winter",
        "spring",
        "autumn",
        "sommer",
        "winter",
        "herbst",
        "fruehling",
        "monday",
        "friday",
        "hallo",
        "hello",
        "schatz",
        "fussball",
        "bayern",
        "berlin",
        "hamburg",
        "muenchen",
        "automation",
        "workflow",
        "auraos",
        "aura",
        "january",
        "february",
        "march",
        "april",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "januar",
        "februar",
        "maerz",
        "mai",
        "juni",
        "juli",
        "oktober",
        "dezember",
        "mustang",
        "ferrari",
        "porsche",
        "mercedes",
        "corvette",
        "cheese",
        "cookie",
        "chocolate",
        "banana",
        "orange",
        "purple",
        "yellow",
        "ginger",
        "pepper",
        "buster",
        "tigger",
        "maggie",
        "harley",
        "ranger",
        "snoopy",
        "chelsea",
        "arsenal",
        "liverpool",
        "barcelona",
        "realmadrid",
        "juventus",
        "manchester",
        "america",
        "england",
        "deutschland",
        "france",
        "london",
        "paris",
        "newyork",
        "passphrase",
        "correcthorsebatterystaple",
        "opensesame",
        "blink",
        "nothing",
        "something",
    ]
)
_WALKS = ("1234567890", "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm", "abcdefghijklmnopqrstuvwxyz",
          "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0")  # fmt: skip
_LEET = str.maketrans("013457@$!", "oieastasi")
_INNER = re.compile(r"[\W\d_]+")
_ENDS = re.compile(r"^[\W\d_]+|[\W\d_]+$")


MOST_WORDS = 3
"""So many of the words in a row are still among what is tried first."""


def is_common(password: str) -> bool:
    """Return whether a password, in small letters, is one of those that are tried first."""
    compact = re.sub(r"[\W_]", "", password)
    forms = {password, password.translate(_LEET), compact, compact.translate(_LEET)}
    forms |= {_ENDS.sub("", password).translate(_LEET)}
    bare = {_ENDS.sub("", form) for form in forms} | {_INNER.sub("", form) for form in forms}
    if any(_is_made_of_words(text) for form in bare for text in (form, form[::-1])):
        return True
    return any(_walks(walk, compact) for walk in _WALKS) or bool(re.fullmatch(r"\d{1,12}", compact))


def _is_made_of_words(text: str) -> bool:
    """Return whether a text is nothing but a few of the words, one behind the other."""
    fewest = {0: 0}
    for end in range(1, len(text) + 1):
        counts = [fewest[at] for at in fewest if text[at:end] in _WORDS]
        if counts:
            fewest[end] = min(counts) + 1
    return 0 < fewest.get(len(text), 0) <= MOST_WORDS


def _walks(walk: str, text: str) -> bool:
    """Return whether a text goes along a walk, there or back, over and over."""
    if len(text) < 4:
        return False
    for way in (walk, walk[::-1]):
        doubled = way * (len(text) // len(way) + 2)
        if text in doubled or any(text == (way[:size] * len(text))[: len(text)] for size in range(2, 9)):
            return True
    return False
