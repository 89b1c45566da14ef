"""Canaries: values that must be found nowhere, in none of the forms in which they could turn up."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus


def forms_of(value: str) -> dict[str, bytes]:
    """Return a value in the forms in which it could be kept or shown."""
    raw = value.encode()
    found = {
        "raw": raw,
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
        "url": quote(value, safe="").encode(),
        "form": quote_plus(value).encode(),
        "json": json.dumps(value)[1:-1].encode(),
        "json twice": json.dumps(json.dumps(value))[3:-3].encode(),
        "reversed": value[::-1].encode(),
        "utf-16": value.encode("utf-16-le"),
        "cut at its end": raw[: len(raw) * 3 // 4],
        "cut at its start": raw[len(raw) // 4 :],
    }
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).rstrip(b"=")
        middle = encoded[0 if before == 0 else before + 1 : (before + len(raw)) * 8 // 6]
        found[f"base64 after {before}"] = middle
        found[f"base64 for addresses after {before}"] = middle.replace(b"+", b"-").replace(b"/", b"_")
    return found


def found_in(content: bytes, canaries: dict[str, str]) -> list[str]:
    """Return which canaries a content holds, and in which forms."""
    return [
        f"{name}: {form}"
        for name, value in canaries.items()
        for form, text in forms_of(value).items()
        if text in content
    ]


def found_below(folder: Path, canaries: dict[str, str]) -> Iterator[str]:
    """Yield where canaries stand in the files of a folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield from (
                f"{path.relative_to(folder)}: {each}" for each in found_in(path.read_bytes(), canaries)
            )


def told(value: str) -> str:
    """Return a text that gives a value away in all ways at once."""
    shown = {name: text.decode("latin-1") for name, text in forms_of(value).items() if name != "utf-16"}
    return json.dumps(
        {**shown, "in words": f"the secret is {value}, again {value}!", "log": f"k={value[:-4]}…"}
    )
