"""Which variant a flag gives to whom. It is a pure function of the flag and the context, and takes microseconds.

A split places whoever it is evaluated for by a hash: of SHA-256 over the seed, a slash and the unit, written as UTF-8, the first
eight bytes as a whole number, modulo 100,000, divided by 1,000. So the place is between 0 and 100, the same in all processes,
releases and languages, and independent of other flags. Variants share out the hundred in the order in which they are written:
whoever has the first one keeps it when its share grows.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from auraos.core.expressions import LocatedError, compile_expression, compile_template
from auraos.core.values import Value
from auraos.settings.flags.model import ErrorCode, Evaluation, Flag, Reason, Serve, Tried

PARTS = 100_000
Test = Callable[[dict[str, Any]], Value]


def bucket_of(seed: str, unit: str) -> float:
    """Return where somebody is placed, from 0 up to but not at 100."""
    digest = hashlib.sha256(f"{seed}/{unit}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % PARTS / 1000


def evaluate(
    flag: Flag, context: Mapping[str, Value], *, now: Callable[[], datetime], is_off: bool = False
) -> Evaluation:
    """Return what a flag gives in a context, and why."""
    if is_off:
        return _given(flag, flag.off, "DISABLED")
    scope: dict[str, Any] = {"context": dict(context), "$now": now}
    tried: list[Tried] = []
    for rule in flag.rules:
        try:
            found = test_of(rule.when)(scope)
        except LocatedError as error:
            return _failed(flag, "INVALID_CONTEXT", f"{rule.name}: {error}", tried)
        if not isinstance(found, bool):
            message = f"{rule.name}: {rule.when} gives neither true nor false."
            return _failed(flag, "INVALID_CONTEXT", message, tried)
        tried.append(Tried(rule=rule.name, when=rule.when, fits=found))
        if found:
            return _served(flag, rule.serve, context, "TARGETING_MATCH", rule.name, tried)
    return _served(flag, flag.default, context, "DEFAULT" if flag.rules else "STATIC", "", tried)


@lru_cache(maxsize=4096)
def test_of(when: str) -> Test:
    """Return what evaluates a condition; raise `LocatedError` for one that is none."""
    return compile_template(when).evaluate if "{{" in when else compile_expression(when).evaluate


def _served(
    flag: Flag, serve: Serve, context: Mapping[str, Value], reason: Reason, rule: str, tried: list[Tried]
) -> Evaluation:
    if not serve.split:
        return _given(flag, serve.variant, reason, rule=rule, tried=tuple(tried))
    unit = context.get(flag.unit)
    if unit is None or unit == "" or isinstance(unit, dict | list):
        message = f"The context has no {flag.unit}, by which {flag.name} tells people apart."
        return _failed(flag, "TARGETING_KEY_MISSING", message, tried)
    bucket = bucket_of(flag.seed or flag.name, unit if isinstance(unit, str) else str(unit))
    until = 0.0
    for variant, share in serve.split:
        until += share
        if bucket < until - 1e-9:
            return _given(flag, variant, "SPLIT", rule=rule, bucket=bucket, tried=tuple(tried))
    return _given(flag, serve.split[-1][0], "SPLIT", rule=rule, bucket=bucket, tried=tuple(tried))


def _given(flag: Flag, variant: str, reason: Reason, **more: Any) -> Evaluation:
    return Evaluation(key=flag.name, value=flag.variants.get(variant), variant=variant, reason=reason, **more)


def _failed(flag: Flag, code: ErrorCode, message: str, tried: list[Tried]) -> Evaluation:
    return Evaluation(
        key=flag.name, reason="ERROR", error_code=code, error=message[:1000], tried=tuple(tried)
    )
