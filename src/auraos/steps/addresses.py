"""What is wrong with a web address, as far as its text tells."""

import re
from urllib.parse import urlsplit

_NEVER = re.compile(r"[\s\\\x00-\x1f\x7f]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")


def find_fault(url: str) -> tuple[str, str]:
    """Return why an address cannot be asked, and what to do; both empty where nothing is wrong. Where an expression stands in
    it, what is before the first one counts.
    """
    written, has_template, _ = url.partition("{{")
    if _NEVER.search(written):
        return (
            "it has spaces, line breaks, backslashes or control characters",
            "Write them as %20 and the like.",
        )
    if not has_template:
        return _fault_of(written)
    scheme = _SCHEME.match(written)
    if (
        scheme is not None
        and scheme[1].lower() not in ("http", "https")
        and written[scheme.end() :][:2] == "//"
    ):
        return f"only http and https are allowed, not {scheme[1]}", ""
    host, slash, _ = written.partition("://")[2].partition("/")
    return _fault_of(written) if host and slash else ("", "")


def _fault_of(url: str) -> tuple[str, str]:
    scheme = _SCHEME.match(url)
    if "://" not in url or scheme is None:
        return (
            "it does not begin with http:// or https://",
            f"Write https://{url.lstrip('/')}." if url else "",
        )
    if scheme[1].lower() not in ("http", "https"):
        return f"only http and https are allowed, not {scheme[1]}", ""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        return str(error), ""
    if not host or port == 0:
        return "it names no host", "Write it as https://example.org/path."
    if "@" in parts.netloc and parts.password is None:  # with a password it is reported as a secret
        return "user names and passwords do not belong into an address", "Use the setting `secret`."
    return "", ""
