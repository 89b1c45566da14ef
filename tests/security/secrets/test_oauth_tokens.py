"""Tokens: got once for all who want one, refreshed ahead of their expiry, and kept (X05)."""

import asyncio
import base64
import json
from urllib.parse import parse_qs

import pytest
from local_servers import answer, listening
from vaults import ANN, RUN, a_vault

from auraos.sdk import StepFailed
from auraos.security.redaction import MASK
from auraos.security.secrets.credentials import OAuth2Client, OAuth2Refresh
from auraos.security.secrets.rows import SecretVersion
from auraos.security.secrets.tokens import ahead

SECOND = 1_000_000


class Giver:
    """A place that gives tokens: each refresh token is good for one exchange."""

    def __init__(self, lifetime: object = 3600) -> None:
        self.lifetime = lifetime
        self.given = 0
        self.refused = False
        self.status = 0
        self.good = "refresh-0"
        self.forms: list[dict[str, str]] = []
        self.proofs: list[str] = []
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    def hold(self) -> None:
        """Let whoever asks from now on wait."""
        self.asked.clear()
        self.may_answer.clear()

    async def respond(self, request, writer):
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        self.forms.append(form)
        self.proofs.append(request.headers.get("authorization", ""))
        self.asked.set()
        await self.may_answer.wait()
        if self.status:
            writer.write(answer(self.status, b"not now"))
            return
        if self.refused or form.get("refresh_token", self.good) != self.good:
            writer.write(answer(400, b'{"error":"invalid_grant","error_description":"canary"}'))
            return
        self.given += 1
        body = {"access_token": f"access-{self.given}", "token_type": "bearer"}
        if self.lifetime is not None:
            body["expires_in"] = self.lifetime
        if "refresh_token" in form:
            self.good = f"refresh-{self.given}"
            body["refresh_token"] = self.good
        writer.write(answer(200, json.dumps(body).encode()))


def client(server, **more) -> OAuth2Client:
    return OAuth2Client(token_url=f"{server.url}/token", client_id="me", client_secret="s3cret of me", **more)


def refreshing(server, **more) -> OAuth2Refresh:
    return OAuth2Refresh(
        token_url=f"{server.url}/token",
        client_id="me",
        client_secret="s3cret",
        refresh_token="refresh-0",
        **more,
    )


def vault_of(path, server):
    return a_vault(path, allowed=[f"127.0.0.1:{server.port}"])


async def token(vault) -> str:
    return await vault.reveal.reveal("api", host="x.com", asker=RUN)


async def test_a_token_is_got_in_exchange_and_kept_until_it_is_to_be_refreshed(tmp_path):
    giver = Giver()
    async with listening(giver.respond) as server, vault_of(tmp_path, server) as vault:
        await vault.keep("api", client(server, scope="a b", more={"audience": "shop"}))
        assert [await token(vault) for _ in range(3)] == ["access-1"] * 3
        vault.time += 3200 * SECOND
        assert await token(vault) == "access-1"
        vault.time += 101 * SECOND
        assert await token(vault) == "access-2"
    assert giver.forms[0] == {"grant_type": "client_credentials", "scope": "a b", "audience": "shop"}
    assert base64.b64decode(giver.proofs[0].removeprefix("Basic ")) == b"me:s3cret+of+me"


async def test_a_client_may_prove_itself_in_the_form(tmp_path):
    giver = Giver()
    async with listening(giver.respond) as server, vault_of(tmp_path, server) as vault:
        await vault.keep("api", client(server, sent_as="form"))
        await token(vault)
    assert giver.forms[0]["client_secret"] == "s3cret of me"
    assert giver.proofs == [""]


async def test_of_many_who_want_a_token_at_once_one_gets_it(tmp_path):
    giver = Giver()
    async with listening(giver.respond) as server, vault_of(tmp_path, server) as vault:
        await vault.keep("api", client(server))
        assert set(await asyncio.gather(*(token(vault) for _ in range(100)))) == {"access-1"}
    assert giver.given == 1


async def test_while_one_refreshes_others_go_on_with_the_token_that_still_holds(tmp_path):
    giver = Giver()
    async with listening(giver.respond) as server, vault_of(tmp_path, server) as vault:
        await vault.keep("api", client(server))
        await token(vault)
        vault.time += 3400 * SECOND
        giver.hold()
        first = asyncio.create_task(token(vault))
        await giver.asked.wait()
        assert await token(vault) == "access-1"
        giver.may_answer.set()
        assert await first == "access-2"


async def test_of_processes_that_want_a_token_at_once_one_gets_it(tmp_path):
    giver = Giver()
    async with listening(giver.respond) as server, vault_of(tmp_path, server) as vault:
        others = [
            type(vault)(vault.tables, tmp_path, {}, [f"127.0.0.1:{server.port}"], "here") for _ in range(3)
        ]
        await vault.keep("api", refreshing(server))
        found = await asyncio.gather(*(token(each) for each in (vault, *others)))
        assert set(found) == {"access-1"}
        for other in others:
            await other.close()
    assert giver.given == 1


async def test_a_refresh_token_that_changes_is_kept_for_the_next_process(tmp_path):
    giver = Giver()
    async with listening(giver.respond) as server:
        async with vault_of(tmp_path, server) as vault:
            await vault.keep("api", refreshing(server))
            assert await token(vault) == "access-1"
        async with vault_of(tmp_path, server) as vault:
            assert await token(vault) == "access-1"
            vault.time += 3590 * SECOND
            assert await token(vault) == "access-2"
        async with vault_of(tmp_path, server) as vault:
            vault.time += 2 * 3590 * SECOND
            assert await token(vault) == "access-3"
    assert [form["refresh_token"] for form in giver.forms] == ["refresh-0", "refresh-1", "refresh-2"]


async def test_a_token_that_still_holds_is_used_when_no_new_one_can_be_got(tmp_path):
    giver = Giver()
    async with listening(giver.respond) as server, vault_of(tmp_path, server) as vault:
        await vault.keep("api", client(server))
        await token(vault)
        giver.status = 503
        vault.time += 3400 * SECOND
        assert await token(vault) == "access-1"
        vault.time += 200 * SECOND
        with pytest.raises(StepFailed) as failure:
            await token(vault)
        assert (failure.value.error_class, failure.value.error_code) == ("transient", "token-unavailable")
        giver.status = 0
        assert await token(vault) == "access-2"


async def test_a_grant_that_was_taken_back_is_told_as_one_of_the_credential(tmp_path):
    giver = Giver()
    giver.refused = True
    async with listening(giver.respond) as server, vault_of(tmp_path, server) as vault:
        await vault.keep("api", client(server))
        with pytest.raises(StepFailed) as failure:
            await token(vault)
    assert (failure.value.error_class, failure.value.error_code) == ("credential", "token-refused")
    assert "invalid_grant" in failure.value.message
    assert "canary" not in str(failure.value)


async def test_all_of_an_exchange_is_masked(tmp_path):
    giver = Giver()
    async with listening(giver.respond) as server, vault_of(tmp_path, server) as vault:
        await vault.keep("api", refreshing(server))
        await token(vault)
        shown = vault.reveal.redactor.redact("access-1 refresh-0 refresh-1 s3cret")
    assert shown == " ".join([MASK] * 4)


async def test_tokens_that_are_worth_nothing_any_more_are_let_go(tmp_path):
    giver = Giver()
    async with listening(giver.respond) as server, vault_of(tmp_path, server) as vault:
        await vault.keep("api", refreshing(server))
        for _ in range(6):
            await token(vault)
            vault.time += 3590 * SECOND
        shown = vault.reveal.redactor.redact(
            "access-1 access-2 access-3 access-6 refresh-0 refresh-1 refresh-6 s3cret"
        )
    assert shown == f"access-1 access-2 {MASK} {MASK} {MASK} refresh-1 {MASK} {MASK}"


async def test_the_token_is_kept_under_seal(tmp_path):
    giver = Giver()
    async with listening(giver.respond) as server, vault_of(tmp_path, server) as vault:
        secret = await vault.keep("api", refreshing(server))
        await token(vault)
        (row,) = await vault.rows.all(SecretVersion, secret=secret.id)
        assert row.token_ends_at == vault.time + 3600 * SECOND
        assert b"access-1" not in row.token
        assert (await vault.secrets.rotate_key(ANN, "default")).sealed_anew == 1
        vault.services.stored.forget(secret)
        assert await token(vault) == "access-1"
    assert giver.given == 1


async def test_a_version_that_was_revoked_meanwhile_gets_no_token(tmp_path):
    giver = Giver()
    async with listening(giver.respond) as server, vault_of(tmp_path, server) as vault:
        secret = await vault.keep("api", client(server))
        giver.hold()
        wanting = asyncio.create_task(token(vault))
        await giver.asked.wait()
        (row,) = await vault.rows.all(SecretVersion, secret=secret.id)
        await vault.secrets.revoke(ANN, "default", "api", 1)
        giver.may_answer.set()
        with pytest.raises(StepFailed, match="was revoked"):
            await wanting
        (after,) = await vault.rows.all(SecretVersion, secret=secret.id)
    assert row.refreshing_until > 0
    assert (after.sealed, after.token) == (b"", b"")


@pytest.mark.parametrize(
    "body", [b"nonsense", b"{}", b'{"access_token": 5}', b'{"access_token":"a","expires_in":"x"}']
)
async def test_an_answer_that_is_no_token_is_told_of(tmp_path, body):
    async def respond(request, writer):
        writer.write(answer(200, body))

    async with listening(respond) as server, vault_of(tmp_path, server) as vault:
        await vault.keep("api", client(server))
        with pytest.raises(StepFailed) as failure:
            await token(vault)
    assert failure.value.error_code == "token-unreadable"


@pytest.mark.parametrize(("lifetime", "seconds"), [(7200, 300), (3600, 300), (600, 60), (60, 30), (10, 5)])
def test_a_token_is_refreshed_the_earlier_the_longer_it_holds(lifetime, seconds):
    assert ahead(lifetime) == seconds
