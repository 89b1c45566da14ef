"""Canaries: values that must be found nowhere, in none of the forms in which they could turn up, and a server that tries to
give them away.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, quote_plus

from local_servers import answer


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


class Traitor:
    """Answers each request with all that it was given, in every form."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.tokens: list[str] = []
        self.next_tokens: list[str] = []

    async def respond(self, request, writer) -> None:
        path, _, query = request.target.partition("?")
        form = parse_qs(request.body.decode("utf-8", "replace"))
        if path == "/token":
            access, refresh = self.next_tokens
            body = {"access_token": access, "refresh_token": refresh, "expires_in": 3600}
            self.seen += [value for values in form.values() for value in values]
            writer.write(answer(200, json.dumps(body).encode()))
            return
        carried = [value for values in parse_qs(query).values() for value in values]
        carried += [
            value
            for name, value in request.headers.items()
            if name.startswith("x-") or name == "authorization"
        ]
        values: list[str] = []
        for each in carried:
            scheme, _, rest = each.partition(" ")
            if scheme == "Basic":
                rest = base64.b64decode(rest).decode()
                values += [rest, rest.partition(":")[2]]
            else:
                values.append(rest if scheme == "Bearer" else each)
        self.seen += values
        text = "\n".join(told(value) for value in values)
        extra = {"x_echo": " ".join(quote(value) for value in values), "content_type": "text/plain"}
        status = {"/refuse": 403, "/break": 500, "/away": 302}.get(path, 200)
        if path == "/away":
            extra["location"] = "/say-it?k=" + "".join(quote(value) for value in values)
        writer.write(answer(status, text.encode(), **extra))
