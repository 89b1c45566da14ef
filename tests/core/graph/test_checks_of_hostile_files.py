"""Files that are written to keep the checks busy: thousands of misspelt names are looked up, not compared with each other."""

import time

import pytest

from auraos.app.installed import load_installed
from auraos.core.graph import check_text
from auraos.core.graph.findings import nearest

HEAD = "kind: workflow\nname: w\nspec:\n  steps:\n"
MISSPELT = {
    "what steps read": HEAD
    + "".join(
        f"    step{n}: {{type: noop, with: {{value: '{{{{ steps.stpe{n} }}}}'}}}}\n" for n in range(2_000)
    ),
    "their types": HEAD + "".join(f"    step{n}: {{type: noopp}}\n" for n in range(2_000)),
    "links": HEAD
    + "".join(f"    step{n}: {{type: noop}}\n" for n in range(2_000))
    + f"  links: [{', '.join(f'stpe{n} -> stpe{n + 1}' for n in range(2_000))}]\n",
}


@pytest.mark.parametrize("text", MISSPELT.values(), ids=MISSPELT.keys())
def test_thousands_of_misspelt_names_are_found_in_a_moment(text: str) -> None:
    catalogue = load_installed().catalogue
    started = time.process_time()
    assert len(check_text(text, catalogue)) >= 1_000
    assert time.process_time() - started < 5


@pytest.mark.parametrize("word", ["amuont", "amoun", "amounts", "amaunt", "Amount"])
@pytest.mark.parametrize("others", [3, 2_000])
def test_a_slip_of_one_letter_is_seen_among_few_names_and_among_many(word: str, others: int) -> None:
    assert nearest(word, [*(f"step_{n}x" for n in range(others)), "amount"]) == "amount"


def test_among_many_names_what_is_like_none_has_no_nearest() -> None:
    assert nearest("zzz", [f"step_{n}x" for n in range(2_000)]) is None
