"""The page on which whoever has the token of the console becomes the first owner.

The token comes behind the `#` of the address, which browsers send nowhere, and the page takes it out of the address at once.
"""

import base64
import hashlib
import re
from importlib.resources import files
from typing import Final

from auraos.api.protocol.answers import Answer
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.routes import OPEN, Routes

routes = Routes()
PATH: Final = "/welcome"
_PAGE: Final = files("auraos.api").joinpath("pages/welcome.html").read_bytes()


@routes.get(PATH, may=OPEN, gives="text/html")
async def show_welcome(ask: Ask) -> Answer:  # noqa: ARG001 (it is the same for everybody)
    """Show the page that makes the first owner."""
    return Answer(200, _PAGE, "text/html; charset=utf-8", {"content-security-policy": _POLICY})


def _hashes(tag: bytes) -> str:
    """Return what a policy says of all that stands within a tag: these very letters, and no others."""
    inside = re.findall(b"<%b>(.*?)</%b>" % (tag, tag), _PAGE, re.DOTALL)
    return " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'" for text in inside)


_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        f"script-src {_hashes(b'script')}",
        f"style-src {_hashes(b'style')}",
        "connect-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
