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
_ENDS = re.compile(r"^[\W\d_]+|[\W\d_]+$")


def is_common(password: str) -> bool:
    """Return whether a password, in small letters, is one of those that are tried first."""
    for form in {password, password.translate(_LEET)}:
        bare = _ENDS.sub("", form)
        if any(_is_made_of_words(each) for each in (bare, bare[::-1], form) if each):
            return True
    compact = re.sub(r"[\W_]", "", password)
    return any(_walks(walk, compact) for walk in _WALKS) or bool(re.fullmatch(r"\d{1,12}", compact))


def _is_made_of_words(text: str) -> bool:
    """Return whether a text is nothing but one or two of the words."""
    if text in _WORDS:
        return True
    return any(
        text[:at] in _WORDS and text[at:].lstrip("0123456789-_. ") in _WORDS for at in range(3, len(text) - 2)
    )


def _walks(walk: str, text: str) -> bool:
    """Return whether a text goes along a walk, there or back, over and over."""
    if len(text) < 4:
        return False
    for way in (walk, walk[::-1]):
        doubled = way * (len(text) // len(way) + 2)
        if text in doubled or any(text == (way[:size] * len(text))[: len(text)] for size in range(2, 9)):
            return True
    return False
