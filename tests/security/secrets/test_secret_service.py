"""What a workspace does with its secrets: versions, keys that change meanwhile, and the watch over expiry (X05, L06)."""

import asyncio

import pytest
from certificates import make as make_certificates
from vaults import ANN, RUN, a_vault

from auraos.core.audit import Actor
from auraos.sdk import StepFailed
from auraos.security.secrets.checking import Value
from auraos.security.secrets.credentials import Text, TlsClient
from auraos.security.secrets.errors import (
    NoSecretError,
    NoSecretVersionError,
    SecretChangedError,
    SecretExistsError,
    SecretRefusedError,
    SecretUsedError,
)
from auraos.security.secrets.expiry import DAY
from auraos.security.secrets.rows import SecretVersion
from auraos.security.secrets.service import About
from auraos.security.secrets.users import Named

BEN = Actor(kind="person", id="2", name="ben")


def text(value: str, *hosts: str) -> Value:
    return Value(credential=Text(value=value), hosts=hosts or ("x.com",))


async def test_former_versions_are_kept_until_they_are_revoked(vault):
    await vault.keep("stock", Text(value="value-1"))
    for number in (2, 3):
        await vault.secrets.replace(ANN, "default", "stock", text(f"value-{number}"), revision=number - 1)
    secret = await vault.secrets.revoke(ANN, "default", "stock", 2, "leaked")
    assert secret.version == 3
    shown = await vault.secrets.show("default", "stock")
    assert [(each.version, each.state) for each in shown.versions] == [
        (3, "kept"),
        (2, "revoked"),
        (1, "kept"),
    ]
    assert await vault.reveal.reveal("stock", host="x.com", asker=RUN) == "value-3"


async def test_after_the_current_version_was_revoked_another_brings_the_secret_back(vault):
    await vault.keep("stock", Text(value="value-1"))
    revoked = await vault.secrets.revoke(ANN, "default", "stock", 1)
    await vault.secrets.replace(ANN, "default", "stock", text("value-2"), revision=revoked.revision)
    assert await vault.reveal.reveal("stock", host="x.com", asker=RUN) == "value-2"
    assert (await vault.secrets.find("default", "stock")).version == 2


async def test_of_two_who_replace_the_same_revision_one_does(vault):
    await vault.keep("stock", Text(value="value-1"))
    done = await asyncio.gather(
        *(
            vault.secrets.replace(actor, "default", "stock", text(f"of-{actor.name}"), revision=1)
            for actor in (ANN, BEN)
        ),
        return_exceptions=True,
    )
    assert sorted(isinstance(each, SecretChangedError) for each in done) == [False, True]
    assert len(await vault.rows.all(SecretVersion)) == 2


@pytest.mark.parametrize("name", ["", "A", "1a", "a_b", "a--b", "-a", "a-", "../a", "a" * 101, "ä", "a\n"])
async def test_what_is_no_name_is_refused(vault, name):
    with pytest.raises(SecretRefusedError):
        await vault.secrets.create(ANN, "default", name, About(), text("value"))


async def test_names_are_taken_once(vault):
    await vault.keep("stock", Text(value="value-1"))
    with pytest.raises(SecretExistsError):
        await vault.keep("stock", Text(value="value-2"))


async def test_what_is_not_there_is_told(vault):
    with pytest.raises(NoSecretError):
        await vault.secrets.show("default", "nothing")
    await vault.keep("stock", Text(value="value-1"))
    with pytest.raises(NoSecretVersionError):
        await vault.secrets.revoke(ANN, "default", "stock", 5)


async def test_a_secret_that_is_used_says_by_whom_when_it_is_to_be_deleted(vault):
    await vault.keep("stock", Text(value="value-1"))
    vault.users = [Named(kind="workflow", name="orders", place="p", is_live=True)]
    with pytest.raises(SecretUsedError, match="workflow orders"):
        await vault.secrets.delete(ANN, "default", "stock")
    vault.users = [Named(kind="workflow", name="orders", place="p", is_live=False)]
    await vault.secrets.delete(ANN, "default", "stock")
    with pytest.raises(StepFailed, match="is not set"):
        await vault.reveal.reveal("stock", host="x.com", asker=RUN)


async def test_a_secret_of_the_same_name_later_opens_nothing_of_the_former(vault):
    await vault.keep("stock", Text(value="value-1"))
    (former,) = await vault.rows.all(SecretVersion)
    await vault.secrets.delete(ANN, "default", "stock")
    again = await vault.keep("stock", Text(value="value-2"))
    assert former.secret != again.id


async def test_keys_change_while_secrets_are_used_and_replaced(vault):
    """All at once, again and again: whatever is read opens, and in the end all is sealed by the newest key."""
    for number in range(12):
        await vault.keep(f"s-{number}", Text(value=f"value-of-{number}"))

    async def use(number: int) -> None:
        for _ in range(10):
            found = await vault.reveal.reveal(f"s-{number}", host="x.com", asker=RUN)
            assert found.startswith(("value-of", "newer-of"))
            vault.time += 200_000

    async def replace(number: int) -> None:
        await vault.secrets.replace(ANN, "default", f"s-{number}", text(f"newer-of-{number}"), revision=1)

    await asyncio.gather(
        *(use(number) for number in range(12)),
        *(replace(number) for number in range(0, 12, 2)),
        *(vault.secrets.rotate_key(ANN, "default") for _ in range(3)),
    )
    await vault.secrets.reseal("default")
    live = await vault.keys.live("default")
    assert live.version == 4
    assert {row.key_id for row in await vault.rows.all(SecretVersion)} == {live.id}
    vault.time += 5_000_000
    for number in range(12):
        word = "newer" if number % 2 == 0 else "value"
        assert await vault.reveal.reveal(f"s-{number}", host="x.com", asker=RUN) == f"{word}-of-{number}"


async def test_a_rotation_that_broke_off_is_gone_on_with(tmp_path):
    async with a_vault(tmp_path) as vault:
        for number in range(5):
            await vault.keep(f"s-{number}", Text(value=f"value-of-{number}"))
        await vault.keys.rotate(ANN, "default")
    async with a_vault(tmp_path) as vault:
        assert await vault.secrets.reseal("default") == 5
        assert await vault.secrets.reseal("default") == 0


async def test_the_end_of_a_certificate_is_the_end_of_its_secret(vault, tmp_path):
    made = make_certificates(tmp_path)
    credential = TlsClient(certificate=(made / "good.pem").read_text(), key=(made / "good.key").read_text())
    secret = await vault.keep("proof", credential)
    assert secret.ends_at > 0
    assert (await vault.keep("dated", credential, ends_at=5)).ends_at == 5


# --- the watch over expiry ---


async def test_an_expiry_is_told_of_once_a_term_with_who_is_affected(vault):
    vault.users = [Named(kind="workflow", name="orders", place="p", is_live=True)]
    await vault.keep("soon", Text(value="value-1"), ends_at=vault.time + 20 * DAY)
    await vault.keep("later", Text(value="value-1"), ends_at=vault.time + 90 * DAY)
    await vault.keep("never", Text(value="value-1"))
    told = [await vault.services.watch.look() for _ in range(2)]
    for days in (14, 5, 2):
        vault.time += days * DAY
        told += [await vault.services.watch.look() for _ in range(2)]
    entries = [entry for entry in await vault.entries() if entry.action == "secrets.expires"]
    assert told == [1, 0, 1, 0, 1, 0, 1, 0]
    assert [(entry.object.name, entry.after["named_by"]) for entry in entries] == [
        ("soon", ["workflow orders"])
    ] * 4
    assert entries[0].actor.kind == "house"


async def test_a_new_value_or_date_is_watched_anew(vault):
    await vault.keep("soon", Text(value="value-1"), ends_at=vault.time + DAY)
    assert await vault.services.watch.look() == 1
    await vault.secrets.describe(ANN, "default", "soon", About(ends_at=vault.time + 60 * DAY), revision=1)
    assert await vault.services.watch.look() == 0
    vault.time += 59 * DAY
    assert await vault.services.watch.look() == 1


async def test_a_new_value_of_an_expired_secret_is_not_expired(vault):
    await vault.keep("soon", Text(value="value-1"), ends_at=vault.time + DAY)
    vault.time += 2 * DAY
    await vault.secrets.replace(ANN, "default", "soon", text("value-2"), revision=1)
    assert await vault.reveal.reveal("soon", host="x.com", asker=RUN) == "value-2"
