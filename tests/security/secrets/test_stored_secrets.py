"""Reveal with a store: for a run and a host, noted, masked, and dead as soon as it is revoked (S09, S54, X05)."""

import asyncio

import msgspec
import pytest
from certificates import make as make_certificates
from local_servers import always, answer, listening
from vaults import ANN, RUN, a_vault

from auraos.core.asker import Asker
from auraos.sdk import StepFailed
from auraos.security.egress import Egress
from auraos.security.redaction import MASK
from auraos.security.row_store import Replace
from auraos.security.secrets.checking import Value
from auraos.security.secrets.credentials import Basic, Bearer, Hmac, Text, TlsClient
from auraos.security.secrets.rows import Secret, SecretUse, SecretVersion

CANARY = "canary-8d1e77"
SECOND = 1_000_000


async def refusal(vault, name="stock", host="x.com", asker=RUN) -> StepFailed:
    with pytest.raises(StepFailed) as failure:
        await vault.reveal.reveal(name, host=host, asker=asker)
    assert CANARY not in str(failure.value)
    return failure.value


async def test_a_stored_secret_is_revealed_to_a_host_it_is_bound_to(vault):
    await vault.keep("stock", Text(value=CANARY), "x.com", "*.y.com", "@local")
    for host in ("x.com", "X.com", "a.y.com", "@local"):
        assert await vault.reveal.reveal("stock", host=host, asker=RUN) == CANARY


@pytest.mark.parametrize("host", ["evil", "x.com.evil", "y.com", "x.com@evil", "@local", "", "127.0.0.1"])
async def test_a_stored_secret_goes_to_no_other_host(vault, host):
    await vault.keep("stock", Text(value=CANARY), "x.com", "*.y.com")
    assert (await refusal(vault, host=host)).error_code == "host-not-allowed"


async def test_another_workspace_has_other_secrets(vault):
    await vault.keep("stock", Text(value=CANARY))
    await vault.keep("stock", Text(value="other-value"), workspace="sales")
    assert await vault.reveal.reveal("stock", host="x.com", asker=Asker("sales")) == "other-value"
    assert (await refusal(vault, asker=Asker("nobody"))).error_code == "secret-missing"
    assert (await refusal(vault, asker=Asker(""))).error_code == "secret-missing"


async def test_a_secret_for_some_workflows_is_refused_to_others(vault):
    await vault.keep("stock", Text(value=CANARY), workflows=("orders",))
    assert await vault.reveal.reveal("stock", host="x.com", asker=RUN) == CANARY
    for other in (Asker("default", "other"), Asker("default")):
        assert (await refusal(vault, asker=other)).error_code == "secret-not-for-workflow"


async def test_a_stored_secret_goes_before_one_of_the_environment(tmp_path):
    environment = {
        "AURAOS_SECRET_STOCK": "of-environment", "AURAOS_HOSTS_STOCK": "x.com", "AURAOS_SECRET_OTHER": "other-one",
        "AURAOS_HOSTS_OTHER": "x.com",
    }  # fmt: skip
    async with a_vault(tmp_path, environment) as vault:
        assert await vault.reveal.reveal("stock", host="x.com", asker=RUN) == "of-environment"
        await vault.keep("stock", Text(value=CANARY))
        assert await vault.reveal.reveal("stock", host="x.com", asker=RUN) == CANARY
        assert await vault.reveal.reveal("other", host="x.com", asker=RUN) == "other-one"


async def test_what_was_revealed_is_masked_from_then_on(vault):
    await vault.keep("stock", Basic(user="me", password=CANARY))
    assert vault.reveal.redactor.redact(f"it is {CANARY}") == f"it is {CANARY}"
    await vault.reveal.open("stock", host="x.com", asker=RUN)
    assert vault.reveal.redactor.redact(f"it is {CANARY}") == f"it is {MASK}"


async def test_a_new_version_counts_at_once_and_a_revoked_one_never_again(vault):
    await vault.keep("stock", Text(value="first-value"))
    await vault.reveal.reveal("stock", host="x.com", asker=RUN)
    value = Value(credential=Text(value="second-value"), hosts=("x.com",))
    await vault.secrets.replace(ANN, "default", "stock", value, revision=1)
    assert await vault.reveal.reveal("stock", host="x.com", asker=RUN) == "second-value"
    await vault.secrets.revoke(ANN, "default", "stock", 2)
    assert (await refusal(vault)).error_code == "secret-revoked"


async def test_another_process_hears_of_a_revocation_within_a_second(tmp_path):
    async with a_vault(tmp_path) as vault:
        other = type(vault)(vault.tables, tmp_path, {}, (), "here")
        await vault.keep("stock", Text(value=CANARY))
        assert await other.reveal.reveal("stock", host="x.com", asker=RUN) == CANARY
        await vault.secrets.revoke(ANN, "default", "stock", 1)
        other.time += SECOND
        assert (await refusal(other)).error_code == "secret-revoked"
        await other.close()


async def test_an_expired_secret_is_refused(vault):
    await vault.keep("stock", Text(value=CANARY), ends_at=vault.time + 5)
    assert await vault.reveal.reveal("stock", host="x.com", asker=RUN) == CANARY
    vault.time += 5
    assert (await refusal(vault)).error_code == "secret-expired"


async def test_uses_are_noted_by_workflow(vault):
    secret = await vault.keep("stock", Text(value=CANARY))
    for _ in range(3):
        await vault.reveal.reveal("stock", host="x.com", asker=RUN)
    await vault.services.stored.uses.flush()
    await vault.reveal.reveal("stock", host="x.com", asker=Asker("default", "orders", "v2", "run-2"))
    await refusal(vault, host="evil")
    await vault.services.stored.close()
    (use,) = await vault.rows.all(SecretUse)
    assert use == SecretUse(
        secret=secret.id,
        workflow="orders",
        workspace="default",
        version="v2",
        run="run-2",
        at=vault.time,
        count=4,
    )


async def test_many_at_once_read_a_secret_once(vault):
    await vault.keep("stock", Text(value=CANARY))
    reads = []
    tables = vault.rows._tables
    one = tables.one

    async def counted(sql, *given):
        reads.append(sql)
        return await one(sql, *given)

    tables.one = counted
    found = await asyncio.gather(*(vault.reveal.reveal("stock", host="x.com", asker=RUN) for _ in range(200)))
    assert set(found) == {CANARY}
    assert sum("from secrets" in sql for sql in reads) == 1


# --- what is written in the database is not believed (S54) ---


async def changed(vault, row, **given) -> None:
    assert await vault.rows.save([Replace(row, msgspec.structs.replace(row, **given))]) is None
    vault.time += 2 * SECOND


async def rows_of(vault, name):
    secret = await vault.rows.one(Secret, workspace="default", name=name)
    return secret, await vault.rows.all(SecretVersion, secret=secret.id)


async def test_hosts_that_were_widened_in_the_database_change_nothing(vault):
    await vault.keep("stock", Text(value=CANARY))
    secret, _ = await rows_of(vault, "stock")
    await changed(vault, secret, hosts=("evil.example",), workflows=("any",))
    assert (await refusal(vault, host="evil.example")).error_code == "host-not-allowed"


async def test_ciphertexts_that_were_swapped_do_not_open(vault):
    await vault.keep("stock", Text(value=CANARY))
    await vault.keep("mine", Text(value="mine-own-value"), "evil.example")
    _, (stock,) = await rows_of(vault, "stock")
    _, (mine,) = await rows_of(vault, "mine")
    await changed(vault, mine, sealed=stock.sealed)
    assert (await refusal(vault, "mine", "evil.example")).error_code == "seal-broken"


async def test_a_ciphertext_of_another_workspace_does_not_open(vault):
    await vault.keep("stock", Text(value=CANARY), workspace="sales")
    await vault.keep("stock", Text(value="mine-own-value"))
    theirs = await vault.rows.one(SecretVersion, workspace="sales")
    _, (mine,) = await rows_of(vault, "stock")
    await changed(vault, mine, sealed=theirs.sealed, key_id=theirs.key_id)
    assert (await refusal(vault)).error_code == "seal-broken"


async def test_a_ciphertext_that_was_rolled_back_does_not_open(vault):
    await vault.keep("stock", Text(value="first-value"))
    value = Value(credential=Text(value=CANARY), hosts=("x.com",))
    await vault.secrets.replace(ANN, "default", "stock", value, revision=1)
    _, (first, second) = await rows_of(vault, "stock")
    await changed(vault, second, sealed=first.sealed)
    assert (await refusal(vault)).error_code == "seal-broken"


async def test_a_secret_that_was_renamed_in_the_database_does_not_open(vault):
    await vault.keep("stock", Text(value=CANARY))
    secret, _ = await rows_of(vault, "stock")
    await changed(vault, secret, name="mine")
    assert (await refusal(vault, "mine")).error_code == "seal-broken"


async def test_a_revoked_version_that_is_called_kept_again_holds_nothing(vault):
    await vault.keep("stock", Text(value=CANARY))
    await vault.secrets.revoke(ANN, "default", "stock", 1)
    secret, (row,) = await rows_of(vault, "stock")
    assert (row.sealed, row.token) == (b"", b"")
    await changed(vault, row, state="kept")
    await changed(vault, secret, version=1)
    assert (await refusal(vault)).error_code == "seal-broken"


# --- through Egress ---


def sending(vault, server, **more) -> Egress:
    return Egress(
        [f"127.0.0.1:{server.port}", f"localhost:{server.port}"], secrets=vault.reveal.seen_by(RUN), **more
    )


async def test_a_credential_goes_where_its_kind_says_whatever_the_step_wishes(vault):
    await vault.keep("stock", Bearer(token=CANARY), "127.0.0.1")
    async with (
        listening(always(answer())) as server,
        sending(vault, server) as egress,
        egress.request("GET", server.url + "/a", secret="stock", secret_in="query:key") as reply,
    ):
        assert reply.status == 200
    assert server.requests[0].headers["authorization"] == f"Bearer {CANARY}"
    assert server.requests[0].target == "/a"


async def test_a_redirect_elsewhere_gets_no_credential(vault):
    await vault.keep("stock", Bearer(token=CANARY), "127.0.0.1")
    async with listening(always(answer())) as target:
        away = answer(302, location=f"http://localhost:{target.port}/")
        async with (
            listening(always(away)) as server,
            Egress(
                [f"127.0.0.1:{server.port}", f"localhost:{target.port}"], secrets=vault.reveal.seen_by(RUN)
            ) as egress,
            egress.request("GET", server.url, secret="stock") as reply,
        ):
            assert reply.status == 200
    assert "authorization" not in target.requests[0].headers


async def test_a_key_to_sign_with_is_carried_by_no_request(vault):
    await vault.keep("sign", Hmac(key=CANARY), "@local")
    async with listening(always(answer())) as server, sending(vault, server) as egress:
        with pytest.raises(StepFailed) as failure:
            async with egress.request("GET", server.url, secret="sign"):
                pass
    assert failure.value.error_code == "host-not-allowed"
    assert server.requests == []


async def test_a_client_proves_itself_with_its_certificate_to_its_host_only(vault, tmp_path):
    import ssl

    made = make_certificates(tmp_path)
    credential = TlsClient(certificate=(made / "good.pem").read_text(), key=(made / "good.key").read_text())
    await vault.keep("proof", credential, "localhost", ends_at=vault.time + SECOND)
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(made / "authority.pem"))
    serving.load_cert_chain(made / "good.pem", made / "good.key")
    serving.verify_mode = ssl.CERT_REQUIRED
    trust = ssl.create_default_context(cafile=str(made / "authority.pem"))
    async with (
        listening(always(answer()), tls=serving) as server,
        sending(vault, server, trust=trust) as egress,
    ):
        async with egress.request("GET", f"https://localhost:{server.port}/", secret="proof") as reply:
            assert reply.status == 200
        with pytest.raises(StepFailed):
            async with egress.request("GET", f"https://localhost:{server.port}/"):
                pass
        with pytest.raises(StepFailed) as failure:
            async with egress.request("GET", f"http://127.0.0.1:{server.port}/", secret="proof"):
                pass
    assert failure.value.error_code == "host-not-allowed"
    assert len(server.requests) == 1


async def test_without_a_run_nothing_that_is_stored_is_revealed(vault):
    await vault.keep("stock", Text(value=CANARY))
    with pytest.raises(StepFailed, match="is not set"):
        await vault.reveal.reveal("stock", host="x.com")
