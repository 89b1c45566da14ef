"""How fast workflows are checked: the whole way from text to problems, as every edit in the browser takes it.

The yardstick is PyYAML's own C loader reading the same text and checking nothing; `must` and `aim` are in milliseconds
of processor time, which other work on the machine changes least.
"""

import gc
from time import process_time
from typing import Any

import yaml

from auraos.app.installed import load_installed
from auraos.core.document import parse
from auraos.core.graph import check_text

ROUNDS = 5


def rows() -> list[dict[str, Any]]:
    """Measure, and return one row per promise."""
    catalogue = load_installed().catalogue
    check_text(workflow_of(10), catalogue)
    return [
        _row("check 100 steps, parsing included (ms)", workflow_of(100), catalogue, must=200, aim=50),
        _row(
            "check 2,000 steps, parsing included (ms)", workflow_of(2_000), catalogue, must=2_000, aim=1_000
        ),
        _row("check 2,000 steps, all branching (ms)", branching(2_000), catalogue, must=2_000, aim=1_000),
    ]


def workflow_of(count: int) -> str:
    """Return a workflow as people write them: requests with retry, conditions, loops, and expressions in all of them."""
    steps: list[str] = []
    links: list[str] = []
    before = ""
    for number in range(count // 5):
        name = f"n{number}"
        read = f"{{{{ steps.{before}.amount }}}}" if before else "{{ input.amount }}"
        steps += [
            f"    ask_{name}: {{type: if, with: {{condition: '{{{{ input.amount > {number} }}}}'}}}}",
            f"    get_{name}:",
            "      type: http.request",
            "      with:",
            f"        url: 'https://prices.example/{{{{ input.sku }}}}/{number}'",
            f"        headers: {{X-Amount: '{read}'}}",
            "      retry: {attempts: 5, first: 1s, max: 1m}",
            "      timeout: 30s",
            f"    each_{name}:",
            "      type: foreach",
            "      with: {items: '{{ input.lines }}', parallel: 4}",
            "      steps:",
            f"        price_{name}:",
            "          type: transform",
            "          with:",
            "            set: {sku: '{{ item.sku }}', price: '{{ item.qty * item.price }}'}",
            f"    total_{name}:",
            "      type: transform",
            "      with:",
            f"        set: {{amount: '{{{{ sum(line.price for line in steps.each_{name}) }}}}'}}",
        ]
        links += [f"    - ask_{name}.true -> get_{name}", f"    - get_{name} -> each_{name}"]
        links += [f"    - ask_{name}.false -> each_{name}", f"    - each_{name} -> total_{name}"]
        links += [f"    - {before} -> ask_{name}"] if before else []
        before = f"total_{name}"
    return _document(steps, links, f"{{{{ steps.{before}.amount }}}}")


def branching(count: int) -> str:
    """Return a workflow of diamonds, each step of which reads across the one before: the hard case for order."""
    steps = ["    s0: {type: noop, with: {value: 1}}"]
    links: list[str] = []
    for number in range(1, count // 4):
        last = f"s{number - 1}"
        condition = f"{{{{ steps.{last} > {number} }}}}"
        steps += [
            f"    if_{number}: {{type: if, with: {{condition: '{condition}'}}}}",
            f"    a{number}: {{type: noop, with: {{value: '{{{{ steps.{last} }}}}'}}}}",
            f"    b{number}: {{type: noop, with: {{value: '{{{{ steps.{last} }}}}'}}}}",
            f"    s{number}: {{type: noop, with: {{value: '{{{{ steps.a{number} or steps.b{number} or steps.s0 }}}}'}}}}",
        ]
        links += [f"    - {last} -> if_{number}", f"    - if_{number}.true -> a{number}"]
        links += [
            f"    - if_{number}.false -> b{number}",
            f"    - a{number} -> s{number}",
            f"    - b{number} -> s{number}",
        ]
    return _document(steps, links, "{{ steps.s0 }}")


def _document(steps: list[str], links: list[str], output: str) -> str:
    head = ["kind: workflow", "name: large", "spec:", "  input:", "    type: object"]
    return "\n".join([*head, "  steps:", *steps, "  links:", *links, f"  output: '{output}'", ""])


def _row(name: str, text: str, catalogue: Any, *, must: int, aim: int) -> dict[str, Any]:
    problems = check_text(text, catalogue)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors or parse(text).tree is None:
        raise AssertionError(f"The workflow of this benchmark has mistakes: {errors[:1]}")
    ours = _best(lambda: check_text(text, catalogue))
    yardstick = _best(lambda: yaml.load(text, Loader=yaml.CSafeLoader))
    return {
        "name": name,
        "ours": round(ours, 1),
        "yardstick": round(yardstick, 1),
        "ratio": round(ours / yardstick, 2),
        "must": must,
        "aim": aim,
        "met": ours <= must,
    }


def _best(work: Any) -> float:
    """Return the milliseconds of processor time of the best of a few rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        gc.collect()
        started = process_time()
        work()
        best = min(best, process_time() - started)
    return best * 1_000
