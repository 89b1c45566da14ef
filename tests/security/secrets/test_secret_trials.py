"""The test button: what it says, and that nobody learns a value by it, or sends one elsewhere (S11)."""

import asyncio
import base64
import json

import pytest
from local_servers import always, answer, by_path, listening
from vaults import ANN, a_vault

from auraos.security.secrets.checking import Value
from auraos.security.secrets.credentials import (
    Basic,
    Bearer,
    Database,
    Hmac,
    OAuth2Client,
    OAuth2Refresh,
    Smtp,
    Text,
)
from auraos.security.secrets.errors import NoSecretError, SecretTestError
from auraos.security.secrets.trying import Trial

CANARY = "canary-7711aa55"


def vault_of(path, *servers):
    return a_vault(
        path, allowed=[f"{host}:{server.port}" for server in servers for host in ("127.0.0.1", "127.0.0.2")]
    )


async def tried(vault, name="stock", **trial):
    return await vault.services.trials.try_stored(ANN, "default", name, Trial(**trial))


async def tried_with(vault, credential, *hosts, **trial):
    value = Value(credential=credential, hosts=hosts or ("127.0.0.1",))
    return await vault.services.trials.try_given(ANN, "default", value, Trial(**trial))


async def test_a_secret_is_tried_where_it_is_bound_to(tmp_path):
    async with (
        listening(by_path(good=answer(204), bad=answer(401, b"no: " + CANARY.encode()))) as server,
        vault_of(tmp_path, server) as vault,
    ):
        await vault.keep("stock", Bearer(token=CANARY), "127.0.0.1")
        good = await tried(vault, url=f"{server.url}/good?a=1")
        bad = await tried(vault, url=f"{server.url}/bad")
        entries = [entry for entry in await vault.entries() if entry.action == "secrets.test"]
    assert (good.works, good.status) == (True, 204)
    assert (bad.works, bad.status, bad.words) == (False, 401, "It was answered with 401.")
    assert server.requests[0].headers["authorization"] == f"Bearer {CANARY}"
    assert [(entry.outcome, entry.after["at"]) for entry in entries] == [
        ("done", f"{server.url}/good"),
        ("failed", f"{server.url}/bad"),
    ]


async def test_a_stored_secret_is_not_tried_at_any_other_host(tmp_path):
    async with listening(always(answer())) as server, vault_of(tmp_path, server) as vault:
        await vault.keep("stock", Bearer(token=CANARY), "127.0.0.1")
        refused = await tried(vault, url=f"http://127.0.0.2:{server.port}/")
        given = await tried_with(vault, Bearer(token=CANARY), url=f"http://127.0.0.2:{server.port}/")
    assert (refused.works, refused.code, given.code) == (False, "host-not-allowed", "host-not-allowed")
    assert server.requests == []


async def test_a_redirect_is_not_followed_by_a_trial(tmp_path):
    async with (
        listening(always(answer(302, location="http://127.0.0.2/"))) as server,
        vault_of(tmp_path, server) as vault,
    ):
        await vault.keep("stock", Bearer(token=CANARY), "127.0.0.1")
        assert (await tried(vault, url=server.url)).status == 302
    assert len(server.requests) == 1


async def test_a_value_that_was_brought_along_is_kept_nowhere(tmp_path):
    async with listening(always(answer())) as server, vault_of(tmp_path, server) as vault:
        assert (await tried_with(vault, Basic(user="me", password=CANARY), url=server.url)).works
        assert (await tried_with(vault, Text(value=CANARY), url=server.url, secret_in="header:X-Key")).works
        assert list(await vault.secrets.page("default")) == []
    assert server.requests[1].headers["x-key"] == CANARY


async def test_there_is_no_secret_to_try_that_is_not_there(vault):
    with pytest.raises(NoSecretError):
        await tried(vault, "nothing", url="https://x.com")


@pytest.mark.parametrize("credential", [Hmac(key=CANARY), Text(value=CANARY)])
async def test_what_cannot_be_tried_says_so(vault, credential):
    await vault.keep("stock", credential, "@local")
    with pytest.raises(SecretTestError):
        await tried(vault)


async def test_a_client_is_tried_by_getting_a_token(tmp_path):
    token = answer(200, json.dumps({"access_token": "fresh-token", "expires_in": 60}).encode())
    async with listening(always(token)) as server, vault_of(tmp_path, server) as vault:
        client = OAuth2Client(token_url=server.url + "/t", client_id="me", client_secret=CANARY)
        assert (await tried_with(vault, client, "x.com")).works
        await vault.keep("stock", client)
        assert (await tried(vault)).words == "A token was given."


async def test_a_refresh_token_is_not_used_up_by_a_trial(vault):
    refresh = OAuth2Refresh(token_url="https://a.example/t", client_id="me", refresh_token=CANARY)
    with pytest.raises(SecretTestError, match="uses it up"):
        await tried_with(vault, refresh, "x.com")


async def test_a_server_that_answers_nothing_is_told_of(tmp_path):
    async with listening(always(answer())) as server:
        port = server.port
    async with a_vault(tmp_path, allowed=[f"127.0.0.1:{port}"]) as vault:
        await vault.keep(
            "stock",
            Database(host="127.0.0.1", port=port, database="d", user="u", password=CANARY),
            "127.0.0.1",
        )
        refused = await tried(vault)
        assert (refused.works, refused.code) == (False, "cannot-connect")


async def test_a_database_is_tried_by_reaching_it(tmp_path):
    async with listening(always(b"")) as server, vault_of(tmp_path, server) as vault:
        database = Database(host="127.0.0.1", port=server.port, database="d", user="u", password=CANARY)
        await vault.keep("stock", database, "127.0.0.1")
        assert (await tried(vault)).works
    assert server.connections == 1


async def test_a_password_is_not_told_to_a_mail_server_that_does_not_encrypt(tmp_path):
    heard: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.test ESMTP\r\n")
        while line := await reader.readline():
            heard.append(line)
            writer.write(
                b"250-mail.test\r\n250 AUTH PLAIN LOGIN\r\n" if line.startswith(b"EHLO") else b"221 bye\r\n"
            )
        writer.close()

    listener = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with a_vault(tmp_path, allowed=[f"127.0.0.1:{port}"]) as vault:
        await vault.keep("stock", Smtp(host="127.0.0.1", port=port, user="me", password=CANARY), "127.0.0.1")
        refused = await tried(vault)
    listener.close()
    await listener.wait_closed()
    assert (refused.works, refused.code) == (False, "mail-unencrypted")
    said = b"".join(heard)
    assert CANARY.encode() not in said
    assert base64.b64encode(CANARY.encode()) not in said


async def test_a_destination_that_is_closed_to_steps_is_closed_to_trials(vault):
    await vault.keep("stock", Bearer(token=CANARY), "169.254.169.254", "127.0.0.1")
    for url in ("http://169.254.169.254/latest/meta-data", "http://127.0.0.1:1/"):
        assert (await tried(vault, url=url)).code in ("blocked-destination", "secret-needs-https")
