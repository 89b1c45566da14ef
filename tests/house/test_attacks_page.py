"""The page of attacks tells the truth: each test that it names is there and names its attack, and none is left out."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/explanation/attacks.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (S\d\d) \|.*\| ([^|]*) \|$", re.MULTILINE)
TESTED = {attack: re.findall(r"`([^`]+)`", tests) for attack, tests in ROW.findall(PAGE)}


def test_every_test_of_the_page_is_there_and_names_its_attack() -> None:
    missing = [
        f"{attack}: {path}"
        for attack, paths in TESTED.items()
        for path in paths
        if not (ROOT / path).is_file() or not re.search(rf"\b{attack}\b", (ROOT / path).read_text("utf-8"))
    ]
    assert missing == []
    assert all(TESTED.values())


def test_every_attack_is_on_the_page_once() -> None:
    told = PAGE.partition("## What does not apply yet")
    apart = re.findall(r"\bS\d\d\b", told[2])
    assert sorted([*TESTED, *apart]) == sorted(ATTACKS)


def test_every_attack_that_a_test_names_is_on_the_page() -> None:
    named = {
        attack
        for path in (ROOT / "tests").rglob("test_*.py")
        if path != Path(__file__)
        for attack in re.findall(r"\bS\d\d\b", path.read_text("utf-8"))
    }
    assert named - set(TESTED) == set()


ATTACKS = [f"S{number:02}" for number in range(1, 65)]
