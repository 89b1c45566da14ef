"""Reads the fields of a mapping one by one: what has the wrong shape is reported and reads as its default."""

import re
from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any

from auraos.core.document import Node
from auraos.core.graph.findings import Findings, did_you_mean, join_names, nearest
from auraos.core.problems import Path
from auraos.core.values import Value, ValueRefusedError, format_duration, parse_duration, type_name

_LOOSE_DURATION = re.compile(
    r"\s*(\d+)\s*(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)\s*",
    re.IGNORECASE,
)


def has_template(value: Value) -> bool:
    """Return whether a text holds an expression in braces."""
    return isinstance(value, str) and "{{" in value


class Fields:
    """One mapping of a document, whose known fields are read by their names."""

    def __init__(self, node: Node, path: Path, findings: Findings) -> None:
        self.node = node
        self.path = path
        self.findings = findings

    def __contains__(self, name: str) -> bool:
        return name in self.node.entries

    def names(self) -> Iterator[str]:
        """Return the names of the fields that are written, in order."""
        return iter(self.node.entries)

    def refuse_unknown(
        self, known: Collection[str], what: str, elsewhere: dict[str, str] | None = None
    ) -> None:
        """Report the fields that are none; `elsewhere` says of some where they belong instead."""
        for name in self.node.entries:
            if name in known:
                continue
            path = (*self.path, name)
            hint = (elsewhere or {}).get(name, "") or did_you_mean(name, known)
            near = nearest(name, known)
            fix = self.findings.fix_key(path, near) if near and name not in (elsewhere or {}) else None
            self.findings.add(
                "unknown-field", path, f"{what} has no field {name!r}.", hint=hint, fix=fix, key=True
            )

    def value(self, name: str, default: Any = None) -> Any:
        """Return a value of any shape."""
        entry = self.node.entries.get(name)
        return entry.value.value if entry else default

    def require(self, name: str, what: str, hint: str = "") -> bool:
        """Return whether a field is there, and report it if it is not."""
        if name in self.node.entries:
            return True
        self.findings.add("missing-field", self.path, f"{what} needs a field {name!r}.", hint=hint, key=True)
        return False

    def text(self, name: str, default: str = "") -> str:
        """Return a text."""
        value = self.value(name)
        if isinstance(value, str):
            return value
        if name in self.node.entries and value is not None:
            self.wrong_type(name, "text", value)
        return default

    def optional_text(self, name: str) -> str | None:
        """Return a text, or None where there is none."""
        return self.text(name) or None

    def flag(self, name: str) -> bool:
        """Return true or false."""
        value = self.value(name, False)
        if isinstance(value, bool):
            return value
        self.wrong_type(name, "true or false", value)
        return False

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """Return a whole number within bounds."""
        value = self.value(name, default)
        if type(value) is not int:
            self.wrong_type(name, "a whole number", value)
            return default
        return value if self._within(name, value, least, most) else default

    def number(self, name: str, default: float, least: float, most: float) -> float:
        """Return a number within bounds."""
        value = self.value(name, default)
        if type(value) is not int and type(value) is not float:
            self.wrong_type(name, "a number", value)
            return default
        return float(value) if self._within(name, value, least, most) else default

    def duration(
        self, name: str, default: timedelta | None = None, *, zero: bool = False
    ) -> timedelta | None:
        """Return a duration above zero (or zero, where that means something)."""
        if name not in self.node.entries:
            return default
        value = self.value(name)
        span = self._read_duration((*self.path, name), value)
        if span is None:
            return default
        if span < timedelta(0) or (span == timedelta(0) and not zero):
            self.findings.add(
                "bad-duration", (*self.path, name), f"{name!r} must be longer than nothing, not {value}."
            )
            return default
        return span

    def choice(self, name: str, options: Collection[str], default: Any = None) -> Any:
        """Return one of a few words."""
        if name not in self.node.entries:
            return default
        value = self.value(name)
        if isinstance(value, str) and value in options:
            return value
        path = (*self.path, name)
        if not isinstance(value, str):
            self.wrong_type(name, f"one of {join_names(options)}", value)
            return default
        near = nearest(value, options)
        fix = self.findings.fix_value(path, f"Write {near}", near) if near else None
        self.findings.add(
            "unknown-choice",
            path,
            f"{name!r} cannot be {value!r}.",
            hint=f"Choose {join_names(options)}.",
            fix=fix,
        )
        return default

    def mapping(self, name: str) -> dict[str, Any]:
        """Return a mapping as it is."""
        value = self.value(name)
        if isinstance(value, dict):
            return value
        if value is not None:
            self.wrong_type(name, "a mapping", value)
        return {}

    def fields(self, name: str) -> "Fields | None":
        """Return the fields of a mapping within this one; None where there is none."""
        entry = self.node.entries.get(name)
        if entry is None:
            return None
        if entry.value.kind == "mapping":
            return Fields(entry.value, (*self.path, name), self.findings)
        self.wrong_type(name, "a mapping", entry.value.value)
        return None

    def items(self, name: str) -> tuple[Node, ...]:
        """Return the items of a list."""
        entry = self.node.entries.get(name)
        if entry is None or entry.value.value is None:
            return ()
        if entry.value.kind == "sequence":
            return entry.value.items
        self.wrong_type(name, "a list", entry.value.value)
        return ()

    def wrong_type(self, name: str, expected: str, value: Value) -> None:
        """Report a value of the wrong type, with a fix where only quotes or their absence are at fault."""
        path = (*self.path, name)
        hint, fix = "", None
        node = self.node.entries[name].value
        if has_template(value):
            hint = "An expression is not possible here: this is fixed when the workflow is published."
        elif expected == "text" and node.kind == "scalar" and node.style == "plain" and node.start < node.end:
            hint = "Put quotes around it."
            fix = self.findings.quote(path)
        elif (
            isinstance(value, str)
            and expected == "true or false"
            and value.lower() in ("yes", "on", "no", "off")
        ):
            word = "true" if value.lower() in ("yes", "on") else "false"
            fix = self.findings.fix_value(path, f"Write {word}", word, safe=True)
            hint = f"Write {word}."
        elif isinstance(value, str) and "number" in expected and re.fullmatch(r"\d{1,15}", value, re.ASCII):
            fix = self.findings.fix_value(path, "Remove the quotes", str(int(value)), safe=True)
            hint = "Remove the quotes."
        self.findings.add(
            "wrong-type", path, f"{name!r} must be {expected}, not {describe(value)}.", hint=hint, fix=fix
        )

    def _within(self, name: str, value: float, least: float, most: float) -> bool:
        if least <= value <= most:
            return True
        path = (*self.path, name)
        self.findings.add("out-of-range", path, f"{name!r} must be from {least:,} to {most:,}, not {value}.")
        return False

    def _read_duration(self, path: Path, value: Value) -> timedelta | None:
        name = path[-1]
        if isinstance(value, str):
            try:
                return parse_duration(value)
            except ValueRefusedError as error:
                hint = error.hint
        elif type(value) is int and value >= 0:
            fix = self.findings.fix_value(path, f"Write {value}s", f"{value}s")
            self.findings.add(
                "bad-duration",
                path,
                f"{name!r} needs a unit: {value} of what?",
                hint=f"Write {value}s, {value}m or {value}h.",
                fix=fix,
            )
            return None
        else:
            self.findings.add(
                "bad-duration",
                path,
                f"{name!r} must be a duration, not {describe(value)}.",
                hint="Write it as 30s, 5m, 1h30m or 5d.",
            )
            return None
        if has_template(value):
            hint = "An expression is not possible here: durations are fixed when the workflow is published."
        fix = None
        loose = _LOOSE_DURATION.fullmatch(value)
        if loose and len(loose[1]) < 9:
            unit = (
                "ms"
                if loose[2].lower() == "ms" or loose[2].lower().startswith("milli")
                else loose[2][0].lower()
            )
            fix = self.findings.fix_value(path, f"Write {loose[1]}{unit}", f"{loose[1]}{unit}", safe=True)
        self.findings.add("bad-duration", path, f"{value!r} is no duration.", hint=hint, fix=fix)
        return None


def describe(value: Value) -> str:
    """Say what a value is, and which, as far as it fits into a sentence."""
    match value:
        case None:
            return "empty"
        case bool():
            return "true" if value else "false"
        case str():
            return f"the text {value[:37] + '…' if len(value) > 38 else value!r}"
        case int() | float():
            return f"the number {value}"
        case timedelta():
            return f"the duration {format_duration(value)}"
    return f"a {type_name(value)}"
