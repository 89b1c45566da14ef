"""S09 over every step type that sends and every kind of secret that goes along: whatever is written for an address, and wherever
the other side leads, no host gets a secret but those that it is bound to.

The secret is bound to 127.0.0.1; 127.0.0.2 is whoever wants it, and listens at the same port. All addresses come from data.
"""

import base64
import importlib.util
import json
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from auraos.app.installed import GROUP
from canary_forms import found_in
from naming_secrets import taking, text_of
from secrets_of_each_kind import NOT_FOR_HTTP, one_of_each
from security.local_servers import Request, Server, always, answer, listening
from sending_house import SendingHouse, sending_from

CANARY = "canary+7c1e/5a09=b3f2d86e"
TOKEN = "token+41aa/9e3b=77c0f5d2"
CANARIES = {"secret": CANARY, "token": TOKEN}
SENDING = [takes for takes in taking() if takes.url]
PLACES = ("bearer", "basic", "basic:me", "header:X-Api-Key", "query:key")

OTHERWISE = (
    "http://127.0.0.2:{port}/",
    "http://127.0.0.1@127.0.0.2:{port}/",
    "http://127.0.0.1:{port}@127.0.0.2:{port}/",
    "http://127.0.0.1%40127.0.0.2:{port}/",
    "http://127.0.0.1%2f@127.0.0.2:{port}/",
    "http://127.0.0.2:{port}/?http://127.0.0.1:{port}/",
    "http://127.0.0.2:{port}/#@127.0.0.1:{port}/",
    "http://127.0.0.2:{port}#@127.0.0.1/",
    "http://127.0.0.2:{port}\\@127.0.0.1:{port}/",
    "http://127.0.0.1\t@127.0.0.2:{port}/",
    "http://127.0.0.1\n.127.0.0.2:{port}/",
    "http://127.0.0.1 .127.0.0.2:{port}/",
    "http://127.0.0.1.127.0.0.2:{port}/",
    "http://127.2:{port}/",
    "http://2130706434:{port}/",
    "http://0x7f.0.0.2:{port}/",
    "http://0177.0.0.2:{port}/",
    "http://[::ffff:127.0.0.2]:{port}/",
    "http://１２７.0.0.2:{port}/",
    "http://127。0。0。2:{port}/",
    "//127.0.0.2:{port}/",
    "HTTP://127.0.0.2:{port}/",
    "http:127.0.0.2:{port}/",
    "http:///127.0.0.2:{port}/",
    "http://*:{port}/",
    "http://@127.0.0.2:{port}/",
    "gopher://127.0.0.2:{port}/",
)
"""Addresses of somebody else, or of nobody."""
LEADING = (
    "http://127.0.0.2:{port}/end",
    "//127.0.0.2:{port}/end",
    "http://127.0.0.1@127.0.0.2:{port}/end",
    "/\\127.0.0.2:{port}/end",
    "http://127.0.0.1:{port}/away-again",
    "http://2130706434:{port}/end",
)
"""Where the host that a secret is for leads whoever asks it."""


class Thief:
    """The host that a secret is bound to: it takes what comes, and sends whoever asks on to somebody else."""

    def __init__(self) -> None:
        self.location = ""
        self.status = 302
        self.port = 0

    async def respond(self, request: Request, writer: Any) -> None:
        path = request.target.partition("?")[0]
        away = f"http://127.0.0.2:{self.port}/end"
        match path:
            case "/token":
                told = {"access_token": TOKEN, "refresh_token": CANARY, "expires_in": 3600}
                writer.write(answer(200, json.dumps(told).encode()))
            case "/away":
                writer.write(answer(self.status, location=self.location.format(port=self.port)))
            case "/away-again":
                writer.write(answer(self.status, location=away))
            case "/next":
                body = json.dumps({"items": [1], "next": away, "more": True}).encode()
                writer.write(answer(200, body, content_type="application/json", link=f'<{away}>; rel="next"'))
            case _:
                writer.write(answer(200, b"{}"))


def told_to(server: Server) -> list[str]:
    """Return what of the secrets came to a server, in whatever form; what stands in a login is taken apart."""
    found: list[str] = []
    for request in server.requests:
        logins = [value.partition(" ")[2] for value in request.headers.values() if value.startswith("Basic ")]
        opened = b" ".join(base64.b64decode(login) for login in logins)
        whole = repr((unquote(request.target), request.headers)).encode() + request.body + opened
        found += found_in(whole, CANARIES)
    return found


async def keep_all(sending: SendingHouse, port: int) -> list[tuple[str, str]]:
    """Keep a secret of each kind that a request carries, bound to 127.0.0.1; return their names, each with where it goes."""
    cases = []
    for kind, credential in one_of_each(CANARY, port=port).items():
        if kind in NOT_FOR_HTTP:
            continue
        await sending.keep(kind, credential, "127.0.0.1")
        cases += [(kind, place) for place in (PLACES if kind == "text" else PLACES[:1])]
    return cases


def asking(takes: Any, name: str, secret: str, place: str, **more: Any) -> str:
    """Return a workflow that sends a secret to an address which data says."""
    known = {"secret_in": place} if "secret_in" in takes.type.settings["properties"] else {}
    return text_of(name, {"steps": {"a": takes.step(secret, "{{ input }}", **known, **more)}})


async def test_no_address_brings_a_secret_to_another_host(house):
    thief = Thief()
    async with (
        listening(thief.respond) as server,
        listening(always(answer()), host="127.0.0.2", port=server.port) as other,
        sending_from(house, f"127.0.0.1:{server.port}", f"127.0.0.2:{server.port}") as sending,
    ):
        cases = await keep_all(sending, server.port)
        wrong, refused = [], 0
        for takes in SENDING:
            for secret, place in cases:
                text = asking(takes, secret, secret, place)
                for form in OTHERWISE:
                    went = await sending.run(text, form.format(port=server.port))
                    refused += "host-not-allowed" in went.codes
                    if not went.codes or other.connections:
                        wrong.append((str(takes), secret, place, form, went.codes))
        assert wrong == []
        assert refused >= len(cases) * len(SENDING) * 4
        told = {(entry.object.name, entry.after["host"]) for entry in await sending.refused()}
        assert {(secret, "127.0.0.2") for secret, _ in cases} <= told


async def test_no_redirect_and_no_next_page_brings_a_secret_to_another_host(house):
    """The other host may well be asked, as anybody could ask it: with nothing that is anybody's."""
    thief = Thief()
    async with (
        listening(thief.respond) as server,
        listening(always(answer(200, b"{}")), host="127.0.0.2", port=server.port) as other,
        sending_from(house, *(f"{host}:{server.port}" for host in ("127.0.0.1", "127.0.0.2"))) as sending,
    ):
        thief.port = server.port
        wrong, followed = [], 0
        for takes in SENDING:
            for secret, place in await keep_all(sending, server.port):
                text = asking(takes, secret, secret, place)
                for location in LEADING:
                    for thief.status in (301, 302, 303, 307, 308):
                        thief.location = location
                        del server.requests[:], other.requests[:]
                        await sending.run(text, f"{server.url}/away")
                        came = [request for request in server.requests if request.target != "/token"]
                        if told_to(other) or not came or (secret != "tls-client" and not told_to(server)):
                            wrong.append((str(takes), secret, place, location, thief.status))
                        followed += bool(other.requests)
        assert wrong == []
        assert followed > 100


@pytest.mark.parametrize("by", ["next", "link"])
async def test_no_page_names_a_next_one_that_gets_a_secret_elsewhere(house, by):
    """S08, S09: where a step goes on by itself."""
    thief = Thief()
    paging = [takes for takes in SENDING if "pages" in takes.type.settings["properties"]]
    assert paging
    async with (
        listening(thief.respond) as server,
        listening(always(answer(200, b"{}")), host="127.0.0.2", port=server.port) as other,
        sending_from(house, *(f"{host}:{server.port}" for host in ("127.0.0.1", "127.0.0.2"))) as sending,
    ):
        thief.port = server.port
        for takes in paging:
            for secret, place in await keep_all(sending, server.port):
                pages = {"by": by, "items": "items", **({"field": "next"} if by == "next" else {})}
                text = asking(takes, secret, secret, place, pages=pages)
                went = await sending.run(text, f"{server.url}/next")
                assert went.codes in (["page-elsewhere"], ["host-not-allowed"]), (secret, went.errors)
        assert other.connections == 0


@pytest.mark.parametrize("name", ["Host", "host", "Authorization", "authorization", "Proxy-Authorization"])
async def test_no_header_of_a_step_takes_the_place_of_what_a_secret_is_sent_by(house, name):
    thief = Thief()
    async with listening(thief.respond) as server, sending_from(house, f"127.0.0.1:{server.port}") as sending:
        for takes in SENDING:
            for secret, place in await keep_all(sending, server.port):
                is_free = name.lower() == "authorization" and (
                    secret in ("header", "tls-client") or place.partition(":")[0] in ("header", "query")
                )
                text = asking(takes, secret, secret, place, headers={name: "127.0.0.2"})
                went = await sending.run(text, server.url)
                assert went.codes == ([] if is_free else ["bad-header"]), (secret, place, went.errors)


async def test_no_proxy_of_the_environment_gets_a_secret(house, monkeypatch):
    thief = Thief()
    async with (
        listening(thief.respond) as server,
        listening(always(answer(200, b"{}")), host="127.0.0.2") as proxy,
    ):
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.2:{proxy.port}")
        async with sending_from(house, f"127.0.0.1:{server.port}") as sending:
            for takes in SENDING:
                for secret, place in await keep_all(sending, server.port):
                    went = await sending.run(asking(takes, secret, secret, place), server.url)
                    assert went.codes == [], (secret, went.errors)
        assert server.requests
        assert proxy.connections == 0


def test_every_step_type_that_reaches_the_network_is_among_the_cases():
    """By its code: a step type reaches the network through `context.http` alone, which `test_choke_points` holds."""
    found = set()
    for entry in entry_points(group=GROUP):
        file = importlib.util.find_spec(entry.module).origin
        if ".http" in Path(file).read_text().replace("auraos.steps.http", ""):
            found.add(entry.name)
    assert found == {takes.type.name for takes in SENDING}
