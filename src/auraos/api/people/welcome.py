"""The page on which whoever has the token of the console becomes the first owner.

The token comes behind the `#` of the address, which browsers send nowhere, and the page takes it out of the address at once.
"""

from typing import Final

from auraos.api.protocol.answers import Answer
from auraos.api.protocol.asking import Ask
from auraos.api.protocol.pages import Page
from auraos.api.protocol.routes import OPEN, Routes

routes = Routes()
PATH: Final = "/welcome"
_PAGE: Final = Page("welcome")


@routes.get(PATH, may=OPEN, gives="text/html")
async def show_welcome(ask: Ask) -> Answer:  # noqa: ARG001 (it is the same for everybody)
    """Show the page that makes the first owner."""
    return _PAGE.answer()
