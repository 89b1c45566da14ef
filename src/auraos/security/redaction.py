"""Masks the values of secrets in whatever is about to be kept or shown, also where they were encoded on the way."""

import base64
import codecs
import html
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

from msgspec.structs import replace

from auraos.core.values import FileReference

MASK = "•••"
SHORTEST = 4
"""A shorter value cannot be told from ordinary text and cannot be masked."""
FRAGMENT = 8
"""So many characters of a value that was cut off at the start or end of a text are masked, too."""
LONGEST_SPELLING = 24
"""So many characters stand for one character of a value at most, in the longest of the forms that are looked for."""
BEGINNING = 8192
"""Bytes without a zero among so many first ones are taken for a text."""


class Redactor:
    """Knows the values that were revealed, in every form in which they may turn up, and puts a mask in their place."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values: set[str] = set()
        self._long: list[str] = []
        self._pattern: re.Pattern[str] | None = None
        for value in values:
            self.add(value)

    def add(self, value: str) -> None:
        """Mask this value from now on."""
        if len(value) < SHORTEST or value in self._values:
            return
        self._values.add(value)
        if len(value) > FRAGMENT:
            self._long.append(value)
        forms = {form for known in self._values for form in _forms(known) if len(form) >= SHORTEST}
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        mixed = [
            _as_mixed_pattern(known) for known in sorted(self._values, key=lambda known: (-len(known), known))
        ]
        self._pattern = re.compile("|".join([*map(_as_pattern, ordered), *mixed]))

    def redact(self, value: Any) -> Any:
        """Return a value with every secret in it masked; what holds none comes back as it is."""
        if self._pattern is None:
            return value
        return self._redact(value)

    def redact_text(self, text: str) -> str:
        """Return a text with every secret in it masked, also one that was cut off at its start or end."""
        if self._pattern is None:
            return text
        text = self._pattern.sub(MASK, text)
        for value in self._long:
            text = _mask_cut_start(_mask_cut_end(text, value), value)
        return text

    async def redact_stream(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield a text in pieces with every secret masked, also one that lies across pieces; what is no text stays as it is.

        The end of what came is held back until it can no longer be the beginning of a secret.
        """
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        held, is_first, is_text = "", True, True
        async for piece in _with_whole_beginning(pieces):
            is_text = is_text and not (is_first and b"\0" in piece[:BEGINNING])
            if not is_text:
                is_first = False
                yield piece
                continue
            ready, held = self._redact_ready(held + decoder.decode(piece), is_first=is_first)
            is_first = False
            if ready:
                yield ready.encode("utf-8", "surrogateescape")
        rest = held + decoder.decode(b"", final=True)
        if rest:
            yield self._redact_end(rest).encode("utf-8", "surrogateescape")

    def _redact_ready(self, text: str, *, is_first: bool) -> tuple[str, str]:
        """Return what is certain of a text of which more may come, masked, and the rest of it as it is."""
        if self._pattern is None:
            return text, ""
        if is_first:
            for value in self._long:
                text = _mask_cut_start(text, value)
        certain = max(0, len(text) - LONGEST_SPELLING * max(map(len, self._values)))
        parts, at = [], 0
        for found in self._pattern.finditer(text):
            if found.start() >= certain:
                break
            parts += [text[at : found.start()], MASK]
            at = found.end()
        certain = max(certain, at)
        return "".join([*parts, text[at:certain]]), text[certain:]

    def _redact_end(self, text: str) -> str:
        if self._pattern is None:
            return text
        text = self._pattern.sub(MASK, text)
        for value in self._long:
            text = _mask_cut_end(text, value)
        return text

    def _redact(self, value: Any) -> Any:
        match value:
            case str():
                return self.redact_text(value)
            case bytes():
                text = value.decode("utf-8", "surrogateescape")
                return self.redact_text(text).encode("utf-8", "surrogateescape")
            case dict():
                return {self._redact(key): self._redact(item) for key, item in value.items()}
            case list():
                return [self._redact(item) for item in value]
            case tuple():
                return tuple(self._redact(item) for item in value)
            case FileReference(name=name, media_type=kind):
                return replace(value, media_type=self.redact_text(kind), name=self.redact_text(name))
        return value


async def _with_whole_beginning(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the same bytes, in a first piece so many that a text can be told from what is none."""
    beginning = b""
    async for piece in pieces:
        if len(beginning) < BEGINNING:
            beginning += piece
            if len(beginning) >= BEGINNING:
                yield beginning
        else:
            yield piece
    if len(beginning) < BEGINNING:
        yield beginning


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


def _mask_cut_end(text: str, value: str) -> str:
    """Mask the beginning of a value at the end of a text."""
    at = text.rfind(value[:FRAGMENT], max(0, len(text) - len(value)))
    if at >= 0 and value.startswith(text[at:]):
        text = text[:at] + MASK
    return text


def _mask_cut_start(text: str, value: str) -> str:
    """Mask the end of a value at the start of a text."""
    at = text.find(value[-FRAGMENT:], 0, len(value))
    if at >= 0 and value.endswith(text[: at + FRAGMENT]):
        text = MASK + text[at + FRAGMENT :]
    return text


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
