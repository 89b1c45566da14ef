"""Pages of the server itself: plain HTML that brings all it needs along, and a policy under which nothing else runs."""

import base64
import hashlib
import re
from html import escape
from importlib.resources import files
from typing import Final

from auraos.api.protocol.answers import Answer

_FOLDER: Final = files("auraos.api").joinpath("pages")
_STYLE: Final = "/* plain.css */"
"""Where the style that all pages share comes in a page."""


class Page:
    """One page. `{{name}}` in it stands for what each answer fills in."""

    def __init__(self, name: str) -> None:
        shared = _FOLDER.joinpath("plain.css").read_text(encoding="utf-8").strip()
        self._text = _FOLDER.joinpath(f"{name}.html").read_text(encoding="utf-8").replace(_STYLE, shared)
        self._policy = _policy_of(self._text)

    def answer(self, **filled: str) -> Answer:
        """Return the page with these parts filled in, each of which is HTML already."""
        text = re.sub(r"\{\{(\w+)\}\}", lambda found: filled[found[1]], self._text)
        return Answer(
            200, text.encode(), "text/html; charset=utf-8", {"content-security-policy": self._policy}
        )


def html_of(text: str) -> str:
    """Return a text as HTML; what stands between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def wants_json(accept: str) -> bool:
    """Return whether somebody names JSON as what they would rather have than HTML."""
    wishes = {"application/json": 0.0, "text/html": 0.0}
    for part in accept.lower().split(","):
        kind, *parameters = (each.strip() for each in part.split(";"))
        if kind in wishes:
            wishes[kind] = next((_weight(each) for each in parameters if each.startswith("q=")), 1.0)
    return wishes["application/json"] > wishes["text/html"]


def _weight(text: str) -> float:
    return float(text[2:]) if re.fullmatch(r"q=[01](\.[0-9]{0,3})?", text) else 0.0


def _policy_of(page: str) -> str:
    """Return the policy of a page: its own scripts and style, these very letters, and nothing besides."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hashes(page, 'script')}",
            f"style-src {_hashes(page, 'style')}",
            "connect-src 'self'",
            "form-action 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def _hashes(page: str, tag: str) -> str:
    inside = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    return " ".join(_hash(text) for text in inside) or "'none'"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
