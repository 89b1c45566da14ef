"""Mocks: what stands in for the world in a test case. Each call of a step gets the outcome that the case wrote for it.

reserve: {json: {id: r1}}                         the output, of every call
reserve: [{$fail: transient}, {json: {id: r1}}]   one outcome per call; the last one is for all that follow
each/price: {$each: [{json: 1}, {json: 2}]}       one per item of the loop
each[2]/price: {$unknown: true}                   this one activation
pay: {$after: 5s, $output: {id: "{{ settings.url }}"}}
"""

from datetime import timedelta
from typing import Any

import msgspec

from auraos.core.errors import UserError
from auraos.core.expressions import compile_template
from auraos.core.run import static_path
from auraos.core.values import Value, from_wire, parse_duration

WORDS = ("$output", "$port", "$fail", "$unknown", "$after", "$each")
CLASSES = ("transient", "permanent", "data", "credential", "timeout", "cancelled", "unknown", "bug")
NAMES = ("settings", "item", "index", "attempt", "call", "path", "input", "now")
"""The names that an expression in a mock may read."""


class MockError(UserError):
    """A mock is missing, or says something that no step can do."""

    code = "bad-mock"


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a step that a mock answers."""

    path: str
    attempt: int = 1
    settings: Value = None
    index: int | None = None
    item: Value = None
    input: Value = None
    now: Value = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a call comes to: an output with its ports, a failure, or an outcome that nobody knows; and when."""

    output: Value = None
    ports: tuple[str, ...] = ("out",)
    failure: dict[str, Any] | None = None
    is_unknown: bool = False
    after: timedelta = timedelta(0)


class Mocks:
    """The mocks of one case. It counts the calls, so one object serves one case once."""

    def __init__(self, written: dict[str, Any]) -> None:
        self._written = written
        self._calls: dict[str, int] = {}
        self.used: set[str] = set()

    def find(self, path: str) -> str | None:
        """Return the key of the mock for an activation: its own path first, then the path of its step."""
        bare, mark, purpose = path.partition("!")
        for key in (path, static_path(bare) + mark + purpose):
            if key in self._written:
                return key
        return None

    def answer(self, call: Call) -> Outcome | None:
        """Return the outcome that the case wrote for this call; None where it wrote none."""
        key = self.find(call.path)
        if key is None:
            return None
        self.used.add(key)
        written = self._written[key]
        turn_key = key
        if is_spec(written) and "$each" in written:
            written, turn_key = _of_item(written["$each"], call, key), f"{key}[{call.index}]"
        number = self._calls[turn_key] = self._calls.get(turn_key, 0) + 1
        if isinstance(written, list):
            if not written:
                raise MockError(f"The list of outcomes of {key!r} is empty.")
            written = written[min(number, len(written)) - 1]
        return read_outcome(written, call, number)


def is_spec(written: Any) -> bool:
    """Return whether a mock says more than an output: a mapping with one of the words that begin with `$`."""
    return isinstance(written, dict) and any(word in written for word in WORDS)


def read_outcome(written: Any, call: Call, number: int = 1) -> Outcome:
    """Return the outcome that is written for a call, its expressions evaluated."""
    if not is_spec(written):
        return Outcome(output=_evaluated(written, call, number))
    unknown = [word for word in written if word not in WORDS]
    if unknown:
        hint = f"An outcome has {', '.join(WORDS)}; everything else belongs under $output."
        raise MockError(
            f"The mock of {call.path!r} has {unknown[0]!r} beside {_word_in(written)!r}.", hint=hint
        )
    after = read_delay(written.get("$after", "0s"), call.path)
    if "$fail" in written:
        return Outcome(
            failure=read_failure(_evaluated(written["$fail"], call, number), call.path), after=after
        )
    if "$unknown" in written:
        told = _evaluated(written["$unknown"], call, number)
        failure = {"code": "no-definite-answer", "message": "nobody knows whether it took effect"}
        failure |= told if isinstance(told, dict) else {}
        return Outcome(failure={**failure, "class": "unknown"}, is_unknown=True, after=after)
    ports = written.get("$port", "out")
    return Outcome(
        output=_evaluated(written.get("$output"), call, number),
        ports=(ports,) if isinstance(ports, str) else tuple(ports),
        after=after,
    )


def read_failure(told: Any, path: str) -> dict[str, Any]:
    """Return a failure as `{class, code, message…}`; the class alone, or a message alone, is enough."""
    failure: dict[str, Any] = {"class": "permanent", "code": "mocked", "message": "failed as the mock says"}
    if isinstance(told, str):
        failure |= {"class": told} if told in CLASSES else {"message": told}
    elif isinstance(told, dict):
        failure |= told
    elif told is not True and told is not None:
        raise MockError(f"The $fail of {path!r} must be a class, a message or a mapping.")
    if failure["class"] not in CLASSES:
        raise MockError(
            f"There is no class of errors {failure['class']!r}.", hint=f"There is {', '.join(CLASSES)}."
        )
    return failure


def read_delay(written: Any, path: str) -> timedelta:
    """Return how long something takes or when it comes, counted from the start or the call."""
    if isinstance(written, timedelta):
        return written
    if isinstance(written, (int, float)) and not isinstance(written, bool):
        return timedelta(seconds=written)
    if not isinstance(written, str):
        raise MockError(f"{written!r} of {path!r} is no duration.", hint="Write it as 5s, 10m or 2h.")
    return parse_duration(written)


def _of_item(each: Any, call: Call, key: str) -> Any:
    if call.index is None:
        raise MockError(f"{key!r} is in no loop, so its mock cannot say $each.")
    if not isinstance(each, list):
        raise MockError(f"The $each of {key!r} must be a list with one outcome per item.")
    if call.index >= len(each):
        raise MockError(
            f"The mock of {key!r} has outcomes for {len(each)} items, and item {call.index} was called."
        )
    return each[call.index]


def _evaluated(written: Any, call: Call, number: int) -> Value:
    template = compile_template(from_wire(written))
    if template.is_constant:
        return template.evaluate({})
    names = {name: getattr(call, name) for name in NAMES if name != "call"}
    return template.evaluate({**names, "call": number})


def _word_in(written: dict[str, Any]) -> str:
    return next(word for word in WORDS if word in written)
