"""How fast expressions are: each row beside CPython's own compiled `eval`, or `simpleeval`, measured in the same run.

`must` and `aim` bound the ratio where the name says nothing else; rows in microseconds have their bound in microseconds.
"""

import gc
import sys
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from simpleeval import EvalWithCompoundTypes

from auraos.core.expressions import compile_expression, compile_template

CONDITION = 'amount > 100 and country in ["DE","FR"]'
SCOPE = {"amount": 120, "country": "FR"}
LINES = {
    "input": {
        "lines": [{"sku": f"A{n}", "name": "Bolt", "qty": n, "price": 3, "vat": 19} for n in range(1, 6)]
    }
}
MAPPING = '[{"sku": l.sku, "name": l.name, "amount": l.qty * l.price, "vat": l.vat, "many": l.qty > 3} for l in input.lines]'
MAPPING_IN_PYTHON = (
    "[{'sku': l['sku'], 'name': l['name'], 'amount': l['qty'] * l['price'], 'vat': l['vat'], 'many': l['qty'] > 3}"
    " for l in input['lines']]"
)


def rows() -> list[dict[str, Any]]:
    """Measure, and return one row per promise."""
    return [
        _condition(),
        _against_simpleeval(),
        _thousand_rules(),
        _mapping(),
        _path(),
        _template(),
        _compiling(),
    ]


def measure(work: Callable[[], object], *, seconds: float = 0.25, rounds: int = 7) -> float:
    """Return the nanoseconds that one call takes in the best of several rounds."""
    started = perf_counter_ns()
    for _ in range(20):
        work()
    count = max(1, int(seconds * 1e9 / rounds / max(1, (perf_counter_ns() - started) / 20)))
    best = float("inf")
    gc.disable()
    try:
        for _ in range(rounds):
            started = perf_counter_ns()
            for _ in range(count):
                work()
            best = min(best, (perf_counter_ns() - started) / count)
    finally:
        gc.enable()
    return best


def _row(name: str, ours: float, yardstick: float, must: float, aim: float) -> dict[str, Any]:
    ratio = ours / yardstick
    return {"name": name, "ours": round(ours, 1), "yardstick": round(yardstick, 1), "ratio": round(ratio, 3),
            "must": must, "aim": aim, "met": ratio <= must}  # fmt: skip


def _bounded(name: str, ours: float, yardstick: float, must: float, aim: float) -> dict[str, Any]:
    return {"name": name, "ours": round(ours, 2), "yardstick": round(yardstick, 2), "ratio": round(ours / yardstick, 3),
            "must": must, "aim": aim, "met": ours <= must}  # fmt: skip


def _condition() -> dict[str, Any]:
    evaluate = compile_expression(CONDITION).evaluate
    code = compile(CONDITION, "<bench>", "eval")
    ours = measure(lambda: evaluate(SCOPE))
    return _row(
        "a condition, ns, against CPython's compiled eval",
        ours,
        measure(lambda: eval(code, {}, SCOPE)),
        5.0,
        3.0,
    )


def _against_simpleeval() -> dict[str, Any]:
    evaluate = compile_expression(CONDITION).evaluate
    other = EvalWithCompoundTypes(names=SCOPE)
    parsed = other.parse(CONDITION)
    ours, yardstick = measure(lambda: evaluate(SCOPE)), measure(lambda: other.eval(CONDITION, parsed))
    return _row("a condition, ns, against simpleeval (parsed before)", ours, yardstick, 1.0, 0.2)


def _thousand_rules() -> dict[str, Any]:
    sources = [f'amount > {n} and country in ["DE","FR","A{n}"]' for n in range(1000)]
    rules = [compile_expression(source).evaluate for source in sources]
    codes = [compile(source, "<bench>", "eval") for source in sources]
    ours = measure(lambda: [rule(SCOPE) for rule in rules]) / 1000
    yardstick = measure(lambda: [eval(code, {}, SCOPE) for code in codes]) / 1000
    return _bounded("1,000 rules over one context, µs, against eval", ours, yardstick, 1500.0, 500.0)


def _mapping() -> dict[str, Any]:
    evaluate = compile_expression(MAPPING).evaluate
    code = compile(MAPPING_IN_PYTHON, "<bench>", "eval")
    assert evaluate(LINES) == eval(code, {}, LINES)
    ours, yardstick = measure(lambda: evaluate(LINES)) / 1000, measure(lambda: eval(code, {}, LINES)) / 1000
    return _bounded("five fields over five lines, µs, against eval", ours, yardstick, 25.0, 15.0)


def _path() -> dict[str, Any]:
    scope = {"steps": {"total": {"amount": 5}}}
    evaluate = compile_expression("steps.total.amount").evaluate
    code = compile("steps['total']['amount']", "<bench>", "eval")
    return _row("steps.total.amount, ns, against eval", measure(lambda: evaluate(scope)),
                measure(lambda: eval(code, {}, scope)), 2.0, 1.0)  # fmt: skip


def _template() -> dict[str, Any]:
    template = compile_template(
        {"url": "https://x.example/{{ input.id }}", "json": {"a": "{{ input.a }}", "b": [1, "{{ input.b }}"]}}
    )
    scope = {"input": {"id": 7, "a": {"x": 1}, "b": 2.5}}

    def by_hand() -> object:
        found = scope["input"]
        return {"url": f"https://x.example/{found['id']}", "json": {"a": found["a"], "b": [1, found["b"]]}}

    ours = measure(lambda: template.evaluate(scope)) / 1000
    return _bounded(
        "a template of three, µs, against Python by hand", ours, measure(by_hand) / 1000, 10.0, 4.0
    )


def _compiling() -> dict[str, Any]:
    ours = measure(lambda: compile_expression(CONDITION)) / 1000
    return _bounded("compiling the condition, µs, against compile()", ours,
                    measure(lambda: compile(CONDITION, "<bench>", "eval")) / 1000, 500.0, 150.0)  # fmt: skip


if __name__ == "__main__":
    for row in rows():
        numbers = "".join(f"{row[column]:>10}" for column in ("ours", "yardstick", "ratio", "must", "aim"))
        sys.stdout.write(f"{row['name']:<52}{numbers}  {'met' if row['met'] else 'MISSED'}\n")
