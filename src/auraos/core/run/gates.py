"""Gates: the settings of a workflow that a run passes before it begins, each with the value of its key for this run.

What a gate allows is decided outside of the machine, where all runs of the same key are known; here it gets its name.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from auraos.core.errors import AuraError, UserError
from auraos.core.expressions import Meter, Template, compile_template
from auraos.core.gate import Gate
from auraos.core.values import Value, format_duration, to_wire
from auraos.core.workflow import FLOW_SETTINGS, FlowControl, FlowSetting, Settings

CAPACITY: frozenset[str] = frozenset(("singleton", "concurrency", "throttle"))
"""Those that speak of how many runs go on; the others speak of starts from outside."""
COUNTED_LATER: frozenset[str] = frozenset(("rate", "throttle"))
"""Whoever was let in counts for these for a time, also when it has ended."""
HELD_BACK: frozenset[str] = frozenset(("debounce", "batch"))
"""These are done with a run once it is let in."""
KEY_OPERATIONS = 20_000
LONGEST_KEY = 60
SHARDS = 256

_encode = msgspec.json.Encoder(order="deterministic").encode


class KeyRefusedError(UserError):
    """The key of a setting has no value for this start."""

    code = "key-refused"


class Gates:
    """The gates of one workflow, ready for the values of a start."""

    __slots__ = ("_has_one_key", "_rules")

    def __init__(self, settings: Settings) -> None:
        self._rules: list[tuple[FlowSetting, FlowControl, Template | None]] = []
        for name in FLOW_SETTINGS:
            rule: FlowControl | None = getattr(settings, name)
            if rule is not None:
                key = None if rule.key is None else compile_template(rule.key)
                self._rules.append((name, rule, key))
        self._has_one_key = len({repr(rule.key) for _, rule, _ in self._rules}) == 1

    def __bool__(self) -> bool:
        return bool(self._rules)

    def open_for(
        self, names: dict[str, Any], *, workspace: str, workflow: str, only: frozenset[str] | None = None,
        mask: Callable[[str], str] | None = None,
    ) -> tuple[tuple[Gate, ...], int]:  # fmt: skip
        """Return the gates of a start for which these names hold, and the shard in which all that share one of them live;
        raise `KeyRefusedError`. With a mask, what it returns stands for the value of a key.
        """
        found: list[Gate] = []
        home: tuple[str, ...] = (workspace, workflow)
        for setting, rule, template in self._rules:
            if only is not None and setting not in only:
                continue
            value, text = None, ""
            if template is not None:
                value = _evaluate(template, names, setting)
                text = _encode(to_wire(value)).decode()
                if mask is not None:
                    value = text = mask(text)
            shown = "" if template is None else value if isinstance(value, str) else text
            gate = Gate(
                setting=setting,
                name=_hash(workspace, workflow, setting, text),
                key=shown if len(shown) <= LONGEST_KEY else shown[: LONGEST_KEY - 1] + "…",
                limit=rule.limit,
                per=_micros(rule.per),
                when_full=rule.when_full,
            )
            found.append(gate)
            if self._has_one_key:
                home = (workspace, workflow, text)
        return tuple(found), int(_hash(*home)[:2], 16) % SHARDS

    def renew(self, gates: Sequence[Gate]) -> tuple[Gate, ...]:
        """Return the gates of an earlier run as they hold for one that goes on with it: those that count runs, by today's
        rules.
        """
        rules = {setting: rule for setting, rule, _ in self._rules if setting in CAPACITY}
        return tuple(
            msgspec.structs.replace(gate, limit=rule.limit, per=_micros(rule.per), when_full=rule.when_full)
            for gate in gates
            if (rule := rules.get(gate.setting)) is not None
        )


def describe(gates: Sequence[Gate]) -> str:
    """Return in words what a run waits for."""
    told = [_describe(gate) for gate in gates if gate.setting != "rate"]
    return f"It waits for its turn: {', '.join(told)}." if told else "It waits for its turn."


def _describe(gate: Gate) -> str:
    of = f" of {gate.key!r}" if gate.key else ""
    span = format_duration(timedelta(microseconds=gate.per))
    match gate.setting:
        case "debounce":
            return f"debounce{of} ({span} without another start)"
        case "batch":
            return f"batch{of} (up to {gate.limit} within {span})"
        case "throttle" | "rate":
            return f"{gate.setting}{of} ({gate.limit} in {span})"
        case "concurrency" | "singleton":
            return f"{gate.setting}{of} ({gate.limit} at a time)"


def _evaluate(template: Template, names: dict[str, Any], setting: str) -> Value:
    try:
        value = template.evaluate({**names, "$meter": Meter(KEY_OPERATIONS, KEY_OPERATIONS)})
        to_wire(value)
    except AuraError as error:
        raise KeyRefusedError(
            f"The run was not started, for the key of its setting {setting!r} cannot be evaluated: {error.message}",
            hint=error.hint,
        ) from error
    except Exception as error:
        raise KeyRefusedError(
            f"The run was not started, for the key of its setting {setting!r} broke on this input:"
            f" {type(error).__name__}: {str(error)[:300]}"
        ) from error
    return value


def _hash(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def _micros(span: timedelta | None) -> int:
    return 0 if span is None else span // timedelta(microseconds=1)
