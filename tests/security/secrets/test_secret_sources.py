"""Values that are kept elsewhere: each workspace gets at its own, and at nothing of the house (X06)."""

import json

import pytest
from local_servers import answer, listening
from vaults import ANN, RUN, a_vault

from auraos.core.asker import Asker
from auraos.sdk import StepFailed
from auraos.security.secrets.checking import Value
from auraos.security.secrets.service import About
from auraos.security.secrets.sources import FromCommand, FromEnvironment, FromFile, FromVault

CANARY = "canary-from-elsewhere"


async def opened(vault, source, kind="text", workspace="default") -> str:
    await vault.secrets.create(
        ANN, workspace, "kept", About(), Value(source=source, kind=kind, hosts=("x.com",))
    )
    return await vault.reveal.reveal("kept", host="x.com", asker=Asker(workspace, "orders"))


async def refusal(vault, source, workspace="default") -> StepFailed:
    with pytest.raises(StepFailed) as failure:
        await opened(vault, source, workspace=workspace)
    assert CANARY not in str(failure.value)
    assert failure.value.error_code == "secret-source"
    return failure.value


async def test_the_environment_has_values_for_a_workspace(tmp_path):
    environment = {"AURAOS_SOURCE_DEFAULT__STOCK_API": CANARY, "AURAOS_SOURCE_SALES__STOCK_API": "of-sales"}
    async with a_vault(tmp_path, environment) as vault:
        source = FromEnvironment(name="stock-api")
        assert await opened(vault, source) == CANARY
        assert await opened(vault, source, workspace="sales") == "of-sales"
        assert "is not set" in (await refusal(vault, source, workspace="other")).message


async def test_the_environment_of_the_house_is_out_of_reach(tmp_path):
    environment = {
        "AURAOS_MASTER_KEY": "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA=",
        "AURAOS_SECRET_X": CANARY,
    }
    async with a_vault(tmp_path, environment) as vault:
        for number, name in enumerate(("master-key", "secret-x", "x")):
            await vault.secrets.create(
                ANN,
                "default",
                f"kept-{number}",
                About(),
                Value(source=FromEnvironment(name=name), hosts=("x.com",)),
            )
            with pytest.raises(StepFailed, match="is not set"):
                await vault.reveal.reveal(f"kept-{number}", host="x.com", asker=RUN)


async def test_a_file_of_the_workspace_is_read(tmp_path):
    files = tmp_path / "files"
    (files / "default" / "shop").mkdir(parents=True)
    (files / "default" / "shop" / "key").write_text(CANARY + "\n")
    (files / "sales").mkdir()
    (files / "sales" / "key").write_text("of-sales")
    (files / "default" / "leads-out").symlink_to(files / "sales" / "key")
    (files / "default" / "loops").symlink_to(files / "default" / "loops")
    (files / "default" / "folder").mkdir()
    (files / "default" / "large").write_bytes(b"x" * 300_000)
    (files / "default" / "..data").mkdir()
    (files / "default" / "..data" / "mounted").write_text("as a cluster mounts it")
    (files / "default" / "mounted").symlink_to("..data/mounted")
    async with a_vault(tmp_path / "data", {"AURAOS_FILES_OF_SECRETS": str(files)}) as vault:
        assert await opened(vault, FromFile(path="shop/key")) == CANARY
        for path in ("leads-out", "loops", "folder", "large", "nothing"):
            secret = await vault.secrets.find("default", "kept")
            await vault.secrets.replace(
                ANN,
                "default",
                "kept",
                Value(source=FromFile(path=path), hosts=("x.com",)),
                revision=secret.revision,
            )
            with pytest.raises(StepFailed, match="kept elsewhere, and cannot be had"):
                await vault.reveal.reveal("kept", host="x.com", asker=RUN)
        secret = await vault.secrets.find("default", "kept")
        await vault.secrets.replace(
            ANN,
            "default",
            "kept",
            Value(source=FromFile(path="mounted"), hosts=("x.com",)),
            revision=secret.revision,
        )
        assert await vault.reveal.reveal("kept", host="x.com", asker=RUN) == "as a cluster mounts it"


async def test_a_program_brings_values_by_workspace_and_name(tmp_path):
    program = tmp_path / "bring"
    program.write_text('#!/bin/sh\necho "value of $1 and $2"\n')
    program.chmod(0o755)
    async with a_vault(tmp_path / "data", {"AURAOS_COMMAND_OF_SECRETS": str(program)}) as vault:
        assert await opened(vault, FromCommand(name="stock")) == "value of default and stock"


async def test_without_an_operator_who_names_them_there_are_no_places(vault):
    failure = await refusal(vault, FromFile(path="x"))
    assert "AURAOS_FILES_OF_SECRETS is not set" in failure.message


def vault_server(secrets):
    """Answer as HashiCorp Vault with KV version 2 does, to whoever brings its token."""

    async def respond(request, writer):
        if request.headers.get("x-vault-token") != "root-token":
            writer.write(answer(403, b'{"errors":["permission denied"]}'))
            return
        path = request.target.removeprefix("/v1/secret/data/auraos/")
        if path not in secrets:
            writer.write(answer(404, b'{"errors":[]}'))
            return
        body = {"data": {"data": secrets[path], "metadata": {"version": 3}}}
        writer.write(answer(200, json.dumps(body).encode()))

    return respond


def environment_for(server, token="root-token"):
    return {"AURAOS_VAULT_ADDR": server.url, "AURAOS_VAULT_TOKEN": token}


async def test_vault_has_values_for_a_workspace(tmp_path):
    kept = {"default/shop": {"token": CANARY}, "sales/shop": {"token": "of-sales"}}
    async with (
        listening(vault_server(kept)) as server,
        a_vault(tmp_path, environment_for(server), allowed=[f"127.0.0.1:{server.port}"]) as vault,
    ):
        assert await opened(vault, FromVault(path="shop", field="token")) == CANARY
        assert await opened(vault, FromVault(path="shop"), kind="bearer", workspace="sales") == "of-sales"
        assert server.requests[0].target == "/v1/secret/data/auraos/default/shop"


async def test_a_value_from_vault_is_asked_for_once_a_minute(tmp_path):
    async with (
        listening(vault_server({"default/shop": {"token": CANARY}})) as server,
        a_vault(tmp_path, environment_for(server), allowed=[f"127.0.0.1:{server.port}"]) as vault,
    ):
        await opened(vault, FromVault(path="shop", field="token"))
        for seconds in (2, 50, 20):
            vault.time += seconds * 1_000_000
            await vault.reveal.reveal("kept", host="x.com", asker=RUN)
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("kept", "token", "source", "says"),
    [
        ({}, "root-token", FromVault(path="shop"), "Vault answers 404"),
        ({"default/shop": {"t": CANARY}}, "wrong", FromVault(path="shop"), "Vault answers 403"),
        ({"default/shop": {"t": CANARY}}, "root-token", FromVault(path="shop", field="u"), "has no text 'u'"),
        ({"default/shop": None}, "root-token", FromVault(path="shop"), "was deleted"),
        (
            {"default/shop": {"t": {"a": CANARY}}},
            "root-token",
            FromVault(path="shop", field="t"),
            "has no text 't'",
        ),
    ],
)
async def test_what_vault_does_not_give_is_told_without_values(tmp_path, kept, token, source, says):
    async with (
        listening(vault_server(kept)) as server,
        a_vault(tmp_path, environment_for(server, token), allowed=[f"127.0.0.1:{server.port}"]) as vault,
    ):
        failure = await refusal(vault, source)
        assert says in failure.message
        assert "root-token" not in str(failure)


async def test_vault_is_asked_unencrypted_only_where_the_operator_opened_that(tmp_path):
    environment = {"AURAOS_VAULT_ADDR": "http://vault.example:8200", "AURAOS_VAULT_TOKEN": "root-token"}
    async with a_vault(tmp_path, environment) as vault:
        assert (await refusal(vault, FromVault(path="shop"))).message
