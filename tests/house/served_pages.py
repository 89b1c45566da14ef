"""Pages about a server are proved with one: requests are sent, and answers are what the page promises.

A page says so with the comment `<!-- proved with a server -->`. In it `https://auraos.example` is that server, and AURAOS_KEY a
key of its owner. A block of the language `http` that begins with a method is sent; one that begins with `HTTP/1.1` is the answer
to the last one sent: its status, those of the headers that it names, and its body, in which `...` stands for anything.
"""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path

from command_line import CommandLine
from markdown_blocks import Block, matches
from owned_server import OwnedServer, owned_server

MARK = "<!-- proved with a server -->"
WRITTEN = "https://auraos.example"


class PageServer:
    """The server of one page, and what it answered last."""

    def __init__(self, server: OwnedServer) -> None:
        self._server = server
        self._answer = ""
        self.environment = {"AURAOS_KEY": server.key}

    def real(self, text: str) -> str:
        """Return a text of the page with the address of the server in it."""
        return text.replace(WRITTEN, self._server.url)

    def written(self, text: str) -> str:
        """Return what was printed as the page writes it."""
        return text.replace(self._server.url, WRITTEN)

    def prove(self, block: Block) -> list[str]:
        """Send a request, or compare the last answer with the one that the page promises."""
        if not block.text.startswith("HTTP/"):
            self._answer = self._send(block.text)
            return []
        head, _, body = self._answer.partition("\n\n")
        first, *headers = head.splitlines()
        names = re.findall(r"^([A-Za-z-]+):", block.text.partition("\n\n")[0], re.MULTILINE)
        told = [one for name in names for one in headers if one.lower().startswith(f"{name.lower()}:")]
        shown = "\n".join([first, *told]) + (f"\n\n{body}" if body else "") + "\n"
        return (
            []
            if matches(block.text, shown)
            else [f"the answer was:\n{self._answer}\npromised was:\n{block.text}"]
        )

    def _send(self, text: str) -> str:
        head, _, body = text.partition("\n\n")
        first, *headers = head.splitlines()
        method, path = first.split(" ", 1)
        request = urllib.request.Request(
            f"{self._server.url}{path.strip()}", body.strip().encode() or None, method=method
        )
        request.add_header("Authorization", f"Bearer {self._server.key}")
        if body.strip():
            request.add_header("Content-Type", "application/json")
        for header in headers:
            name, _, value = header.partition(":")
            request.add_header(name, value.strip().replace("aus_…", self._server.key))
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return _told(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return _told(error.code, error.headers, error.read())


@contextmanager
def server_of(page: Path, folder: Path) -> Iterator[PageServer | None]:
    """Serve a page that is proved with a server."""
    if MARK not in page.read_text(encoding="utf-8"):
        yield None
        return
    (folder / "server").mkdir()
    with owned_server(CommandLine(folder / "server")) as server:
        yield PageServer(server)


def _told(status: int, headers: Message, body: bytes) -> str:
    lines = [f"HTTP/1.1 {status}", *(f"{name.title()}: {value}" for name, value in headers.items())]
    shown = body.decode()
    if shown.startswith(("{", "[")):
        shown = json.dumps(json.loads(shown), indent=2, ensure_ascii=False)
    return "\n".join(lines) + (f"\n\n{shown}" if shown else "") + "\n"
