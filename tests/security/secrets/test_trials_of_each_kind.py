"""S11 over every kind of secret: nobody learns a value by the test button, sends one elsewhere, or uses what is over.

Kinds are those that there are: a new one is held here without a word.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from local_servers import Request, always, answer, listening
from vaults import ANN, Vault, a_vault

from auraos.security.secrets.checking import Value
from auraos.security.secrets.credentials import KINDS
from auraos.security.secrets.errors import SecretTestError
from auraos.security.secrets.sources import FromEnvironment
from auraos.security.secrets.trying import Trial, Tried
from canary_forms import found_in, told
from secrets_of_each_kind import hidden, one_of_each

CANARY = "canary+77c1/55a0=9f27e3b1"
DAY = 24 * 3600 * 1_000_000
NO_SERVER = ("hmac", "smtp", "database")
"""The kinds that no request carries."""
FORMS = (
    "http://127.0.0.2:{port}/",
    "http://127.0.0.1@127.0.0.2:{port}/",
    "http://127.0.0.1:{port}@127.0.0.2:{port}/",
    "http://127.0.0.2:{port}/?http://127.0.0.1:{port}/",
    "http://127.0.0.2:{port}#@127.0.0.1/",
    "http://127.0.0.2:{port}\\@127.0.0.1:{port}/",
    "http://2130706434:{port}/",
    "http://[::ffff:127.0.0.2]:{port}/",
    "//127.0.0.2:{port}/",
    "ftp://127.0.0.1:{port}/",
)


async def attempt(trying: Any) -> Tried | SecretTestError:
    """Return what comes of a trial, or that it is none that can be made."""
    try:
        return await trying
    except SecretTestError as refused:
        return refused


def places(kind: str) -> tuple[str, ...]:
    return ("bearer", "basic:me", "header:X-Key", "query:key") if kind == "text" else ("bearer",)


def hosts_of(kind: str) -> tuple[str, ...]:
    return ("@local",) if kind == "hmac" else ("127.0.0.1",)


def vault_with(path, *ports: int):
    return a_vault(path, allowed=[f"{host}:{port}" for port in ports for host in ("127.0.0.1", "127.0.0.2")])


class Mail:
    """A mail server that says all that it is told again, and offers no encryption."""

    def __init__(self) -> None:
        self.connections = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(f"220 {CANARY}\r\n".encode())
        while line := await reader.readline():
            writer.write(f"250 {CANARY} ".encode() + line.strip() + b"\r\n")
        writer.close()


@asynccontextmanager
async def somebody(kind: str) -> AsyncIterator[Any]:
    """Yield who listens where a secret of this kind goes, and gives away all that it hears."""
    if kind != "smtp":
        async with listening(echo) as server:
            yield server
        return
    mail = Mail()
    listener = await asyncio.start_server(mail.talk, "127.0.0.1", 0)
    mail.port = listener.sockets[0].getsockname()[1]
    yield mail
    listener.close()


async def echo(request: Request, writer: Any) -> None:
    """Answer with all that came, in every form, in the head and in the body."""
    carried = [value.partition(" ")[2] or value for value in request.headers.values()]
    carried += [
        base64.b64decode(value).decode("utf-8", "replace") for value in carried if value.endswith("=")
    ]
    body = "\n".join(map(told, [*carried, request.target, CANARY])).encode()
    writer.write(answer(403, body, x_echo=CANARY, location=f"http://127.0.0.2/?{CANARY}"))


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_told_of_a_trial_is_never_a_value(tmp_path, kind):
    """S10, S11: whatever the other side answers."""
    async with somebody(kind) as server, vault_with(tmp_path, server.port) as vault:
        credential = one_of_each(CANARY, port=server.port)[kind]
        canaries = {**hidden({kind: credential}), "canary": CANARY}
        await vault.keep("stock", credential, *hosts_of(kind))
        value = Value(credential=credential, hosts=hosts_of(kind))
        answered = []
        for url in (f"{server.url}/say?key={CANARY}", ""):
            for place in places(kind):
                trial = Trial(url=url, secret_in=place)
                trials = vault.services.trials
                answered += [
                    await attempt(trials.try_stored(ANN, "default", "stock", trial)),
                    await attempt(trials.try_given(ANN, "default", value, trial)),
                ]
        shown = [f"{one!r} {one} {getattr(one, 'hint', '')}".encode() for one in answered]
        shown += [repr(await vault.entries()).encode()]
        assert [each for text in shown for each in found_in(text, canaries)] == []
        assert server.connections or kind == "hmac"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in NO_SERVER])
async def test_no_trial_brings_a_secret_to_another_host(tmp_path, kind):
    """S11: neither one of the store nor one that is brought along; no way of writing an address leads elsewhere."""
    token = answer(200, json.dumps({"access_token": "fresh-token-1", "expires_in": 60}).encode())
    async with (
        listening(always(token)) as server,
        listening(always(answer()), host="127.0.0.2", port=server.port) as other,
        vault_with(tmp_path, server.port) as vault,
    ):
        credential = one_of_each(CANARY, port=server.port)[kind]
        await vault.keep("stock", credential, "127.0.0.1")
        value = Value(credential=credential, hosts=("127.0.0.1",))
        for form in FORMS:
            for place in places(kind):
                trial = Trial(url=form.format(port=server.port), secret_in=place)
                trials = vault.services.trials
                for came in (
                    await attempt(trials.try_stored(ANN, "default", "stock", trial)),
                    await attempt(trials.try_given(ANN, "default", value, trial)),
                ):
                    assert not getattr(came, "works", False), (form, came)
        assert other.connections == 0
        assert all(request.target == "/token" for request in server.requests)


def trial_of(kind: str, url: str) -> Trial:
    return Trial(url="" if kind in ("smtp", "database") or kind.startswith("oauth2") else url)


async def went(vault: Vault, kind: str, url: str) -> str:
    came = await attempt(vault.services.trials.try_stored(ANN, "default", "stock", trial_of(kind, url)))
    return came.code if isinstance(came, Tried) else "none"


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_over_or_was_revoked_is_not_tried(tmp_path, kind):
    """S11, S60: rights are looked at when it is used."""
    async with listening(always(answer())) as server, vault_with(tmp_path, server.port) as vault:
        credential = one_of_each(CANARY, port=server.port)[kind]
        codes = []
        secret = await vault.keep("stock", credential, *hosts_of(kind), ends_at=vault.time + DAY)
        vault.time += 2 * DAY
        codes.append(await went(vault, kind, server.url))
        await vault.secrets.delete(ANN, "default", "stock")
        secret = await vault.keep("stock", credential, *hosts_of(kind))
        await vault.secrets.revoke(ANN, "default", "stock", secret.version)
        codes.append(await went(vault, kind, server.url))
        assert codes in (["secret-expired", "secret-revoked"], ["none", "secret-revoked"])
        assert (codes[0] == "none") == (kind == "hmac")
        assert server.connections == 0


@pytest.mark.parametrize("kind", ["smtp", "database"])
async def test_a_server_that_a_secret_is_not_bound_to_any_more_is_not_asked(tmp_path, kind):
    """S09, S11: the binding holds for what the credential itself says of where it goes, too."""
    async with listening(always(answer())) as server, vault_with(tmp_path, server.port) as vault:
        credential = one_of_each(CANARY, port=server.port)[kind]
        secret = await vault.keep("stock", credential, "127.0.0.1", "mail.example.com")
        await vault.secrets.narrow(
            ANN, "default", "stock", ("mail.example.com",), (), revision=secret.revision
        )
        assert await went(vault, kind, "") == "host-not-allowed"
        assert server.connections == 0


@pytest.mark.parametrize("kind", ["smtp", "database"])
async def test_a_server_that_is_named_where_a_value_is_kept_is_asked_only_if_it_is_bound_to_it(
    tmp_path, kind
):
    """S09, S11: what is kept elsewhere can change there."""
    async with somebody(kind) as server:
        parts = {"host": "127.0.0.1", "port": server.port, "user": "me", "password": CANARY}
        kept = {**parts, "database": "d"} if kind == "database" else parts
        environment = {"AURAOS_SOURCE_DEFAULT__STOCK": json.dumps(kept)}
        allowed = [f"127.0.0.1:{server.port}"]
        async with a_vault(tmp_path, environment, allowed=allowed) as vault:
            source = FromEnvironment(name="stock")
            for hosts in (("mail.example.com",), ("127.0.0.1",)):
                value = Value(kind=kind, source=source, hosts=hosts)
                given = await attempt(vault.services.trials.try_given(ANN, "default", value, Trial()))
                assert isinstance(given, Tried)
                assert (given.code == "host-not-allowed") == (hosts != ("127.0.0.1",)), given
                assert bool(server.connections) == (hosts == ("127.0.0.1",))
