"""Masks the values of secrets in whatever is about to be kept or shown, also where they were encoded on the way.

Few texts hold a secret, so a text is first searched for seeds, of which at least one stands wherever a value does in any of
its forms: all of them at once, in time that does not grow with their number. Only what has one is looked at closely.
"""

import codecs
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any, Final

import re2
from msgspec.structs import replace

from auraos.core.values import FileReference
from auraos.security.forms import FRAGMENT, SHORTEST, Forms, shortest_fragment

__all__ = ["BEGINNING", "FRAGMENT", "MASK", "SHORTEST", "Redactor"]

MASK = "•••"
LONGEST_SPELLING = 24
"""So many characters stand for one character of a value at most, in the longest of the forms that are looked for."""
BEGINNING = 8192
"""Bytes without a zero among so many first ones are taken for a text."""
LARGEST_GROUP: Final = 64
MOST_PATTERNS: Final = 64


class Redactor:
    """Knows the values that were revealed, in every form in which they may turn up, and puts a mask in their place."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values: dict[str, Forms] = {}
        self._groups: list[_Group] = []
        self._patterns: dict[tuple[str, ...], re.Pattern[str]] = {}
        for value in values:
            self.add(value)

    def add(self, value: str) -> None:
        """Mask this value from now on."""
        if len(value) < SHORTEST or value in self._values:
            return
        forms = self._values[value] = Forms(value)
        self._groups.append(_Group([forms]))
        while len(self._groups) > 1:
            before, last = self._groups[-2:]
            if len(before.forms) > len(last.forms) or len(before.forms) + len(last.forms) > LARGEST_GROUP:
                break
            self._groups[-2:] = [_Group([*before.forms, *last.forms])]

    def remove(self, value: str) -> None:
        """Mask this value no more, for it is worth nothing any more."""
        forms = self._values.pop(value, None)
        if forms is not None:
            self._groups = [group.without(forms) for group in self._groups]
            self._groups = [group for group in self._groups if group.forms]
            self._patterns.clear()

    def redact(self, value: Any) -> Any:
        """Return a value with every secret in it masked; what holds none comes back as it is."""
        if not self._values:
            return value
        return self._redact(value)

    def redact_text(self, text: str) -> str:
        """Return a text with every secret in it masked, also one that was cut off."""
        suspected = self._suspected(text)
        if not suspected:
            return text
        text = self._masked(text, self._spans(text, suspected))
        for forms in suspected:
            if len(forms.value) > FRAGMENT:
                text = _mask_cut_start(_mask_cut_end(text, forms.value), forms.value)
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
        if not self._values:
            return text, ""
        suspected = self._suspected(text)
        if is_first:
            for forms in suspected:
                if len(forms.value) > FRAGMENT:
                    text = _mask_cut_start(text, forms.value)
        certain = max(0, len(text) - LONGEST_SPELLING * max(map(len, self._values)))
        spans = [span for span in self._spans(text, suspected) if span[0] < certain]
        certain = max([certain, *(end for _, end in spans)])
        return self._masked(text[:certain], spans), text[certain:]

    def _redact_end(self, text: str) -> str:
        suspected = self._suspected(text)
        text = self._masked(text, self._spans(text, suspected))
        for forms in suspected:
            if len(forms.value) > FRAGMENT:
                text = _mask_cut_end(text, forms.value)
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

    def _suspected(self, text: str) -> list[Forms]:
        """Return the values of which something may stand in a text."""
        if not self._groups:
            return []
        raw = text.encode("utf-8", "surrogatepass")
        return [forms for group in self._groups for forms in group.suspected(text, raw)]

    def _spans(self, text: str, suspected: Sequence[Forms]) -> list[tuple[int, int]]:
        """Return where values stand in a text, one after the other."""
        if not suspected:
            return []
        found = [match.span() for match in self._pattern(suspected).finditer(text)]
        for forms in suspected:
            for form in forms.fragments:
                found += _fragments(text, form)
        return _joined(found)

    def _masked(self, text: str, spans: Sequence[tuple[int, int]]) -> str:
        parts, at = [], 0
        for start, end in spans:
            parts += [text[at:start], MASK]
            at = end
        return "".join([*parts, text[at:]]) if parts else text

    def _pattern(self, suspected: Sequence[Forms]) -> re.Pattern[str]:
        key = tuple(sorted(forms.value for forms in suspected))
        found = self._patterns.get(key)
        if found is None:
            while len(self._patterns) >= MOST_PATTERNS:
                del self._patterns[next(iter(self._patterns))]
            found = self._patterns[key] = _compiled(suspected)
        return found


class _Group:
    """Some values, and what finds their seeds in a text."""

    def __init__(self, forms: Sequence[Forms]) -> None:
        self.forms = forms
        self._always = [each for each in forms if each.seeds is None]
        self._seeds: Any = None

    def without(self, gone: Forms) -> "_Group":
        """Return the others."""
        return self if gone not in self.forms else _Group([each for each in self.forms if each is not gone])

    def suspected(self, text: str, raw: bytes) -> list[Forms]:
        """Return the values of which something may stand in a text; `raw` is its bytes."""
        if self._seeds is None:
            self._seeds = _any_of(seed for forms in self.forms for seed in forms.seeds or ())
        if not self._seeds.search(raw):
            return self._always
        return [
            forms for forms in self.forms if forms.seeds is None or any(seed in text for seed in forms.seeds)
        ]


def _any_of(seeds: Iterable[str]) -> Any:
    """Return what finds any of some texts in bytes, in linear time."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = 256 * 1024 * 1024
    options.never_capture = True
    options.log_errors = False
    ordered = sorted({re2.escape(seed.encode("utf-8", "surrogatepass")) for seed in seeds})
    return re2.compile(b"|".join(ordered) if ordered else b"[^\\x00-\\xff]", options)


def _compiled(suspected: Sequence[Forms]) -> re.Pattern[str]:
    """Return the pattern of all forms of some values, the longest first."""
    forms = sorted(
        {each for known in suspected for each in known.patterns}, key=lambda each: (-len(each[0]), each[0])
    )
    mixed = [known.mixed for known in sorted(suspected, key=lambda known: (-len(known.value), known.value))]
    return re.compile("|".join([*(pattern for _, pattern in forms), *mixed]))


def _fragments(text: str, form: str) -> Iterator[tuple[int, int]]:
    """Yield where a long part of a form stands, of which the end or the beginning was cut off."""
    shortest = shortest_fragment(form)
    beginning, ending = form[:shortest], form[-shortest:]
    at = text.find(beginning)
    while at >= 0:
        end = at + shortest
        while end < len(text) and end - at < len(form) and text[end] == form[end - at]:
            end += 1
        yield at, end
        at = text.find(beginning, end)
    at = text.find(ending)
    while at >= 0:
        start, end = at, at + shortest
        while (
            start > 0 and end - start < len(form) and text[start - 1] == form[len(form) - (end - start) - 1]
        ):
            start -= 1
        yield start, end
        at = text.find(ending, end)


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return stretches in order, those that overlap as one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


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
