"""The forms in which a value may turn up where it was encoded, cut off or spelt anew on its way."""

import base64
import html
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

SHORTEST = 4
"""A shorter value cannot be told from ordinary text and cannot be masked."""
FRAGMENT = 8
"""So many characters of a value that was cut off at the start or end of a text are masked, too."""
_SEED = 8
_RUN = re.compile(r"[0-9A-Za-z]+", re.ASCII)


class Forms:
    """One value in all of its forms."""

    __slots__ = ("fragments", "mixed", "patterns", "seeds", "value")

    def __init__(self, value: str) -> None:
        self.value = value
        raw = value.encode()
        base64_forms = list(_base64_forms(raw))
        spelt = {form for form in (*_forms(value), *base64_forms) if len(form) >= SHORTEST}
        self.patterns = [(form, _as_pattern(form)) for form in spelt]
        self.mixed = _as_mixed_pattern(value)
        self.fragments = [
            form
            for form in dict.fromkeys(
                (
                    value,
                    *base64_forms,
                    raw.hex(),
                    raw.hex().upper(),
                    quote(value, safe=""),
                    quote_plus(value),
                    *_json_forms(value),
                    value[::-1],
                )
            )
            if len(form) > shortest_fragment(form)
        ]
        """The forms of which a long part is masked, too, wherever it stands."""
        self.seeds = self._seeds(raw, base64_forms)
        """A text in which none of these stands holds nothing of the value; None where nothing of it stays in all spellings."""

    def _seeds(self, raw: bytes, base64_forms: list[str]) -> frozenset[str] | None:
        value = self.value
        run = max(_RUN.findall(value), key=len, default="")[:_SEED]
        if len(run) < 3:
            return None
        percent = _percent(raw)
        whole = [raw.hex(" "), raw.hex(":"), percent, percent.lower(), *_spelled(value)]
        ends = [value, raw.hex(), raw.hex().upper(), *base64_forms, *self.fragments]
        return frozenset(
            {run, run.lower(), run.upper(), run[::-1]}
            | {form[:_SEED] for form in (*whole, *ends)}
            | {form[-_SEED:] for form in ends}
        )


def shortest_fragment(form: str) -> int:
    """Return how many characters of a form are masked where the rest of it was cut off."""
    return max(16, min(len(form) * 2 // 3, 32))


def _as_pattern(form: str) -> str:
    """Return the pattern that finds a form; the two digits behind a percent sign may be of either case."""
    return re.sub("%([0-9A-Fa-f]{2})", r"%(?i:\1)", re.escape(form))


def _as_mixed_pattern(value: str) -> str:
    """Return the pattern that finds a value of which any signs but letters and digits are encoded as in addresses or JSON."""
    return "".join(letter if letter.isalnum() else _any_of(letter) for letter in value)


def _any_of(sign: str) -> str:
    spelled = [re.escape(sign), r"\\" + re.escape(sign), "(?i:" + _percent(sign.encode()) + ")"]
    if ord(sign) < 0x10000:
        spelled.append(rf"(?i:\\u{ord(sign):04x})")
    return f"(?:{'|'.join(spelled)}{'|' + re.escape('+') if sign == ' ' else ''})"


def _forms(value: str) -> Iterator[str]:
    raw = value.encode()
    yield value
    yield from (raw.hex(), raw.hex().upper(), raw.hex(" "), raw.hex(":"))
    yield from (quote(value, safe=""), quote(value), quote_plus(value), _percent(raw))
    yield from _json_forms(value)
    yield html.escape(value)
    yield repr(value)[1:-1]
    yield value[::-1]
    if len(value) > FRAGMENT:
        yield from (value.lower(), value.upper())
    yield from _base64_forms(raw)


def _json_forms(value: str) -> Iterator[str]:
    for ascii_only in (True, False):
        escaped = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield escaped
        yield escaped.replace("/", "\\/")
        yield json.dumps(escaped)[1:-1]
    yield from _spelled(value)


def _spelled(value: str) -> Iterator[str]:
    units = value.encode("utf-16-be").hex()
    spelled = ["\\u" + units[at : at + 4] for at in range(0, len(units), 4)]
    yield "".join(spelled)
    yield "".join(unit[:2] + unit[2:].upper() for unit in spelled)


def _base64_forms(raw: bytes) -> Iterator[str]:
    """Yield the middle of the value's base64 form for each of the three places where it may begin within a longer text."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).rstrip(b"=").decode()
        first = 0 if before == 0 else before + 1
        whole = (before + len(raw)) * 8 // 6
        middle = encoded[first:whole]
        if len(middle) >= SHORTEST + 1:
            yield middle
            yield middle.replace("+", "-").replace("/", "_")


def _percent(raw: bytes) -> str:
    return "".join(f"%{byte:02X}" for byte in raw)
